"""Landmarks and the face curve as markups, the skin as a model."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import slicer
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import reference as by_reference
from vtkmodules.vtkCommonCore import vtkDataArray, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkPolyData, vtkStaticCellLocator, vtkVector3d
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter

from ..core.errors import InputError
from ..core.landmarks import LANDMARK_NAMES, MIN_CONTROL_POINTS, Landmark, Landmarks
from ..input.markups import missing, placed
from ..input.plausible import FARTHEST_MM
from ..output.markups import describe
from .matrices import LPS_RAS, matrix_from_array, share_parent, to_world_ras
from .moved import moved_since, note_place
from .scene import SceneContext

_CURVE_COLOR = (1.0, 0.45, 0.1)
#: In per cent of the view.
_TEXT_SCALE, _GLYPH_SCALE = 2.2, 1.5
SKIN_COLOR = (0.88, 0.80, 0.74)
#: Slicer looks for the skin along a ray no longer than this share of the square root of the skin's diagonal, and takes the
#: nearest vertex beyond it; 1 is the longest it allows (18 mm on a head).
_SEARCH_TOLERANCE = 1.0
#: Points that lie nearer (mm) to each other are the same, but for what VTK rounds.
_SAME_PLACE_MM = 1e-4


def ras(lps: np.ndarray) -> np.ndarray:
    """RAS mm (N, 3) of LPS mm points (N, 3), and the other way round."""
    return np.atleast_2d(np.asarray(lps, dtype=float)) * (-1.0, -1.0, 1.0)


def add_landmarks(
    context: SceneContext, landmarks: Landmarks, name: str = "Landmarks", reference: slicer.vtkMRMLVolumeNode | None = None
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """A new vtkMRMLMarkupsFiducialNode with the landmarks; missing ones are points whose position is unset.

    Labels are the names; descriptions are those of the ``.mrk.json`` files (source, confidence and place, or the reason).
    ``reference``, the CT, gives its parent transform.
    """
    node = context.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    share_parent(node, reference)
    fill_landmarks(node, landmarks, reference)
    return _named_in_slices(displayed(node, TextScale=_TEXT_SCALE, GlyphScale=_GLYPH_SCALE, OccludedVisibility=False))


def _named_in_slices(node: slicer.vtkMRMLMarkupsNode) -> slicer.vtkMRMLMarkupsNode:
    """Names beside the points in slice views only: a 3D view sees all points of a face at once, and their names cover each other.

    The display node for slices stays the first one, which slice views ask whether a point lies on them.
    """
    in_slices = node.GetDisplayNode()
    if in_slices is not None:
        in_3d = node.GetScene().AddNewNodeByClass(in_slices.GetClassName())
        in_3d.CopyContent(in_slices)
        in_3d.SetVisibility2D(False)
        in_3d.SetPointLabelsVisibility(False)
        in_slices.SetVisibility3D(False)
        node.AddAndObserveDisplayNodeID(in_3d.GetID())
    return node


def pointed_at(node: slicer.vtkMRMLMarkupsNode | None) -> str:
    """The label of the point that the pointer is over, in whichever view; empty where it is over none."""
    for number in range(0 if node is None else node.GetNumberOfDisplayNodes()):
        display = node.GetNthDisplayNode(number)
        if display is None or display.GetActiveComponentType() != display.ComponentControlPoint:
            continue
        index = display.GetActiveComponentIndex()
        if 0 <= index < node.GetNumberOfControlPoints():  # a point that was taken away stays active until the pointer moves
            return node.GetNthControlPointLabel(index)
    return ""


def stop_placing(application: slicer.vtkMRMLApplicationLogic, node: slicer.vtkMRMLMarkupsNode | None) -> None:
    """The next click into a view places no point of a node any more; what other markups wait for goes on.

    No module is asked: an application that ends leaves its panel after it has unloaded some.
    """
    selection, interaction = application.GetSelectionNode(), application.GetInteractionNode()
    if None in (node, selection, interaction) or selection.GetActivePlaceNodeID() != node.GetID():
        return
    if interaction.GetCurrentInteractionMode() == interaction.Place:
        interaction.SwitchToViewTransformMode()


def displayed(node: slicer.vtkMRMLDisplayableNode, **properties: Any) -> Any:  # noqa: ANN401  the node itself, and what its setters take
    """A node with a display node of these properties, where the scene gives it one."""
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    for name, value in properties.items() if display is not None else ():
        getattr(display, f"Set{name}")(value)
    return node


def fill_landmarks(node: slicer.vtkMRMLMarkupsFiducialNode, landmarks: Landmarks, ct: slicer.vtkMRMLVolumeNode | None = None) -> None:
    """Give an existing node these landmarks of a CT: points of the same name are moved (and keep their lock), others are added."""
    if ct is not None:
        note_place(node, ct)
    known = {_name(node.GetNthControlPointLabel(n)): n for n in range(node.GetNumberOfControlPoints())}
    node.SetFixedNumberOfControlPoints(False)
    for landmark in landmarks:
        position = vtkVector3d(*((0.0, 0.0, 0.0) if landmark.position is None else ras(landmark.position)[0]))
        index = known.get(landmark.name)
        if index is None:
            index = node.AddControlPointWorld(position, landmark.name)
        elif landmark.position is not None:
            node.SetNthControlPointPositionWorld(index, *position)
        node.SetNthControlPointDescription(index, describe(landmark))
        if landmark.position is None:
            node.UnsetNthControlPointPosition(index)


def _name(label: str) -> str:
    """The landmark's name that a label means."""
    return re.sub(r"[\s-]+", "_", label.strip()).lower()


