"""What this module made and nobody changed: a curve or a face segment that may be made anew when what it was made of changes."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import slicer
from numpy.typing import ArrayLike

from .segmentations import segments_from_node

#: Attribute of a node that holds what was put into it; saved with the scene.
_AS_MADE = "FaceDeidLN.AsMade"
#: Slicer's files and transforms keep points to less than that (mm).
SAME_MM = 0.01


def same_points(before: ArrayLike, now: ArrayLike) -> bool:
    """Are as many points (N, 3) in mm at the same places, but for what a scene's file rounds?"""
    return np.shape(before) == np.shape(now) and bool(np.all(np.abs(np.subtract(before, now)) < SAME_MM))


def note_as_made(node: slicer.vtkMRMLNode, ct: slicer.vtkMRMLScalarVolumeNode, renewable: bool = True) -> None:
    """Remember what a curve or a face segment of a CT holds now; one that is not ``renewable`` counts as a person's from now on."""
    node.SetAttribute(_AS_MADE, json.dumps([ct.GetID(), _content(node)]) if renewable else None)


def is_as_made(node: slicer.vtkMRMLNode | None, ct: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Does a node hold just what this module put into it for this CT? False for None, and for what a person drew, dragged or edited."""
    noted = None if node is None else node.GetAttribute(_AS_MADE)
    if not noted:
        return False
    (made_of, then), now = json.loads(noted), _content(node)
    if made_of != ct.GetID():
        return False
    if isinstance(now, str) or isinstance(then, str):
        return then == now
    return same_points(then, now)


def _content(node: slicer.vtkMRMLNode) -> str | list[list[float]]:
    """A curve's control points in its own RAS mm, or the digest of a segmentation's voxels."""
    if node.IsA("vtkMRMLMarkupsNode"):
        return [[round(v, 4) for v in node.GetNthControlPointPosition(n)] for n in range(node.GetNumberOfControlPoints())]
    digest = hashlib.sha256()
    for segment in segments_from_node(node):
        held = segment.mask.array  # in the box that holds it; of an empty one there is a voxel that is not set
        shape = held.shape if held.any() else (0, 0, 0)
        corner = segment.mask.geometry.to_lps(np.zeros(3, dtype=int))
        digest.update(f"{segment.name} {np.round(corner, 1).tolist()} {shape}".encode())
        digest.update(np.packbits(held if held.any() else held[:0]).tobytes())
    return digest.hexdigest()
