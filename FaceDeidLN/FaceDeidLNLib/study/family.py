"""What a family of objects has to do, and what it is given: one Protocol, one file per family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..case.records import Request
from ..core.errors import FaceDeidError
from ..core.parameters import Parameters
from ..core.progress import Alive, idle
from ..core.volume import Volume
from ..input.case import CtInput
from ..input.slice_planes import OWN_FRAME
from .hidden import HiddenFace
from .instances import Instance
from .outcome import Decision, Outcome
from .writer import StudyWriter

#: Why an object is withheld that lies where no CT says where the face is.
UNKNOWN_FRAME = "no CT of the study has its frame of reference, and nothing registers it"
NO_FACE_THERE = "no CT whose face was hidden has its frame of reference, and no rigid registration leads to one without contradiction"
#: Why an image is kept as it is.
NO_VOXEL_THERE = "its field of view holds no voxel of the face region"


class DoubtError(FaceDeidError):
    """An object that should have been hidden and could not be verified: it stops its study, or is withheld where that was asked for."""


#: Before a series' own UID where it has no frame of reference.
NO_FRAME = "none:"
#: How far (mm) PET and MR may be off.
TOLERANCE_MM = 3.0
#: The stream of a study's random numbers that objects other than CT draw from.
OTHERS = 1


@dataclass(frozen=True, eq=False)
class Series:
    """The instances of one series that belong to one family, in the order of their paths; of a CT series one stack of slices."""

    uid: str
    family: str
    instances: tuple[Instance, ...]
    #: Which of the series' stacks it is.
    stack: int = 1
    #: What it is where it is one image that is no slice of the others; empty where it is a stack.
    beside: str = ""
    #: What was found out of it, so that nobody looks twice.
    known: dict[object, Any] = field(default_factory=dict)

    def is_part_of(self, other: Series) -> bool:
        """True where both are the same stack of the same series, whichever of its instances each holds."""
        return (self.uid, self.family, self.stack) == (other.uid, other.family, other.stack)

    @property
    def label(self) -> str:
        """For messages: modality, description and number of instances."""
        first = self.instances[0]
        return f"{first.text('Modality') or '?'} '{first.text('SeriesDescription')}' ({len(self.instances)} instances, ...{self.uid[-12:]})"

    @property
    def frame(self) -> str:
        """Frame of reference UID; the series' own UID stands in where it has none, so that it shares it with nobody."""
        return self.instances[0].frame or f"{NO_FRAME}{self.uid}"


@dataclass(frozen=True, eq=False)
class Study:
    """One study of one patient."""

    uid: str
    patient: str
    series: tuple[Series, ...]
    #: Frame of reference UID -> the CT that decides in it, once somebody asked.
    deciding: dict[str, Series | None] = field(default_factory=dict)
    #: Told while it is found out which of several CTs decides.
    alive: Alive = idle

    def frames_of(self, family: str) -> set[str]:
        """Frames of reference of the series of a family."""
        return {series.frame for series in self.series if series.family == family}

    def where_a_face_is_known(self, series: Series, known: Decision) -> tuple[Decision, ...]:
        """``known`` for what lies in a CT's frame of reference, or may be registered to one; withheld what does not."""
        frames, registered = self.frames_of("ct"), bool(self.frames_of("registration"))
        return tuple(known if registered or i.frame in frames else Decision.withhold(UNKNOWN_FRAME) for i in series.instances)


@dataclass(frozen=True, eq=False)
class Options:
    """What is asked for all studies: parameters (their seed is drawn per study), what is protected, and the consents."""

    parameters: Parameters = field(default_factory=Parameters)
    #: Gives what is asked of a CT that decides in a frame of reference: segments to protect, guides; its parameters do not count.
    request: Callable[[CtInput, str], Request] = lambda ct, frame: Request(ct.volume)
    accept_recognisable: bool = False
    withhold_doubtful: bool = False
    tolerance_mm: float = TOLERANCE_MM
    #: PEM file of the project's key that signs the certificates.
    signing_key: Path | None = None


