"""Where a CT lay when something was found in it, noted at what was found: a transform may move both, or one of them alone."""

from __future__ import annotations

import json

import numpy as np
import slicer
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from ..core.errors import FaceDeidError
from .matrices import array_from_matrix, world_lps_from_local

#: Reference of a node to the CT that it was found in, and the attribute with that CT's matrix to world LPS at that time.
_FOUND_IN, _FOUND_AT = "FaceDeidLN.foundIn", "FaceDeidLN.FoundAt"
#: Slicer's files and transforms keep points to less than that (mm).
SAME_MM = 0.01


def ijk_to_lps(ct: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """The 4x4 matrix from a CT's voxels (i, j, k) to world LPS mm. Raises FaceDeidError: it is under a transform that bends it."""
    matrix = vtkMatrix4x4()
    ct.GetIJKToRASMatrix(matrix)
    return world_lps_from_local(ct, array_from_matrix(matrix))


def note_place(node: slicer.vtkMRMLNode, ct: slicer.vtkMRMLVolumeNode) -> None:
    """Note with a node what CT it was found in, and where that lies."""
    node.SetNodeReferenceID(_FOUND_IN, ct.GetID())
    node.SetAttribute(_FOUND_AT, json.dumps(ijk_to_lps(ct).ravel().tolist()))


def moved_since(node: slicer.vtkMRMLNode, ct: slicer.vtkMRMLVolumeNode | None = None) -> np.ndarray | None:
    """The 4x4 matrix (world LPS mm) by which the CT that a node was found in was moved since.

    None where it lies where it lay, where that is not known, and where it is another one than a given ``ct``.
    """
    noted, found_in = node.GetAttribute(_FOUND_AT), node.GetNodeReference(_FOUND_IN)
    if not noted or found_in is None or (ct is not None and ct is not found_in) or found_in.GetImageData() is None:
        return None
    then = np.reshape(json.loads(noted), (4, 4))
    try:
        now = ijk_to_lps(found_in)
    except FaceDeidError:  # whatever works on this CT says so
        return None
    ends = np.vstack([np.array(np.meshgrid(*((0, n) for n in found_in.GetImageData().GetDimensions()))).reshape(3, -1), np.ones(8)])
    return None if np.abs((now - then) @ ends).max() < SAME_MM else now @ np.linalg.inv(then)
