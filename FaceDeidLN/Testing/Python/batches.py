"""Batches whose cases are done by a stand-in, so that they take no time."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.output.certificate import SCHEMA, certificate_path, file_sha256

#: Stands in for the process of a case: what it does is the first word of the input's name.
STAND_IN = """#!{python}
import hashlib, json, os, signal, sys, time
source, output = sys.argv[4:6]
how = os.path.basename(source).split(".")[0].split("-")[0]
def report(code, **facts):
    print(json.dumps({{"exit_code": code, **facts}}))
    sys.exit(code)
def write():
    if os.path.exists(output) and "--overwrite" not in sys.argv:
        report(2, error="exists already")
    open(output, "w").write("released")
    says = {{"schema": "facedeidln-certificate/1", "output": {{"sha256": hashlib.sha256(b"released").hexdigest()}}}}
    open(output.split(".")[0] + ".certificate.json", "w").write(json.dumps(says))
with open(os.path.join(os.path.dirname(source), "started.log"), "a") as log:
    log.write(how + "\\n")
if how == "pass":
    write()
    report(0, verdict="PASS", privacy="recognisable")
if how == "review":
    report(3, verdict="REVIEW", reasons=["look, at\\nthis"])
if how == "fail":
    report(1, verdict="FAIL", reasons=["a voxel changed"])
if how == "bad":
    report(2, error="no CT")
if how == "crash":
    write()
    print("half a sen", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGSEGV)
if how == "restore":
    os.rename(output + ".old", output)
    os.rename(output + ".json", output.split(".")[0] + ".certificate.json")
    report(2, error="exists")
if how == "lie":
    report(0, verdict="PASS")
if how == "garbage":
    print("hello")
    sys.exit(0)
time.sleep(1000)
"""


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / f"{name}.nrrd").write_text(name)


def write_certificate_of(output: Path) -> None:
    says = {"schema": SCHEMA, "output": {"sha256": file_sha256(output)}}
    certificate_path(output).write_text(json.dumps(says))


def batch(inputs: Path, out_dir: Path, *words: str) -> int:
    return main(["batch", str(inputs), str(out_dir), "--quiet", *words])


def rows_of(out_dir: Path) -> dict[str, dict[str, str]]:
    with (out_dir / "results.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len({row["case"] for row in rows}) == len(rows)
    return {row["case"]: row for row in rows}


def started(inputs: Path) -> int:
    return len((inputs / "started.log").read_text().splitlines())
