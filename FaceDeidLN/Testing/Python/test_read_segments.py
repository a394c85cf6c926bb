"""Segments from files, and their place on the CT's grid."""

import numpy as np
import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.input.segments import read_segments
from hypothesis import given, settings
from hypothesis import strategies as st
from masks import GRID, SHAPE, blob, write_mask
from scipy.spatial.transform import Rotation


def write_layers(path):
    """Two overlapping segments and a third beside one of them, as Slicer writes them: a list axis of two layers first."""
    layers = np.zeros((*SHAPE, 2), dtype=np.uint8)
    layers[2:6, 2:6, 2:6, 0] = 1
    layers[4:8, 4:8, 4:8, 1] = 1
    layers[0, 0, :, 1] = 2
    head = (
        "NRRD0004\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\nsizes: 2 11 10 9\n"
        "space directions: none (1,0,0) (0,1.5,0) (0,0,2)\nkinds: list domain domain domain\nencoding: raw\nspace origin: (5,-7,30)\n"
    )
    for n, (name, label, layer) in enumerate([("Node Ia", 1, 0), ("Node Ib", 1, 1), ("Gland", 2, 1)]):
        head += f"Segment{n}_ID:=Segment_{n}\nSegment{n}_Name:={name}\nSegment{n}_LabelValue:={label}\nSegment{n}_Layer:={layer}\n"
    path.write_bytes((head + "\n").encode() + layers.tobytes())
    return layers


def full(segment):
    """The segment on the grid ``GRID``."""
    return place_segments([segment], GRID)[0].full(SHAPE)


def test_overlapping_layers_of_a_slicer_file_become_separate_segments(tmp_path):
    layers = write_layers(tmp_path / "nodes.seg.nrrd")
    segments = read_segments(tmp_path / "nodes.seg.nrrd")
    assert [s.name for s in segments] == ["Node Ia", "Node Ib", "Gland"]
    assert np.array_equal(full(segments[0]), layers[..., 0] == 1)
    assert np.array_equal(full(segments[1]), layers[..., 1] == 1)
    assert np.array_equal(full(segments[2]), layers[..., 1] == 2)


def test_what_stands_in_a_slicer_file_without_a_name_is_a_segment_too(tmp_path):
    layers = write_layers(tmp_path / "nodes.seg.nrrd")
    content = (tmp_path / "nodes.seg.nrrd").read_bytes().replace(b"Segment2_", b"Comment2_")
    (tmp_path / "nodes.seg.nrrd").write_bytes(content)
    segments = read_segments(tmp_path / "nodes.seg.nrrd")
    assert [s.name for s in segments] == ["Node Ia", "Node Ib", "label_2"]
    assert np.array_equal(full(segments[2]), layers[..., 1] == 2)


@pytest.mark.parametrize("end", [r"\n", "\u2028", "\x85"])
def test_a_name_of_several_lines_is_told_in_one(tmp_path, end):
    write_layers(tmp_path / "nodes.seg.nrrd")
    content = (tmp_path / "nodes.seg.nrrd").read_bytes().replace(b"Name:=Gland", f"Name:=Gland{end}PASS".encode())
    (tmp_path / "nodes.seg.nrrd").write_bytes(content)
    assert read_segments(tmp_path / "nodes.seg.nrrd")[2].name == "Gland PASS"


@pytest.mark.parametrize("key", ["Segmentation_MasterRepresentation", "Segmentation_SourceRepresentation"])
def test_shares_of_voxels_are_no_labels(tmp_path, key):
    write_layers(tmp_path / "nodes.seg.nrrd")
    content = (tmp_path / "nodes.seg.nrrd").read_bytes().replace(b"\n\n", f"\n{key}:=Fractional labelmap\n\n".encode(), 1)
    (tmp_path / "nodes.seg.nrrd").write_bytes(content)
    with pytest.raises(InputError, match="save it as Binary labelmap"):
        read_segments(tmp_path / "nodes.seg.nrrd")


