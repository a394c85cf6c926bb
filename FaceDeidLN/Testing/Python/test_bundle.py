"""A scene's bundle that is made whole from arrays is what MRML packs of them itself, but for how masks are compressed."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import slicer
from FaceDeidLNLib.core.errors import OutputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.mrml import review_scene
from FaceDeidLNLib.mrml.bundle import fill_bundle, one_voxel_like
from FaceDeidLNLib.mrml.case import CaseMaterial
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation, segments_from_node, volume_from_node
from FaceDeidLNLib.mrml.scene import new_context

MATRIX = np.array([[0.0, 1.5, 0.2, -7.25], [-2.0, 0.0, 0.0, 31.0], [0.0, 0.0, 3.1, -450.5], [0.0, 0.0, 0.0, 1.0]])


def numbers(dtype, order="C"):
    array = np.random.default_rng(1).integers(0, 100, (6, 7, 9)).astype(dtype)
    return Volume(np.asarray(array, order=order), Geometry(array.shape, MATRIX))


def scene_of(volume, path, by_mrml):
    """A scene of a volume and a mask on it, written by MRML alone or filled."""
    context = new_context()
    node = add_ct(context, volume, "CT")
    mask = add_segmentation(context, [tight("face", volume.array > 50)], volume.geometry, "face", None, node)
    for one in (node, mask):
        one.AddDefaultStorageNode()
        one.GetStorageNode().SetUseCompression(one is mask and by_mrml)
    mask.GetStorageNode().SetFileName(str(path.with_name("face.seg.nrrd")))
    if not by_mrml:
        node.SetAndObserveImageData(one_voxel_like(volume.array))
    assert context.scene.WriteToMRB(str(path))
    return path


@pytest.fixture
def filled(tmp_path):
    def fill(volume):
        small = scene_of(volume, tmp_path / "scene.mrb", False)
        fill_bundle(small, tmp_path / "whole.mrb", {"CT.nrrd": volume.array}, {"face.seg.nrrd"})
        return tmp_path / "whole.mrb"

    return fill


@pytest.mark.parametrize("dtype", ["int16", "uint8", "uint16", "int32", "float32", "float64"])
def test_a_volumes_file_is_to_the_byte_what_mrml_writes(dtype, filled, tmp_path):
    (tmp_path / "mrml").mkdir()
    whole, other = filled(numbers(dtype)), scene_of(numbers(dtype), tmp_path / "mrml" / "scene.mrb", True)
    with zipfile.ZipFile(whole) as one, zipfile.ZipFile(other) as another:
        assert one.namelist() == another.namelist()
        assert one.read("scene/Data/CT.nrrd") == another.read("scene/Data/CT.nrrd")
        assert one.testzip() is None


@pytest.mark.parametrize("volume", [numbers("int16"), numbers("int16", "F"), numbers(">i2")], ids=["C", "F", "big-endian"])
def test_slicer_reads_it_with_all_voxels_and_masks(volume, filled, tmp_path):
    context, cache, manager = new_context(), slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(tmp_path))
    manager.SetCacheManager(cache)
    context.scene.SetCacheManager(cache)
    context.scene.SetDataIOManager(manager)
    assert context.scene.ReadFromMRB(str(filled(volume)))
    read = volume_from_node(context.scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode"))
    assert np.array_equal(read.array, volume.array)
    assert read.geometry.same_as(volume.geometry)
    node = context.scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    (segment,) = segments_from_node(node)
    assert np.count_nonzero(segment.mask.array) == np.count_nonzero(volume.array > 50)
    assert node.GetStorageNode().GetUseCompression()


def test_a_volume_that_mrml_did_not_write_is_told(tmp_path):
    small = scene_of(numbers("int16"), tmp_path / "scene.mrb", False)
    with pytest.raises(OutputError, match=r"has no other\.nrrd"):
        fill_bundle(small, tmp_path / "whole.mrb", {"other.nrrd": np.zeros((1, 1, 1))})


@pytest.mark.parametrize(("word", "other"), [(b"sizes: 1 1 1", b"sizes: 1 1  1"), (b"encoding: raw", b"encoding: RAW")])
def test_a_header_that_is_not_known_is_told(word, other, tmp_path):
    small, volume = scene_of(numbers("int16"), tmp_path / "scene.mrb", False), numbers("int16")
    with zipfile.ZipFile(small) as given, zipfile.ZipFile(tmp_path / "other.mrb", "w") as changed:
        for name in given.namelist():
            changed.writestr(name, given.read(name).replace(word, other))
    with pytest.raises(OutputError, match="this version of Slicer"):
        fill_bundle(tmp_path / "other.mrb", tmp_path / "whole.mrb", {"CT.nrrd": volume.array})


def test_of_a_review_mrml_writes_a_voxel_of_each_volume_and_a_curve_looks_for_no_way(tmp_path, monkeypatch):
    """Each voxel would be written, read and written by MRML while nothing else is at work, and a tree of all triangles built."""
    sizes, surfaces = [], []
    fill, add = review_scene.fill_bundle, review_scene.add_case

    def filled(small, *words):
        sizes.append(small.stat().st_size)
        fill(small, *words)

    def added(context, material, given):
        surfaces.append(given.skin.GetPolyData().GetNumberOfCells())
        return add(context, material, given)

    monkeypatch.setattr(review_scene, "fill_bundle", filled)
    monkeypatch.setattr(review_scene, "add_case", added)
    array = np.random.default_rng(1).integers(-1000, 1000, (40, 50, 60)).astype(np.int16)
    ct = Volume(array, Geometry(array.shape, np.diag((3.0, 3.0, 3.0, 1.0))))
    surface = review_scene._triangle()
    curve = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0]])
    review_scene.write_review(tmp_path, CaseMaterial(ct, result=ct, skin=surface, curve=curve))
    assert surfaces == [1]
    assert sizes[0] < array.nbytes < 2 * array.nbytes < (tmp_path / "scene.mrb").stat().st_size


@pytest.mark.parametrize("share", [0.0, 0.5, 0.98])
def test_a_bundle_that_was_cut_off_is_an_error_in_words(share, tmp_path):
    volume = numbers("int16")
    small = scene_of(volume, tmp_path / "scene.mrb", False)
    small.write_bytes(small.read_bytes()[: int(share * small.stat().st_size)])
    with pytest.raises(OutputError, match="is the disk full"):
        fill_bundle(small, tmp_path / "whole.mrb", {"CT.nrrd": volume.array}, {"face.seg.nrrd"})
