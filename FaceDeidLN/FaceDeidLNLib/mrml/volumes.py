"""CT volumes: between ``Volume`` and vtkMRMLScalarVolumeNode."""

from __future__ import annotations

import numpy as np
import slicer
from vtkmodules.util.numpy_support import get_vtk_array_type, numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.volume import Volume
from .matrices import array_from_matrix, local_ras_from_world, matrix_from_array, world_lps_from_local
from .scene import SceneContext

#: What a radiologist opens a neck CT with: soft tissue.
_WINDOW_HU, _LEVEL_HU = 400.0, 40.0


def add_ct(
    context: SceneContext,
    volume: Volume,
    name: str,
    reference: slicer.vtkMRMLVolumeNode | None = None,
    image: vtkImageData | None = None,
) -> slicer.vtkMRMLScalarVolumeNode:
    """A new vtkMRMLScalarVolumeNode with the voxels (copied, same scalar type) and geometry of a volume.

    ``reference``: the new node gets this volume node's parent transform, and still lies where ``volume`` says. ``image`` as ``fill_ct``.

    :raises InputError: the scalar type is none that Slicer shows (bool, 64-bit integers).
    """
    image = image_of(volume) if image is None else image
    node = context.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    fill_ct(node, volume, reference, image)
    return node


def fill_ct(
    node: slicer.vtkMRMLScalarVolumeNode,
    volume: Volume,
    reference: slicer.vtkMRMLVolumeNode | None = None,
    image: vtkImageData | None = None,
) -> None:
    """Give an existing node voxels, geometry, parent transform and window as ``add_ct`` does; raises as it does.

    ``image`` is what ``image_of`` made of the volume before; it becomes the node's own.
    """
    image = image_of(volume) if image is None else image
    matrix = matrix_from_array(local_ras_from_world(reference, volume.geometry.ijk_to_lps))
    parent = None if reference is None else reference.GetParentTransformNode()
    node.SetAndObserveTransformNodeID(None if parent is None else parent.GetID())
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    if display is not None:  # before there are voxels: a window would be looked for in all of them
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(_WINDOW_HU, _LEVEL_HU)
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(matrix)


def image_of(volume: Volume) -> vtkImageData:
    """The voxels of a volume (copied, same scalar type) as a node takes them. Needs no scene; raises as ``add_ct``."""
    array = volume.array
    _require_shown(array)
    image = vtkImageData()
    image.SetDimensions(*array.shape[::-1])
    image.AllocateScalars(get_vtk_array_type(array.dtype.newbyteorder("=")), 1)
    vtk_to_numpy(image.GetPointData().GetScalars()).reshape(array.shape)[...] = array
    return image


def shared_image_of(volume: Volume) -> vtkImageData:
    """As ``image_of``, without a copy where the array lies in memory as VTK has it: the volume must outlive the image.

    For nodes that nobody changes.
    """
    array = volume.array
    if not (array.flags.c_contiguous and array.flags.writeable and array.dtype.isnative and array.size):
        return image_of(volume)
    _require_shown(array)
    image = vtkImageData()
    image.SetDimensions(*array.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(array.reshape(-1), deep=False))
    return image


def _require_shown(array: np.ndarray) -> None:
    if array.dtype.kind not in "iuf" or (array.dtype.kind != "f" and array.dtype.itemsize > 4):
        raise InputError(f"Voxels of the type {array.dtype} cannot be put into a volume node.")


def volume_from_node(node: slicer.vtkMRMLScalarVolumeNode | None) -> Volume:
    """The voxels and the place in the world of a vtkMRMLScalarVolumeNode; linear parent transforms are multiplied in.

    The array is the node's own memory, read-only: no copy, and nobody changes the user's volume by mistake.

    :raises InputError: no voxels, or several values per voxel.
    :raises FaceDeidError: a parent transform is not linear.
    """
    image = None if node is None else node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None or image.GetNumberOfPoints() == 0:
        raise InputError("There are no voxels in the volume." if node is None else f'"{node.GetName()}" has no voxels.')
    if image.GetNumberOfScalarComponents() != 1:
        raise InputError(f'"{node.GetName()}" has {image.GetNumberOfScalarComponents()} values per voxel: it is not a CT.')
    shape = tuple(reversed(image.GetDimensions()))
    array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    array.flags.writeable = False
    matrix = vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return Volume(array, Geometry(shape, world_lps_from_local(node, array_from_matrix(matrix))))
