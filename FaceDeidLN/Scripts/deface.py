"""Headless use, in Slicer and in plain Python, with the options of ``./run deface`` (or another command's name first).

Slicer --no-splash --no-main-window --python-script FaceDeidLN/Scripts/deface.py -- INPUT OUTPUT [options]
python FaceDeidLN/Scripts/deface.py INPUT OUTPUT [options]
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code, also after an exception that nobody expected."""
    words = list(argv[1:] if argv[:1] == ["--"] else argv)
    try:
        from FaceDeidLNLib.commands.main import COMMANDS
        from FaceDeidLNLib.commands.main import main as run_command

        named = bool(words) and (words[0] in COMMANDS or words[0] in ("--help", "--version"))
        return run_command(words if named else ["deface", *words])
    except Exception:
        traceback.print_exc()
        return 1


def leave(exit_code: int) -> None:
    """End the program: the application where this runs in Slicer, else the interpreter."""
    slicer = sys.modules.get("slicer")
    if slicer is not None and getattr(slicer, "app", None) is not None:
        slicer.util.exit(exit_code)
    else:
        sys.exit(exit_code)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
