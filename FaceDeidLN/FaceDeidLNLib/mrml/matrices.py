"""Between MRML's RAS matrices and LPS geometry, parent transforms included."""

from __future__ import annotations

import numpy as np
import slicer
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from ..core.errors import FaceDeidError

#: Takes LPS to RAS and back.
LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Decimals of a matrix (mm): Slicer's files lose its last bits, and a scene that is loaded must lie on the very same numbers.
_DIGITS = 10
#: A matrix that leaves less of a unit's volume (mm3) than a voxel of a hundredth of the finest has cannot be turned round.
_FLAT_MM3 = 1e-10


def array_from_matrix(matrix: vtkMatrix4x4) -> np.ndarray:
    """A 4x4 array of a VTK matrix."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def matrix_from_array(array: np.ndarray) -> vtkMatrix4x4:
    """A VTK matrix of a 4x4 array."""
    matrix = vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(array, dtype=float).ravel())
    return matrix


def to_world_ras(node: slicer.vtkMRMLTransformableNode) -> np.ndarray:
    """The 4x4 matrix that takes a node's own RAS to the world's RAS: its parent transforms multiplied.

    :raises FaceDeidError: a parent transform is not linear (its voxels would need resampling first), or leaves nothing of a volume.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise FaceDeidError(f'"{node.GetName()}" is under the non-linear transform "{parent.GetName()}": harden the transform first.')
    matrix = vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return _with_extent(array_from_matrix(matrix), f'"{node.GetName()}" is under the transform "{parent.GetName()}", which')


def world_lps_from_local(node: slicer.vtkMRMLTransformableNode, ijk_to_ras: np.ndarray) -> np.ndarray:
    """The 4x4 matrix from voxel index to world LPS mm of a matrix in a node's own RAS, rounded to ``_DIGITS``.

    :raises FaceDeidError: as ``to_world_ras``, or the voxels have no extent.
    """
    own = _with_extent(ijk_to_ras, f'"{node.GetName()}" has a matrix of its voxels that')
    return np.round(LPS_RAS @ to_world_ras(node) @ own, _DIGITS)


def _with_extent(matrix: np.ndarray, whose: str) -> np.ndarray:
    """A 4x4 matrix that can be turned round."""
    if not (np.isfinite(matrix).all() and abs(np.linalg.det(matrix[:3, :3])) > _FLAT_MM3):
        raise FaceDeidError(f"{whose} leaves nothing of a volume: its numbers are wrong, put them right first.")
    return matrix


def local_ras_from_world(node: slicer.vtkMRMLTransformableNode | None, ijk_to_lps: np.ndarray) -> np.ndarray:
    """The 4x4 matrix from voxel index to a node's own RAS of a matrix to world LPS mm (no node: no parent transform)."""
    world = LPS_RAS @ ijk_to_lps
    return world if node is None else np.linalg.inv(to_world_ras(node)) @ world


def share_parent(node: slicer.vtkMRMLTransformableNode, reference: slicer.vtkMRMLTransformableNode | None) -> None:
    """Put a node under the parent transform of another one, or under none where that has none (no other one: nothing is done)."""
    if reference is not None:
        parent = reference.GetParentTransformNode()
        node.SetAndObserveTransformNodeID(None if parent is None else parent.GetID())
