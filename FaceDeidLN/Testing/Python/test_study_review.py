"""Review material of studies: every series that shows the head is on a picture, for its owner alone."""

from __future__ import annotations

import json
import stat

import numpy as np
import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.segment import BoxMask
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.output.review_folder import README_FIRST_LINE
from FaceDeidLNLib.study import review
from FaceDeidLNLib.study.registry import FAMILIES
from FaceDeidLNLib.study.report import Report
from FaceDeidLNLib.study.review import StudyReview, require_review
from FaceDeidLNLib.verify.coverage import SKIN_HU

pytestmark = pytest.mark.usefixtures("heads_remembered")


def test_every_series_that_shows_the_head_has_a_picture_and_what_was_written_is_on_it(bench, tmp_path, monkeypatch):
    drawn = {}

    def sheet(before: Volume, after: Volume | None, face: BoxMask | None, *_: object) -> np.ndarray:
        drawn[len(drawn)] = before, after, face
        return np.zeros((4, 4, 3), dtype=np.uint8)

    monkeypatch.setattr(review, "review_sheet", sheet)
    work = bench.again(tmp_path / "out")
    FAMILIES["registration"].release(bench.series("registration"), work)
    folder = tmp_path / "qa" / "study-01"
    StudyReview(folder).write(bench.planned, [Report(entry, entry.decision) for entry in bench.planned.entries], work)
    listed = json.loads((folder / review.LIST_FILE).read_text())
    assert sorted(line["modality"] for line in listed if "picture" in line) == ["CT", "MR", "PT", "RTDOSE", "RTSTRUCT", "SEG"]
    assert sum(after is not None for _, after, _ in drawn.values()) == 1
    assert all(face is not None and 0.03 < (before.array > SKIN_HU).mean() < 0.7 for before, _, face in drawn.values())


def test_the_review_folder_is_of_its_owner_alone_and_says_what_it_holds(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(review, "SHOWERS", {})
    StudyReview(tmp_path / "qa").write(bench.planned, [], bench.run)
    assert stat.S_IMODE((tmp_path / "qa").stat().st_mode) == 0o700
    assert (tmp_path / "qa" / "README.txt").read_text().startswith(README_FIRST_LINE)
    require_review(tmp_path / "qa")


def test_a_folder_of_other_files_gets_no_review(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="not of an earlier review"):
        require_review(tmp_path)


def test_what_cannot_be_drawn_is_said_and_stops_nothing(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(review, "SHOWERS", {"ct": lambda *_: 1 / 0})
    StudyReview(tmp_path / "qa").write(bench.planned, [Report(entry, entry.decision) for entry in bench.planned.entries], bench.run)
    (line,) = [line for line in json.loads((tmp_path / "qa" / review.LIST_FILE).read_text()) if line["modality"] == "CT"]
    assert "ZeroDivisionError" in line["no_picture"]


def test_a_modality_that_is_no_name_of_a_file_gets_its_picture(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(review, "review_sheet", lambda *_: np.zeros((4, 4, 3), dtype=np.uint8))
    (series,) = [one for one in bench.planned.study.series if one.family == "ct"][:1]
    monkeypatch.setattr(series.instances[0].header, "Modality", "C/T")
    work = bench.again(tmp_path / "out")
    StudyReview(tmp_path / "qa").write(bench.planned, [Report(entry, entry.decision) for entry in bench.planned.entries], work)
    assert list((tmp_path / "qa").glob("*-CT.png"))
