"""What the commands say, and to whom: terminals, pipes that were closed, full disks, streams that know few letters."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
from FaceDeidLNLib.commands.console import Console, Outcome, StatusLine, tell
from processes import ENVIRONMENT

_SAYS = "import sys; from FaceDeidLNLib.commands.console import *; sys.exit(Console(as_json={}).finish(Outcome({}, {{}}, 'José\\n' * 9)))"


def finish(redirected: str, exit_code: int = 0, as_json: bool = False, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """End a command in a process of its own, whose output a shell sends somewhere."""
    words = [sys.executable, "-c", _SAYS.format(as_json, exit_code)]
    shell = ["sh", "-c", f'"$@" {redirected}', "sh", *words]
    return subprocess.run(shell, env={**ENVIRONMENT, **environment}, capture_output=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize("redirected", [">/dev/full", ">&-", "2>/dev/full", "2>&-"])
@pytest.mark.parametrize("exit_code", [0, 3])
def test_where_nobody_listens_the_exit_code_is_still_that_of_the_work(redirected, exit_code):
    done = finish(redirected, exit_code)
    assert (done.returncode, b"Traceback" in done.stderr) == (exit_code, False)


@pytest.mark.parametrize("exit_code", [0, 3])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_pipe_that_nobody_reads_does_not_change_the_exit_code(stream, exit_code):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        words = [sys.executable, "-c", _SAYS.format(False, exit_code)]
        assert subprocess.run(words, env=ENVIRONMENT, check=False, **{stream: writer}).returncode == exit_code
    finally:
        os.close(writer)


@pytest.mark.skipif(sys.platform == "win32", reason="no sh")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_console_that_knows_few_letters_gets_escapes(as_json):
    done = finish("", as_json=as_json, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()


def test_json_is_plain_ascii_so_that_any_reader_gets_the_same(capsys):
    Console(as_json=True).finish(Outcome(0, {"output": "José 日本 \udcff"}))
    said = capsys.readouterr().out
    assert said.isascii()
    assert json.loads(said)["output"] == "José 日本 \udcff"


def test_without_a_console_nothing_is_said():
    tell("text", None)


def test_a_status_line_outlives_its_terminal():
    terminal = io.StringIO()
    line = StatusLine(terminal)
    terminal.close()
    line(0.5, "skin")
    line.clear()


@pytest.mark.parametrize("exit_code", [0, 3])
def test_what_a_terminal_would_obey_is_shown_to_it(exit_code, capsys):
    console, name = Console(), "LN \x1b[2J\x9b31m\r\x07"
    console.say(f"kept: {name}")
    console.finish(Outcome(exit_code, {}, f"protected\t{name}\nnext"))
    said = "".join(capsys.readouterr())
    shown = "LN \\x1b[2J\\x9b31m\\x0d\\x07"
    assert said == f"kept: {shown}\nprotected\t{shown}\nnext\n"
