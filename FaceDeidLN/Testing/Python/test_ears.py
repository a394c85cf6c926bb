"""Ears: found at the tragia, hidden as parts of their own, replaced by a surface that does not know them, and missed when they stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.case.find import find_anatomy, find_face
from FaceDeidLNLib.case.records import Anatomy, CaseResult, Request
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.tools.ear_surface import smooth_ears
from FaceDeidLNLib.face.ears import Ear, find_ears
from FaceDeidLNLib.face.styles import chosen_region
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.ears import LEAST_MM3, ear_mm3, ear_share, in_canal
from FaceDeidLNLib.verify.verdict import Verdict
from scipy import ndimage

SIDES = ("right", "left")


@pytest.fixture(scope="module")
def anatomy(phantom) -> Anatomy:
    return find_anatomy(phantom.ct, phantom.landmarks)


@pytest.fixture(scope="module")
def masked(phantom, finder) -> CaseResult:
    return deface(Request(phantom.ct, phantom.nodes, phantom.landmarks, parameters=Parameters(ears=True, effect="mask")), finder=finder)


@pytest.fixture(scope="module")
def plain(phantom, finder) -> CaseResult:
    return deface(Request(phantom.ct, phantom.nodes, phantom.landmarks, parameters=Parameters(effect="mask")), finder=finder)


def ear_of(result: CaseResult, side: str) -> Ear:
    return next(ear for ear in result.face.ears if ear.side == side)


def auricle(phantom, result: CaseResult, side: str) -> np.ndarray:
    """Tissue voxels (N, 3) that stand 3 mm and more out of the tragion's side, behind it: by voxels and the mark alone."""
    at = np.argwhere(phantom.ct.array > -300)
    points = result.face.frame.to_face(phantom.ct.geometry.to_lps(at)) * (1 if side == "left" else -1, 1, 1)
    tragion = result.face.frame.to_face(phantom.landmarks.position(f"tragion_{side}"))[0] * (1 if side == "left" else -1, 1, 1)
    offset = points - tragion
    return at[(offset[:, 0] > 3) & (offset[:, 0] < 40) & (offset[:, 1] < 4) & (offset[:, 1] > -40) & (np.abs(offset[:, 2]) < 36)]


@pytest.mark.parametrize("side", SIDES)
def test_the_auricle_goes_with_ears_and_stays_without(side, phantom, masked, plain):
    at = tuple(auricle(phantom, masked, side).T)
    assert len(at[0]) > 50
    assert (masked.result.array != phantom.ct.array)[at].mean() > 0.97
    assert (plain.result.array == phantom.ct.array)[at].all()


def test_with_ears_the_case_passes_and_nodes_and_levels_stay(masked):
    assert masked.reasons == ()
    assert masked.verdict is Verdict.PASS
    assert masked.comparison.changed_outside_face == 0
    assert all(check.changed == 0 for check in masked.comparison.protected)


def test_without_ears_no_voxel_behind_the_tragia_changes(phantom, plain):
    changed = phantom.ct.geometry.to_lps(np.argwhere(plain.result.array != phantom.ct.array))
    assert plain.face.frame.to_face(changed)[:, 1].min() > 0


def test_with_ears_only_the_ears_change_more(phantom, masked, plain):
    shape = phantom.ct.array.shape
    more = (masked.result.array != phantom.ct.array) & (plain.result.array == phantom.ct.array)
    ears = np.logical_or.reduce([ear.segment.full(shape) for ear in masked.face.ears])
    assert more.any()
    assert not (more & ~ears).any()


def test_the_parts_of_the_segment_are_face_and_ears_without_overlap(phantom, masked):
    parts = masked.face.parts()
    total = sum(part.full(phantom.ct.array.shape).astype(int) for part in parts)
    assert [part.name for part in parts] == ["Face", "Ear right", "Ear left"]
    assert np.array_equal(total, masked.face.segment.full(phantom.ct.array.shape).astype(int))


