"""Whether a volume's node still holds what was verified: its voxels are hashed once for each state they are in."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import slicer
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from ..core.errors import FaceDeidError
from ..output.seen import digest
from .matrices import array_from_matrix, to_world_ras
from .volumes import volume_from_node

#: The digests of so many states of volumes are remembered: an undo brings an earlier one back.
_REMEMBERED = 64
_digests: OrderedDict[tuple[int, bytes], str] = OrderedDict()


def remember_digest(node: slicer.vtkMRMLScalarVolumeNode, known: str) -> None:
    """Spare the hashing where what a volume's node was just filled with was hashed already."""
    _keep(_state(node), known)


def is_changed(node: slicer.vtkMRMLScalarVolumeNode, verified: str) -> bool:
    """Does a volume's node hold other voxels, or lie elsewhere, than when its ``digest`` was the one that was ``verified``?

    What is written into the voxels without a word to VTK is not seen here; an export looks at the voxels themselves.
    """
    try:
        state = _state(node)
        if state not in _digests:
            _keep(state, digest(volume_from_node(node)))
        return _digests[state] != verified
    except FaceDeidError:  # no voxels any more, or a transform that bends them
        return True


def state_of(node: slicer.vtkMRMLScalarVolumeNode) -> tuple[int, bytes] | None:
    """What tells a volume's voxels and place from those of another moment; None where a transform bends it."""
    try:
        return _state(node)
    except FaceDeidError:
        return None


def _keep(state: tuple[int, bytes], known: str) -> None:
    _digests[state] = known
    while len(_digests) > _REMEMBERED:
        _digests.popitem(last=False)


def _state(node: slicer.vtkMRMLScalarVolumeNode) -> tuple[int, bytes]:
    """When the voxels were changed, which VTK counts through all its objects, and where they lie."""
    image, matrix = node.GetImageData(), vtkMatrix4x4()
    scalars = None if image is None else image.GetPointData().GetScalars()
    node.GetIJKToRASMatrix(matrix)
    place = np.round(to_world_ras(node) @ array_from_matrix(matrix), 9)
    return (0 if scalars is None else scalars.GetMTime()), place.tobytes()
