"""Masks that have lost their place: told from those that have not, by their grid beside the CT's."""

import numpy as np
import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.segments import read_segments
from masks import GRID, SHAPE, blob
from scipy.spatial.transform import Rotation
from written import write_volume


def lost(kind):
    """A grid of as many voxels as ``GRID`` whose place was lost."""
    matrix, shape = GRID.ijk_to_lps.copy(), SHAPE
    if kind == "spacing 1, origin 0":
        matrix = np.eye(4)
    elif kind == "spacing 1, origin 0, in RAS":
        matrix = np.diag([-1.0, -1.0, 1.0, 1.0])
    elif kind == "mirrored":
        matrix[:3] *= [[-1.0], [-1.0], [1.0]]
    elif kind == "permuted":
        matrix, shape = np.diag([2.0, 1.5, 1.0, 1.0]), SHAPE[::-1]
    elif kind == "origin moved":
        matrix[2, 3] += 1.0
    return Geometry(shape, matrix)


@pytest.mark.parametrize("kind", ["spacing 1, origin 0", "spacing 1, origin 0, in RAS", "mirrored", "permuted", "origin moved"])
@pytest.mark.parametrize("ending", [".nrrd", ".seg.nrrd", ".nii.gz", ".mha"])
def test_a_mask_with_the_cts_voxels_in_another_place_has_lost_its_geometry(tmp_path, ending, kind):
    grid = lost(kind)
    path = write_volume(Volume(blob(grid.shape).astype(np.uint8), grid), tmp_path / f"ln{ending}")
    with pytest.raises(InputError, match="its geometry was lost"):
        read_segments(path, ct=GRID)


def fewer(factors, matrix):
    """A mask of every second (third, ...) voxel of ``GRID`` along (k, j, i), with that affine."""
    mask = np.ones(SHAPE, dtype=np.uint8)[tuple(slice(None, None, factor) for factor in factors)]
    return Volume(mask, Geometry(mask.shape, matrix))


@pytest.mark.parametrize("factors", [(2, 2, 2), (1, 2, 2), (3, 3, 3)])
@pytest.mark.parametrize("matrix", [np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0]), GRID.ijk_to_lps])
def test_a_mask_of_fewer_voxels_in_another_place_has_lost_its_geometry(tmp_path, factors, matrix):
    path = write_volume(fewer(factors, matrix), tmp_path / "ln.nrrd")
    with pytest.raises(InputError, match="its geometry was lost"):
        read_segments(path, ct=GRID)


@pytest.mark.parametrize("factors", [(2, 2, 2), (1, 2, 2), (3, 3, 3)])
@pytest.mark.parametrize("flip", [False, True])
def test_a_mask_of_fewer_voxels_over_the_whole_ct_has_not(tmp_path, factors, flip):
    matrix = GRID.ijk_to_lps @ np.diag([*factors[::-1], 1.0])
    volume = fewer(factors, matrix)
    if flip:
        last = volume.geometry.to_lps(np.array([[0, volume.array.shape[1] - 1, 0]]))[0]
        matrix = matrix @ np.diag([1.0, -1.0, 1.0, 1.0])
        matrix[:3, 3] = last
        volume = fewer(factors, matrix)
    assert len(read_segments(write_volume(volume, tmp_path / "ln.nrrd"), ct=GRID)) == 1


WIDE = Geometry((9, 40, 44), GRID.ijk_to_lps)


def cut_out(start, shape, flips=(1, 1, 1)):
    """A mask on a part of the voxels of ``WIDE``, some of its (i, j, k) axes turned round."""
    matrix = WIDE.crop(Box(start, tuple(np.add(start, shape)))).ijk_to_lps.copy()
    matrix[:3, :3] *= flips
    matrix[:3, 3] -= matrix[:3, :3] @ np.where(np.array(flips) < 0, np.array(shape[::-1]) - 1, 0)
    return Volume(np.ones(shape, dtype=np.uint8), Geometry(shape, matrix))


