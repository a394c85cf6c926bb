"""Killed, interrupted, or out of space: never a file under the output's name that is not whole."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output import images
from FaceDeidLNLib.phantom import make_phantom
from processes import ENVIRONMENT, command, run_process, start_process
from releases import files_below
from written import write_volume

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

#: A release of a made-up result in a process that kills itself in the named function.
_KILLED_RELEASE = """
import os, signal, sys
from pathlib import Path
from FaceDeidLNLib import release
from FaceDeidLNLib.core import guard
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output import atomic, images
from FaceDeidLNLib.case.records import CaseResult
from FaceDeidLNLib.verify.compare import compare
from FaceDeidLNLib.verify.verdict import Verdict

source, output, where, when = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
holder, name = {"atomic": atomic, "images": images, "release": release, "os": os}[where.split(".")[0]], where.split(".")[1]
original, calls = getattr(holder, name), []

def killed(*words, **options):
    calls.append(1)
    if len(calls) == when:
        if "alone" in sys.argv:
            os.kill(guard._guard(os.getpid()).process_id, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()  # it may take another instruction to die
    return original(*words, **options)

setattr(holder, name, killed)
ct = read_ct(source)
result = ct.volume.with_array(ct.volume.array + (ct.volume.array > 0).astype(ct.volume.array.dtype))
checked = compare(ct.volume, result, None, ())
case = CaseResult(Verdict.PASS, (), "tested: surface, learned", Parameters(), result=result, comparison=checked)
release.release(ct, case, release.Destination(output), accept_recognisable=False)
"""


#: A release by the least work, as it is its writing that is at stake.
PLAIN = ("--effect", "mask", "--levels", "none", "--accept-recognisable")


@pytest.fixture(scope="module")
def ct_file(tmp_path_factory) -> Path:
    """A coarse head."""
    return write_volume(make_phantom((3.6, 3.4, 4.0), seed=1).ct, tmp_path_factory.mktemp("head") / "ct.nrrd")


def is_whole(output: Path) -> bool:
    """The output can be read, and its certificate is beside it and fits."""
    certificate = json.loads(output.with_name(output.name.split(".")[0] + ".certificate.json").read_text())
    return bool(read_ct(output).volume.array.size) and certificate["output"]["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("where", "when"),
    [
        ("images._write", 1),
        ("images._require_same", 1),
        ("release.certificate_text", 1),
        ("atomic._sync", 1),
        ("atomic._sync", 2),
        ("os.link", 1),
        ("os.link", 2),
    ],
)
def test_killed_before_the_last_rename_there_is_no_output(where, when, ct_file, tmp_path):
    words = [sys.executable, "-c", _KILLED_RELEASE, str(ct_file), str(tmp_path / "out.nrrd"), where, str(when)]
    assert subprocess.run(words, env=ENVIRONMENT, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "out.nrrd").exists()


def test_the_next_run_removes_what_a_killed_one_left(ct_file, tmp_path):
    words = [sys.executable, "-c", _KILLED_RELEASE, str(ct_file), str(tmp_path / "out.nrrd")]
    subprocess.run([*words, "images._require_same", "1", "alone"], env=ENVIRONMENT, check=False)
    assert list(tmp_path.rglob("out.nrrd"))
    assert subprocess.run([*words, "os.link", "99"], env=ENVIRONMENT, check=False).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.certificate.json", "out.nrrd"]


def test_what_a_killed_run_had_begun_goes_with_it(ct_file, tmp_path):
    words = [sys.executable, "-c", _KILLED_RELEASE, str(ct_file), str(tmp_path / "out.nrrd"), "images._require_same", "1"]
    assert subprocess.run(words, env=ENVIRONMENT, check=False).returncode == -signal.SIGKILL
    deadline = time.monotonic() + 300
    while any(path.suffix == ".nrrd" for path in files_below(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_killed_at_any_moment_there_is_no_output_or_a_whole_one(ct_file, tmp_path):
    begin = time.monotonic()
    assert run_process("deface", ct_file, tmp_path / "first.nrrd", *PLAIN).returncode == 0
    longest = time.monotonic() - begin
    moments = random.Random(3)
    for number in range(3):
        output = tmp_path / f"killed{number}.nrrd"
        process = start_process("deface", ct_file, output, *PLAIN)
        time.sleep(moments.uniform(0.4, 1.0) * longest)
        process.kill()
        process.wait()
        assert not output.exists() or is_whole(output)


def test_killed_while_it_writes_there_is_no_output_or_a_whole_one(ct_file, tmp_path):
    moments = random.Random(5)
    for number in range(2):
        output = tmp_path / f"{number}" / "out.nrrd"
        process = start_process("deface", ct_file, output, *PLAIN)
        while process.poll() is None and not any(tmp_path.glob(f"{number}/.facedeidln-*")):
            time.sleep(0.002)
        assert process.poll() is None or output.exists()  # else it ended before it wrote anything
        time.sleep(moments.uniform(0.0, 0.04))
        process.kill()
        process.wait()
        assert not output.exists() or is_whole(output)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_interrupted_while_writing_it_removes_its_temporary_files(number, code, ct_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(images, "_require_same", lambda *_: os.kill(os.getpid(), number))
    assert main(["deface", str(ct_file), str(tmp_path / "out.nrrd"), *PLAIN]) == code
    assert "nothing was released" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(ct_file, tmp_path):
    import resource

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    words = command("deface", ct_file, tmp_path / "out.nrrd", *PLAIN)
    ended = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, check=False, preexec_fn=small_files_only)
    assert ended.returncode == 2, ended.stderr
    assert "disk full" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_without_its_parent_a_worker_ends_before_it_writes(ct_file, tmp_path):
    starter = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL).pid)"
    words = command("deface", ct_file, tmp_path / "out.nrrd", *PLAIN, f"--parent={os.getpid()}")
    started = subprocess.run([sys.executable, "-c", starter, *words], env=ENVIRONMENT, check=True, capture_output=True, text=True)
    while Path(f"/proc/{started.stdout.strip()}/cmdline").exists() and Path(f"/proc/{started.stdout.strip()}/cmdline").read_bytes():
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []
