"""Check that the DICOM headers of a folder are clean, by reading it and nothing else.

With --originals the identifiers of the originals (names, numbers, dates, UIDs, institutions) are searched in every value and in the
bytes of every file. It decides by another table than what cleaned the headers, so another tool's output can be checked too. What was
asked for is read from the certificate, or named with --header: a file that claims anything else is a finding.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from .console import FAIL, PASS, Console, Outcome

if TYPE_CHECKING:
    from ..core.below import Entry

SUMMARY = "check the headers of what is to be released"
EXAMPLES = "example:\n  facedeidln verify-headers out/ --originals in/"
#: How many findings the text lists.
_LISTED = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """OUT and the originals."""
    parser.add_argument("folder", type=Path, metavar="OUT", help="folder with what is to be released")
    parser.add_argument("--originals", type=Path, metavar="IN", help="folder with the originals, whose identifiers are searched in OUT")
    parser.add_argument("--header", metavar="PROFILE", help="what was asked for, as for deface (default: what the certificate says)")


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Look, and list what was found."""
    from ..header.known import known_in
    from ..header.options import options_named
    from ..header.proof import verify_headers

    for folder in (options.folder, options.originals):
        if folder is not None and not folder.is_dir():
            raise InputError(f"{folder} is no folder: name one that is there.")
    asked = _certified(options.folder) if options.header is None else options_named(options.header)
    if options.header is not None and asked is None:
        raise InputError("--header keep cleans nothing, so that there is nothing to check: name a profile.")
    _require_dicom(options.folder, "so that there is nothing to check: was anything released into it?")
    if options.originals is not None:
        _require_dicom(options.originals, "so that it tells nothing to look for: name the folder of the originals.")
    console.progress(0.0, "looking")
    known = None if options.originals is None else known_in(options.originals)
    if known is not None and not (known.uids or known.unread):
        raise InputError(f"{options.originals} holds no DICOM object that tells an identifier: name the folder of the originals.")
    found = verify_headers(options.folder, known, asked, filter(Path.is_file, [_certificate_beside(options.folder)]))
    packed = [] if known is None else known.packed
    facts = {"verdict": "FAIL" if found else "PASS", "findings": [str(finding) for finding in found], "packed_originals": packed}
    if not found:
        return Outcome(PASS, facts, f"PASS: no finding.{_unjudged(options, asked, packed)}")
    more = f"\n  and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return Outcome(FAIL, facts, f"FAIL: {len(found)} findings\n  " + "\n  ".join(map(str, found[:_LISTED])) + more)


def _require_dicom(folder: Path, why: str) -> None:
    """Raises InputError where nothing below a folder is DICOM: no finding in nothing is no proof. What cannot be looked at is a finding."""
    from ..core.below import below

    if not any(map(_may_be_dicom, below(folder))):
        raise InputError(f"{folder} holds no DICOM file, {why}")


def _may_be_dicom(entry: Entry) -> bool:
    from ..input.dicom_files import may_be_dicom

    return entry.is_unseen or (entry.is_file and may_be_dicom(entry.path))


def _unjudged(options: argparse.Namespace, asked: frozenset[str] | None, packed: list[str]) -> str:
    """What the check could not see."""
    from ..input.dicom_files import told

    said = "" if options.originals is not None else " The originals were not given, so their names and dates were not searched."
    if packed:
        said += f" Of the originals {told([Path(name) for name in packed])} packed: nobody looked for names that stand in there alone."
    if asked is None:
        said += " No certificate and no --header says what was asked for, so each file's own marks were believed."
    return said


def _certificate_beside(folder: Path) -> Path:
    from ..output.certificate import ENDING, named

    return named(folder.absolute()).with_name(folder.absolute().name + ENDING)


def _certified(folder: Path) -> frozenset[str] | None:
    """The options that the certificates beside or below a folder name; None where there is none.

    :raises InputError: they differ, or one says that headers were kept.
    """
    from ..core.below import below
    from ..core.plain_files import read_plain_text
    from ..header.options import OPTIONS
    from ..output.certificate import ENDING

    folder = folder.absolute()
    found = set()
    for path in [_certificate_beside(folder), *sorted(entry.path for entry in below(folder) if entry.path.name.endswith(ENDING))]:
        try:
            content = json.loads(read_plain_text(path))
            told = content.get("header") or content.get("headers") or {}
            names = told.get("options")
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
        if not isinstance(names, list) or not set(map(str, names)) <= set(OPTIONS):
            raise InputError(f"{path.name} says that headers were kept: there is nothing to check. Name a profile with --header.")
        found.add(frozenset(map(str, names)))
    if len(found) > 1:
        raise InputError(f"The certificates in {folder} name different options: check one folder at a time, or name --header.")
    return next(iter(found), None)
