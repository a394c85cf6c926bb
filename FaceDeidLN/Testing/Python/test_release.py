"""The last gate: what is replaced, what stays, and what a second verification must not forget."""

from __future__ import annotations

import time

import numpy as np
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.case.records import CaseResult, Request
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.certificate import certificate_path, is_certified
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.providers.base import ProviderError
from FaceDeidLNLib.release import AttemptWatch, Destination, Watch, as_stored, refusal_sentence, release, remove_released
from FaceDeidLNLib.verify.compare import compare
from FaceDeidLNLib.verify.privacy import TESTED
from FaceDeidLNLib.verify.verdict import Verdict


@pytest.fixture
def ct(tmp_path):
    """A small DICOM series."""
    write_series(tmp_path / "in", Series(stored_head()))
    return read_ct(tmp_path / "in")


def passed(ct, value=-1000) -> CaseResult:
    """A result that may be released."""
    array = ct.volume.array.copy()
    array[3:7, 0:9, 6:18] = value
    result = ct.volume.with_array(array)
    return CaseResult(Verdict.PASS, (), TESTED, Parameters(), result=result, comparison=compare(ct.volume, result, None, ()))


def test_a_released_folder_is_replaced_with_its_certificate(ct, tmp_path):
    release(ct, passed(ct), Destination(tmp_path / "out"), False)
    watch = Watch(tmp_path / "out")
    assert is_certified(tmp_path / "out")
    assert not watch.has_released()
    release(ct, passed(ct, -900), Destination(tmp_path / "out", overwrite=True), False)
    assert watch.has_released()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out", "out.certificate.json"]


@pytest.mark.parametrize("ahead_s", [-3600, 0, 3600])
def test_an_attempt_s_certificate_is_new_by_the_clock_of_the_disk_alone(ahead_s, tmp_path, monkeypatch):
    old, output = certificate_path(tmp_path / "old.nrrd"), tmp_path / "ct.nrrd"
    old.write_text("of an earlier run")
    time.sleep(0.02)  # the clock of files ticks slowly
    now = (time.time, time.time_ns)
    monkeypatch.setattr(time, "time", lambda: now[0]() + ahead_s)
    monkeypatch.setattr(time, "time_ns", lambda: now[1]() + ahead_s * 10**9)
    watch = AttemptWatch(output)
    assert [path.name for path in tmp_path.iterdir()] == [old.name]
    old.rename(certificate_path(output))
    assert not watch.has_new_certificate(), "it was only brought back"
    certificate_path(output).write_text("of this one")
    assert watch.has_new_certificate()


@pytest.mark.parametrize("certificate", ["none", "of another"])
def test_a_folder_of_somebodys_originals_is_not_replaced(certificate, ct, tmp_path):
    originals = write_series(tmp_path / "out", Series(stored_head(seed=2)))
    if certificate != "none":
        release(ct, passed(ct), Destination(tmp_path / "other"), False)
        certificate_path(tmp_path / "other").rename(certificate_path(tmp_path / "out"))
    with pytest.raises(InputError, match="is not replaced"):
        release(ct, passed(ct), Destination(tmp_path / "out", overwrite=True), False)
    assert all(path.is_file() for path in originals)


def test_taking_a_release_back_leaves_what_is_not_its_own(ct, tmp_path):
    release(ct, passed(ct), Destination(tmp_path / "out"), False)
    (tmp_path / "out" / "thesis.docx").write_text("dear")
    remove_released(tmp_path / "out")
    assert (tmp_path / "out" / "thesis.docx").exists()
    (tmp_path / "out" / "thesis.docx").unlink()
    remove_released(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


class _Failing:
    """A segmentation program that crashes."""

    def available(self) -> bool:
        return True

    def describe(self) -> str:
        return "the program"

    def segment(self, _, alive):
        raise ProviderError("it crashed")


def test_a_failed_program_keeps_the_case_in_review_when_the_stored_voxels_differ(phantom, tmp_path):
    matrix = phantom.ct.geometry.ijk_to_lps
    spacing = phantom.ct.geometry.spacing
    stored = np.clip(phantom.ct.array.astype(np.int32) + 1024, 0, 65535)
    rows = (matrix[:3, :2] / spacing[:2]).T
    write_series(tmp_path, Series(stored, rows=rows, step=matrix[:3, 2], origin=matrix[:3, 3], spacing=(spacing[1], spacing[0])))
    ct = read_ct(tmp_path)
    asked = deface(
        Request(ct.volume, phantom.nodes, providers=(_Failing(),), parameters=Parameters(effect="mask", own=(("fill_hu", -1500.0),)))
    )
    kept = as_stored(ct, asked)
    assert not np.array_equal(kept.result.array, asked.result.array)
    assert (asked.verdict, kept.verdict) == (Verdict.REVIEW, Verdict.REVIEW)
    assert any("it crashed" in reason for reason in kept.reasons)
    assert refusal_sentence(kept, accept_recognisable=True) is not None
