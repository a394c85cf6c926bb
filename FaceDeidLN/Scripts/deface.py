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
    try:
        from FaceDeidLNLib.commands.main import COMMANDS
        from FaceDeidLNLib.commands.main import main as run_command

        words = list(argv[1:] if argv[:1] == ["--"] else argv)
        named = bool(words) and (words[0] in COMMANDS or words[0] in ("--help", "--version"))
        return run_command(words if named else ["deface", *words])
    except BaseException:  # a second Ctrl-C, too: Slicer, without a window, would go on for ever after it
        traceback.print_exc()
        return 1


def main_in_slicer(argv: Sequence[str]) -> int:
    """As ``main``, with the words that Slicer's own parsers left out of ``sys.argv``."""
    try:
        from FaceDeidLNLib.commands.words import script_words

        words = script_words(argv)
    except Exception as problem:
        print(problem, file=sys.stderr)
        return 2
    return main(words)


def leave(exit_code: int) -> None:
    """End the program: the application where this runs in Slicer, else the interpreter."""
    if in_slicer():
        sys.modules["slicer"].util.exit(exit_code)
    else:
        sys.exit(exit_code)


def in_slicer() -> bool:
    """True inside the application, which has imported ``slicer`` before any script runs."""
    return getattr(sys.modules.get("slicer"), "app", None) is not None


if __name__ == "__main__":
    leave((main_in_slicer if in_slicer() else main)(sys.argv[1:]))
