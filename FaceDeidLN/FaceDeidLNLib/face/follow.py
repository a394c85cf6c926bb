"""The face of one CT on the voxel grid of another image of the same head: the same region, curve, skin and frame in LPS mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.segment import BoxMask, Segment, tight
from ..core.volume import Volume, resample
from ..input.place import place_segments
from .ears import Ear
from .segment import Face, grown


def follow_face(
    face: Face, own: Geometry, grid: Geometry, protected: Sequence[BoxMask], margin_mm: float, levels: Sequence[BoxMask] = ()
) -> Face | None:
    """``face``, made on the grid ``own``, on another ``grid``; None where that holds no voxel of it.

    A voxel belongs to it as soon as it overlaps the face segment, so that no thick slice keeps half of the old skin; beyond the curve
    its centre must lie in that air. It stays
    out where its centre lies in what the face spares (bone), and where it comes within ``margin_mm`` of the ``protected``
    masks; these and the node ``levels`` lie on ``grid`` already. What an effect reads of a face beside the segment is in LPS mm
    and stays the same: the same draw gives the same surface.
    """
    segment = overlapping(face.segment, own, grid)
    if segment is None:
        return None
    spared = replace(face.region, array=face.region.array & ~face.segment.inside(face.region.box))
    inner = overlapping(face.without_apron().segment, own, grid)
    if inner is None:
        return None
    beyond = centred(face.apron, own, grid.crop(segment.box)) & ~inner.inside(segment.box)
    mask = (inner.inside(segment.box) | beyond) & ~centred(spared, own, grid.crop(segment.box))
    for other in protected:
        mask &= ~grown(other, segment.box, grid, margin_mm)
    for level in levels:
        mask &= ~level.inside(segment.box)
    found = tight(face.segment.name, mask, segment.box.start)
    apron = tight(face.apron.name, beyond & mask, segment.box.start)
    if found.voxels == apron.voxels:
        return None
    ears = tuple(_followed(ear, own, grid, found) for ear in face.ears)
    return replace(face, segment=found, apron=apron, region=overlapping(face.region, own, grid) or found, ears=ears, view=own)


def _followed(ear: Ear, own: Geometry, grid: Geometry, segment: BoxMask) -> Ear:
    placed = overlapping(ear.segment, own, grid)
    if placed is not None:
        placed = replace(placed, array=placed.array & segment.inside(placed.box))
    nothing = tight(ear.segment.name, np.zeros((0, 0, 0), dtype=bool))
    return replace(ear, segment=placed or nothing, auricle=overlapping(ear.auricle, own, grid) or nothing)


def overlapping(mask: BoxMask, own: Geometry, grid: Geometry) -> BoxMask | None:
    """The voxels of ``grid`` that overlap a voxel of ``mask`` (on ``own``); None where there is none."""
    if not mask.voxels:
        return None
    try:
        return place_segments([Segment(mask.name, Volume(mask.array, own.crop(mask.box)))], grid)[0]
    except InputError:
        return None


def centred(mask: BoxMask, own: Geometry, grid: Geometry) -> np.ndarray:
    """Bool of ``grid``: the voxels whose centre lies in ``mask`` (on ``own``)."""
    if not mask.voxels or 0 in grid.shape:
        return np.zeros(grid.shape, dtype=bool)
    around = Volume(np.pad(mask.array, 1), own.crop(mask.box).padded(1))
    return resample(around, grid, order=1, fill=0.0).array > 0.5
