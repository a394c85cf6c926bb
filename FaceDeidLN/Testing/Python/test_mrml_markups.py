"""Landmarks, the face curve and the skin as nodes, on slicer-core."""

from __future__ import annotations

import display
import numpy as np
import pytest
import slicer
import vtk
from FaceDeidLNLib.anatomy.skin import skin_depth, skin_surface
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.mrml.markups import pointed_at
from FaceDeidLNLib.mrml.nodes import (
    add_ct,
    add_curve,
    add_landmarks,
    add_skin_model,
    curve_points_from_node,
    fill_skin,
    landmarks_from_node,
    surface_lps_from_node,
)
from FaceDeidLNLib.mrml.scene import new_context
from mrml_grids import linear_transform, numbers, tilted


@pytest.fixture
def here():
    return new_context()


# Landmarks


def three_landmarks():
    return Landmarks(
        {
            "pronasale": Landmark("pronasale", np.array([1.0, -90.5, 3.25]), 0.931, "automatic"),
            "menton": Landmark("menton", np.array([0.5, -60.0, -80.0]), 0.4, "derived"),
            "sellion": Landmark("sellion", None, 0.0, "automatic", "outside the field of view"),
        }
    )


def test_landmarks_come_back_with_place_confidence_and_source(here):
    back = landmarks_from_node(add_landmarks(here, three_landmarks()))
    for name in ("pronasale", "menton"):
        known, found = three_landmarks().points[name], back.points[name]
        assert found.position == pytest.approx(known.position, abs=1e-4)
        assert (found.confidence, found.source) == (pytest.approx(known.confidence), known.source)


def test_a_missing_landmark_is_a_point_without_a_position_and_keeps_its_reason(here):
    node = add_landmarks(here, three_landmarks())
    assert node.GetNthControlPointPositionStatus(2) == slicer.vtkMRMLMarkupsNode.PositionUndefined
    back = landmarks_from_node(node).points["sellion"]
    assert back.position is None
    assert back.reason == "outside the field of view"


def test_landmarks_stand_in_ras_inside_slicer(here):
    position = [0.0, 0.0, 0.0]
    add_landmarks(here, three_landmarks()).GetNthControlPointPositionWorld(0, position)
    assert position == pytest.approx([-1.0, 90.5, 3.25])


def without_names(here, view):
    """Does a view draw the same points where their names are taken off? Nothing else is changed."""
    node = add_landmarks(here, three_landmarks())
    for number in range(node.GetNumberOfDisplayNodes()):
        node.GetNthDisplayNode(number).SetSelectedColor(0.0, 0.0, 0.0)
    try:
        named = view.pixels()
        for number in range(node.GetNumberOfDisplayNodes()):
            node.GetNthDisplayNode(number).SetPointLabelsVisibility(False)
        assert (named < view.renderer.GetBackground()[0] * 255).any(), "no point was drawn"
        return np.array_equal(named, view.pixels())
    finally:
        view.close()


def test_a_3d_view_shows_points_without_names_which_would_cover_each_other(here):
    view = display.view_3d(here)
    camera = here.scene.GetFirstNodeByClass("vtkMRMLCameraNode")
    camera.SetFocalPoint(0.0, 80.0, -40.0)
    camera.SetPosition(0.0, 500.0, -40.0)
    camera.SetViewUp(0.0, 0.0, 1.0)
    assert without_names(here, view)


def test_a_slice_view_shows_their_names(here):
    view = display.view_slice(here)
    view.node.SetDimensions(700, 700, 1)
    view.node.SetFieldOfView(300.0, 300.0, 1.0)
    view.node.JumpSliceByCentering(-1.0, 90.5, 3.25)
    assert not without_names(here, view)


@pytest.mark.parametrize("number", [0, 1])
def test_the_point_under_the_pointer_is_told_in_slices_and_in_3d(here, number):
    node = add_landmarks(here, three_landmarks())
    assert pointed_at(node) == ""
    shown = node.GetNthDisplayNode(number)
    shown.SetActiveComponent(shown.ComponentControlPoint, 1)
    assert pointed_at(node) == "menton"


def test_a_landmark_that_was_unset_does_not_tell_where_it_was_found(here):
    node = add_landmarks(here, three_landmarks())
    node.UnsetNthControlPointPosition(0)
    back = landmarks_from_node(node).points["pronasale"]
    assert (back.position, back.reason) == (None, "no position was set")


@pytest.mark.parametrize("nowhere", [np.nan, np.inf, 1e9])
def test_a_point_where_no_patient_is_counts_as_one_without_a_position(here, nowhere):
    node = add_landmarks(here, three_landmarks())
    node.SetNthControlPointPosition(0, nowhere, 0.0, 0.0)
    back = landmarks_from_node(node).points["pronasale"]
    assert (back.position, back.reason) == (None, "no position was set")
    curve = add_curve(here, np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [0.0, 50.0, 10.0]]))
    curve.SetNthControlPointPosition(1, 0.0, nowhere, 0.0)
    with pytest.raises(InputError, match="has 2 points: around a face it needs at least 4"):
        curve_points_from_node(curve)