def landmarks_from_node(node: slicer.vtkMRMLMarkupsFiducialNode) -> Landmarks:
    """The points of a fiducial node in world LPS, by label.

    Names are taken without regard to case; blanks and hyphens count as underscores. A point that ``add_landmarks``
    placed and nobody moved or locked keeps its source and confidence, also where it was moved together with its CT; any
    other one is the user's and certain. A point without a position is a missing landmark.

    :raises InputError: a label is no landmark's name, or is there twice.
    """
    points: dict[str, Landmark] = {}
    moved = moved_since(node)
    for index in range(node.GetNumberOfControlPoints()):
        landmark = _landmark(node, index, moved)
        if landmark.name not in LANDMARK_NAMES:
            named, known = f'"{node.GetName()}" has an unknown landmark "{node.GetNthControlPointLabel(index)}"', ", ".join(LANDMARK_NAMES)
            raise InputError(f"{named}: rename or delete that point; known are: {known}.")
        if landmark.name in points:
            raise InputError(f'"{node.GetName()}" has the landmark "{landmark.name}" twice: keep one.')
        points[landmark.name] = landmark
    return Landmarks(points)


def _landmark(node: slicer.vtkMRMLMarkupsNode, index: int, moved: np.ndarray | None) -> Landmark:
    name = _name(node.GetNthControlPointLabel(index))
    description = node.GetNthControlPointDescription(index)
    place = _place(node, index)
    if np.isnan(place).any():
        return missing(name, description, "no position was set")
    lps, locked = ras(place)[0], node.GetNthControlPointLocked(index)
    landmark = placed(name, lps, description, locked)
    if moved is None or landmark.source != "user":
        return landmark
    back = np.linalg.inv(moved)
    found = placed(name, back[:3, :3] @ lps + back[:3, 3], description, locked)
    return replace(found, position=lps)


def add_curve(
    context: SceneContext,
    control_points_lps: np.ndarray,
    name: str = "Face curve",
    reference: slicer.vtkMRMLTransformableNode | None = None,
    skin_node: slicer.vtkMRMLModelNode | None = None,
) -> slicer.vtkMRMLMarkupsClosedCurveNode:
    """A new vtkMRMLMarkupsClosedCurveNode through control points (N, 3) in LPS mm.

    With a ``skin_node`` (vtkMRMLModelNode) the path between the control points lies on it, also after the user has
    dragged one; without it the path is straight between them. ``reference`` gives its parent transform.
    """
    node = context.scene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode", name)
    share_parent(node, reference)
    fill_curve(node, control_points_lps)
    if skin_node is None:
        node.SetCurveTypeToLinear()
    else:
        node.SetSurfaceConstraintMaximumSearchRadiusTolerance(_SEARCH_TOLERANCE)
        node.SetAndObserveSurfaceConstraintNode(skin_node)
    return displayed(node, SelectedColor=_CURVE_COLOR, PointLabelsVisibility=False, PropertiesLabelVisibility=False)


def fill_curve(node: slicer.vtkMRMLMarkupsCurveNode, control_points_lps: np.ndarray) -> None:
    """Give an existing curve node other control points (N, 3) in LPS mm.

    Where it has those very points nothing is done: it would look for its path on the skin anew.
    """
    wanted, has = ras(control_points_lps), control_points(node)
    if np.shape(has) == wanted.shape and np.allclose(has, wanted, rtol=0.0, atol=_SAME_PLACE_MM):
        return
    points = vtkPoints()
    for position in wanted:
        points.InsertNextPoint(position)
    node.SetControlPointPositionsWorld(points)


