"""CTs of a scene whose voxels are no plain HU: padding that reads as more than air, and a cone beam. As with files, they are worked on
as HU, judged the same again, and leave with their own values."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from dicom_series import Series, write_series
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.input.calibration import as_worked_on, in_own_values
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.mrml.ct import ct_of_node
from FaceDeidLNLib.mrml.nodes import add_ct, add_landmarks, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.mrml.sources import remember_source
from FaceDeidLNLib.output.worklist import WorkItem
from FaceDeidLNLib.phantom import make_phantom
from FaceDeidLNLib.programs.engines import Engines
from FaceDeidLNLib.steps.anatomy_cache import AnatomyCache
from FaceDeidLNLib.steps.export import dicom_source, export_result
from FaceDeidLNLib.steps.process import NodeRequest
from FaceDeidLNLib.steps.steps import Steps
from FaceDeidLNLib.steps.worklist import load_item
from written import write_volume

pytestmark = pytest.mark.usefixtures("coarse_skin")

PADDING = 3976
#: Node levels say nothing of values, and take long.
NO_LEVELS = Parameters(levels=())
#: Each head is looked at once.
CACHE = AnatomyCache()


@functools.cache
def phantom():
    """The synthetic head; the same object for all tests."""
    return make_phantom((3.6, 3.4, 4.0), seed=1)


@functools.cache
def outside():
    """Where a round field of view does not reach (k, j, i); it is so large that the face segment lies in it."""
    shape = phantom().ct.array.shape
    rows, columns = np.indices(shape[1:]) - np.array(shape[1:])[:, None, None] / 2
    return np.broadcast_to(np.hypot(rows / shape[1], columns / shape[2]) > 0.57, shape)


def padded():
    """Values of the phantom with bright padding."""
    return np.where(outside(), PADDING, phantom().ct.array).astype(np.int16)


def cone_beam():
    """Values that are no HU, and padding of their own."""
    return np.where(outside(), 0, np.rint((phantom().ct.array + 1000) * 0.6 + 300)).astype(np.int16)


KINDS = {"padding": (padded, False), "cone beam": (cone_beam, True)}


def scene_with(kind):
    """An empty scene with the CT, its values, and a request for it with the landmarks that a person has to place."""
    values, by_hand = KINDS[kind]
    here = context()
    here.scene.Clear(False)
    node = add_ct(here, phantom().ct.with_array(values()), "CT")
    landmarks = add_landmarks(here, phantom().landmarks, "by hand", node) if by_hand else None
    return here, values(), NodeRequest(node, landmarks=landmarks, accept_recognisable=True)


def hidden(result, values):
    """Did the values around the tip of the nose and the chin change?"""
    for name in ("pronasale", "sellion", "pogonion"):
        k, j, i = np.rint(phantom().ct.geometry.to_kji(phantom().landmarks.position(name))[0]).astype(int)
        if not (result != values)[k - 2 : k + 3, j - 3 : j + 4, i - 2 : i + 3].any():
            return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_the_face_is_hidden_judged_the_same_again_and_exported_in_the_ct_s_own_values(kind, tmp_path):
    here, values, asked = scene_with(kind)
    first = Steps(here, CACHE).all(asked, Engines())
    made = volume_from_node(first.nodes.result).array.copy()
    assert (first.verdict, first.released) == ("PASS", True)
    assert made.dtype == values.dtype
    assert hidden(made, values)
    assert np.array_equal(made[outside()], values[outside()])
    changed = np.median(made[made != values])
    assert values.min() <= changed <= np.median(values[phantom().ct.array > 0])
    again = Steps(here, CACHE).verify(NodeRequest(asked.ct, landmarks=first.nodes.landmarks, output=first.nodes.result))
    assert (again.verdict, again.privacy) == (first.verdict, first.privacy)
    assert np.array_equal(volume_from_node(again.nodes.result).array, made)
    export_result(first.nodes.result, tmp_path / "out.nrrd") if again.released else export_accepted(here, asked, first, tmp_path)
    assert np.array_equal(read_volume(tmp_path / "out.nrrd").array, made)


def export_accepted(here, asked, first, folder):
    """Verify once more, with the risk accepted, and export."""
    request = NodeRequest(asked.ct, landmarks=first.nodes.landmarks, output=first.nodes.result, accept_recognisable=True)
    export_result(Steps(here, CACHE).verify(request).nodes.result, folder / "out.nrrd")


@pytest.mark.parametrize("kind", KINDS)
def test_a_voxel_that_somebody_changed_outside_the_face_is_a_fail(kind):
    here, values, asked = scene_with(kind)
    steps = Steps(here, CACHE)
    first = steps.all(asked, Engines())
    made = volume_from_node(first.nodes.result)
    spoilt = made.array.copy()
    spoilt[3, 3, 3] += 50  # padding
    spoilt[-3, spoilt.shape[1] // 2, spoilt.shape[2] // 2] += 50  # deep in the head
    output = add_ct(here, made.with_array(spoilt), "spoilt", asked.ct)
    said = steps.verify(NodeRequest(asked.ct, landmarks=first.nodes.landmarks, output=output))
    assert said.verdict == "FAIL"
    assert any("2 voxels" in reason for reason in said.reasons), said.reasons


def test_steps_done_one_by_one_give_the_ct_s_own_values():
    here, values, asked = scene_with("padding")
    steps = Steps(here, CACHE)
    made = volume_from_node(steps.effect(asked)).array
    assert hidden(made, values)
    assert np.array_equal(made[outside()], values[outside()])


def test_without_landmarks_by_hand_a_cone_beam_is_told_as_such():
    here, _, asked = scene_with("cone beam")
    with pytest.raises(InputError, match="cone-beam CT.*points in Slicer"):
        Steps(here, CACHE).all(NodeRequest(asked.ct), Engines())


@pytest.mark.parametrize("kind", KINDS)
def test_own_values_come_back_as_they_were(kind):
    _, values, asked = scene_with(kind)
    ct = ct_of_node(asked.ct, by_hand=True)
    assert np.array_equal(in_own_values(ct, ct.volume).array, values)
    assert np.array_equal(as_worked_on(ct, in_own_values(ct, ct.volume)).array, ct.volume.array)


def test_a_ct_with_padding_that_follows_keeps_its_padding():
    here, values, asked = scene_with("padding")
    follower = add_ct(here, phantom().ct.with_array(values), "other kernel")
    done = Steps(here, CACHE).all(replace(asked, also=(follower,)), Engines())
    assert done.withheld == ()
    made = volume_from_node(done.followed[0]).array
    assert hidden(made, values)
    assert np.array_equal(made[outside()], values[outside()])


def series_of(values, folder):
    """Values as a DICOM series at the phantom's place; its files in the order of the slices."""
    grid = phantom().ct.geometry
    axes, (i, j, _) = grid.ijk_to_lps[:3, :3] / np.array(grid.spacing), grid.spacing
    place = {"step": grid.ijk_to_lps[:3, 2], "origin": grid.ijk_to_lps[:3, 3]}
    return write_series(folder, Series(values.astype(np.int32) + 1024, rows=axes[:, :2].T, spacing=(j, i), **place))


