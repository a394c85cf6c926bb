"""Outputs released in this process and in another that is killed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from FaceDeidLNLib.output.atomic import Companion, released_file, released_folder

LIBRARY = Path(__file__).resolve().parents[2]


def release_file(path, content="new", **kwargs):
    with released_file(path, **kwargs) as partial:
        partial.write_text(content)


def release_folder(path, names=("IM0001.dcm",), **kwargs):
    with released_folder(path, **kwargs) as partial:
        for name in names:
            (partial / name).write_text("new")


def start(code, folder):
    """A Python process that runs code with ``folder`` as its first argument."""
    program = "import sys\nfrom pathlib import Path\nfrom FaceDeidLNLib.output.atomic import released_file, released_folder\n"
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    return subprocess.Popen(
        [sys.executable, "-c", program + textwrap.dedent(code), str(folder)], env=environment, stderr=subprocess.PIPE, text=True
    )


def kill_once_begun(process, folder):
    """SIGKILL the process as soon as its partial output holds something."""
    deadline = time.monotonic() + 300
    while not [p for p in folder.rglob("*") if ".partial" in str(p) and p.is_file() and p.stat().st_size]:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def companion_of(path, content):
    return Companion(path.with_suffix(".json"), lambda _, beside: beside.write_text(content))
