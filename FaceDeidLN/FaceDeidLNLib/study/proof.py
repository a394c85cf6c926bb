"""Proof from what is released: the head's surface rebuilt from each object by itself, and how far it lies from the old skin.

Of the work only the place of the old skin is taken, which the originals gave; the surfaces come from the files that would leave.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from ..core.errors import in_words
from ..core.progress import Progress, silent
from ..core.shortage import shortage
from ..facts import in_class
from ..verify.beside_skin import densest
from .family import NO_FRAME, StudyRun
from .hidden import VEIL_MM, HiddenFace
from .measures import MEASURES, NOT_SEEN
from .rays import FEWEST
from .references import every_item, frame_of
from .registry import FAMILIES, family_of

#: Icon Image Sequence (0088,0200) as released files, which are little endian, have it.
ICON = b"\x88\x00\x00\x02"
#: A surface that lies this close (mm) to one depth below the old skin, or before it, is a copy of that skin.
NEAR_MM = 1.5
#: What vanished counts as so far (mm) from the old skin.
VANISHED_MM = 15.0
#: An object may show no larger share of the old skin than the CT that decides, and so much more for its coarser voxels.
MORE_SHARE = 0.25
#: Families that are drawn, or end inside the head, and are no images of the new skin: of a copy of the old one all lies at one depth, of
#: them no more than half-way from there to what the CT that decides shows by chance.
DRAWN = {"rtdose", "rtstruct", "seg"}
#: Its surface lies at least so far from the old skin as this share of what the CT that decides reaches; of what is drawn no more is asked
#: than of one that ends at the veil.
LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Surface:
    """The surface that one object shows: median and 10th percentile (mm) of its distance from the old skin.

    ``alike``: the largest share of it at one depth (to NEAR_MM) below the old skin or before it: what is a copy of that skin.
    """

    name: str
    lines: int
    median_mm: float
    tenth_mm: float
    alike: float
    depth: np.ndarray = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)

    @classmethod
    def of(cls, name: str, lines: np.ndarray) -> Surface | None:
        """From depths (N,) in mm below the old skin as measured; None where too few lines meet a surface to show anything."""
        depth = lines[lines != NOT_SEEN]
        if len(depth) < FEWEST:
            return None
        distance = np.nan_to_num(np.minimum(np.abs(depth), VANISHED_MM), nan=VANISHED_MM)
        alike = densest(depth[~np.isnan(depth)], 2 * NEAR_MM)[0] / len(depth)
        return cls(name, len(distance), float(np.median(distance)), float(np.percentile(distance, 10)), alike, lines)

    def where_seen_in(self, other: Surface) -> Surface:
        """The same on those lines alone that another one sees too; all of it where they do not share their lines, or too few."""
        if len(self.depth) != len(other.depth):
            return self
        return Surface.of(self.name, np.where(other.depth == NOT_SEEN, NOT_SEEN, self.depth)) or self

    @property
    def words(self) -> str:
        """How far it lies from the old skin, for people; what lies further than VANISHED_MM is not looked for."""
        median, tenth = (f"{VANISHED_MM:.0f} mm or more" if mm >= VANISHED_MM else f"{mm:.1f} mm" for mm in (self.median_mm, self.tenth_mm))
        return f"{median} (median), {tenth} (10th percentile) from the old skin"

    def facts(self) -> dict[str, Any]:
        """All of it, for whoever has the originals."""
        return {
            "object": self.name,
            "lines": self.lines,
            "median_mm": round(self.median_mm, 1),
            "tenth_percentile_mm": round(self.tenth_mm, 1),
            "share_alike": round(self.alike, 3),
        }

    def in_class(self) -> dict[str, str]:
        """For the certificate: no figure of the old skin, only whether its copy was seen."""
        return {"object": self.name, "median": in_class(self.median_mm, [NEAR_MM], "mm")}


@dataclass(frozen=True)
class Proof:
    """All surfaces of a study, that of each CT that decides first; ``found``: the folder of each doubtful series, and why it is that."""

    surfaces: tuple[Surface, ...]
    found: tuple[tuple[Path, str], ...]

    @property
    def doubts(self) -> tuple[str, ...]:
        """Which objects show the old skin."""
        return tuple(why for _, why in self.found)


def prove(root: Path, run: StudyRun, progress: Progress = silent) -> Proof:
    """Measure every series below ``root``, the CT that decides first in its frame of reference.

    A family that no measure is known of, and that does not say that it shows nothing of the head, is a doubt, whatever was done with it.
    """
    surfaces: list[Surface] = []
    doubts: list[tuple[Path, str]] = []
    own: dict[int, Surface] = {}
    for shown in _series_below(root, run):
        progress(0.95, f"proof: {shown.folder.name}")
        hidden, measured, why = _measured(shown, run)
        doubts += [(shown.folder, why)] if why else []
        for surface in measured:
            first = own.setdefault(id(hidden), surface) if shown.decides else own.get(id(hidden))
            doubts += [] if surface is first else [(shown.folder, why) for why in _doubts(surface, first, shown.families)]
            surfaces.append(surface)
    doubts += [(path.parent, f"{path.parent.name}/{path.name} holds an icon") for path in sorted(root.rglob("*.dcm")) if _has_icon(path)]
    return Proof(tuple(surfaces), tuple(doubts))


def _measured(shown: _Shown, run: StudyRun) -> tuple[HiddenFace | None, list[Surface], str]:
    """The face that a released series is measured against, the surfaces that it shows, and why it cannot be measured."""
    name = shown.folder.name
    showing = {family for family in shown.families if _shows_head(family)}
    if unknown := showing - MEASURES.keys():
        return None, [], f"{name} may show the old skin, and nothing measures it ({', '.join(sorted(unknown))})"
    if not showing:
        return None, [], ""
    if len(shown.families) > 1 or len(shown.frames) > 1:
        return None, [], f"{name} holds objects of several kinds or frames of reference, which nobody measured"
    try:
        hidden, matrix = run.face_in(*shown.frames)
        (family,) = showing
        measured = list(MEASURES[family](shown.folder, hidden, matrix))
    except Exception as error:  # what breaks a reader cannot be measured, whatever it is
        if shortage(error):
            raise
        return None, [], f"{name} cannot be measured: {in_words(error)}"
    return hidden, [surface for surface in (Surface.of(*one) for one in measured) if surface is not None], ""


def _shows_head(family: str) -> bool:
    """Objects of a family may show something of the head; those of one that nobody knows may."""
    return family not in FAMILIES or not FAMILIES[family].shows_nothing


@dataclass(frozen=True)
class _Shown:
    """A released series: its folder, the families and the original frames of reference of what is in it, and whether its CT decided."""

    folder: Path
    families: frozenset[str]
    frames: frozenset[str]
    decides: bool


def _series_below(root: Path, run: StudyRun) -> list[_Shown]:
    """Every released series; those that decide come first."""
    original = {run.writer.policy.uid(frame.removeprefix(NO_FRAME)): frame for frame in (*run.hidden, *run.registered)}
    tags = ["SOPClassUID", "SeriesInstanceUID", "FrameOfReferenceUID", "ReferencedFrameOfReferenceSequence"]
    first = {run.writer.written[uid].parent for uid in run.deciding if uid in run.writer.written}
    out = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        headers = [pydicom.dcmread(path, specific_tags=tags) for path in sorted(folder.glob("*.dcm"))]
        families = frozenset(family_of(str(header.SOPClassUID)) for header in headers)
        frames = frozenset(original.get(frame_of(header) or str(header.SeriesInstanceUID), "") for header in headers)
        out.append(_Shown(folder, families, frames, folder in first))
    return sorted(out, key=lambda shown: not shown.decides)


def _doubts(surface: Surface, own: Surface | None, families: frozenset[str]) -> list[str]:
    """Why a surface may be the old skin's: nearer to it than that of the CT that decides is there, or with more of it at one depth.

    Where that CT shows no surface itself (None) there is no measure, and each surface is a doubt.
    """
    if own is None:
        return [f"{surface.name} shows a surface of the head, and the CT that decides too little of the face to measure it by"]
    drawn, own = bool(families & DRAWN), own if families & DRAWN else own.where_seen_in(surface)
    most = (1.0 + own.alike) / 2.0 if drawn else own.alike + MORE_SHARE
    least = LEAST_SHARE * (min(own.median_mm, VEIL_MM) if drawn else own.median_mm)
    if surface.alike > most or surface.median_mm < least:
        return [
            f"{surface.name} shows the old skin: its surface lies {surface.median_mm:.1f} mm (median) from it, "
            f"{surface.alike:.0%} of it at one depth (the CT that decides: {own.median_mm:.1f} mm, {own.alike:.0%})"
        ]
    return []


def _has_icon(path: Path) -> bool:
    """True where a data set holds an icon at any depth; where its tag is nowhere in the file there is none."""
    if ICON not in path.read_bytes():
        return False
    return any("IconImageSequence" in item for item in every_item(pydicom.dcmread(path, stop_before_pixels=True)))
