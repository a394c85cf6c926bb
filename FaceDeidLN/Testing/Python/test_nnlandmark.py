"""nnLandmark's results as landmarks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from FaceDeidLNLib.commands.inputs import read_landmarks
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.case import CtInput
from FaceDeidLNLib.providers.nnlandmark import read_nnlandmark
from test_providers import small_ct


def test_nnlandmark_voxels_become_lps(tmp_path):
    ct = small_ct()
    (tmp_path / "case.json").write_text(json.dumps({"2": {"coordinates": [3, 5, 7], "likelihood": 0.8}}), encoding="utf-8")
    (tmp_path / "names.json").write_text(json.dumps({"pogonion": 2, "somewhere": 1}), encoding="utf-8")
    found = read_nnlandmark(tmp_path / "case.json", tmp_path / "names.json", ct.geometry)
    assert np.allclose(found.position("pogonion"), (ct.geometry.ijk_to_lps @ [3, 5, 7, 1])[:3])
    assert found.confidence("pogonion") == pytest.approx(0.8)


def test_an_nnlandmark_without_coordinates_is_missing(tmp_path):
    (tmp_path / "case.json").write_text(json.dumps({"2": {"coordinates": [None, None, None], "likelihood": 0.0}}), encoding="utf-8")
    (tmp_path / "names.json").write_text(json.dumps({"pogonion": 2}), encoding="utf-8")
    assert read_nnlandmark(tmp_path / "case.json", tmp_path / "names.json", small_ct().geometry).position("pogonion") is None


def ct_input(volume: Volume) -> CtInput:
    return CtInput(volume, "image", Path("ct.nrrd"))


def test_the_landmarks_option_takes_nnlandmarks_result_with_its_names_beside(tmp_path):
    (tmp_path / "case.json").write_text(
        json.dumps({"2": {"coordinates": [3, 5, 7], "likelihood": 0.8}, "3": {"coordinates": [None] * 3, "likelihood": 0.0}}),
        encoding="utf-8",
    )
    (tmp_path / "name_to_label.json").write_text(json.dumps({"pogonion": 2, "menton": 3}), encoding="utf-8")
    ct = small_ct()
    found = read_landmarks(tmp_path / "case.json", ct_input(ct))
    assert list(found.points) == ["pogonion"]
    assert np.allclose(found.position("pogonion"), ct.geometry.to_lps(np.array([[7, 5, 3]]))[0])


@pytest.mark.parametrize("likelihood", [float("nan"), float("inf")])
def test_a_landmark_of_nnlandmark_is_never_certain_because_its_likelihood_is_no_number(likelihood, tmp_path):
    (tmp_path / "case.json").write_text(json.dumps({"2": {"coordinates": [3, 5, 7], "likelihood": likelihood}}), encoding="utf-8")
    (tmp_path / "name_to_label.json").write_text(json.dumps({"pogonion": 2}), encoding="utf-8")
    with pytest.raises(InputError, match="not finite"):
        read_landmarks(tmp_path / "case.json", ct_input(small_ct()))


def test_a_broken_nnlandmark_result_is_refused_as_input(tmp_path):
    (tmp_path / "case.json").write_text("[1]", encoding="utf-8")
    (tmp_path / "name_to_label.json").write_text(json.dumps({"pogonion": 2}), encoding="utf-8")
    with pytest.raises(InputError, match="no result of nnLandmark"):
        read_landmarks(tmp_path / "case.json", ct_input(small_ct()))


@pytest.mark.parametrize(("place", "why"), [([float("nan"), 2, 3], "not finite"), ([None] * 3, "places none"), ([1, 2], "no result")])
def test_an_nnlandmark_result_that_places_nothing_is_refused_not_passed_over(place, why, tmp_path):
    (tmp_path / "case.json").write_text(json.dumps({"2": {"coordinates": place, "likelihood": 0.8}}), encoding="utf-8")
    (tmp_path / "name_to_label.json").write_text(json.dumps({"pogonion": 2}), encoding="utf-8")
    with pytest.raises(InputError, match=why):
        read_landmarks(tmp_path / "case.json", ct_input(small_ct()))
