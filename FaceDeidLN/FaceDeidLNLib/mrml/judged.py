"""The segments that a verdict has judged, noted with it: one that is drawn, edited, moved or checked later was not judged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import slicer

from ..core.errors import FaceDeidError
from ..core.geometry import Geometry
from ..core.segment import Segment
from ..input.names import Role
from .candidates import OF_ANOTHER, atlases, declined, kept_of, unasked, unasked_of_others, unchecked_by_name
from .links import linked
from .matrices import to_world_ras
from .moved import SAME_MM
from .nodes import segment_roles, segments_from_node
from .protection import checked_segments

#: What is to be kept of a segmentation: its node and the ids of the segments.
Kept = tuple[slicer.vtkMRMLSegmentationNode, Sequence[str]]
#: Name and voxels of a noted segment; no voxels of an empty one.
_Voxels = tuple[str, str | None]


def noted(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Name, voxels and place of segments, as a scene keeps them."""
    return [_noted(segment) for segment in segments]


def _noted(segment: Segment) -> dict[str, Any]:
    mask, grid = segment.mask.array, segment.mask.geometry
    if not mask.any():
        return {"name": segment.name}
    voxels = hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()
    return {"name": segment.name, "voxels": voxels, "shape": list(grid.shape), "place": grid.ijk_to_lps.ravel().tolist()}


def kept_now(
    ct: slicer.vtkMRMLScalarVolumeNode, chosen: slicer.vtkMRMLSegmentationNode | None, face: slicer.vtkMRMLSegmentationNode | None
) -> list[Kept]:
    """What is to be kept of a CT as things are now: the checked segments of what is ``chosen``, and those of atlases beside it."""
    taken = [] if declined(ct) else atlases(ct, chosen, face)
    own = [] if chosen is None else [(chosen, checked_segments(chosen))]
    return [*own, *((node, kept_of(node)) for node in taken)]


def silent_now(ct: slicer.vtkMRMLScalarVolumeNode, kept: Sequence[Kept], face: slicer.vtkMRMLSegmentationNode | None) -> list[Kept]:
    """What a verdict would doubt where it lies in the face, as things are now: nobody chose it, and it is not among what is ``kept``."""
    chosen = linked(ct, "protected")
    own = [] if chosen is None else [(chosen, but_outlines_by_name(chosen, unchecked_by_name(chosen)))]
    return [*unasked(ct, *(node for node, _ in kept), face, linked(ct, "kept")), *unasked_of_others(ct, chosen), *own]


def but_outlines_by_name(node: slicer.vtkMRMLSegmentationNode, identifiers: Sequence[str]) -> list[str]:
    """The segments that are not called the patient's outline: that is in the face, and no node."""
    roles = segment_roles(node)
    return [identifier for identifier in identifiers if roles[identifier][1] is not Role.OUTLINE]


def moment_of(kept: Sequence[Kept]) -> tuple[Any, ...]:
    """What tells segments from those of another moment, with no voxel looked at."""
    return tuple((node.GetID(), place_of(node), tuple(_state(node.GetSegmentation(), name) for name in names)) for node, names in kept)


def _state(segmentation: slicer.vtkSegmentation, identifier: str) -> tuple[Any, ...]:
    segment = segmentation.GetSegment(identifier)
    held = [segment.GetRepresentation(name) for name in ("Binary labelmap", segmentation.GetSourceRepresentationName())]
    return identifier, segment.GetName(), segment.GetLabelValue(), *(0 if one is None else one.GetMTime() for one in held)


def place_of(node: slicer.vtkMRMLTransformableNode) -> bytes | None:
    """What tells the place of a node's coordinates in the world from another; None where a transform bends them."""
    try:
        return to_world_ras(node).tobytes()
    except FaceDeidError:  # whatever works on it says so
        return None


def not_judged(kept: Sequence[Kept], judged: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of those segments that are not among the ``judged`` ones, as ``noted`` made them, or are others now."""
    alike: dict[_Voxels, list[Mapping[str, Any]]] = {}
    for one in judged:
        alike.setdefault(_voxels(one), []).append(one)
    return [name for node, names in kept for name in _not_judged(node, names, alike)]


def _voxels(one: Mapping[str, Any]) -> _Voxels:
    return one["name"].removesuffix(OF_ANOTHER), one.get("voxels")


def _not_judged(
    node: slicer.vtkMRMLSegmentationNode, names: Sequence[str], judged: Mapping[_Voxels, Sequence[Mapping[str, Any]]]
) -> list[str]:
    try:
        now = noted(segments_from_node(node, names))
    except FaceDeidError:  # bent by a transform since: it lies elsewhere
        return [node.GetSegmentation().GetSegment(identifier).GetName() for identifier in names]
    return [one["name"] for one in now if not any(_same_place(one, before) for before in judged.get(_voxels(one), ()))]


def _same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Do two segments of the same voxels lie in one place, but for what a scene's file rounds?"""
    return "voxels" not in one or _grid(one).same_as(_grid(other), SAME_MM)


def _grid(one: Mapping[str, Any]) -> Geometry:
    return Geometry(tuple(one["shape"]), np.reshape(one["place"], (4, 4)))
