"""Batches whose cases are done by a stand-in, so that they take no time."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from FaceDeidLNLib.commands.batches.ledger import Ledger
from FaceDeidLNLib.commands.batches.places import Places
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.output.certificate import SCHEMA, certificate_path, file_sha256
from FaceDeidLNLib.output.worklist import WorkItem, read_worklist

#: Stands in for the process of cases: what it does is the first word of the input's name.
STAND_IN = """#!{python}
import hashlib, json, os, signal, sys, time
from FaceDeidLNLib.commands.batches.serve import serve
def report(code, **facts):
    print(json.dumps({{"exit_code": code, **facts}}))
    return code
def write(output, overwrite):
    if os.path.exists(output) and not overwrite:
        return False
    open(output, "w").write("released")
    says = {{"schema": "facedeidln-certificate/1", "output": {{"sha256": hashlib.sha256(b"released").hexdigest()}}}}
    open(output.split(".")[0] + ".certificate.json", "w").write(json.dumps(says))
    return True
def do(words):
    source, output = words[1:3]
    how = os.path.basename(source).split(".")[0].split("-")[0]
    with open(os.path.join(os.path.dirname(source), "started.log"), "a") as log:
        log.write(how + "\\n")
    if how == "pass":
        if not write(output, "--overwrite" in words):
            return report(2, error="exists already")
        return report(0, verdict="PASS", privacy="recognisable")
    if how == "review" and "--sign-off" in words and os.path.basename(source).startswith("review-unconsented"):
        return report(3, verdict="REVIEW", reasons=["look", "the person may still be recognised"], review_sha256="r1")
    if how == "review" and "--sign-off" in words:
        write(output, False)
        return report(0, verdict="REVIEW", reasons=["look"])
    if how == "review":
        seen = {{"review_sha256": "r1"}} if "--qa" in words else {{}}
        return report(3, verdict="REVIEW", reasons=["look, at\\nthis"], **seen)
    if how == "withheld":
        return report(3, verdict="PASS", privacy="recognisable", reasons=["the person may still be recognised"])
    if how == "fail":
        return report(1, verdict="FAIL", reasons=["a voxel changed"])
    if how == "bad":
        return report(2, error="no CT")
    if how == "crash":
        write(output, False)
        print("half a sen", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "restore":
        os.rename(output + ".old", output)
        os.rename(output + ".json", output.split(".")[0] + ".certificate.json")
        return report(2, error="exists")
    if how == "lie":
        return report(0, verdict="PASS")
    if how == "garbage":
        print("hello")
        return 0
    if how == "once" and os.path.exists(os.path.join(os.path.dirname(source), "hanging.pid")):
        write(output, True)
        return report(0, verdict="PASS", privacy="recognisable")
    open(os.path.join(os.path.dirname(source), "hanging.pid"), "w").write(str(os.getppid()))
    time.sleep(1000)
serve(do, int(sys.argv[3].split("=")[1]))
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


def waiting(folder: Path) -> dict[str, WorkItem]:
    """The work list of the batch in ``folder / "out"``, by the names of its cases."""
    return {item.case: item for item in read_worklist(folder / "out-worklist.csv")}


def ledger_of(out_dir: Path) -> Ledger:
    return Ledger(Places(out_dir).ledger, Places(out_dir).results)


def started(inputs: Path) -> int:
    return len((inputs / "started.log").read_text().splitlines())
