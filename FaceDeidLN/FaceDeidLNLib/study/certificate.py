"""The certificate of a study: every instance with its outcome, the hashes of what was released, the figures; nothing of the old face.

Schema ``facedeidln-study/1``: ``software``, ``parameters``, ``headers``, ``verdict``, ``instances`` (outcome, reason, class, file and
SHA-256 where it was released), ``series`` (what was checked of each), ``surfaces`` (see proof.py), ``limits``, ``seconds``,
``signature``. Figures of the head stand in it in classes only (see ``facts``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pydicom

from ..core.coarse import coarse
from ..effect.choices import told
from ..facts import figures_in_classes
from ..header.base import HeaderPolicy
from ..header.segment_names import without_names
from ..output.certificate import ENDING, STUDY_SCHEMA, Told, file_sha256, harmless_text, named
from ..release import software
from .family import Options
from .outcome import Outcome
from .plan import StudyPlan
from .proof import Proof
from .report import Report
from .rules import rule_for

#: A UID (PS3.5 9.1) and the number of a stack of its series; a name of so many hexadecimal digits, as some programs give to structures.
_UID = re.compile(r"(?:(?<!\d)(?<!\d\.)(?:2\.25\.\d+|[0-2](?:\.\d+){3,})|(?<!\w)[0-9a-fA-F]{32,}\b)(?:#\d+)?")
#: What a reader of others said of an object that broke it (``in_words``), after its kind: a value of the file may stand there.
_SAID = re.compile(
    r"((?<=it cannot be judged \()\w+|(?<=cannot be measured: )\w+|(?<![-\w])(?:(?:[A-Z]\w*)?(?:Error|Exception|Operation|Warning)|error))"
    r": (?:.*(?=\): it is damaged or not as the standard has it)|.*)",
    re.DOTALL,
)
#: Shorter names of files (1, IM1, slice) are words and figures of sentences, and lead to nobody.
SHORTEST_NAME = 6
_DOSE_LIMIT = "Dose-volume histograms of the planning system were computed on the dose before it was clipped."


def certificate_path_of(folder: Path) -> Path:
    """Beside the study's folder."""
    folder = named(folder)
    return folder.with_name(folder.name + ENDING)


def certificate_text(
    partial: Path, planned: StudyPlan, reports: Sequence[Report], options: Options, policy: HeaderPolicy, proof: Proof, seconds: float
) -> str:
    """The certificate of a study that is complete under a temporary name.

    :raises OutputError: it would hold a key, figure or hash that may describe the original face.
    """
    files = {pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID: path for path in sorted(partial.rglob("*.dcm"))}
    clipped = {rule_for(report.entry.instance.sop_class).family for report in reports if report.decision.outcome is Outcome.CLIP}
    content: dict[str, Any] = {
        "schema": STUDY_SCHEMA,
        "software": software(),
        "parameters": told(options.parameters),
        "headers": policy.facts(),
        "verdict": "PASS",
        "instances": without_names(_instances(reports), policy),
        "series": without_names(_figures(reports), policy),
        "files": {path.relative_to(partial).as_posix(): file_sha256(path) for path in files.values()},
        "surfaces": [surface.in_class() for surface in proof.surfaces],
        "limits": [_DOSE_LIMIT] * ("rtdose" in clipped) + [_unreadable(len(planned.damaged))] * bool(planned.damaged),
        "seconds": float(f"{seconds:.0e}"),
    }
    return harmless_text(content, TOLD)


#: The files of the output; names that people gave, and UIDs of classes, only look like hashes.
_HASHES = (("series", "clipped"), ("series", "made_anew"), ("series", "protected", "name"), ("instances", "class"))
#: What was chosen, how long it took, what was done to headers, and how many objects there are: no head decides these figures.
_FIGURES = (("series", "structures"), ("series", "segments"))
TOLD = Told(
    lambda where: where[:1] in (("parameters",), ("headers",), ("seconds",)) or where in _FIGURES,
    lambda where: where[:1] == ("files",) or where in _HASHES,
)


def _unreadable(count: int) -> str:
    return f"{count} of the files that came with the study could not be read, and what they held is not among the instances."


def _instances(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """What is said of each: never its old UID or file name."""
    names = {report.entry.instance.path.name for report in reports}
    told = {reason: coarse(without_originals(reason, names)) for reason in {report.decision.reason for report in reports}}
    return [_instance(report, told[report.decision.reason]) for report in reports]


def _instance(report: Report, reason: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "class": rule_for(report.entry.instance.sop_class).name,
        "outcome": report.decision.outcome.value,
        "reason": reason,
    }
    return facts if report.file is None else {**facts, "file": report.file}


def without_originals(reason: str, names: Iterable[str]) -> str:
    """A reason without UIDs, ``names`` of files that came and quoted values: they lead whoever has the originals back to them."""
    reason = _SAID.sub(r"\1", reason)
    for name in sorted((name for name in names if len(name) >= SHORTEST_NAME and name in reason), key=len, reverse=True):
        reason = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "a file", reason)
    return _UID.sub("(UID)", reason)


def _figures(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """The figures of each piece of work that has any, under the place of its first file."""
    seen: dict[int, dict[str, Any]] = {}
    for report in reports:
        if report.figures and report.file is not None:
            seen.setdefault(id(report.figures), {"first_file": report.file, **figures_in_classes(report.figures)})
    return list(seen.values())
