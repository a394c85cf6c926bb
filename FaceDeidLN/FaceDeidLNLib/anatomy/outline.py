"""The patient's outline as somebody else drew it, against the one that was found: two opinions, and neither wins alone at the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..core.segment import Segment, united
from ..core.volume import Volume
from ..input.names import is_outline
from ..input.place import place_segments
from .face_frame import FaceFrame
from .grids import TISSUE_HU, closing, fill_holes, grow, is_above, reach, sample, steps_of

#: Outlines agree where they lie this near (mm): two voxels of the body's grid, one of a coarse CT.
AGREE_MM = 6.0
#: Openings up to twice as wide (mm) count as closed, as in the body itself.
CLOSING_MM = 6.0
#: What leaves out more of the patient than this share is another patient's, or a part of him.
MOST_LEFT_OUT = 0.25
#: Things at face and ears are taken away only where this share of what lies between them and the outline is air.
AIR_SHARE = 0.9
#: Smaller differences (mm3) at the face are edges of voxels: a cube of 10 mm.
DOUBTFUL_MM3 = 1000.0
#: The face begins this far (mm of the mean face) in front of the ear canals and above the neck; ears end this far behind them.
FACE_FRONT_MM, FACE_LOW_MM, EARS_BACK_MM = 10.0, -100.0, -40.0


@dataclass(frozen=True, eq=False)
class Outlined:
    """``body`` without what was dropped (``dropped_mm3``), and ``doubts`` where outlines and CT disagree at the face."""

    body: Volume
    dropped_mm3: float = 0.0
    doubts: tuple[str, ...] = ()


def within_outline(ct: Volume, body: Volume, segments: Sequence[Segment], frame: FaceFrame) -> Outlined:
    """The ``body`` (bool, of find_body) without couch, cradle and mask that the outlines among ``segments`` leave out.

    Behind the ears what lies outside of the outline is dropped. At face and ears it is dropped only where air parts it from the
    outline in the CT (HU), and stays otherwise: an outline that cuts off the nose must not hide it from what follows. What it
    leaves out of the face and stays, and tissue of the CT before the face that only it holds, is a doubt: a reason for a REVIEW.

    Without an outline the body itself is given back. Raises InputError for an outline that lies outside the CT.
    """
    outlines = [segment for segment in segments if is_outline(segment) and segment.mask.array.any()]
    if not outlines:
        return Outlined(body)
    name = ", ".join(segment.name for segment in outlines)
    drawn, known = _on_grid(ct, body, outlines)
    own = body.array & known
    left_out = np.count_nonzero(own & ~drawn) / max(1, np.count_nonzero(own))
    if left_out > MOST_LEFT_OUT:
        return Outlined(body, doubts=(f"the outline '{name}' leaves out {left_out:.0%} of the patient: it was not used",))
    hu = sample(ct, body.geometry)
    stray = _far(own & ~drawn, drawn, body)
    face, back = _zones(body, frame)
    dropped = _agreed(stray, drawn, hu, back)
    lost = _far(drawn & known & ~body.array, body.array, body) & (hu > TISSUE_HU)
    voxel = body.geometry.voxel_mm3
    return Outlined(
        body.with_array(body.array & ~dropped),
        float(np.count_nonzero(dropped) * voxel),
        (
            *_doubt(stray & ~dropped & face, voxel, f"the outline '{name}' leaves out {{:.0f}} ml of what was found as the face"),
            *_doubt(lost & face, voxel, f"the outline '{name}' holds {{:.0f}} ml of tissue in front of the face that was found"),
        ),
    )


def _on_grid(ct: Volume, body: Volume, outlines: Sequence[Segment]) -> tuple[np.ndarray, np.ndarray]:
    """The solid inside of the outlines on the body's grid, and the slices in which they were drawn (both bool)."""
    full = united("outline", place_segments(outlines, ct.geometry)).full(ct.array.shape)
    drawn = is_above(ct.with_array(full), body.geometry, 0.5)
    known = np.zeros(drawn.shape, dtype=bool)
    known[drawn.any(axis=(1, 2))] = True
    sides = np.ones(drawn.shape, dtype=bool)
    sides[:, 1:-1, 1:-1] = False  # a rind is open where the field of view cuts the shoulders
    return fill_holes(closing(drawn, steps_of(CLOSING_MM, body.geometry.spacing[0])) | (body.array & sides)), known


def _far(excess: np.ndarray, other: np.ndarray, body: Volume) -> np.ndarray:
    """What of ``excess`` lies further than AGREE_MM from ``other``, with its root."""
    steps = steps_of(AGREE_MM, body.geometry.spacing[0])
    return reach(excess & ~grow(other, steps), excess, steps)


def _zones(body: Volume, frame: FaceFrame) -> tuple[np.ndarray, np.ndarray]:
    """Where the face is, and what lies behind the ears (bool on the body's grid)."""
    grid = body.geometry
    corner = grid.to_lps(np.zeros((1, 3)))[0]
    steps = [grid.to_lps(np.eye(3)[a][None])[0] - corner for a in range(3)]
    axes = [np.arange(n, dtype=np.float32) for n in grid.shape]
    place = []
    for axis in (1, 2):
        unit = frame.axes[:, axis] / frame.scale
        parts = [(axes[a] * np.float32(steps[a] @ unit)).reshape([-1 if b == a else 1 for b in range(3)]) for a in range(3)]
        place.append(parts[0] + parts[1] + parts[2] + np.float32((corner - frame.origin) @ unit))
    anterior, superior = place
    return (anterior > FACE_FRONT_MM) & (superior > FACE_LOW_MM), anterior < EARS_BACK_MM


def _agreed(stray: np.ndarray, drawn: np.ndarray, hu: np.ndarray, back: np.ndarray) -> np.ndarray:
    """What of ``stray`` is dropped: what lies behind the ears, and pieces that air parts from the outline."""
    labels, count = ndimage.label(stray)
    near = grow(drawn, 1)
    between = grow(near, 1) & ~near  # the voxel next to the outline is half skin
    touching = np.bincount(labels[between], minlength=count + 1)
    air = np.bincount(labels[between & (hu < TISSUE_HU)], minlength=count + 1)
    parted = air >= AIR_SHARE * touching
    parted[0] = False
    return parted[labels] | (stray & back)


def _doubt(where: np.ndarray, voxel_mm3: float, sentence: str) -> tuple[str, ...]:
    volume = np.count_nonzero(where) * voxel_mm3
    return (f"{sentence.format(volume / 1000.0)}: look which of the two is right",) if volume >= DOUBTFUL_MM3 else ()
