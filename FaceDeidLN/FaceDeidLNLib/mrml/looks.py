"""Looking at a result: where it changed most, and the skin before and after as two models."""

from __future__ import annotations

import numpy as np
import slicer
from scipy import ndimage
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D
from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter

from ..core.ahead import told_beside
from ..core.errors import InputError
from ..core.progress import Progress, silent
from ..core.volume import Volume, block_mean
from .ct import ct_of_values
from .links import SKIN_PREFIX, claim, linked, own
from .markups import SKIN_COLOR, ras
from .matrices import matrix_from_array
from .nodes import volume_from_node
from .scene import SceneContext, nodes_of_class

#: Skin against air, as in the verification.
_SKIN_HU = -400.0
#: Fine enough to recognise a face, coarse enough to turn it at once.
_SURFACE_MM = 1.5
#: The largest change is that of a patch of this size (mm), not of one noisy voxel.
_PATCH_MM = 6.0
#: How much of a step is done when the skin is made to look at.
_SKIN_LAST = 0.98
_BEFORE, _AFTER = "before", "after"
#: What this module makes of a CT and views show; the segments to protect are the user's.
_SEEN = ("landmarks", "curve", "face", "kept", "skin")
#: Attribute of a node that was hidden because another CT was turned to.
_LEFT = "FaceDeidLN.HiddenWithItsCT"


def largest_change(ct: slicer.vtkMRMLScalarVolumeNode, result: slicer.vtkMRMLScalarVolumeNode, progress: Progress = silent) -> np.ndarray:
    """World RAS mm (3,) of the place where the values changed most, as a mean over a patch.

    :raises InputError: the two volumes have not the same grid, or nothing changed.
    """
    before, after = volume_from_node(ct), volume_from_node(result)
    if not before.geometry.same_as(after.geometry):
        raise InputError("The two volumes lie on different grids.")
    return told_beside(lambda tell: _largest_change(before, after, tell), progress)


def _largest_change(before: Volume, after: Volume, tell: Progress) -> np.ndarray:
    tell(0.5, "largest change")
    changed = np.argwhere(before.array != after.array)
    if not len(changed):
        raise InputError("The two volumes are the same: nothing changed.")
    low, high = changed.min(0), changed.max(0) + 1
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    size = [max(1, round(_PATCH_MM / step)) for step in before.geometry.sampling]
    difference = np.abs(after.array[window].astype(np.float32) - before.array[window].astype(np.float32))
    smooth = ndimage.uniform_filter(difference, size, mode="constant")
    place = low + np.array(np.unravel_index(int(np.argmax(smooth)), smooth.shape))
    return ras(before.geometry.to_lps(place[None]))[0]


def jump_to(context: SceneContext, place_ras: np.ndarray) -> None:
    """Centre all slice views on a place in world RAS mm."""
    slice_node = context.scene.GetFirstNodeByClass("vtkMRMLSliceNode")
    if slice_node is not None:
        slicer.vtkMRMLSliceNode.JumpAllSlices(context.scene, *(float(v) for v in place_ras), slicer.vtkMRMLSliceNode.CenteredJumpSlice)


