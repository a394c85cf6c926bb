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


def files_below(folder):
    """The files below a folder, while others make and remove some: ``rglob`` ends where a folder goes before it looks into it."""
    return [Path(place, name) for place, _, files in os.walk(folder) for name in files]


def kill_once_begun(process, folder):
    """SIGKILL the process as soon as its partial output holds something."""
    deadline = time.monotonic() + 300
    while not any(".partial" in str(path) and path.is_file() and path.stat().st_size for path in files_below(folder)):
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
