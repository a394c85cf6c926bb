"""Files of their owner alone: whole, and without remainders of processes that were killed while they wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from FaceDeidLNLib.core.private import write_private
from processes import ENVIRONMENT

#: Says that it is in the middle of writing, and stays there.
HANGING = """
import sys, time
from pathlib import Path
from FaceDeidLNLib.core import private
def fdopen(*words, **more):
    print("writing", flush=True)
    time.sleep(1000)
private.os.fdopen = fdopen
private.write_private(Path(sys.argv[1]), "half")
"""


@pytest.fixture
def hanging(tmp_path):
    """A process in the middle of writing ``list.csv``."""
    words = [sys.executable, "-c", HANGING, str(tmp_path / "list.csv")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env=ENVIRONMENT)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def test_what_a_killed_process_left_goes_with_the_next_writing_and_no_sooner(hanging, tmp_path):
    write_private(tmp_path / "list.csv", "whole")
    assert len(list(tmp_path.iterdir())) == 2, "somebody is writing the other one"
    hanging.kill()
    hanging.wait()
    write_private(tmp_path / "another.csv", "whole")
    assert len(list(tmp_path.iterdir())) == 3, "it is not of that file"
    write_private(tmp_path / "list.csv", "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another.csv", "list.csv"]


def test_of_many_who_write_one_file_each_writes_it_whole(tmp_path):
    texts = {letter * 100_000 for letter in "abcdefgh"}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: write_private(tmp_path / "list.csv", text), [*texts] * 20))
    assert (tmp_path / "list.csv").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_nobody_else_can_read_it_and_a_link_is_replaced(tmp_path):
    (tmp_path / "target").write_text("not mine")
    (tmp_path / "list.csv").symlink_to(tmp_path / "target")
    before = os.umask(0)
    try:
        write_private(tmp_path / "list.csv", "mine")
    finally:
        os.umask(before)
    assert (tmp_path / "target").read_text() == "not mine"
    assert (tmp_path / "list.csv").stat().st_mode & 0o077 == 0
