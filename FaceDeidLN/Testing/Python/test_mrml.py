"""Nodes and back: nothing is lost, nothing moves, and the curve lies on the skin."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from FaceDeidLNLib.core.errors import FaceDeidError, InputError
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.segment import BoxMask, tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.mrml.as_made import is_as_made, note_as_made
from FaceDeidLNLib.mrml.matrices import matrix_from_array
from FaceDeidLNLib.mrml.nodes import (
    add_ct,
    add_curve,
    add_segmentation,
    fill_ct,
    fill_segmentation,
    read_stored,
    segments_from_node,
    stored_segments,
    volume_from_node,
)
from FaceDeidLNLib.mrml.scene import context, headless_context, new_context
from hypothesis import given, settings
from hypothesis import strategies as st
from mrml_grids import linear_transform, numbers, tilted
from scipy import ndimage
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


@pytest.fixture
def here():
    return new_context()


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


@pytest.mark.parametrize("number", [0.0, np.nan])
def test_a_volume_that_a_transform_or_its_own_spacing_leaves_nothing_of_is_refused(here, number):
    node, curve = add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT"), add_curve(here, np.eye(3))
    note_as_made(curve, node)
    flat = linear_transform(here)
    flat.SetName("flat")
    flat.SetMatrixTransformToParent(matrix_from_array(np.diag([number, 1.0, 1.0, 1.0])))
    node.SetAndObserveTransformNodeID(flat.GetID())
    with pytest.raises(FaceDeidError, match='"CT" is under the transform "flat", which leaves nothing of a volume'):
        volume_from_node(node)
    assert is_as_made(curve, node), "it lies where it lay"
    node.SetAndObserveTransformNodeID(None)
    node.SetIJKToRASMatrix(matrix_from_array(np.diag([number, 1.0, 1.0, 1.0])))
    with pytest.raises(FaceDeidError, match='"CT" has a matrix of its voxels that leaves nothing'):
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


def test_a_label_map_that_segments_share_is_looked_through_once_and_each_mask_is_as_small_as_its_box(here, monkeypatch):
    looked, real = [], ndimage.find_objects
    monkeypatch.setattr("FaceDeidLNLib.mrml.segmentations.ndimage.find_objects", lambda labels: looked.append(labels.shape) or real(labels))
    masks, arrays = two_blobs()
    arrays[1] &= ~arrays[0]
    node = add_segmentation(here, [masks[0], tight("b", arrays[1])], tilted(), "S")
    node.GetSegmentation().CollapseBinaryLabelmaps(False)
    back = segments_from_node(node)
    assert len(looked) == 1
    assert [segment.mask.array.shape for segment in back] == [tight("", array).array.shape for array in arrays]


def test_a_segment_that_is_asked_for_twice_is_one_mask(here):
    node = add_segmentation(here, two_blobs()[0], tilted(), "S")
    first, _, again, _ = read_stored([*stored_segments(node), *stored_segments(node)])
    assert again.mask is first.mask


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


def test_a_filled_segmentation_lies_where_its_ct_lies_now(here):
    ct, transform = add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "CT"), linear_transform(here)
    ct.SetAndObserveTransformNodeID(transform.GetID())
    mask = tight("Face", volume_from_node(ct).array > 60)
    node = add_segmentation(here, [mask], volume_from_node(ct).geometry, "face", reference=ct)
    ct.SetAndObserveTransformNodeID(None)
    fill_segmentation(node, [mask], volume_from_node(ct).geometry, reference=ct)
    back = segments_from_node(node)[0].mask
    wanted = volume_from_node(ct).geometry.to_lps(np.argwhere(volume_from_node(ct).array > 60))
    assert back.geometry.to_lps(np.argwhere(back.array)) == pytest.approx(wanted, abs=1e-6)


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


# Scenes


def test_outside_the_application_there_is_one_scene_where_slicer_looks_for_it():
    first, second = context(), headless_context()
    assert first is second
    assert slicer.mrmlScene is first.scene
    assert slicer.modules.volumes.logic() is first.logics["volumes"]


def test_a_new_context_has_a_scene_of_its_own(here):
    add_ct(here, Volume(numbers((4, 5, 6)), tilted()), "only here")
    assert context().scene.GetFirstNodeByName("only here") is None