def curve_points_from_node(node: slicer.vtkMRMLMarkupsCurveNode) -> tuple[np.ndarray, np.ndarray]:
    """The defined control points (N, 3) and the path between them (M, 3) of a curve node, world LPS mm.

    :raises InputError: fewer than MIN_CONTROL_POINTS: that encloses no face.
    """
    positions = [position for position in control_points(node) if not np.isnan(position).any()]
    if len(positions) < MIN_CONTROL_POINTS:
        told = f"points: around a face it needs at least {MIN_CONTROL_POINTS}, add points."
        raise InputError(f'The curve "{node.GetName()}" has {len(positions)} {told}')
    path = node.GetCurvePointsWorld()
    return ras(positions), ras(vtk_to_numpy(path.GetData()))


def control_points(node: slicer.vtkMRMLMarkupsNode) -> np.ndarray:
    """The control points (N, 3) of a node in world RAS mm; NaN where a position is not set, or where no patient is."""
    return np.reshape([_place(node, index) for index in range(node.GetNumberOfControlPoints())], (-1, 3))


def _place(node: slicer.vtkMRMLMarkupsNode, index: int) -> np.ndarray:
    """One of ``control_points``."""
    place = np.full(3, np.nan)
    if node.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined:
        node.GetNthControlPointPositionWorld(index, place)
    return place if np.all(np.abs(place) <= FARTHEST_MM) else np.full(3, np.nan)


def add_skin_model(
    context: SceneContext, surface_lps: vtkPolyData, name: str = "Skin", reference: slicer.vtkMRMLTransformableNode | None = None
) -> slicer.vtkMRMLModelNode:
    """A new vtkMRMLModelNode of a surface whose points are world LPS mm; ``reference`` gives its parent transform."""
    node = context.scene.AddNewNodeByClass("vtkMRMLModelNode", name)
    share_parent(node, reference)
    fill_skin(node, surface_lps)
    return displayed(node, ScalarVisibility=False, Color=SKIN_COLOR, Opacity=0.6)


def fill_skin(node: slicer.vtkMRMLModelNode, surface_lps: vtkPolyData) -> None:
    """Give an existing model node another surface whose points are world LPS mm.

    Where it has that very surface nothing is done: a curve that lies on it would look for its own place on all of it anew.
    """
    transform = vtkTransform()
    transform.SetMatrix(matrix_from_array(np.linalg.inv(to_world_ras(node)) @ LPS_RAS))
    to_local = vtkTransformPolyDataFilter()
    to_local.SetTransform(transform)
    to_local.SetInputData(surface_lps)
    to_local.Update()
    if not _same_surface(node.GetPolyData(), to_local.GetOutput()):
        node.SetAndObservePolyData(to_local.GetOutput())


def _same_surface(first: vtkPolyData | None, second: vtkPolyData) -> bool:
    """Have two surfaces the same points and polygons, in the same order?"""
    if first is None or first.GetNumberOfPoints() != second.GetNumberOfPoints() or first.GetNumberOfCells() != second.GetNumberOfCells():
        return False
    if not first.GetNumberOfPoints():
        return True
    return all(np.array_equal(*map(vtk_to_numpy, pair)) for pair in zip(_parts(first), _parts(second), strict=True))


def _parts(surface: vtkPolyData) -> tuple[vtkDataArray, ...]:
    polys = surface.GetPolys()
    return surface.GetPoints().GetData(), polys.GetOffsetsArray(), polys.GetConnectivityArray()


def nearest_on_surface(node: slicer.vtkMRMLModelNode, points_lps: np.ndarray) -> np.ndarray:
    """The points (N, 3) of a model's surface nearest to points (N, 3), both in world LPS mm; raises as ``surface_lps_from_node``."""
    locator = vtkStaticCellLocator()
    locator.SetDataSet(surface_lps_from_node(node))
    locator.BuildLocator()
    found, cell, part, distance = [0.0] * 3, by_reference(0), by_reference(0), by_reference(0.0)
    nearest = []
    for point in np.atleast_2d(np.asarray(points_lps, dtype=float)):
        locator.FindClosestPoint(point, found, cell, part, distance)
        nearest.append(list(found))
    return np.array(nearest)


def surface_lps_from_node(node: slicer.vtkMRMLModelNode) -> vtkPolyData:
    """The surface of a vtkMRMLModelNode with its points in world LPS mm (a copy).

    :raises InputError: the model has no surface.
    """
    if node.GetPolyData() is None or node.GetPolyData().GetNumberOfPoints() == 0:
        raise InputError(f'The model "{node.GetName()}" is empty.')
    matrix = LPS_RAS @ to_world_ras(node)
    surface = vtkPolyData()
    surface.DeepCopy(node.GetPolyData())
    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(float) @ matrix[:3, :3].T + matrix[:3, 3]
    surface.GetPoints().SetData(numpy_to_vtk(points, deep=True))
    return surface
