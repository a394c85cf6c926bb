"""Further images of the same head as files (PET, MR, a second CT), made after the CT that was de-identified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..case.records import CaseResult
from ..clearance import NOT_SIGNED, SignOff, clear
from ..core.errors import InputError
from ..core.volume import Volume
from ..effect.base import to_scalar_type
from ..input.case import CtInput
from ..input.ct import read_ct
from ..input.images import image_extension, read_volume
from ..release import Destination, case_content, judged, refusal_sentence, write_released
from ..stacks import released_volume
from .ct import follow_ct, second_opinion
from .family import TOLERANCE_MM, DoubtError
from .hidden import HiddenFace
from .pet_mr import follow_image


@dataclass(frozen=True, eq=False)
class FollowedFile:
    """An image that followed and was verified: what it was made of, its new voxels, and what its certificate says."""

    image: CtInput
    volume: Volume
    case: dict[str, Any]
    place: Destination


def follow_files(
    files: Sequence[tuple[Path, Destination]],
    hidden: HiddenFace,
    decided: CaseResult,
    accept_recognisable: bool,
    random: np.random.Generator,
) -> tuple[FollowedFile, ...]:
    """Every file followed and verified, in the LPS mm of the CT that ``decided``; nothing is written.

    :raises InputError: a file cannot be read, or its output not be written in that format.
    :raises DoubtError: one does not show the head where the CT does, or could not be verified.
    """
    out = []
    for path, place in files:
        try:
            out.append(_follow(path, place, hidden, decided, accept_recognisable, random))
        except DoubtError as doubt:
            raise DoubtError(f"--also {path.name}: {doubt}") from doubt
    return tuple(out)


def write_files(followed: Sequence[FollowedFile], decided: CaseResult, accept_recognisable: bool, said: SignOff = NOT_SIGNED) -> None:
    """Write them, each with a certificate of its own beside it; ``said`` is what somebody said of the CT that decided.

    :raises NotReleasedError: the CT that decided may not be released. :raises OutputError: one could not be written.
    """
    for one in followed:
        write_released(one.image, clear(judged(decided, accept_recognisable, said), one.volume, one.case), one.place)


def _follow(
    path: Path, place: Destination, hidden: HiddenFace, decided: CaseResult, accept_recognisable: bool, random: np.random.Generator
) -> FollowedFile:
    try:
        ct = read_ct(path)
    except InputError:  # no CT in HU: PET or MR, or nothing at all, which this says
        return _follow_other(path, place, hidden, decided, random)
    followed = follow_ct(hidden, ct)
    if followed is None:
        raise DoubtError("it holds nothing of the face region")
    refusal = refusal_sentence(followed, accept_recognisable)
    doubts = [*second_opinion(hidden, ct, followed), *([refusal] if refusal else [])]
    if doubts:
        raise DoubtError("; ".join(doubts))
    return FollowedFile(ct, released_volume(followed), _case(followed, decided), place)


def _follow_other(path: Path, place: Destination, hidden: HiddenFace, decided: CaseResult, random: np.random.Generator) -> FollowedFile:
    image = CtInput(read_volume(path), path, str(image_extension(path)), (path,))
    array = image.volume.array
    if not np.isfinite(array).all():
        raise DoubtError("it holds NaN or infinite values")
    found = follow_image(hidden, Volume(array.astype(np.float32), image.volume.geometry), np.eye(4), TOLERANCE_MM, random)
    if not found.changed.any():
        raise DoubtError("it holds nothing of the face region")
    if found.left is None:
        raise DoubtError("it shows too little of the face to be verified")
    new = array.copy()
    new[found.changed] = to_scalar_type(found.array[found.changed], array.dtype)
    case = _case(decided, decided)
    case["checks"] = {"changed_voxels": int(found.changed.sum()), "share_of_step_left": round(found.left, 3)}
    return FollowedFile(image, Volume(new, image.volume.geometry), {**case, "protected": []}, place)


def _case(own: CaseResult, decided: CaseResult) -> dict[str, Any]:
    """What is said of a file: its own checks, with the verdict and class of the CT that decided."""
    said = case_content(decided)
    return {**case_content(own), "verdict": said["verdict"], "privacy": said["privacy"]}