def values_in(folder):
    """The values (k, j, i) of a folder that ``series_of`` or the export wrote."""
    files = sorted((pydicom.dcmread(file) for file in folder.glob("*.dcm")), key=lambda one: one.ImagePositionPatient[2])
    return np.stack([one.pixel_array.astype(int) - 1024 for one in files])


def test_a_padded_series_is_exported_as_dicom_with_its_padding(tmp_path):
    series_of(padded(), tmp_path / "in")
    here, values, asked = scene_with("padding")
    remember_source(asked.ct, tmp_path / "in", "")
    first = Steps(here, CACHE).all(asked, Engines())
    export_result(first.nodes.result, tmp_path / "out")
    written = values_in(tmp_path / "out")
    assert np.array_equal(written[outside()], values[outside()])
    assert np.array_equal(written, volume_from_node(first.nodes.result).array)


def test_a_cone_beam_series_of_a_work_list_is_worked_on_and_exported_with_its_padding(tmp_path):
    values = cone_beam()
    series_of(values, tmp_path / "in")
    here = context()
    here.scene.Clear(False)
    nodes = load_item(here, WorkItem("case", tmp_path / "in", tmp_path / "out"))
    landmarks = add_landmarks(here, phantom().landmarks, "by hand", nodes.ct)
    done = Steps(here, CACHE).all(NodeRequest(nodes.ct, landmarks=landmarks, accept_recognisable=True), Engines())
    assert (done.verdict, done.released) == ("PASS", True)
    export_result(done.nodes.result, tmp_path / "out")
    written = values_in(tmp_path / "out")
    assert np.array_equal(written[outside()], values[outside()])
    assert hidden(written, values)


