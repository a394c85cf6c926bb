"""Further images of the same head (PET, MR, a second CT), made after the CT that was de-identified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..case.records import CaseResult
from ..clearance import NOT_SIGNED, SignOff, clear
from ..core.errors import InputError
from ..core.progress import Alive, idle
from ..core.segment import Segment
from ..core.volume import Volume
from ..effect.base import drawing, to_scalar_type
from ..facts import comparison_facts, facts_of, figures_in_classes, segments_in_classes
from ..input.case import CtInput
from ..input.ct import read_ct
from ..input.images import image_extension, read_volume
from ..release import Destination, case_content, judged, refusal_sentence, write_released
from ..stacks import released_volume
from ..verify.compare import compare
from ..verify.privacy import is_tested
from ..verify.verdict import Verdict
from .ct import follow_ct, second_opinion
from .family import OTHERS, TOLERANCE_MM, DoubtError
from .hidden import HiddenFace
from .pet_mr import follow_image

#: What is said of their privacy was measured on CT.
_LIMITS = {"limits": ["No attacker was tried on PET and MR: the class of privacy is that of the CT that decides."]}


@dataclass(frozen=True, eq=False)
class FollowedImage:
    """An image that followed and was verified: its new voxels, what its certificate says, and its figures (``facts.facts_of``)."""

    image: CtInput
    volume: Volume
    case: dict[str, Any]
    facts: dict[str, Any]


@dataclass(frozen=True, eq=False)
class FollowedFile:
    """A followed image and where it goes."""

    made: FollowedImage
    place: Destination


class Leader:
    """The CT that decides: its case, with the face that further images get; ``accepted`` as in ``clearance.Judged``."""

    def __init__(self, decided: CaseResult, protected: tuple[Segment, ...], accepted: bool) -> None:
        self.decided, self.accepted = decided, accepted
        self._random = drawing(decided.parameters.seed, OTHERS)
        self._hidden = HiddenFace.of(decided, protected, self._random)

    def follow(self, image: CtInput, is_ct: bool, alive: Alive = idle) -> FollowedImage:
        """An image in the LPS mm of the CT, followed and verified; nothing is written.

        :raises DoubtError: it does not show the head where the CT does, or could not be verified.
        """
        return self._follow_ct(image, alive) if is_ct else self._follow_other(image)

    def _follow_ct(self, ct: CtInput, alive: Alive) -> FollowedImage:
        followed = follow_ct(self._hidden, ct)
        if followed is None:
            raise DoubtError("it holds nothing of the face region")
        doubts = [*second_opinion(self._hidden, ct, followed, alive), *self._own_doubts(followed)]
        if doubts:
            raise DoubtError("; ".join(doubts))
        facts = {**facts_of(followed), **_said(facts_of(self.decided))}
        return FollowedImage(ct, released_volume(followed), {**case_content(followed), **_said(case_content(self.decided))}, facts)

    def _own_doubts(self, followed: CaseResult) -> list[str]:
        """What is said against a second CT that was not said against the first one, which answers for that."""
        if followed.verdict is not Verdict.PASS:
            own = [reason for reason in followed.reasons if reason not in self.decided.reasons]
            return own if own or followed.verdict is self.decided.verdict else [followed.verdict.value]
        known = self.accepted or not is_tested(self.decided.privacy)
        refusal = refusal_sentence(followed, known)
        return [] if refusal is None else [refusal]

    def _follow_other(self, image: CtInput) -> FollowedImage:
        array = image.volume.array
        if not np.isfinite(array).all():
            raise DoubtError("it holds NaN or infinite values")
        there = Volume(array.astype(np.float32), image.volume.geometry)
        found = follow_image(self._hidden, there, np.eye(4), TOLERANCE_MM, self._random)
        if not found.changed.any():
            raise DoubtError("it holds nothing of the face region")
        if found.left is None:
            raise DoubtError("it shows too little of the face to be verified")
        new = array.copy()
        new[found.changed] = to_scalar_type(found.array[found.changed], array.dtype)
        result = Volume(new, image.volume.geometry)
        compared = comparison_facts(compare(image.volume, result, None, self._hidden.protected_on(result.geometry)))
        checks = {"changed_voxels": compared["changed_voxels"], "share_of_step_left": round(found.left, 3)}
        told = {"checks": figures_in_classes(checks), "protected": segments_in_classes(compared["protected"])}
        own = facts_of(self.decided)
        facts = {key: own[key] for key in ("verdict", "reasons", "privacy", "privacy_causes", "style", "effect")}
        return FollowedImage(
            image,
            result,
            {**case_content(self.decided), **told, **_LIMITS},
            {**facts, **checks, "protected": compared["protected"], **_LIMITS},
        )


def follow_files(files: Sequence[tuple[Path, Destination]], leader: Leader) -> tuple[FollowedFile, ...]:
    """Every file followed and verified, in the LPS mm of the CT; nothing is written.

    :raises InputError: a file cannot be read, or its output not be written in that format.
    :raises DoubtError: one does not show the head where the CT does, or could not be verified.
    """
    out = []
    for path, place in files:
        image, is_ct = _read(path)
        try:
            out.append(FollowedFile(leader.follow(image, is_ct), place))
        except DoubtError as doubt:
            raise DoubtError(f"--also {path.name}: {doubt}") from doubt
    return tuple(out)


def write_files(followed: Sequence[FollowedFile], decided: CaseResult, accept_recognisable: bool, said: SignOff = NOT_SIGNED) -> None:
    """Write them, each with a certificate of its own beside it; ``said`` is what somebody said of the CT that decided.

    :raises NotReleasedError: the CT that decided may not be released. :raises OutputError: one could not be written.
    """
    for one in followed:
        write_released(one.made.image, clear(judged(decided, accept_recognisable, said), one.made.volume, one.made.case), one.place)


def _read(path: Path) -> tuple[CtInput, bool]:
    """A file, and whether it is a CT in HU; else it is a PET or an MR, or nothing at all, which reading it says."""
    try:
        return read_ct(path), True
    except InputError:
        return CtInput(read_volume(path), path, str(image_extension(path)), (path,)), False


def _said(content: dict[str, Any]) -> dict[str, Any]:
    """Verdict and class of the CT that decided: they are those of every image that follows it."""
    return {key: content[key] for key in ("verdict", "privacy")}
