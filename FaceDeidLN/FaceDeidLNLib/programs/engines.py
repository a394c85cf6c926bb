"""Slicer's own tools as engines: Wrap Solidify for the skin, Dynamic Modeler's curve cut, and the Mask volume effect.

Each gives a result of the same shape as the built-in step, is checked here, and passes the same verification.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import slicer
from scipy import ndimage
from scipy.spatial import cKDTree
from vtk.util.numpy_support import vtk_to_numpy

from ..anatomy.bone import bone_mask
from ..anatomy.skin import skin_surface
from ..case.records import Anatomy, Request
from ..core.errors import FaceDeidError, FaceNotFoundError
from ..core.parameters import Parameters
from ..core.progress import Alive, idle
from ..core.segment import Segment, tight
from ..core.volume import Volume, resample
from ..effect.records import FILL_HU, effects_with
from ..face.segment import RIM_MM, SKIN_MM, Face
from ..mrml.nodes import add_ct, add_curve, add_segmentation, add_skin_model, segments_from_node, surface_lps_from_node, volume_from_node
from ..mrml.removal import scratch_nodes
from ..mrml.scene import SceneContext

_WRAP_FOLDER = "SegmentEditorWrapSolidifyLib"
#: Remeshing at the grid's own spacing in three rounds: a fifth of the time of the effect's defaults at 1.5 mm.
_WRAP_OVERSAMPLING, _WRAP_ROUNDS = 1.0, 3
#: A wrap must hold the head, and not much more than it: shares of the built-in one's volume.
_WRAP_HOLDS, _WRAP_GROWS = 0.9, 1.3


@dataclass(frozen=True)
class Engines:
    """Which of Slicer's tools are used instead of the built-in steps."""

    wrap: bool = False
    cut: bool = False
    mask: bool = False


def _has_module(name: str) -> bool:
    return hasattr(getattr(slicer, "modules", None), name)


def missing_engine(name: str) -> str:
    """Why the engine "wrap", "cut" or "mask" cannot be used here; empty where it can."""
    if name == "wrap" and not _has_module("segmenteditorwrapsolidify"):
        return "The extension SurfaceWrapSolidify is not installed: install it with the Extensions Manager."
    if name == "cut" and not _has_module("dynamicmodeler"):
        return "The module Dynamic Modeler is not in this Slicer."
    if name == "mask" and importlib.util.find_spec("SegmentEditorEffects") is None:
        return "The Segment Editor's effects are not in this Slicer."
    return ""


def require_engines(engines: Engines) -> None:
    """Raises FaceDeidError, with the extension's name, where an engine that was chosen is not installed."""
    for name in ("wrap", "cut", "mask"):
        reason = missing_engine(name) if getattr(engines, name) else ""
        if reason:
            raise FaceDeidError(reason)