def test_the_smooth_surface_does_not_know_the_ear(phantom, anatomy):
    request = Request(phantom.ct, landmarks=phantom.landmarks, parameters=Parameters(ears=True))
    face = find_face(request, anatomy, ())
    ear = face.ears[0]
    bumpy = replace(ear, skin=np.where(ear.border > 0, ear.skin + 7.0, ear.skin))
    values = np.zeros(face.segment.box.shape, dtype=np.float32)
    drawn = [
        smooth_ears(values.copy(), phantom.ct, replace(face, ears=(one,)), lambda at: np.zeros(len(at)), np.random.default_rng(4))
        for one in (ear, bumpy)
    ]
    assert np.array_equal(*drawn)


def test_the_surface_below_an_ear_is_spanned_by_the_skin_around_it(masked):
    for ear in masked.face.ears:
        around = ear.border <= 0
        assert np.array_equal(ear.surface[around], ear.skin[around])
        assert ear.surface[~around].max() <= ear.skin[around].max()
        assert (ear.skin - ear.surface)[~around].max() > 8.0  # the auricle stands out of it


def test_reface_leaves_air_where_the_auricle_was(phantom, finder):
    result = deface(
        Request(phantom.ct, (), phantom.landmarks, parameters=Parameters(ears=True, effect="reface", seed=2, levels=())), finder=finder
    )
    assert result.verdict is Verdict.PASS
    for side in SIDES:
        ear, at = ear_of(result, side), auricle(phantom, result, side)
        place = ear.place(phantom.ct.geometry.to_lps(at))
        outside = at[place[:, 2] > ear.sample(ear.surface, place) + 7.0]
        assert len(outside) > 10
        assert (result.result.array[tuple(outside.T)] < -800).mean() > 0.95


@pytest.mark.parametrize("side", SIDES)
def test_an_ear_that_stays_is_seen_by_its_thinness(side, phantom, masked, plain):
    nothing = np.zeros(phantom.ct.array.shape, dtype=bool)
    assert ear_share(phantom.ct, masked.result.array != phantom.ct.array, masked.face, phantom.landmarks, side) > 0.9
    assert ear_share(phantom.ct, nothing, masked.face, phantom.landmarks, side) == 0.0


def test_an_ear_that_a_protected_segment_keeps_gives_review(phantom, finder):
    points = phantom.ct.geometry.to_lps(np.argwhere(np.ones(phantom.ct.array.shape, dtype=bool)))
    near = np.linalg.norm(points - phantom.landmarks.position("tragion_left") - (12.0, 12.0, 5.0), axis=1) < 25
    keep = Segment("implant", phantom.ct.with_array(near.reshape(phantom.ct.array.shape)))
    result = deface(Request(phantom.ct, (keep,), phantom.landmarks, parameters=Parameters(ears=True, levels=())), finder=finder)
    assert result.verdict is Verdict.REVIEW
    assert any("left ear" in reason for reason in result.reasons)


def covered(ct: Volume, ear: Ear, thick_mm: float) -> Volume:
    """The CT with gel so thick over all of an ear and what is around it."""
    body = ndimage.label(ct.array > -300)[0]
    outside = ndimage.distance_transform_edt(body != np.argmax(np.bincount(body.ravel())[1:]) + 1, ct.geometry.sampling)
    at = np.argwhere((outside > 0) & (outside <= thick_mm))
    place = ear.place(ct.geometry.to_lps(at))
    gel = at[(ear.sample(ear.border, place) > -8) & (place[:, 2] > -12)]
    array = ct.array.copy()
    array[tuple(gel.T)] = 10
    return ct.with_array(array)


def test_an_ear_that_is_covered_gives_review(phantom, masked):
    ct = covered(phantom.ct, ear_of(masked, "left"), 14.0)
    result = deface(Request(ct, (), phantom.landmarks, parameters=Parameters(ears=True, effect="mask", levels=())))
    assert result.verdict is Verdict.REVIEW
    assert [reason[:28] for reason in result.reasons if "stands out" in reason] == ["no left ear stands out from "]