def test_a_file_saved_by_slicer_gives_the_segments_that_slicer_saved(tmp_path):
    slicer, vtk, numpy_support = (pytest.importorskip(name) for name in ("slicer", "vtk", "vtk.util.numpy_support"))
    scene, node = slicer.vtkMRMLScene(), slicer.vtkMRMLSegmentationNode()
    scene.AddNode(node)
    masks = {"Node Ia": np.zeros(SHAPE, dtype=np.uint8), "Node Ib": np.zeros(SHAPE, dtype=np.uint8)}
    masks["Node Ia"][2:6, 2:6, 2:6] = 1
    masks["Node Ib"][4:8, 4:8, 4:8] = 1
    for name, mask in masks.items():
        labelmap, segment = slicer.vtkOrientedImageData(), slicer.vtkSegment()
        labelmap.SetDimensions(SHAPE[::-1])
        labelmap.SetSpacing(1, 1.5, 2)
        labelmap.SetOrigin(5, -7, 30)
        labelmap.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars())[:] = mask.ravel()
        segment.SetName(name)
        segment.AddRepresentation("Binary labelmap", labelmap)
        node.GetSegmentation().AddSegment(segment)
    storage = slicer.vtkMRMLSegmentationStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / "saved.seg.nrrd"))
    assert storage.WriteData(node)
    ras = np.diag([-1.0, -1.5, 2.0, 1.0])
    ras[:3, 3] = (-5, 7, 30)
    placed = place_segments(read_segments(tmp_path / "saved.seg.nrrd"), Geometry(SHAPE, ras))
    assert [(box.name, np.array_equal(box.full(SHAPE), masks[box.name])) for box in placed] == [("Node Ia", True), ("Node Ib", True)]


def test_names_of_segments_are_taken_without_regard_to_case(tmp_path):
    write_layers(tmp_path / "nodes.seg.nrrd")
    assert [s.name for s in read_segments(tmp_path / "nodes.seg.nrrd", ["gland", "NODE IA"])] == ["Node Ia", "Gland"]


@pytest.mark.parametrize("keys", [{"Layer": "-1"}, {"Layer": "3"}, {"Layer": "x"}, {"LabelValue": "1.5"}])
def test_a_layer_or_label_that_cannot_be_is_refused(tmp_path, keys):
    path = tmp_path / "a.seg.nrrd"
    told = {"Name": "node", "Layer": "0", "LabelValue": "1", **keys}
    write_mask(path, np.ones((3, 4, 5), dtype=np.uint8), **{f"Segment0_{key}": value for key, value in told.items()})
    with pytest.raises(InputError, match="is damaged"):
        read_segments(path)


def test_an_unknown_segment_name_is_refused_with_the_names_that_are_there(tmp_path):
    write_layers(tmp_path / "nodes.seg.nrrd")
    with pytest.raises(InputError, match="no segment 'Node II'; there are: Node Ia, Node Ib, Gland"):
        read_segments(tmp_path / "nodes.seg.nrrd", ["Node II"])


@pytest.mark.parametrize("extension", [".nrrd", ".nii.gz", ".mha"])
def test_each_label_of_a_label_map_is_a_segment(tmp_path, extension):
    labels = np.where(blob(), 7, 0).astype(np.int16)
    labels[0, 0, 0] = 3
    segments = read_segments(write_mask(tmp_path / f"labels{extension}", labels))
    assert [s.name for s in segments] == ["label_3", "label_7"]
    assert np.array_equal(full(segments[1]), labels == 7)


def test_a_label_can_be_chosen_by_its_number(tmp_path):
    labels = np.where(blob(), 7, 0).astype(np.uint16)
    labels[0, 0, 0] = 3
    assert [s.name for s in read_segments(write_mask(tmp_path / "labels.nrrd", labels), ["7"])] == ["label_7"]


def test_a_plain_mask_is_named_after_its_file(tmp_path):
    segments = read_segments(write_mask(tmp_path / "cheek_node.nii.gz", blob().astype(np.float32)))
    assert [s.name for s in segments] == ["cheek_node"]
    assert np.array_equal(full(segments[0]), blob())


def test_a_file_of_fractions_is_refused_as_label_map(tmp_path):
    with pytest.raises(InputError, match="no label map"):
        read_segments(write_mask(tmp_path / "soft.nrrd", np.full(SHAPE, 0.5, dtype=np.float32)))


