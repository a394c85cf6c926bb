"""Temporary copies of a CT: for their owner alone, and never there longer than the process that made them."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import time

import pytest
from FaceDeidLNLib.core import guard, guard_process, scratch
from FaceDeidLNLib.core.errors import OutputError
from FaceDeidLNLib.core.locks import lock
from FaceDeidLNLib.core.scratch import scratch_folder, scratch_root, sweep
from processes import ENVIRONMENT, command, lives

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and modes are POSIX's")

#: Makes a copy, starts a program with a child beside it, says that all is there, and waits.
_AT_WORK = """
import os, subprocess, sys, time
from FaceDeidLNLib.core import guard, scratch
from FaceDeidLNLib.providers.command import run_command
with scratch.scratch_folder() as folder:
    (folder / "ct.nii.gz").write_text("a face")
    if "alone" in sys.argv:
        os.kill(guard._guard(os.getpid()).process_id, 9)
    child = "import os, subprocess, time; print(1); open(os.environ['TMPDIR'] + '/own', 'w'); "
    child += "open({!r}, 'w').write(str(os.getpid()) + ' ' + str(subprocess.Popen(['sleep', '100']).pid)); time.sleep(100)"
    run_command([sys.executable, "-c", child.format(sys.argv[1])], 100)
"""


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    """A folder for temporary files of the test's own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(folder))
    return folder


def at_work(temporary, *words):
    """A process that works on a copy with a program that has a child; and the ids of these two."""
    note = temporary.parent / "ids"
    words = [sys.executable, "-c", _AT_WORK, str(note), *words]
    process = subprocess.Popen(words, env={**ENVIRONMENT, "TMPDIR": str(temporary)}, start_new_session=True)
    wait_for(lambda: note.exists() and " " in note.read_text())
    return process, [int(word) for word in note.read_text().split()]


def wait_for(what, longest_s=300.0):
    deadline = time.monotonic() + longest_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@posix
def test_a_copy_is_for_its_owner_alone_whatever_the_umask(temporary):
    before = os.umask(0)
    try:
        with scratch_folder() as folder:
            assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_nothing_stays_at_the_end(temporary):
    def stop(folder):
        (folder / "ct.nrrd").write_text("a face")
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"), scratch_folder() as folder, scratch_folder():
        stop(folder)
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_killed_it_leaves_neither_a_copy_nor_a_program(temporary):
    process, others = at_work(temporary)
    assert list(temporary.rglob("ct.nii.gz"))
    assert list(temporary.rglob("own"))
    process.kill()
    process.wait()
    wait_for(lambda: not any(map(lives, others)) and not list(temporary.iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_what_a_process_left_that_was_killed_with_its_guard_goes_at_the_next_start(temporary):
    process, others = at_work(temporary, "alone")
    process.kill()
    process.wait()
    wait_for(lambda: not lives(others[0]))  # the kernel ended it
    os.kill(others[1], signal.SIGKILL)
    assert list(temporary.rglob("ct.nii.gz"))
    subprocess.run(command("verify", "a", "b"), env={**ENVIRONMENT, "TMPDIR": str(temporary)}, check=False, capture_output=True)
    assert list(temporary.iterdir()) == []


def test_the_copy_of_a_living_process_is_not_swept_however_old(temporary):
    with scratch_folder() as folder:
        (folder / "ct.nrrd").write_text("a face")
        for path in (folder, *folder.parent.iterdir()):
            os.utime(path, (0, 0))
        sweep()
        assert (folder / "ct.nrrd").exists()


@posix
def test_a_folder_is_never_one_whose_lock_a_sweeper_took_first(temporary, monkeypatch):
    def late(handle):
        monkeypatch.setattr(scratch, "lock", lock)
        sweeper = os.open(next(scratch_root().iterdir()), os.O_RDWR)
        lock(sweeper)
        try:
            lock(handle)
        finally:
            os.close(sweeper)

    monkeypatch.setattr(scratch, "lock", late)
    with scratch_folder() as folder:
        sweep()
        assert folder.exists()
    sweep()
    assert list(temporary.iterdir()) == []


def test_a_place_that_somebody_elses_end_removes_is_made_again(temporary, monkeypatch):
    looked = scratch._require_ours

    def removed_before(root):
        if root.exists():
            monkeypatch.setattr(scratch, "_require_ours", looked)
            root.rmdir()
        looked(root)

    monkeypatch.setattr(scratch, "_require_ours", removed_before)
    with scratch_folder() as folder:
        assert folder.exists()


def test_a_folder_that_lost_its_lock_is_swept(temporary):
    root = scratch_root()
    (root / "left").mkdir(parents=True)
    sweep()
    assert not root.exists()


@posix
def test_a_place_that_is_a_link_is_refused_and_not_swept(temporary):
    (temporary / "elsewhere" / "folder").mkdir(parents=True)
    scratch_root().symlink_to(temporary / "elsewhere")
    with pytest.raises(OutputError, match="not a folder of yours"), scratch_folder():
        pass
    assert (temporary / "elsewhere" / "folder").exists()


def test_the_guard_forgets_what_was_dropped_and_a_torn_line():
    said = [["add", "path", "/a"], ["add", "path", "/b"], ["add", "program", 7], ["drop", "path", "/a"]]
    lines = "".join(json.dumps(line) + "\n" for line in said) + '["add", "path", "/c'
    assert guard_process.watch(io.StringIO(lines)) == {"path": ["/b"], "program": [7], "renames": []}


def test_the_guard_never_follows_a_link(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    guard_process.take_away(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_on_windows_the_guard_ends_a_program_with_its_children_by_taskkill(monkeypatch):
    called = []
    monkeypatch.setattr(guard_process.os, "name", "nt")
    monkeypatch.setattr(guard_process.subprocess, "run", lambda words, **_: called.append(words))
    guard_process.end_program(4711)
    assert called == [["taskkill", "/T", "/F", "/PID", "4711"]]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_where_the_kernel_ends_no_children_only_the_guard_does(platform, monkeypatch):
    monkeypatch.setattr(guard.sys, "platform", platform)
    assert guard.death_signal() is None


def test_without_an_interpreter_there_is_no_guard_and_no_error(monkeypatch):
    monkeypatch.setattr(guard, "interpreter", lambda: "/nowhere/python")
    nobody = guard.Guard()
    nobody.tell("add", "path", "/a")
    assert nobody.process_id is None