def show_in_slices(context: SceneContext, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Make a volume the background of the slice views, which stay where they are."""
    _propagate(context, volume, 0)


def show_fitted(context: SceneContext, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Make a volume the background of the slice views, each of which shows all of it."""
    _propagate(context, volume, 1)


def _propagate(context: SceneContext, volume: slicer.vtkMRMLScalarVolumeNode, fit: int) -> None:
    selection = context.application_logic.GetSelectionNode()
    if selection is not None:
        selection.SetReferenceActiveVolumeID(volume.GetID())
        context.application_logic.PropagateVolumeSelection(fit)


def skin_models(
    context: SceneContext, ct: slicer.vtkMRMLScalarVolumeNode, result: slicer.vtkMRMLScalarVolumeNode, progress: Progress = silent
) -> tuple[slicer.vtkMRMLModelNode, slicer.vtkMRMLModelNode]:
    """The skin before and after as models, made anew on every call; the one before is the face, and its name says so.

    The scene is as it was where ``progress`` raises.
    """
    skin_before = _skin_of(ct, progress, 0.1, "skin before")
    skin_after = _skin_of(result, progress, 0.5, "skin after")
    progress(0.9, "3D views")
    before = _model(context, skin_before, linked_model(ct, _BEFORE), f"{ct.GetName()} skin before (SHOWS THE FACE)")
    after = _model(context, skin_after, linked_model(result, _AFTER), f"{result.GetName()} skin after")
    _link_model(ct, _BEFORE, before)
    _link_model(result, _AFTER, after)
    return before, after


def show_skin(context: SceneContext, ct: slicer.vtkMRMLScalarVolumeNode, progress: Progress = silent) -> slicer.vtkMRMLModelNode | None:
    """The skin of a CT as a model in the 3D views, made where there is none yet: then it is returned. What belongs to others is hidden."""
    made = None
    if linked_model(ct, _BEFORE) is None:
        made = _model(context, _skin_of(ct, progress, _SKIN_LAST, "skin"), None, f"{ct.GetName()} skin before (SHOWS THE FACE)")
        _link_model(ct, _BEFORE, made)
    only_own(context, ct)
    return made


def only_own(context: SceneContext, ct: slicer.vtkMRMLScalarVolumeNode | None) -> None:
    """Of what was made of the CTs of a scene, show what belongs to this one: its skin before, and what was seen of it when it was left."""
    for volume in nodes_of_class(context.scene, "vtkMRMLScalarVolumeNode"):
        skin = linked_model(volume, _BEFORE)
        if skin is not None and skin.GetDisplayNode() is not None:
            skin.GetDisplayNode().SetVisibility(volume is ct)
        for role in _SEEN:
            _come_or_go(linked(volume, role), any(linked(ct, other) is linked(volume, role) for other in _SEEN))


def _come_or_go(node: slicer.vtkMRMLDisplayableNode | None, comes: bool) -> None:
    """Hide a node with its CT and show it again with it; what the user himself hid stays hidden."""
    if node is None:
        return
    if comes and node.GetAttribute(_LEFT):
        node.SetDisplayVisibility(True)
    elif not comes and node.GetDisplayVisibility():
        node.SetDisplayVisibility(False)
        node.SetAttribute(_LEFT, "1")
    if comes:
        node.SetAttribute(_LEFT, None)


def is_rendered(volume: slicer.vtkMRMLVolumeNode) -> bool:
    """Do 3D views show a volume by its own voxels (Slicer's volume rendering)?"""
    displays = [volume.GetNthDisplayNode(number) for number in range(volume.GetNumberOfDisplayNodes())]
    return any(node.IsA("vtkMRMLVolumeRenderingDisplayNode") and node.GetVisibility() for node in displays if node is not None)


def linked_model(volume: slicer.vtkMRMLNode, which: str) -> slicer.vtkMRMLModelNode | None:
    """The skin model that was made of a volume; None where there is none."""
    return own(volume, SKIN_PREFIX + which)


def _link_model(volume: slicer.vtkMRMLNode, which: str, model: slicer.vtkMRMLModelNode) -> None:
    claim(volume)
    volume.SetNodeReferenceID(SKIN_PREFIX + which, model.GetID())


def _model(context: SceneContext, surface: vtkPolyData, node: slicer.vtkMRMLModelNode | None, name: str) -> slicer.vtkMRMLModelNode:
    if node is None:
        node = context.scene.AddNewNodeByClass("vtkMRMLModelNode", name)
        node.CreateDefaultDisplayNodes()
    node.SetName(name)
    node.SetAndObserveTransformNodeID(None)
    node.SetAndObservePolyData(surface)
    node.GetDisplayNode().SetScalarVisibility(False)
    node.GetDisplayNode().SetColor(*SKIN_COLOR)
    node.GetDisplayNode().SetVisibility(True)
    return node


def _skin_of(node: slicer.vtkMRMLScalarVolumeNode, progress: Progress, fraction: float, message: str) -> vtkPolyData:
    values, identifier = volume_from_node(node), node.GetID()

    def made(tell: Progress) -> vtkPolyData:
        tell(fraction, message)
        return _surface(ct_of_values(values, identifier, by_hand=True).volume)

    return told_beside(made, progress)


def _surface(volume: Volume) -> vtkPolyData:
    """The skin's iso-surface in world RAS mm."""
    small = block_mean(volume, _SURFACE_MM)
    image = vtkImageData()
    image.SetDimensions(*small.array.shape[::-1])
    scalars = np.ascontiguousarray(small.array, dtype=np.float32)
    image.GetPointData().SetScalars(numpy_to_vtk(scalars.ravel()))
    contour = vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, _SKIN_HU)
    contour.ComputeScalarsOff()  # Slicer would colour the skin by them
    transform = vtkTransform()
    transform.SetMatrix(matrix_from_array(np.diag([-1.0, -1.0, 1.0, 1.0]) @ small.geometry.ijk_to_lps))
    place = vtkTransformPolyDataFilter()
    place.SetTransform(transform)
    place.SetInputConnection(contour.GetOutputPort())
    place.Update()
    return place.GetOutput()
