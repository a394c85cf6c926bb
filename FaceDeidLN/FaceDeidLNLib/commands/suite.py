"""Run the project's own checks: ruff and the whole test suite (in a checkout, with the "test" extra installed)."""

from __future__ import annotations

import argparse
import compileall
import subprocess
import sys
from pathlib import Path

from ..core.errors import InputError
from .console import FAIL, PASS, Console, Outcome

SUMMARY = "run the project's own checks (in a checkout)"
EXAMPLES = "example:\n  ./run test\n  ./run test --quick\n  ./run test -- -k killed"
#: For the working day: rules, borders and files, and no whole run on a head.
QUICK = (
    *("imports", "architecture", "cmake", "clearance", "release", "verdict", "presets", "tables", "console"),
    *("segment_names", "read_markups", "read_segments", "write_images", "dicom_seg", "batch_ledger"),
)
CHECKOUT = Path(__file__).resolve().parents[3]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What goes to pytest."""
    parser.add_argument("--quick", action="store_true", help="only a selection that takes less than a minute")
    parser.add_argument("pytest_arguments", nargs="*", metavar="ARGUMENT", help="handed to pytest (after --)")


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Run ruff, then pytest on two processes. The program, which many tests start, is compiled once, whatever the environment says."""
    if not (CHECKOUT / "FaceDeidLN" / "Testing" / "Python").is_dir():
        raise InputError("The tests are not installed with the program; run './run test' in a checkout.")
    quick = [f"FaceDeidLN/Testing/Python/test_{name}.py" for name in QUICK] if options.quick else []
    checks = (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["pytest", "-n", "2", "--dist", "loadfile", *quick, *options.pytest_arguments],
    )
    compileall.compile_dir(CHECKOUT / "FaceDeidLN" / "FaceDeidLNLib", quiet=2)
    codes = [subprocess.run([sys.executable, "-m", *check], cwd=CHECKOUT, check=False).returncode for check in checks]
    failed = [check[0] for check, code in zip(checks, codes, strict=True) if code]
    if failed:
        return Outcome(FAIL, {"failed": failed}, f"FAIL: {', '.join(failed)}")
    return Outcome(PASS, {"failed": []}, "All checks passed.")
