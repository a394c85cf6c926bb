"""The command line: ``facedeidln COMMAND ...``; one module of this folder per command, loaded with little, so that it starts fast."""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from .. import __version__
from ..core.errors import Cancelled, FaceDeidError, FaceNotFoundError
from ..core.memory import share_heap
from ..core.scratch import sweep
from ..core.shortage import require_address_space, shortage
from ..input.file_names import require_text
from . import attack, batch, batch_merge, deface, demo, evaluate, landmarks, study, suite, verify, verify_certificate, verify_headers
from .console import BAD_INPUT, FAIL, REVIEW, Console, Outcome, console_for, refusal
from .options import add_general
from .signals import Interrupted, ending_on_signals

COMMANDS: dict[str, ModuleType] = {
    "demo": demo,
    "deface": deface,
    "study": study,
    "landmarks": landmarks,
    "verify": verify,
    "verify-headers": verify_headers,
    "verify-certificate": verify_certificate,
    "batch": batch,
    "batch-merge": batch_merge,
    "attack": attack,
    "evaluate": evaluate,
    "test": suite,
}
#: For Python's gc.set_threshold.
_CYCLES = (50_000, 20, 100)
_EXAMPLES = """\
examples:
  facedeidln demo
  facedeidln deface ct.nrrd ct-deface.nrrd --nodes nodes.seg.nrrd
  facedeidln deface dicom-in/ dicom-out/ --nodes nodes.seg.nrrd --qa review/
  facedeidln batch cases.csv results/ --jobs 2

exit codes: 0 released (PASS, or a REVIEW that was signed off), 3 REVIEW or consent missing (nothing released),
            1 FAIL, 2 bad arguments or input
"""


#: Options whose value may be empty.
_TEXTS = ("--remark", "--reviewer", "--watermark", "--node-segments", "--levels", "--series")
#: What is said where a command that was stopped had released nothing.
NOTHING = "nothing was released"
#: How Python before 3.13 says so; later ones have an OSError for it.
_LOOP = "Symlink loop from "


class BadArguments(Exception):
    """What is wrong with the arguments, in one sentence."""


class Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one sentence and leaves the ending to the caller."""

    def error(self, message: str) -> NoReturn:
        """Stop parsing."""
        raise BadArguments(f"{message[:1].upper()}{message[1:]} (see: {self.prog} --help).")


def make_parser() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="facedeidln", description="Face de-identification of head-and-neck CT that keeps the lymph nodes.")
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--version", action="version", version=f"FaceDeidLN {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.__doc__,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(command)
        add_general(command)
    return parser


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command line. An argument that its command does not know is told with that command's own help.

    :raises BadArguments: they cannot be used.
    """
    parser = make_parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise BadArguments(f"Unrecognized arguments: {' '.join(unknown)} (see: {parser.prog} {options.command} --help).")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (without the program's name) and return its exit code; never raises but by ``--debug``'s printing.

    0 PASS, 3 REVIEW, 1 FAIL or an unexpected error, 2 bad arguments or input, 130 or 143 when interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        for before, word in itertools.pairwise(("", *arguments)):
            require_text(word)
            _require_filled(before, word)
        options = parsed(arguments)
    except (BadArguments, FaceDeidError) as problem:
        return console_for(quiet=True, as_json="--json" in arguments).finish(refusal(BAD_INPUT, str(problem)))
    except SystemExit as ending:  # --help and --version have printed what they had to
        return int(ending.code or 0)
    console = console_for(options.quiet, options.json)
    with ending_on_signals(), warnings.catch_warnings():
        if not options.debug:  # libraries warn of headers and fits that are judged here, and said in a sentence
            warnings.simplefilter("ignore")
        return console.finish(guarded(options, console))


def _require_filled(before: str, word: str) -> None:
    """An empty word would be taken for this folder, in which nobody wants a face because a shell's variable was not set.

    :raises BadArguments: it stands for anything but a text.
    """
    option, is_joined, value = word.partition("=") if word.startswith("--") else (before, "", word)
    if not value and (is_joined or not word) and option not in _TEXTS:
        raise BadArguments("One of the arguments is empty: name a file or folder (is a variable of the shell not set?).")


def guarded(options: argparse.Namespace, console: Console) -> Outcome:
    """The outcome of a command; whatever it raises becomes an exit code and a sentence that is true of what lies on the disk."""
    try:
        sweep()
        require_address_space()
        return COMMANDS[options.command].run(options, console)
    except Interrupted as interruption:
        return refusal(128 + interruption.signal_number, f"Interrupted; {released(options)}.")
    except Cancelled:
        return refusal(130, f"Cancelled; {released(options)}.")
    except FaceNotFoundError as problem:
        return Outcome(REVIEW, {"verdict": "REVIEW", "reasons": [str(problem)], "released": False}, f"REVIEW: {problem}")
    except FaceDeidError as problem:
        there, said = released(options), str(problem).removesuffix(".")
        return refusal(BAD_INPUT, f"{said}{'' if said.endswith('?') else '.'}" if there == NOTHING else f"{said}; {there}.")
    except RecursionError:
        return refusal(
            BAD_INPUT, f"An input file is nested deeper than any such file is: it is damaged, get it again; {released(options)}."
        )
    except Exception as problem:
        if options.debug:
            traceback.print_exc()
        if short := shortage(problem):
            return refusal(BAD_INPUT, f"{short}; {released(options)}.")
        if isinstance(problem, OSError) and problem.filename is not None:  # too long a name, no permission, a broken disk
            return refusal(BAD_INPUT, f"{problem.filename}: {problem.strerror}; {released(options)}.")
        if isinstance(problem, RuntimeError) and str(problem).startswith(_LOOP):
            return refusal(
                BAD_INPUT, f"{str(problem).removeprefix(_LOOP)} is a link that leads to itself: name a file; {released(options)}."
            )
        hint = "" if options.debug else " (--debug shows where)"
        return refusal(FAIL, f"Unexpected {type(problem).__name__}: {' '.join(str(problem).split())}{hint}; {released(options)}.")


def released(options: argparse.Namespace) -> str:
    """What the command had released when it was stopped; ``options.releases`` and ``options.goes_on`` are there once it began to."""
    watches = getattr(options, "releases", ())
    if watches:
        from ..release import released_words  # loaded already by whoever watches

        if there := released_words(watches):
            return there
    return getattr(options, "goes_on", NOTHING)


def run() -> NoReturn:
    """The ``facedeidln`` program.

    Matrix products run on one thread each, unless somebody says otherwise: they are small, so that several threads wait for each other
    longer than they work, and those that can run beside each other do. Cycles are looked for seldom: a series' headers are many small
    objects that stay, and looking through them again and again took a twentieth of the time. Nor are they looked through at the end,
    when all of it goes with the process.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is loaded, which no command did yet
    share_heap()
    gc.set_threshold(*_CYCLES)
    code = main()
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    run()
