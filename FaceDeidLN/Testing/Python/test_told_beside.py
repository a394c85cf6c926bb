"""Work in a thread of its own, beside the one that tells where it stands."""

import threading

import pytest
from FaceDeidLNLib.core.ahead import told_beside
from FaceDeidLNLib.core.errors import Cancelled
from FaceDeidLNLib.core.progress import silent

#: So long (s) until a test that waits for another thread has failed; nothing waits that long where all is well.
LONG = 60.0


def test_all_that_is_told_is_told_in_its_order():
    said = []

    def work(tell):
        for number in range(50):
            tell(number / 50, str(number))
        return "made"

    assert told_beside(work, lambda fraction, message: said.append(message)) == "made"
    assert list(dict.fromkeys(said)) == [str(number) for number in range(50)]


def test_a_long_piece_is_told_again_and_again():
    again = threading.Event()
    said = []

    def progress(fraction, message):
        said.append(message)
        if said.count("long") == 3:
            again.set()

    def work(tell):
        tell(0.5, "long")
        return again.wait(LONG)

    assert told_beside(work, progress)


def test_it_is_told_in_the_thread_that_asked():
    threads = set()

    def work(tell):
        tell(0.0, "")
        return threading.current_thread()

    assert told_beside(work, lambda fraction, message: threads.add(threading.current_thread())) is not threading.current_thread()
    assert threads == {threading.current_thread()}


def test_work_that_is_cancelled_has_ended_when_that_is_told():
    told, ended = threading.Event(), []

    def progress(fraction, message):
        told.set()
        raise Cancelled("enough")

    def work(tell):
        tell(0.1, "first")
        told.wait(LONG)
        try:
            while True:
                tell(0.2, "second")
        finally:
            ended.append(True)

    with pytest.raises(Cancelled, match="enough"):
        told_beside(work, progress)
    assert ended


def test_what_fails_is_raised_as_it_was():
    def work(tell):
        raise ValueError("this")

    with pytest.raises(ValueError, match="this"):
        told_beside(work, lambda fraction, message: None)


def test_who_does_not_look_needs_no_other_thread():
    assert told_beside(lambda tell: threading.current_thread(), silent) is threading.current_thread()