@dataclass(frozen=True, eq=False)
class StudyRun:
    """The work on one study: what was hidden per frame of reference, and where outputs go."""

    study: Study
    options: Options
    writer: StudyWriter
    random: np.random.Generator
    #: Frame of reference UID -> the face that was hidden there.
    hidden: dict[str, HiddenFace] = field(default_factory=dict)
    #: Frame of reference UID -> another one, and the rigid matrix (4, 4) that takes its LPS mm to the other's.
    registered: dict[str, tuple[str, np.ndarray]] = field(default_factory=dict)
    #: The matrices (4, 4) from a frame of reference to another that rigid registrations of the study name, back as well.
    links: dict[tuple[str, str], list[np.ndarray]] = field(default_factory=dict)
    #: SOP instance UIDs of one instance of each CT that decided.
    deciding: list[str] = field(default_factory=list)
    #: Frame of reference UID -> what the CTs show that were released in it, in coarse voxels (``elsewhere.remembered``).
    seen: dict[str, list[Volume]] = field(default_factory=dict)
    #: What objects that were written draw beside an old skin, and was not made anew: points (N, 3; the face's LPS mm).
    drawn: dict[HiddenFace, list[np.ndarray]] = field(default_factory=dict)
    alive: Alive = idle

    def drawn_in(self, hidden: HiddenFace) -> list[np.ndarray]:
        """What was drawn beside the old skin of a face so far; it grows with each object."""
        return self.drawn.setdefault(hidden, [])

    def leads_to_face(self, frame: str) -> bool:
        """True where a face was hidden in a frame of reference, or where a rigid registration leads."""
        return frame in self.hidden or self.registered.get(frame, ("",))[0] in self.hidden

    def face_in(self, frame: str) -> tuple[HiddenFace, np.ndarray]:
        """The face hidden in a frame of reference, or where a rigid registration leads; and the matrix (4, 4) to its LPS mm.

        :raises DoubtError: none was.
        """
        if frame in self.hidden:
            return self.hidden[frame], np.eye(4)
        other, matrix = self.registered.get(frame, ("", np.eye(4)))
        if other not in self.hidden:
            raise DoubtError("no CT of its frame of reference was de-identified, so that nobody knows where the face is")
        return self.hidden[other], matrix

    def seen_in(self, frame: str) -> list[Volume]:
        """What the CTs show that lie where ``face_in`` leads."""
        return self.seen.get(frame if frame in self.hidden else self.registered.get(frame, ("",))[0], [])


@dataclass(frozen=True, eq=False)
class Done:
    """What became of some instances of a series: the decision that was carried out, and its figures."""

    instances: tuple[Instance, ...]
    decision: Decision
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def released(self) -> bool:
        """True where the instances were written."""
        return self.decision.outcome is not Outcome.WITHHOLD


class ClippedOneByOne:
    """What families have in common whose instances are clipped each by itself, where a CT leads to the face."""

    shows_nothing = False
    #: What is done, for plan and certificate.
    clips: str

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """Clip where the frame of reference is a CT's of the study, or may lead to one."""
        known = study.where_a_face_is_known(series, Decision(Outcome.CLIP, self.clips))
        return tuple(self._clipped(i) if one.outcome is Outcome.CLIP else one for i, one in zip(series.instances, known, strict=True))

    def _clipped(self, instance: Instance) -> Decision:
        """The decision to clip, which says where the instance has a frame of reference of its own."""
        return Decision(Outcome.CLIP, f"{self.clips}; it has {OWN_FRAME}, and it gets the CT's" if instance.drawn_in else self.clips)

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Clip, verify and write each instance with the face hidden in its frame of reference; withheld where none is."""
        out = []
        for instance in series.instances:
            if run.leads_to_face(instance.frame):
                figures = self.clip(run, instance, *run.face_in(instance.frame))
                out.append(Done((instance,), self._clipped(instance), figures))
            else:
                out.append(Done((instance,), Decision.withhold(NO_FACE_THERE)))
        return tuple(out)

    def clip(self, run: StudyRun, instance: Instance, hidden: HiddenFace, matrix: np.ndarray) -> dict[str, Any]:
        """Clip, verify and write one instance, ``matrix`` (4, 4) taking its LPS mm to the face's; returns its figures.

        :raises DoubtError: it could not be verified.
        """
        raise NotImplementedError


class ObjectFamily(Protocol):
    """How a family of objects is judged by its headers, and how it is made safe."""

    name: str
    #: Its objects show nothing of the head, so that nothing measures or draws them (``measures.MEASURES``, ``review.SHOWERS``).
    shows_nothing: bool

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """One decision per instance of the series, by headers alone."""

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Make, verify and write those instances that were not withheld by ``decide``.

        :raises DoubtError: what should have been hidden could not be verified; then nothing that it wrote may leave.
        """