def test_a_file_with_negative_values_is_refused_as_label_map(tmp_path):
    with pytest.raises(InputError, match="no label map"):
        read_segments(write_mask(tmp_path / "ct.nrrd", np.full(SHAPE, -1000, dtype=np.int16)))


def test_a_file_without_any_segment_is_refused(tmp_path):
    with pytest.raises(InputError, match="no segment"):
        read_segments(write_mask(tmp_path / "empty.nrrd", np.zeros(SHAPE, dtype=np.uint8)))


def test_an_empty_segment_is_refused_with_its_name(tmp_path):
    path = write_mask(
        tmp_path / "a.seg.nrrd", np.zeros(SHAPE, dtype=np.uint8), Segment0_Name="Node Ib", Segment0_LabelValue=1, Segment0_Layer=0
    )
    with pytest.raises(InputError, match="'Node Ib'.*is empty"):
        place_segments(read_segments(path), GRID)


def test_one_empty_segment_among_others_protects_nothing_and_the_others_stay():
    empty = Segment("Node II", Volume(np.zeros((1, 1, 1), dtype=bool), GRID.crop(Box((0, 0, 0), (1, 1, 1)))))
    first, second = place_segments([empty, Segment("Node Ib", Volume(blob(), GRID))], GRID)
    assert (first.name, first.voxels) == ("Node II", 0)
    assert np.array_equal(second.full(SHAPE), blob())


def test_segments_that_are_all_empty_are_refused_in_one_sentence():
    empty = [Segment(f"Node {n}", Volume(np.zeros(SHAPE, dtype=bool), GRID), "file:a.dcm") for n in range(3)]
    with pytest.raises(InputError, match=r"'Node 0' \(file:a.dcm\) and 2 more, all that there are, are empty"):
        place_segments(empty, GRID)


def test_a_segment_beside_the_ct_is_refused_with_both_places():
    away = GRID.ijk_to_lps.copy()
    away[0, 3] = 400
    segment = Segment("Node", Volume(blob(), Geometry(SHAPE, away)), "file:x.nrrd")
    with pytest.raises(InputError, match=r"does not overlap the CT: it lies at 402\.\.405 .* the CT at 5\.\.15 .* leave this segment out"):
        place_segments([segment], GRID)


def test_equal_grids_give_the_identical_mask():
    placed = place_segments([Segment("n", Volume(blob(), GRID))], GRID)[0]
    assert np.array_equal(placed.full(SHAPE), blob())


def test_rounded_direction_cosines_still_give_the_identical_mask():
    turned = GRID.ijk_to_lps.copy()
    turned[:3, :3] = Rotation.from_euler("xyz", [3e-4, -2e-4, 2e-4]).as_matrix() @ turned[:3, :3]
    placed = place_segments([Segment("n", Volume(blob(), Geometry(SHAPE, turned)))], GRID)[0]
    assert np.array_equal(placed.full(SHAPE), blob())


@pytest.mark.parametrize("flips", [(0,), (1, 2), (0, 1, 2)])
def test_a_flipped_and_transposed_grid_gives_the_identical_mask(flips):
    mask, matrix = np.flip(blob(), flips).transpose(2, 0, 1), GRID.ijk_to_lps.copy()
    for axis in flips:
        column = 2 - axis
        matrix[:3, 3] += matrix[:3, column] * (SHAPE[axis] - 1)
        matrix[:3, column] *= -1
    matrix = matrix[:, [1, 2, 0, 3]]  # array axes (i, k, j) read back to front: the affine's columns are j, k, i
    placed = place_segments([Segment("n", Volume(mask, Geometry(mask.shape, matrix)))], GRID)[0]
    assert np.array_equal(placed.full(SHAPE), blob())


def test_a_coarse_voxel_protects_every_fine_voxel_that_it_touches():
    coarse = np.zeros((1, 1, 3), dtype=bool)
    coarse[0, 0, 1] = True
    matrix = np.diag([2.5, 30.0, 30.0, 1.0])
    fine = Geometry((1, 1, 10), np.eye(4))
    placed = place_segments([Segment("n", Volume(coarse, Geometry(coarse.shape, matrix)))], fine)[0]
    assert np.flatnonzero(placed.full(fine.shape)).tolist() == [1, 2, 3, 4]  # the box runs from 1.25 to 3.75 mm