@pytest.mark.parametrize("start", [(0, 10, 11), (0, 0, 11), (0, 20, 22), (2, 9, 13), (4, 20, 22)])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1)])
def test_a_half_that_was_cut_out_of_the_ct_has_not(tmp_path, start, flips):
    shape = (4 if start[0] else 9, 20, 22)
    assert len(read_segments(write_volume(cut_out(start, shape, flips), tmp_path / "ln.nrrd"), ct=WIDE)) == 1


def test_a_half_whose_directions_were_rounded_has_not(tmp_path):
    cut, turn = cut_out((0, 10, 11), (9, 20, 22)), np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", (0.1, -0.1, 0.1), degrees=True).as_matrix()
    grid = Geometry(cut.geometry.shape, cut.geometry.ijk_to_lps @ turn)
    assert len(read_segments(write_volume(Volume(cut.array, grid), tmp_path / "ln.nrrd"), ct=WIDE)) == 1


@pytest.mark.parametrize("moved", [(0.5, 0, 0), (0, 0, 40), (0, 0, -8)], ids=["between the voxels", "beyond the CT", "half out of it"])
def test_a_half_that_lies_not_on_the_cts_voxels_has_lost_its_geometry(tmp_path, moved):
    cut = cut_out((0, 10, 11), (9, 20, 22))
    matrix = cut.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += moved
    path = write_volume(Volume(cut.array, Geometry(cut.geometry.shape, matrix)), tmp_path / "ln.nrrd")
    with pytest.raises(InputError, match="its geometry was lost"):
        read_segments(path, ct=WIDE)


@pytest.mark.parametrize("signs", [(1, 1), (-1, -1)])
def test_a_half_without_a_place_has_lost_its_geometry_where_the_origin_falls_on_a_voxel_too(tmp_path, signs):
    matrix = np.diag([*signs, 1.0, 1.0])
    path = write_volume(Volume(np.ones((9, 20, 20), np.uint8), Geometry((9, 20, 20), matrix)), tmp_path / "ln.nrrd")
    ct = matrix.copy()
    ct[:2, 3] = np.multiply(signs, (-9, -7))
    with pytest.raises(InputError, match="its geometry was lost"):
        read_segments(path, ct=Geometry((9, 40, 40), ct))


@pytest.mark.parametrize(("start", "flips"), [((0, 0, 0), (1, 1, 1)), ((0, 20, 22), (-1, -1, 1))])
def test_a_half_that_begins_at_a_corner_of_the_ct_has_lost_its_geometry(tmp_path, start, flips):
    path = write_volume(cut_out(start, (9, 20, 22), flips), tmp_path / "ln.nrrd")
    with pytest.raises(InputError, match="its geometry was lost"):
        read_segments(path, ct=WIDE)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1)])
def test_a_mask_on_the_cts_own_voxels_in_another_order_has_not(tmp_path, order, flips):
    last = np.array(SHAPE[::-1])[list(order)] - 1
    columns = GRID.ijk_to_lps[:3, :3][:, list(order)] * flips
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    matrix[:3, 3] = GRID.ijk_to_lps[:3, 3] - columns @ np.where(np.array(flips) < 0, last, 0)
    grid = Geometry(tuple((last + 1)[::-1]), matrix)
    path = write_volume(Volume(blob(grid.shape).astype(np.uint8), grid), tmp_path / "ln.nrrd")
    assert len(read_segments(path, ct=GRID)) == 1


def test_a_mask_whose_directions_were_rounded_has_not(tmp_path):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", (0.3, -0.4, 0.2), degrees=True).as_matrix()
    matrix = GRID.ijk_to_lps @ turn
    path = write_volume(Volume(blob().astype(np.uint8), Geometry(SHAPE, matrix)), tmp_path / "ln.nrrd")
    assert len(read_segments(path, ct=GRID)) == 1
