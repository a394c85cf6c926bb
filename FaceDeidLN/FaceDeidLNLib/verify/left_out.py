"""Segments that somebody drew and nobody keeps: a name alone must not give a node away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.errors import InputError
from ..core.segment import BoxMask, Segment
from ..core.volume import Volume
from ..input.names import is_guide
from ..input.place import place_segments

#: Half of the voxels of a jaw or hyoid are denser (HU) than any soft tissue with contrast medium.
BONE_HU = 250.0


def left_out_doubts(left_out: Sequence[Segment], face: BoxMask, ct: Volume) -> tuple[str, ...]:
    """A sentence for each segment that is not kept though it reaches into the ``face`` segment, where it would change.

    Whatever it is called: names are of any language and hand. Jaw and hyoid, where they are bone in the CT (HU), are none of these.
    """
    doubts = []
    for segment in left_out:
        mask = _placed(segment, ct)
        lost = 0 if mask is None else int(np.count_nonzero(mask.inside(face.box) & face.array))
        if lost and not (is_guide(segment) and np.median(ct.array[mask.box.slices][mask.array]) > BONE_HU):
            doubts.append(
                f"the segment '{segment.name}' was not taken for one to keep, and {lost} of its voxels lie in the face segment: "
                "name it among those to keep (--node-segments)"
            )
    return tuple(doubts)


def _placed(segment: Segment, ct: Volume) -> BoxMask | None:
    """The segment on the CT's grid; None where it is empty or lies elsewhere."""
    try:
        return place_segments([segment], ct.geometry)[0]
    except InputError:
        return None
