"""How many threads work at once: what the scheduler left, what was asked for, and never without a limit."""

import os

import pytest
from FaceDeidLNLib.core.processors import LIMIT, MOST, processors


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.delenv(LIMIT, raising=False)


def left(monkeypatch, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)), raising=False)


def test_no_more_threads_than_the_scheduler_left(monkeypatch):
    left(monkeypatch, 3)
    assert processors() == 3


def test_a_large_machine_does_not_make_memory_grow_without_limit(monkeypatch):
    left(monkeypatch, 256)
    assert processors() == MOST


@pytest.mark.parametrize(("said", "threads"), [("1", 1), ("2,4", 2), ("100", 6), ("", 6), ("0", 6), ("-2", 6), ("many", 6), ("\u00b2", 6)])
def test_what_openmp_programs_are_told_holds_here_too(monkeypatch, said, threads):
    left(monkeypatch, 6)
    monkeypatch.setenv(LIMIT, said)
    assert processors() == threads


@pytest.mark.parametrize(("counted", "threads"), [(4, 4), (None, 1)])
def test_where_the_system_does_not_tell_what_was_left_all_are_counted(monkeypatch, counted, threads):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert processors() == threads


@pytest.mark.parametrize(("processes", "threads"), [(1, MOST), (8, 8), (16, 4), (100, 1)])
def test_processes_at_once_share_the_processors_of_a_large_machine(monkeypatch, processes, threads):
    left(monkeypatch, 64)
    assert processors(processes) == threads
