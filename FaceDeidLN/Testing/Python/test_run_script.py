"""The script that makes its own environment on first use: however often and however interrupted it is started, one whole one is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[3] / "run"
pytestmark = pytest.mark.skipif(not RUN.exists() or os.name == "nt", reason="only the module's folder is here, or no shell")

#: Stands for Python: makes an "environment" that holds itself, "installs" slowly, and says what it was asked to do.
STAND_IN = f"""#!/bin/sh
case "$1 ${{2:-}}" in
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo venv >>"$LOG" ;;
    "-m pip") echo pip >>"$LOG"; sleep 0.5; touch "$(dirname "$0")/package" ;;
    "-m FaceDeidLNLib"*) test -e "$(dirname "$0")/package" && echo "ran $3" ;;
    "-c import fcntl"*) touch "$LOG.waits"; exec {sys.executable} "$@" ;;
    *) exec {sys.executable} "$@" ;;
esac
"""


@pytest.fixture
def start(tmp_path):
    """Starts the script in a checkout of its own."""
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    shutil.copy(RUN, checkout / "run")
    (checkout / "pyproject.toml").write_text("[project]")
    (tmp_path / "python").write_text(STAND_IN)
    (tmp_path / "python").chmod(0o755)
    environment = {**os.environ, "PYTHON": str(tmp_path / "python"), "LOG": str(tmp_path / "log")}

    def run(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen([checkout / "run", *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return run


def asked(folder: Path) -> list[str]:
    return (folder / "log").read_text().split()


def test_of_several_first_uses_at_once_one_installs_and_all_run(start, tmp_path):
    done = [process.communicate(timeout=60) for process in [start("deface") for _ in range(4)]]
    assert [said for said, _ in done] == ["ran deface\n"] * 4
    assert asked(tmp_path) == ["venv", "pip"]


def test_what_more_a_command_needs_is_added_while_others_start_and_nothing_is_made_anew(start, tmp_path):
    start("deface").communicate(timeout=60)
    commands = ["attack", "deface", "test", "attack", "study"]
    done = [process.communicate(timeout=60) for process in map(start, commands)]
    assert [said for said, _ in done] == [f"ran {name}\n" for name in commands]
    assert asked(tmp_path).count("venv") == 1


def test_an_environment_whose_python_is_gone_is_made_anew(start, tmp_path):
    start("deface").communicate(timeout=60)
    (tmp_path / "a checkout" / ".venv" / "bin" / "python").unlink()
    assert start("deface").communicate(timeout=60)[0] == "ran deface\n"
    assert asked(tmp_path) == ["venv", "pip"] * 2


def test_who_waits_for_an_installation_that_fails_makes_the_environment_anew(start, tmp_path):
    fcntl, checkout, waits = pytest.importorskip("fcntl"), tmp_path / "a checkout", tmp_path / "log.waits"
    start("deface").communicate(timeout=60)
    waits.unlink()
    with (checkout / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start("attack")
        while not waits.exists():
            assert process.poll() is None
            time.sleep(0.01)
        (checkout / ".venv" / "installed").unlink()
    assert process.communicate(timeout=60)[0] == "ran attack\n"
    assert asked(tmp_path) == ["venv", "pip"] * 2


def test_a_checkout_that_cannot_be_written_to_is_told(start, tmp_path):
    (tmp_path / "a checkout" / ".venv.lock").mkdir()
    process = start("deface")
    assert "cannot be written to" in process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert not (tmp_path / "log").exists()
