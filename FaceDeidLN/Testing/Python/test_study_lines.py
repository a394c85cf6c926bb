"""What draws the face in lines: a single contour along the old skin is its profile, and many short lines are one together."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from contourpy import contour_generator
from FaceDeidLNLib.study.documents import DocumentsFamily
from FaceDeidLNLib.study.family import DoubtError
from FaceDeidLNLib.study.lines import LONGEST_MM, longest_along
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.registry import FAMILIES
from FaceDeidLNLib.study.rtstruct import contours_of
from pydicom.uid import generate_uid

pytestmark = pytest.mark.usefixtures("heads_remembered")
HEAD_HU = -400


def profile(bench, axis: int, share: float = 0.5) -> np.ndarray:
    """The longest outline (N, 3) of the head in one plane across an axis (k, j, i); LPS mm."""
    ct = bench.source.phantom.ct
    at = int(ct.array.shape[axis] * share)
    lines = contour_generator(z=np.take(ct.array, at, axis).astype(float)).lines(HEAD_HU)
    line = max(lines, key=len)
    return ct.geometry.to_lps(np.insert(line[:, ::-1], axis, at, axis=1))


@pytest.mark.parametrize("axis", [0, 2])
def test_an_outline_of_the_head_runs_along_the_old_skin(bench, axis):
    assert longest_along(profile(bench, axis), next(iter(bench.run.hidden.values()))) > LONGEST_MM


def test_an_outline_of_every_fifth_point_does_too(bench):
    assert longest_along(profile(bench, 2)[::5], next(iter(bench.run.hidden.values()))) > LONGEST_MM


def test_a_rind_with_a_side_on_the_skin_and_one_below_it_does_too(bench):
    hidden = next(iter(bench.run.hidden.values()))
    outer = profile(bench, 2)
    inner = hidden.face.frame.origin + 0.965 * (outer - hidden.face.frame.origin)
    assert longest_along(np.concatenate([outer, inner[::-1]]), hidden) > LONGEST_MM


def test_a_circle_in_the_cheek_does_not(bench):
    hidden = next(iter(bench.run.hidden.values()))
    turn = np.linspace(0, 2 * np.pi, 60)[:, None]
    nose = hidden.state.landmarks.position("pronasale")
    ring = nose + (0.0, 12.0, 0.0) + 8.0 * (np.cos(turn) * (1.0, 0.0, 0.0) + np.sin(turn) * (0.0, 1.0, 0.0))
    assert longest_along(ring, hidden) < LONGEST_MM / 2


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros((2, 3)), np.full((9, 3), 1e6)])
def test_what_is_no_contour_in_view_does_not(bench, points):
    assert longest_along(points, next(iter(bench.run.hidden.values()))) == 0.0


def test_structures_with_one_profile_of_the_face_are_withheld(bench, tmp_path):
    dataset = pydicom.dcmread(bench.source.folder / "rtstruct.dcm")
    contour = contours_of(dataset, 3)[0].ContourSequence[0]
    line = profile(bench, 2)
    contour.NumberOfContourPoints, contour.ContourData = len(line), [f"{value:.2f}" for value in line.ravel()]
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "rtstruct.dcm")
    with pytest.raises(DoubtError, match="it draws its profile"):
        FAMILIES["rtstruct"].release(plan(tmp_path / "in").studies[0].study.series[0], bench.again(tmp_path))


@pytest.mark.parametrize(("points", "count", "is_kept"), [(50, 2, True), (50, 5, False), (2, 30, True), (5, 60, True)])
def test_what_the_presentation_states_of_a_study_draw_is_counted_together(bench, tmp_path, points, count, is_kept):
    for number in range(count):
        dataset = pydicom.dcmread(bench.source.folder / "ko.dcm")
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.11.1"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
        drawn = pydicom.Dataset()
        drawn.GraphicData = [1.0, 2.0] * points
        dataset.GraphicObjectSequence = [drawn]
        dataset.save_as(tmp_path / f"pr{number}.dcm")
    study = plan(tmp_path).studies[0].study
    decided = [decision.outcome for series in study.series for decision in DocumentsFamily().decide(series, study)]
    assert len(decided) == count
    assert {outcome is Outcome.KEEP for outcome in decided} == {is_kept}