def test_a_segment_smaller_than_a_voxel_never_vanishes():
    tiny = Geometry((1, 1, 1), np.array([[0.01, 0, 0, 2.49], [0, 0.01, 0, 3.1], [0, 0, 0.01, 4.2], [0, 0, 0, 1]]))
    placed = place_segments([Segment("n", Volume(np.ones((1, 1, 1), dtype=bool), tiny))], Geometry(SHAPE, np.eye(4)))[0]
    assert placed.box.start == (4, 3, 2)
    assert placed.voxels == 1


def random_affine(angles, spacing, shear, origin):
    matrix = np.eye(4)
    matrix[:3, :3] = (
        Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.array([[1, 0, 0], [0, 1, shear], [0, 0, 1]]) @ np.diag(spacing)
    )
    matrix[:3, 3] = origin
    return matrix


three = st.tuples(*[st.floats(0.4, 4.0)] * 3)


@settings(max_examples=60, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=three,
    ct_spacing=three,
    shear=st.floats(-0.4, 0.4),
    origin=st.tuples(*[st.floats(-4, 4)] * 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_point_inside_a_segment_voxel_is_left_unprotected_on_any_grid(angles, spacing, ct_spacing, shear, origin, seed):
    random = np.random.default_rng(seed)
    mask = random.random((4, 5, 6)) < 0.1
    mask[2, 2, 2] = True
    own = Geometry(mask.shape, random_affine(angles, spacing, shear, origin))
    ct = Geometry((14, 15, 16), random_affine((0, 0, 0), ct_spacing, shear / 2, (-12, -12, -12)))
    inside = np.argwhere(mask)[:, None] + random.uniform(-0.49, 0.49, (1, 50, 3))
    hit = np.rint(ct.to_kji(own.to_lps(inside.reshape(-1, 3)))).astype(int)
    hit = hit[np.all((hit >= 0) & (hit < ct.shape), axis=1)]
    try:
        placed = place_segments([Segment("n", Volume(mask, own))], ct)[0].full(ct.shape)
    except InputError:
        assert hit.size == 0
    else:
        assert placed[tuple(hit.T)].all()


@settings(max_examples=40, deadline=None)
@given(ct_spacing=three, origin=st.tuples(*[st.floats(-2, 2)] * 3), seed=st.integers(0, 2**32 - 1))
def test_on_grids_with_the_same_axes_nothing_is_protected_that_no_segment_voxel_touches(ct_spacing, origin, seed):
    mask = np.random.default_rng(seed).random((4, 5, 6)) < 0.1
    mask[2, 2, 2] = True
    own = Geometry(mask.shape, random_affine((0, 0, 0), (1, 1, 1), 0, (3, 3, 3)))
    ct = Geometry((36, 36, 36), random_affine((0, 0, 0), ct_spacing, 0, origin))
    placed = np.argwhere(place_segments([Segment("n", Volume(mask, own))], ct)[0].full(ct.shape))
    centre, half = own.to_kji(ct.to_lps(placed)), 0.5 * np.array(ct_spacing)[::-1]
    distance = np.abs(centre[:, None] - np.argwhere(mask)[None])
    assert np.all(np.any(np.all(distance < 0.5 + half, axis=2), axis=1))


def test_a_segmentation_far_larger_than_its_ct_is_refused_by_its_header(tmp_path):
    head = "NRRD0004\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\nsizes: 8 1000 1000 1000\nencoding: gzip\n"
    head += "space directions: none (1,0,0) (0,1,0) (0,0,1)\nkinds: list domain domain domain\nspace origin: (0,0,0)\n\n"
    with (tmp_path / "a.seg.nrrd").open("wb") as file:
        file.write(head.encode())
        file.truncate(8_000_000)
    with pytest.raises(InputError, match="far larger than a segmentation of this CT"):
        read_segments(tmp_path / "a.seg.nrrd", ct=GRID)