@pytest.mark.parametrize(
    "act", [lambda n: n.SetNthControlPointPositionWorld(1, 3.0, 4.0, 5.0), lambda n: n.SetNthControlPointLocked(1, True)]
)
def test_a_landmark_that_the_user_moved_or_locked_is_the_users(here, act):
    node = add_landmarks(here, three_landmarks())
    act(node)
    back = landmarks_from_node(node)
    assert (back.points["menton"].source, back.points["menton"].confidence) == ("user", 1.0)
    assert back.points["pronasale"].source == "automatic"


@pytest.mark.parametrize(("label", "message"), [("nose", "unknown landmark"), ("Pronasale", "twice")])
def test_a_label_that_means_nothing_or_the_same_twice_is_refused(here, label, message):
    node = add_landmarks(here, three_landmarks())
    node.AddControlPointWorld(vtk.vtkVector3d(1, 2, 3), label)
    with pytest.raises(InputError, match=message):
        landmarks_from_node(node)


def test_landmarks_and_curve_follow_the_transform_of_their_ct(here):
    ct_node = add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT")
    ct_node.SetAndObserveTransformNodeID(linear_transform(here).GetID())
    landmarks = landmarks_from_node(add_landmarks(here, three_landmarks(), reference=ct_node))
    assert landmarks.position("pronasale") == pytest.approx(three_landmarks().position("pronasale"), abs=1e-4)
    assert landmarks.points["pronasale"].source == "automatic"
    points = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [50.0, 50.0, 5.0], [0.0, 50.0, 10.0]])
    assert curve_points_from_node(add_curve(here, points, reference=ct_node))[0] == pytest.approx(points, abs=1e-3)


# Curve and skin


@pytest.fixture(scope="module")
def skin(phantom):
    """The phantom's skin around the face, and 30 points on it around the face."""
    face = np.array([(-75.0, -125.0, -100.0), (75.0, 20.0, 90.0)])
    tissue = phantom.ct.with_array(phantom.ct.array > -300)
    surface = skin_surface(skin_depth(phantom.ct, tissue, face, spacing_mm=2.0))
    angle = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    outline = np.stack([48 * np.cos(angle), np.full(30, -130.0), 50 * np.sin(angle) - 5], axis=1)
    points = [_first_hit(surface, start) for start in outline]
    return surface, np.array(points)


def _first_hit(surface, start):
    locator = vtk.vtkStaticCellLocator()
    locator.SetDataSet(surface)
    locator.BuildLocator()
    hit, where, inside, cell = vtk.reference(0.0), [0.0] * 3, [0.0] * 3, vtk.reference(0)
    assert locator.IntersectWithLine(start, start + (0, 150.0, 0), 1e-6, hit, where, inside, cell)
    return where


def distance_to(surface, points):
    locator = vtk.vtkStaticCellLocator()
    locator.SetDataSet(surface)
    locator.BuildLocator()
    found, cell, sub, square = [0.0] * 3, vtk.reference(0), vtk.reference(0), vtk.reference(0.0)
    distances = []
    for point in points:
        locator.FindClosestPoint(point, found, cell, sub, square)
        distances.append(square.get() ** 0.5)
    return np.array(distances)


def test_a_skin_is_put_into_its_node_only_where_it_is_another_one(here, skin):
    node = add_skin_model(here, skin[0])
    shown, moved = node.GetPolyData(), vtk.vtkPolyData()
    fill_skin(node, skin[0])
    assert node.GetPolyData() is shown
    moved.DeepCopy(skin[0])
    x, y, z = moved.GetPoint(7)
    moved.GetPoints().SetPoint(7, x, y, z + 1.0)
    fill_skin(node, moved)
    assert node.GetPolyData() is not shown
    assert node.GetPolyData().GetPoint(7) == pytest.approx((-x, -y, z + 1.0), abs=1e-3)


def test_the_curve_keeps_the_control_points_it_was_given(here, skin):
    surface, points = skin
    node = add_curve(here, points, skin_node=add_skin_model(here, surface))
    assert curve_points_from_node(node)[0] == pytest.approx(points, abs=1e-4)


def test_the_path_between_the_control_points_lies_on_the_skin(here, skin):
    surface, points = skin
    path = curve_points_from_node(add_curve(here, points, skin_node=add_skin_model(here, surface)))[1]
    assert len(path) > 5 * len(points)
    assert distance_to(surface, path).max() < 0.1


def test_the_path_goes_back_to_the_skin_when_a_control_point_is_dragged_away(here, skin):
    surface, points = skin
    node = add_curve(here, points, skin_node=add_skin_model(here, surface))
    moved = points[0] * (-1, -1, 1) + (0.0, 8.0, 6.0)
    node.SetNthControlPointPositionWorld(0, *moved)
    assert distance_to(surface, curve_points_from_node(node)[1]).max() < 0.1


@pytest.mark.parametrize("count", [2, 3])
def test_a_curve_of_fewer_points_than_enclose_a_face_is_refused(here, count):
    with pytest.raises(InputError, match="at least 4"):
        curve_points_from_node(add_curve(here, np.zeros((count, 3))))


def test_the_skin_comes_back_from_its_model_under_a_transform(here, skin):
    ct_node = add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT")
    ct_node.SetAndObserveTransformNodeID(linear_transform(here).GetID())
    back = surface_lps_from_node(add_skin_model(here, skin[0], reference=ct_node))
    assert np.abs(np.array(back.GetBounds()) - np.array(skin[0].GetBounds())).max() < 1e-2
