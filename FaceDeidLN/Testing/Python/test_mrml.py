"""Nodes and back: nothing is lost, nothing moves, and the curve lies on the skin."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from FaceDeidLNLib.anatomy.skin import skin_depth, skin_surface
from FaceDeidLNLib.core.errors import FaceDeidError, InputError
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.segment import BoxMask, tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.mrml.matrices import matrix_from_array
from FaceDeidLNLib.mrml.nodes import (
    add_ct,
    add_curve,
    add_landmarks,
    add_segmentation,
    add_skin_model,
    curve_points_from_node,
    fill_ct,
    landmarks_from_node,
    segments_from_node,
    surface_lps_from_node,
    volume_from_node,
)
from FaceDeidLNLib.mrml.scene import context, headless_context, new_context
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation


@st.composite
def geometries(draw):
    """Small grids with any rotation, flips, anisotropy and shear."""
    shape = tuple(draw(st.integers(2, 6)) for _ in range(3))
    angles = [draw(st.floats(-180, 180)) for _ in range(3)]
    spacing = [draw(st.floats(0.3, 6.0)) * draw(st.sampled_from((1, -1))) for _ in range(3)]
    shear = np.eye(3)
    shear[1, 2] = draw(st.floats(-0.6, 0.6))
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ shear @ np.diag(spacing)
    matrix[:3, 3] = [draw(st.floats(-500, 500)) for _ in range(3)]
    return Geometry(shape, matrix)


def tilted(shape=(4, 5, 6)):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", (10, -25, 40), degrees=True).as_matrix() @ np.diag((0.7, -1.2, 3.0))
    matrix[1, 2] += 0.5
    matrix[:3, 3] = (11.0, -7.0, 300.0)
    return Geometry(shape, matrix)


def linear_transform(here):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", (5, 80, -30), degrees=True).as_matrix()
    matrix[:3, 3] = (20.0, -30.0, 40.0)
    node = here.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    node.SetMatrixTransformToParent(matrix_from_array(matrix))
    return node


@pytest.fixture
def here():
    return new_context()


def numbers(shape, dtype=np.int16):
    return (np.arange(np.prod(shape)).reshape(shape) * 7 - 1000).astype(dtype)


# Volumes


@settings(max_examples=25, deadline=None)
@given(geometry=geometries())
def test_a_volume_comes_back_from_its_node_with_the_same_voxels_and_place(geometry):
    volume = Volume(numbers(geometry.shape), geometry)
    back = volume_from_node(add_ct(new_context(), volume, "CT"))
    assert np.array_equal(back.array, volume.array)
    assert back.geometry.same_as(geometry, 1e-6)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_the_scalar_type_is_kept(here, dtype):
    assert volume_from_node(add_ct(here, Volume(numbers((2, 3, 4), dtype), tilted((2, 3, 4))), "CT")).array.dtype == dtype


@pytest.mark.parametrize("dtype", [bool, np.int64])
def test_a_scalar_type_that_slicer_cannot_show_is_refused(here, dtype):
    with pytest.raises(InputError, match="cannot be put into a volume node"):
        add_ct(here, Volume(np.zeros((2, 3, 4), dtype), tilted((2, 3, 4))), "CT")


def test_slicer_sees_the_first_axis_of_the_patient_mirrored(here):
    node = add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT")
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    lps = tilted().ijk_to_lps
    assert [matrix.GetElement(r, 3) for r in range(3)] == pytest.approx([-lps[0, 3], -lps[1, 3], lps[2, 3]])


def test_the_array_of_a_node_cannot_be_written_by_mistake(here):
    back = volume_from_node(add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT"))
    with pytest.raises(ValueError, match="read-only"):
        back.array[0, 0, 0] = 1


def test_a_linear_parent_transform_moves_the_volume(here):
    node, transform = add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT"), linear_transform(here)
    node.SetAndObserveTransformNodeID(transform.GetID())
    ras_point = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(ras_point)
    start = np.array(ras_point.MultiplyPoint((-11.0, 7.0, 300.0, 1.0))[:3]) * (-1, -1, 1)
    assert volume_from_node(node).geometry.to_lps([[0, 0, 0]])[0] == pytest.approx(start, abs=1e-6)


def test_a_result_shares_the_parent_transform_and_the_place_of_its_ct(here):
    node = add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT")
    node.SetAndObserveTransformNodeID(linear_transform(here).GetID())
    ct = volume_from_node(node)
    result = add_ct(here, ct, "result", node)
    assert result.GetTransformNodeID() == node.GetTransformNodeID()
    assert volume_from_node(result).geometry.same_as(ct.geometry, 1e-6)


def test_a_filled_node_takes_the_place_of_the_new_voxels(here):
    node = add_ct(here, Volume(numbers((2, 2, 2)), tilted((2, 2, 2))), "output")
    volume = Volume(numbers((4, 5, 6), np.float32), Geometry((4, 5, 6), np.diag((2.0, 2.0, 3.0, 1.0))))
    fill_ct(node, volume)
    back = volume_from_node(node)
    assert np.array_equal(back.array, volume.array)
    assert back.geometry.same_as(volume.geometry)


def test_a_non_linear_parent_transform_is_refused_with_its_name(here):
    node = add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT")
    transform = here.scene.AddNewNodeByClass("vtkMRMLTransformNode", "bent")
    spline = vtk.vtkThinPlateSplineTransform()
    points = vtk.vtkPoints()
    for point in ((0, 0, 0), (10, 0, 0), (0, 10, 0), (0, 0, 10), (5, 5, 5)):
        points.InsertNextPoint(point)
    moved = vtk.vtkPoints()
    moved.DeepCopy(points)
    moved.SetPoint(4, 6, 5, 5)
    spline.SetSourceLandmarks(points)
    spline.SetTargetLandmarks(moved)
    spline.SetBasisToR()
    transform.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(FaceDeidError, match='non-linear transform "bent"'):
        volume_from_node(node)


def test_a_volume_node_without_voxels_is_refused(here):
    with pytest.raises(InputError, match="has no voxels"):
        volume_from_node(here.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty"))


def test_a_volume_of_colours_is_refused(here):
    node = here.scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "colours")
    image = vtk.vtkImageData()
    image.SetDimensions(3, 3, 3)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    node.SetAndObserveImageData(image)
    with pytest.raises(InputError, match="3 values per voxel"):
        volume_from_node(node)


# Segmentations


@settings(max_examples=25, deadline=None)
@given(geometry=geometries(), seed=st.integers(0, 1000))
def test_masks_come_back_from_their_node_voxel_by_voxel(geometry, seed):
    mask = np.random.default_rng(seed).random(geometry.shape) > 0.8
    mask.flat[seed % mask.size] = True
    back = segments_from_node(add_segmentation(new_context(), [tight("node", mask)], geometry, "S"))[0]
    places = geometry.to_kji(back.mask.geometry.to_lps(np.argwhere(back.mask.array)))
    assert np.abs(places - np.argwhere(mask)).max() < 1e-4


def two_blobs():
    mask = np.zeros((2, *tilted().shape), dtype=bool)
    mask[0, 1:3, 1:4, 2:5] = True
    mask[1, 2:4, 2:5, 3:6] = True
    return [tight("a", mask[0]), tight("b", mask[1])], mask


def test_overlapping_masks_stay_whole(here):
    masks, arrays = two_blobs()
    back = segments_from_node(add_segmentation(here, masks, tilted(), "S"))
    assert [int(s.mask.array.sum()) for s in back] == [int(a.sum()) for a in arrays]


def test_masks_that_share_one_label_map_are_told_apart(here):
    masks, arrays = two_blobs()
    arrays[1] &= ~arrays[0]
    node = add_segmentation(here, [masks[0], tight("b", arrays[1])], tilted(), "S")
    node.GetSegmentation().CollapseBinaryLabelmaps(False)
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    for segment, expected in zip(segments_from_node(node), arrays, strict=True):
        places = tilted().to_kji(segment.mask.geometry.to_lps(np.argwhere(segment.mask.array)))
        assert np.abs(places - np.argwhere(expected)).max() < 1e-4


def test_an_empty_mask_comes_back_empty_with_its_name(here):
    empty = BoxMask("nothing", Box((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), dtype=bool))
    back = segments_from_node(add_segmentation(here, [empty], tilted(), "S"))[0]
    assert (back.name, int(back.mask.array.sum())) == ("nothing", 0)


def test_a_segmentation_lies_on_a_ct_under_a_transform(here):
    ct_node = add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT")
    ct_node.SetAndObserveTransformNodeID(linear_transform(here).GetID())
    ct = volume_from_node(ct_node)
    masks, arrays = two_blobs()
    node = add_segmentation(here, masks, ct.geometry, "S", reference=ct_node)
    back = segments_from_node(node)[0]
    assert node.GetTransformNodeID() == ct_node.GetTransformNodeID()
    assert np.abs(ct.geometry.to_kji(back.mask.geometry.to_lps(np.argwhere(back.mask.array))) - np.argwhere(arrays[0])).max() < 1e-4


def test_chosen_segments_come_alone_and_in_the_order_asked(here):
    node = add_segmentation(here, two_blobs()[0], tilted(), "S")
    ids = [node.GetSegmentation().GetSegmentIdBySegmentName(name) for name in ("b", "a")]
    assert [s.name for s in segments_from_node(node, ids)] == ["b", "a"]
    assert [s.name for s in segments_from_node(node, ids[:1])] == ["b"]


def test_an_unknown_segment_is_refused_with_the_names_there_are(here):
    with pytest.raises(InputError, match='no segment "missing"'):
        segments_from_node(add_segmentation(here, two_blobs()[0], tilted(), "S"), ["missing"])


def test_a_segment_drawn_as_a_surface_is_converted_and_the_node_left_alone(here):
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(10.0)
    sphere.SetThetaResolution(40)
    sphere.SetPhiResolution(40)
    sphere.Update()
    node = here.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "surface")
    node.SetSourceRepresentationToClosedSurface()
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "ball", (1.0, 0.0, 0.0))
    mask = segments_from_node(node)[0].mask
    assert mask.array.sum() * mask.geometry.voxel_mm3 == pytest.approx(4 / 3 * np.pi * 1000, rel=0.05)
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")


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
    points = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [0.0, 50.0, 10.0]])
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


def test_a_curve_of_two_points_is_refused(here):
    with pytest.raises(InputError, match="at least three"):
        curve_points_from_node(add_curve(here, np.zeros((2, 3))))


def test_the_skin_comes_back_from_its_model_under_a_transform(here, skin):
    ct_node = add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT")
    ct_node.SetAndObserveTransformNodeID(linear_transform(here).GetID())
    back = surface_lps_from_node(add_skin_model(here, skin[0], reference=ct_node))
    assert np.abs(np.array(back.GetBounds()) - np.array(skin[0].GetBounds())).max() < 1e-2


# Scenes


def test_outside_the_application_there_is_one_scene_where_slicer_looks_for_it():
    first, second = context(), headless_context()
    assert first is second
    assert slicer.mrmlScene is first.scene
    assert slicer.modules.volumes.logic() is first.logics["volumes"]


def test_a_new_context_has_a_scene_of_its_own(here):
    add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "only here")
    assert context().scene.GetFirstNodeByName("only here") is None
