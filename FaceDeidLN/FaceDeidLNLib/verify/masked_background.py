"""Was the background of a CT masked at a distance from the skin? Where that mask ends shows the old face, moved outwards and whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.volume import Volume
from ..face.polar import unit_vectors
from ..face.segment import Face
from .beside_skin import from_skin, share_at_one

#: How far (mm) before the skin a mask's end is looked for: from further away little of a face is left in it.
REACH_MM = 100.0
#: Air that was measured (mm) lies between the skin and a mask's end: noise that was cut off is shorter.
LEAST_AIR_MM = 4.0
#: So many samples of one value are masked, not measured.
LEAST_RUN = 3
#: Of the lines of sight that are looked along, and of those of them that meet a mask's end, the least shares that make a doubt; ends
#: count that lie within so many mm, or so many steps, of the middle distance from the skin. Of round fields of view up to 0.48 do, of masks
#: 0.67 and more (``benchmarks/masked.py``).
LEAST_MET, LEAST_ALIKE, ALIKE_MM, ALIKE_STEPS = 0.1, 0.55, 2.5, 1.0
#: About so many lines of sight are looked along.
LINES = 2000


@dataclass(frozen=True, eq=False)
class Ends:
    """Lines of sight that were looked along, and those of them that meet a mask's end: its distance (mm) from the nearest skin."""

    lines: int
    distance: np.ndarray
    step_mm: float

    @property
    def met(self) -> float:
        """Share of the lines that meet one."""
        return len(self.distance) / max(1, self.lines)

    @property
    def alike(self) -> float:
        """Share of them that are as far from the skin as their middle."""
        return share_at_one(self.distance, max(ALIKE_MM, ALIKE_STEPS * self.step_mm))


def mask_doubts(padding: np.ndarray | None, ct: Volume, result: Volume, face: Face) -> tuple[str, ...]:
    """What there is to say of a mask's end before a ``face`` that stays in the ``result``; ``padding`` as ``mask_ends``."""
    ends = mask_ends(padding, ct, result, face)
    if ends.met < LEAST_MET or ends.alike < LEAST_ALIKE:
        return ()
    return (
        f"the background was masked {np.median(ends.distance):.0f} mm from the skin, which is written as it was: where the mask ends shows "
        "the old face, moved outwards; give the image as it was scanned",
    )


def mask_ends(padding: np.ndarray | None, ct: Volume, result: Volume, face: Face) -> Ends:
    """The ends of a mask before a face: ``padding`` (bool of the CT's grid) is one that reads as more than air and is put back.

    Where there is none, what has the value of a corner of the CT is masked. An end counts where the result has it too.
    """
    step = float(max(1.0, sorted(ct.geometry.spacing)[1]))
    seen = np.flatnonzero(face.inside & np.isfinite(face.skin))
    lines = seen[:: max(1, len(seen) // LINES)]
    unit, skin = unit_vectors(face.frame, face.raster.directions().reshape(-1, 2)[lines]), face.skin.ravel()[lines]
    points = face.frame.origin + unit[:, None] * (skin[:, None] + np.arange(0.0, REACH_MM, step))[..., None]
    kji = ct.geometry.to_kji(points.reshape(-1, 3))
    held = ct.geometry.holds(kji)
    at = tuple(np.where(held, np.rint(kji).astype(int).T, 0))
    masked = _masked(padding, ct, at) & held
    stays = np.ones(len(kji), dtype=bool) if padding is not None else ct.array[at] == result.array[at]
    end = _first_ends(*(part.reshape(points.shape[:2]) for part in (masked, held, stays)), air=max(2, int(np.ceil(LEAST_AIR_MM / step))))
    met = np.flatnonzero(end >= 0)
    return Ends(len(lines), from_skin(points[met, end[met]], face), step)


def _masked(padding: np.ndarray | None, ct: Volume, at: tuple[np.ndarray, ...]) -> np.ndarray:
    """Whether the voxels ``at`` (three of (N,)) are masked."""
    if padding is not None:
        return padding[at]
    return np.isin(ct.array[at], ct.array[np.ix_(*((0, -1),) * 3)])


def _first_ends(masked: np.ndarray, held: np.ndarray, stays: np.ndarray, air: int) -> np.ndarray:
    """The sample (lines,) at which a mask begins behind ``air`` samples that are none; -1 where none does, all (lines, samples)."""
    samples = masked.shape[1]
    begins = np.zeros_like(masked)
    last = samples - LEAST_RUN + 1
    begins[:, air:last] = stays[:, air:last] & stays[:, air - 1 : last - 1]
    for n in range(LEAST_RUN):
        begins[:, air:last] &= masked[:, air + n : last + n]
    for n in range(1, air + 1):
        begins[:, air:last] &= (held & ~masked)[:, air - n : last - n]
    return np.where(begins.any(axis=1), begins.argmax(axis=1), -1)
