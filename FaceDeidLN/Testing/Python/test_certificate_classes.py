"""A certificate tells what was checked, in classes that many heads share, and no figure of the old skin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.level.find import Level
from FaceDeidLNLib.case.records import CaseResult
from FaceDeidLNLib.commands.describe import figures
from FaceDeidLNLib.core.errors import OutputError
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.facts import certificate_facts, facts_of, figures_in_classes, in_class
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.output.certificate import certificate_text
from FaceDeidLNLib.release import case_content
from FaceDeidLNLib.study.certificate import certificate_text as study_text
from FaceDeidLNLib.study.family import Options, Study
from FaceDeidLNLib.study.outcome import Decision, Outcome
from FaceDeidLNLib.study.plan import Entry, StudyPlan
from FaceDeidLNLib.study.proof import Proof, Surface
from FaceDeidLNLib.study.report import Report
from FaceDeidLNLib.verify.compare import Comparison, SegmentCheck
from FaceDeidLNLib.verify.coverage import Coverage
from FaceDeidLNLib.verify.privacy import TESTED
from FaceDeidLNLib.verify.verdict import Verdict
from hypothesis import given
from hypothesis import strategies as st

KEPT = Decision(Outcome.KEEP, "as it is")


def result_of(changed: float, moved: float, mm: float, voxels: int, body: float) -> CaseResult:
    """A head whose skin changed by so much."""
    comparison = Comparison(True, True, np.zeros((1, 1, 1), bool), voxels, 0, ())
    coverage = Coverage(changed, moved, mm, {})
    return CaseResult(Verdict.PASS, (), TESTED, Parameters(), comparison=comparison, coverage=coverage, body_share=body)


@given(st.floats(0.9, 1), st.floats(0, 1), st.floats(0.5, 30), st.integers(1, 10**7), st.floats(0, 0.0999))
def test_all_heads_that_pass_have_the_same_checks(changed, moved, mm, voxels, body):
    usual = certificate_facts(result_of(0.97, 0.9, 5.96, 41_000, 0.02))
    assert certificate_facts(result_of(changed, moved, mm, voxels, body)) == usual


def test_the_certificate_is_made_of_the_classes():
    assert "5.96" not in str(case_content(result_of(0.97, 0.9, 5.96, 41_357, 0.02)))


def test_the_review_and_json_have_the_figures():
    assert facts_of(result_of(0.97, 0.9, 5.96, 41_357, 0.02))["face_skin"]["mean_displacement_mm"] == 5.96


@pytest.mark.parametrize(("value", "said"), [(0.2, "less than 0.5 mm"), (0.5, "at least 0.5 mm"), (8.7, "at least 0.5 mm")])
def test_a_class_is_told_by_its_bounds(value, said):
    assert in_class(value, [0.5], "mm") == said


def test_the_reasons_of_a_review_are_coarse_in_its_certificate():
    case = replace(result_of(0.87, 0.9, 5.96, 41_357, 0.02), verdict=Verdict.REVIEW, reasons=("only 87% of it",))
    assert case_content(case)["reasons"] == ["only 80% of it"]


def _with_segments(voxels: int, ml: float, confidence: float, seconds: float) -> CaseResult:
    """A head with a protected segment and a node level of so many voxels."""
    level = Level("Ia", SimpleNamespace(voxels=voxels, name="node level Ia"), confidence, "skin", ml)
    case = result_of(0.97, 0.9, 5.96, 41_357, 0.02)
    comparison = replace(case.comparison, protected=(SegmentCheck("node", voxels, 0), SegmentCheck("node level Ia", voxels, 0)))
    return replace(case, comparison=comparison, levels=(level,), seconds={"skin": 3 * seconds})


@given(st.integers(1, 10**6), st.floats(0.1, 200), st.floats(0.5, 1), st.floats(0.96, 1.04))
def test_segments_and_levels_of_all_heads_are_told_alike(voxels, ml, confidence, seconds):
    assert case_content(_with_segments(voxels, ml, confidence, seconds)) == case_content(_with_segments(445, 28.7, 0.81, 1.0))


@pytest.mark.parametrize("where", ["checks", "protected"])
def test_a_certificate_with_a_figure_of_the_head_is_not_written(where):
    content = {**case_content(_with_segments(445, 28.7, 0.81, 1.0)), "output": {}}
    told = certificate_text(content)
    assert "445" not in told
    content[where] = {**content["checks"], "new": 445} if where == "checks" else [{"name": "node", "voxels": 445}]
    with pytest.raises(OutputError, match="classes only"):
        certificate_text(content)


def _of_study(tmp_path, figures):
    """The certificate of a study with one series of such figures."""
    instance = SimpleNamespace(sop_class="1.2.840.10008.5.1.4.1.1.2", path=Path("slice000.dcm"))
    report = Report(Entry(instance, KEPT), KEPT, figures, "01-CT/IM0001.dcm")
    planned = StudyPlan(Study("1", "2", ()), ())
    return study_text(tmp_path, planned, [report], Options(Parameters()), KeepHeader(), Proof((), ()), 12.0)


@pytest.mark.parametrize(
    "figures", [{"lips_mm": 4}, {"checks": {"new": 0.5}}, {"lips": [1.5]}, {"nose_tip_position": "far"}, {"x": "0f" * 32}]
)
def test_a_certificate_of_a_study_with_what_is_not_foreseen_is_not_written(tmp_path, figures):
    with pytest.raises(OutputError, match="nothing was written"):
        _of_study(tmp_path, figures)


def test_a_certificate_of_a_study_tells_what_is_foreseen(tmp_path):
    figures = {"structures": 7, "made_anew": ["0f" * 32], "changed_voxels": 812, "share_of_step_left": 0.113, "checks": {"same": True}}
    told = _of_study(tmp_path, figures)
    assert '"structures": 7' in told
    assert "812" not in told
    assert "0.113" not in told


def test_what_follows_is_told_in_classes():
    figures = {"changed_voxels": 812, "voxels_without_dose": 0, "share_of_step_left": 0.113, "made_anew": ["Body"]}
    told = {"changed_voxels": "some", "voxels_without_dose": "none", "share_of_step_left": "within the limit", "made_anew": ["Body"]}
    assert figures_in_classes(figures) == told


def test_a_surface_of_a_study_is_told_in_a_class():
    assert Surface("CT", 812, 5.96, 2.1, 0.31).in_class() == {"object": "CT", "median": "at least 1.5 mm"}


@pytest.mark.parametrize(("changed", "voxels"), [(0.0, 500), (0.97, 0)])
def test_what_hid_nothing_is_not_said_to_be_tested(changed, voxels):
    assert facts_of(result_of(changed, 0.0, 0.0, voxels, 0.0))["privacy"] == "recognisable"


def test_a_case_that_came_to_nothing_is_not_said_to_be_tested():
    assert facts_of(CaseResult(Verdict.REVIEW, (), TESTED, Parameters()))["privacy"] == "recognisable"


@pytest.mark.parametrize(("depth_mm", "noted"), [(0.5, True), (12.0, False)])
def test_a_depth_that_changes_nothing_is_told(depth_mm, noted):
    face = SimpleNamespace(curve=SimpleNamespace(control=np.zeros((8, 3))))
    case = replace(result_of(0.97, 0.9, 5.96, 41_357, 0.02), parameters=Parameters(depth_mm=depth_mm), face=face)
    assert any("--depth-mm 0.5 changes hardly less than 12" in line for line in figures(case)) == noted
