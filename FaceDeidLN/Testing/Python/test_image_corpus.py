"""Hundreds of generated image files: read right to the bit, or refused in one sentence; and written right to the bit by every format."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from dicom_series import head
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.case import CtInput
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.images import write_image
from FaceDeidLNLib.phantom import make_phantom
from image_corpus import FORMATS, UNITS, Recipe, independently, recipes, write_recipe
from scipy import ndimage

MATRIX = np.array([[0.5, 0, 0, -10], [0, 0.75, 0, 20], [0, 0, 2.5, -30], [0, 0, 0, 1]])
HU = head().astype(np.int16)
CT = Volume(HU, Geometry(HU.shape, MATRIX))
ALL = tuple(recipes())


def test_the_corpus_has_hundreds_of_files():
    assert len(set(ALL)) >= 200


@pytest.mark.parametrize("kind", FORMATS)
def test_a_whole_file_is_read_to_the_bit_where_an_independent_reader_puts_it(kind, tmp_path):
    for number, recipe in enumerate(r for r in ALL if r.kind == kind and r.damage == "none" and r.dtype != "u2"):
        folder = tmp_path / str(number)
        folder.mkdir()
        path, meant = write_recipe(recipe, CT, folder)
        found = read_ct(path).volume
        values, matrix = independently(path)
        matrix[:3] *= UNITS[recipe.unit]
        assert found.array.dtype == recipe.dtype, recipe
        assert np.array_equal(found.array, values), recipe
        assert np.array_equal(found.array, meant.array), recipe
        assert np.allclose(found.geometry.ijk_to_lps, matrix, atol=1e-4), recipe
        assert found.geometry.same_as(meant.geometry, 1e-3), recipe


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_or_one_that_is_no_ct_is_refused_in_one_sentence(kind, tmp_path):
    for number, recipe in enumerate(r for r in ALL if r.kind == kind and (r.damage != "none" or r.dtype == "u2")):
        folder = tmp_path / str(number)
        folder.mkdir()
        path, _ = write_recipe(recipe, CT, folder)
        with pytest.raises(InputError) as refusal:
            read_ct(path)
        assert str(refusal.value).startswith(path.name), recipe
        assert str(refusal.value).endswith("."), recipe
        assert "\n" not in str(refusal.value), recipe


@pytest.mark.parametrize("extension", [".nrrd", ".nii", ".nii.gz", ".mha"])
@pytest.mark.parametrize("dtype", ["i2", "i4", "i8", "f4", "f8"])
def test_every_format_is_written_to_the_bit(tmp_path, dtype, extension):
    path, _ = write_recipe(Recipe("nrrd", dtype, "PIL", "mm", "none"), CT, tmp_path)
    ct = read_ct(path)
    result = ct.volume.with_array(ct.volume.array.copy())
    result.array[2:4, 3:9, 2:8] = 7
    out = tmp_path / f"out{extension}"
    write_image(CtInput(ct.volume, path, ".nrrd", (path,)), result, out)
    values, matrix = independently(out)
    assert values.dtype.newbyteorder("=") == np.dtype(dtype)
    assert np.array_equal(values, result.array)
    assert np.allclose(matrix, ct.volume.geometry.ijk_to_lps, atol=1e-4)


WHOLE_ROAD = (Recipe("nii.gz", "f4", "SRA", "mm", "none"),)


@pytest.fixture(scope="module")
def coarse():
    """A phantom of few voxels."""
    return make_phantom((3.0, 3.0, 3.0), seed=3)


@pytest.mark.parametrize("recipe", WHOLE_ROAD, ids=lambda recipe: f"{recipe.kind}, {recipe.dtype}, {recipe.orientation}, {recipe.unit}")
def test_the_whole_road_hides_the_phantoms_face_and_nothing_else(recipe, coarse, tmp_path):
    path, meant = write_recipe(recipe, coarse.ct, tmp_path)
    out = tmp_path / ("out" + "".join(Path(recipe.name).suffixes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main(["deface", str(path), str(out), "--accept-recognisable"]) == 0
    require_hidden(out, meant, coarse)


def require_hidden(out: Path, meant: Volume, phantom) -> None:
    """The phantom's own landmarks of the face lie in changed skin, and far from them nothing changed."""
    values, _ = independently(out)
    changed = Volume(values != meant.array, meant.geometry)
    points = {name: phantom.landmarks.position(name) for name in ("pronasale", "sellion", "eye_right", "eye_left")}
    for name, point in points.items():
        k, j, i = np.rint(changed.geometry.to_kji(point)[0]).astype(int)
        assert changed.array[k - 3 : k + 4, j - 3 : j + 4, i - 3 : i + 4].any(), name
    apart = np.linalg.norm(changed.geometry.to_lps(np.argwhere(changed.array)) - points["sellion"], axis=1)
    assert apart.max() < 180.0
    assert ndimage.label(changed.array)[1] < changed.array.size / 1000