def _wrap_solidify() -> type:
    """The extension's ``WrapSolidifyLogic``.

    Slicer puts the effect's file into ``sys.modules`` under its folder's name once the effect is registered
    (qSlicerSegmentEditorScriptedEffect::setPythonSource). Before that the file is read here under no name: Slicer would
    take whatever it finds under the folder's name for the effect itself.
    """
    loaded = getattr(sys.modules.get(_WRAP_FOLDER), "WrapSolidifyLogic", None)
    if loaded is not None:
        return loaded
    path = Path(slicer.modules.segmenteditorwrapsolidify.path).parent / _WRAP_FOLDER / "SegmentEditorEffect.py"
    try:
        spec = importlib.util.spec_from_file_location("wrap_solidify_effect", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.WrapSolidifyLogic
    except (OSError, ImportError, AttributeError) as error:
        raise FaceDeidError(f"The extension SurfaceWrapSolidify cannot be used ({error}): install it again.") from error


def wrapped_anatomy(context: SceneContext, anatomy: Anatomy, alive: Alive = idle) -> Anatomy:
    """The anatomy with the skin that the extension SurfaceWrapSolidify wraps around the head; ``alive`` is called in every round.

    :raises FaceDeidError: the extension is missing, or its surface does not hold the head.
    """
    require_engines(Engines(wrap=True))
    depth = anatomy.depth
    solid = depth.array > 0
    with scratch_nodes(context.scene):
        node = add_segmentation(context, [tight("head", solid)], depth.geometry, "head to wrap")
        logic = _wrap_solidify()()
        logic.segmentationNode, logic.segmentId = node, node.GetSegmentation().GetNthSegmentID(0)
        logic.region, logic.outputType = "outerSurface", "segment"
        logic.remeshOversampling, logic.shrinkwrapIterations = _WRAP_OVERSAMPLING, _WRAP_ROUNDS
        logic.logCallback = lambda message: alive()
        logic.applyWrapSolidify()
        mask = segments_from_node(node)[0].mask
    padded = Volume(np.pad(mask.array, 1).astype(np.float32), mask.geometry.padded(1))
    wrapped = resample(padded, depth.geometry, fill=0.0).array >= 0.5
    wrapped |= _beyond_view(solid)
    _require_head(solid, wrapped)
    step = depth.geometry.spacing[0]
    signed = ndimage.distance_transform_edt(wrapped) - ndimage.distance_transform_edt(~wrapped)
    signed = (np.sign(signed) * (np.abs(signed) - 0.5) * step).astype(np.float32)
    return replace(anatomy, depth=depth.with_array(signed))


def _beyond_view(solid: np.ndarray) -> np.ndarray:
    """The head's voxels in the outermost layer of the grid: a closed surface cannot reach them, and they are no skin."""
    rim = np.ones(solid.shape, dtype=bool)
    rim[1:-1, 1:-1, 1:-1] = False
    return solid & ndimage.binary_dilation(rim, iterations=2)


def _require_head(solid: np.ndarray, wrapped: np.ndarray) -> None:
    held = np.count_nonzero(solid & wrapped) / np.count_nonzero(solid)
    grown = np.count_nonzero(wrapped) / np.count_nonzero(solid)
    if held < _WRAP_HOLDS or grown > _WRAP_GROWS:
        raise FaceDeidError(
            f"Wrap Solidify's surface holds {held:.0%} of the head and {grown:.0%} of its volume: it does not fit; use the built-in skin."
        )


def cut_by_curve(context: SceneContext, request: Request, anatomy: Anatomy, control_lps: np.ndarray) -> Segment:
    """The face region that Dynamic Modeler's *Curve cut* cuts out of the skin, ``depth_mm`` thick and ``outside_mm`` in front.

    ``control_lps`` (N, 3) are the curve's control points on the skin.

    :raises FaceDeidError: the module is missing, or it cut nothing out.
    """
    require_engines(Engines(cut=True))
    with scratch_nodes(context.scene):
        patch, rest = _run_curve_cut(context, anatomy, control_lps)
    grid, parameters = request.ct.geometry, request.parameters
    box = grid.box_around(patch, margin_mm=parameters.depth_mm + parameters.outside_mm + 2 * max(grid.spacing))
    depth = resample(anatomy.depth, grid.crop(box), fill=-1e3).array
    bone = bone_mask(request.ct, box, parameters.bone_hu, anatomy.body) & (depth > SKIN_MM + 0.5 * max(grid.spacing))
    layer = np.argwhere((depth >= -parameters.outside_mm) & (depth <= parameters.depth_mm) & ~bone)
    points = grid.crop(box).to_lps(layer)
    to_border = cKDTree(rest).query(points)[0]
    near = cKDTree(patch).query(points)[0] <= to_border
    near &= depth[tuple(layer.T)] <= RIM_MM + to_border  # as thin at the border as the built-in layer
    mask = np.zeros(box.shape, dtype=bool)
    mask[tuple(layer[near].T)] = True
    if not mask.any():
        raise FaceNotFoundError("Curve cut gave a patch of skin that holds no voxel: draw the curve again")
    return Segment("Face", Volume(mask, grid.crop(box)), "Curve cut")


def _run_curve_cut(context: SceneContext, anatomy: Anatomy, control_lps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points (N, 3) of the skin inside the curve and those outside, LPS mm."""
    skin = add_skin_model(context, skin_surface(anatomy.depth), "skin to cut")
    curve = add_curve(context, control_lps, "curve to cut", None, skin)
    inside, outside = (context.scene.AddNewNodeByClass("vtkMRMLModelNode", name) for name in ("inside", "outside"))
    tool = context.scene.AddNewNodeByClass("vtkMRMLDynamicModelerNode")
    tool.SetToolName("Curve cut")
    tool.SetNodeReferenceID("CurveCut.InputModel", skin.GetID())
    tool.SetNodeReferenceID("CurveCut.InputCurve", curve.GetID())
    tool.SetNodeReferenceID("CurveCut.OutputInside", inside.GetID())
    tool.SetNodeReferenceID("CurveCut.OutputOutside", outside.GetID())
    tool.SetAttribute("CurveCut.StraightCut", "1")
    slicer.modules.dynamicmodeler.logic().RunDynamicModelerTool(tool)
    points = []
    for node in (inside, outside):
        if node.GetPolyData() is None or not node.GetPolyData().GetNumberOfPoints():
            raise FaceDeidError("Curve cut cut nothing out of the skin: move the curve, or use the built-in cut.")
        points.append(vtk_to_numpy(surface_lps_from_node(node).GetPoints().GetData()))
    patch, rest = sorted(points, key=lambda part: np.linalg.norm(part.mean(0) - np.mean(control_lps, axis=0)))
    return patch, rest


def mask_volume(context: SceneContext, ct: Volume, face: Face, parameters: Parameters) -> Volume:
    """The CT after the Segment Editor's effect *Mask volume* has filled the face segment with ``fill_hu``.

    :raises FaceDeidError: the effect is missing or refused, or the fill value does not fit the CT's scalar type.
    """
    require_engines(Engines(mask=True))
    if parameters.effect not in effects_with(FILL_HU.field):
        raise FaceDeidError(f'Mask volume can fill, and not do "{parameters.effect}": choose the effect "mask" or the built-in engine.')
    if parameters.watermark:
        raise FaceDeidError("Mask volume writes no watermark: leave it out or choose the built-in engine.")
    fill = parameters.own_number(FILL_HU)
    if ct.array.dtype.kind != "f" and not np.iinfo(ct.array.dtype).min <= fill <= np.iinfo(ct.array.dtype).max:
        raise FaceDeidError(f"{fill:g} HU does not fit the CT's scalar type {ct.array.dtype}, and Mask volume would wrap it.")
    effect = importlib.import_module("SegmentEditorEffects").SegmentEditorMaskVolumeEffect
    with scratch_nodes(context.scene):
        source = add_ct(context, ct, "CT to mask")
        output = context.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "masked CT")
        segments = add_segmentation(context, [face.without_apron().segment], ct.geometry, "face to mask", None, source)
        identifier = segments.GetSegmentation().GetNthSegmentID(0)
        done = effect.maskVolumeWithSegment(segments, identifier, "FILL_INSIDE", [fill], source, output)
        if not done:
            raise FaceDeidError("The Segment Editor's effect Mask volume did not do its work; details are in the log.")
        masked = volume_from_node(output)
        return masked.with_array(masked.array.copy())