def test_a_new_face_that_reaches_into_what_a_series_calls_padding_is_no_dicom(tmp_path):
    values = phantom().ct.array.astype(np.int16)
    tip = int(phantom().ct.geometry.to_kji(phantom().landmarks.position("pronasale"))[0, 1])
    values[:, : tip + 2] = -990  # before the nose, where a scene cannot know that this air is padding
    for path in series_of(values, tmp_path / "in"):
        one = pydicom.dcmread(path)
        one.add_new("PixelPaddingValue", "US", 34)
        one.save_as(path)
    here = context()
    here.scene.Clear(False)
    node = add_ct(here, phantom().ct.with_array(values), "CT")
    remember_source(node, tmp_path / "in", "")
    first = Steps(here, CACHE).all(NodeRequest(node, parameters=NO_LEVELS, accept_recognisable=True), Engines())
    assert first.released
    with pytest.raises(InputError, match="reaches into what the DICOM files call padding"):
        export_result(first.nodes.result, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    export_result(first.nodes.result, tmp_path / "out.nrrd")


@pytest.mark.parametrize("values", [padded, lambda: phantom().ct.array])
def test_a_series_of_uneven_slices_is_refused_as_dicom_with_the_reason(values, tmp_path):
    last = series_of(values(), tmp_path / "in")[-1]
    one = pydicom.dcmread(last)
    one.ImagePositionPatient = [*one.ImagePositionPatient[:2], f"{one.ImagePositionPatient[2] - 1.3:.4f}"]
    one.save_as(last)
    context().scene.Clear(False)
    nodes = load_item(context(), WorkItem("case", tmp_path / "in", tmp_path / "out"))
    with pytest.raises(InputError, match="lie at uneven places.*facedeidln deface"):
        dicom_source(nodes.ct)


@pytest.mark.parametrize("kind", KINDS)
def test_a_case_of_a_work_list_is_loaded_with_its_own_values(kind, tmp_path):
    values = KINDS[kind][0]()
    path = write_volume(phantom().ct.with_array(values), tmp_path / "ct.nrrd")
    context().scene.Clear(False)
    nodes = load_item(context(), WorkItem("case", path, tmp_path / "out.nrrd"))
    assert np.array_equal(volume_from_node(nodes.ct).array, values)


def test_a_ct_that_was_cut_to_a_window_is_not_released_and_not_by_verifying_it_again():
    here = context()
    here.scene.Clear(False)
    node = add_ct(here, phantom().ct.with_array(np.clip(phantom().ct.array, -800, 800).astype(np.int16)), "CT")
    steps = Steps(here, CACHE)
    asked = NodeRequest(node, parameters=NO_LEVELS, accept_recognisable=True)
    first = steps.all(asked, Engines())
    assert (first.verdict, first.released) == ("REVIEW", False)
    asked = replace(asked, landmarks=first.nodes.landmarks, output=first.nodes.result)
    again = steps.verify(asked)
    assert (again.verdict, again.released) == ("REVIEW", False)
    assert any("padding" in reason for reason in again.reasons)


def test_values_that_a_series_cannot_hold_are_not_written_cut_to_its_range(tmp_path):
    series_of(phantom().ct.array, tmp_path / "in")
    here = context()
    here.scene.Clear(False)
    node = add_ct(here, phantom().ct.with_array(phantom().ct.array.astype(np.int16)), "CT")
    remember_source(node, tmp_path / "in", "")
    asked = NodeRequest(node, parameters=replace(NO_LEVELS, effect="mask", own=(("fill_hu", -2000.0),)), accept_recognisable=True)
    first = Steps(here, CACHE).all(asked, Engines())
    assert first.released
    with pytest.raises(InputError, match="cannot hold all values of the result .*976 HU"):
        export_result(first.nodes.result, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    export_result(first.nodes.result, tmp_path / "out.nrrd")
