"""Work that several threads share."""

import threading
import time

import pytest
from FaceDeidLNLib.core.ahead import shared_out


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    monkeypatch.setattr("FaceDeidLNLib.core.ahead.processors", lambda: 2)


def test_results_come_in_order_also_where_what_is_shared_out_shares_out_itself():
    def work(number):
        return sum(shared_out(lambda one: one * number, range(50)))

    assert shared_out(work, range(40)) == [1225 * number for number in range(40)]


def test_the_thread_that_asks_works_too():
    both = threading.Barrier(2)

    def work(number):
        both.wait(10)
        return threading.get_ident()

    assert threading.get_ident() in shared_out(work, range(2))


@pytest.mark.parametrize("here", [True, False])
def test_what_fails_ends_the_work_whoever_did_it(here):
    done, mine = [], threading.get_ident()

    def work(number):
        done.append(number)
        if (threading.get_ident() == mine) == here:
            raise ValueError("no more")
        time.sleep(0.001)

    with pytest.raises(ValueError, match="no more"):
        shared_out(work, range(2000))
    count = len(done)
    assert count < 2000
    time.sleep(0.01)
    assert len(done) == count  # nobody goes on