def test_an_unknown_tragion_in_view_gives_review(phantom, finder):
    points = dict(phantom.landmarks.points)
    points["tragion_left"] = Landmark("tragion_left", None, 0.0, reason="not found")
    result = deface(Request(phantom.ct, (), Landmarks(points), parameters=Parameters(ears=True, levels=())), finder=finder)
    assert result.verdict is Verdict.REVIEW
    assert any("tragion_left" in reason for reason in result.reasons)


def test_ears_beyond_the_field_of_view_are_told_and_raise_no_doubt(phantom, finder):
    front = phantom.ct.geometry.to_kji(phantom.landmarks.position("tragion_left") - (0.0, 22.0, 0.0))[0]
    box = Box((0, 0, 0), (phantom.ct.array.shape[0], int(front[1]), phantom.ct.array.shape[2]))
    part = phantom.ct.crop(box)
    ct = Volume(part.array.copy(), part.geometry)
    points = {
        name: Landmark(name, None, 0.0, reason="out of view") if "tragion" in name else point
        for name, point in phantom.landmarks.points.items()
    }
    result = deface(Request(ct, (), Landmarks(points), parameters=Parameters(ears=True, levels=())), finder=finder)
    assert set(result.out_of_view) == {"tragion_right", "tragion_left"}
    assert not any("tragion" in reason for reason in result.reasons)


def test_the_phantom_mask_hides_the_ear_of_its_own_side():
    assert chosen_region(Parameters(style="phantom", ears=True)).ears == ("left",)
    assert chosen_region(Parameters(style="phantom")).ears == ()


def test_ears_lie_the_same_on_any_grid(phantom, fine_phantom, anatomy):
    ears = find_ears(SIDES, anatomy.frame, anatomy.depth, phantom.ct.geometry, Parameters())
    fine = find_ears(SIDES, anatomy.frame, anatomy.depth, fine_phantom.ct.geometry, Parameters())
    for coarse_ear, fine_ear in zip(ears, fine, strict=True):
        volumes = [e.auricle.voxels * v.ct.geometry.voxel_mm3 for e, v in ((coarse_ear, phantom), (fine_ear, fine_phantom))]
        assert volumes[0] == pytest.approx(volumes[1], rel=0.05)


@pytest.mark.parametrize(("name", "effect"), [("pt_31", "reface"), ("pt_100", "mask"), ("pt_112", "scramble")])
def test_the_wall_of_an_ear_canal_in_coarse_voxels_is_no_ear_that_stays(name, effect, data_folder):
    ct = read_ct(data_folder / "open-kbp" / f"{name}_ct.nrrd").volume
    assert deface(Request(ct, parameters=Parameters(ears=True, effect=effect, seed=1))).verdict is Verdict.PASS


def test_a_canal_begins_behind_the_surface_that_the_skin_around_the_ear_spans(phantom, masked):
    canal = in_canal(ear_of(masked, "left"), phantom.ct, np.ones(phantom.ct.array.shape, dtype=bool))
    assert canal.any()
    assert not canal[tuple(auricle(phantom, masked, "left").T)].any()


@pytest.mark.parametrize("side", SIDES)
def test_an_ear_is_as_large_in_voxels_of_half_the_size(side, phantom, masked):
    halves = np.diag([0.5, 0.5, 0.5, 1.0])
    halves[:3, 3] = -0.25
    array = phantom.ct.array.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)
    fine = Volume(array, Geometry(array.shape, phantom.ct.geometry.ijk_to_lps @ halves))
    sizes = [ear_mm3(ct, masked.face, phantom.landmarks, side) for ct in (phantom.ct, fine)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)
    assert sizes[0] > 2 * LEAST_MM3
