"""The panel's study: segments chosen for a CT of the scene count where that CT lies, whichever series decides there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.dicom_damaged import Damaged
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.steps import study as steps
from FaceDeidLNLib.steps.process import NodeRequest
from FaceDeidLNLib.study.outcome import Decision, Outcome
from FaceDeidLNLib.study.persons import SEVERAL
from FaceDeidLNLib.study.plan import Entry, plan
from FaceDeidLNLib.study.report import Report, StudyResult
from synthetic_study import StudyFolder, study_phantom
from test_study_belonging import frame_of, shifted
from test_study_persons import one_study
from test_study_single import give_each

NODE = "Node cheek"


@pytest.fixture
def planned(tmp_path, heads_remembered):
    """One head in two kernels, and a head of another day."""
    ct = study_phantom().ct
    one = StudyFolder(tmp_path / "in", study_phantom())
    one.series(ct, "a", "Thin")
    one.series(ct.with_array(ct.array + np.int16(3)), "b", "Sharp")
    StudyFolder(tmp_path / "in", study_phantom(), one.study).series(shifted(ct), "z", "Another day")
    return plan(tmp_path / "in")


def asked(volume: Volume, with_nodes: bool = True) -> NodeRequest:
    """What the panel gives for a CT of the scene."""
    here = context()
    here.scene.Clear(False)
    mask = np.zeros(volume.array.shape, dtype=bool)
    mask[tuple(n // 2 for n in mask.shape)] = True
    node = add_ct(here, volume, "CT")
    return NodeRequest(node, protected=add_segmentation(here, [tight(NODE, mask)], volume.geometry, "Nodes") if with_nodes else None)


def protected(planned, request: NodeRequest, folder: str, description: str) -> list[str]:
    """What would be protected in a series if it decided."""
    with mock.patch.object(steps, "run") as run:
        steps.release_study(planned, planned.folder.parent / "out", request)
    options = run.call_args.args[2]
    given = options.request(read_ct(planned.folder / folder), frame_of(planned, description))
    return [segment.name for segment in given.protected]


@pytest.mark.parametrize("chosen", ["a", "b"])
@pytest.mark.parametrize(("folder", "description"), [("a", "Thin"), ("b", "Sharp")])
def test_nodes_count_in_every_series_of_their_frame_of_reference(chosen, folder, description, planned):
    request = asked(read_ct(planned.folder / chosen).volume)
    assert protected(planned, request, folder, description) == [NODE]


def test_nodes_do_not_count_in_another_frame_of_reference(planned):
    request = asked(read_ct(planned.folder / "a").volume)
    assert protected(planned, request, "z", "Another day") == []


def test_nodes_of_a_head_that_the_study_does_not_hold_are_refused(planned):
    ct = read_ct(planned.folder / "a").volume
    with pytest.raises(InputError, match='"CT", whose segments are chosen, is none of the CTs of this study'):
        steps.release_study(planned, planned.folder.parent / "out", asked(ct.with_array(ct.array[::-1].copy())))


def test_nodes_of_a_ct_that_was_moved_are_refused(planned):
    moved = shifted(read_ct(planned.folder / "a").volume, (0.0, 5.1, 0.0))
    with pytest.raises(InputError, match="or was moved or resampled since it was loaded"):
        steps.release_study(planned, planned.folder.parent / "out", asked(moved))


def test_a_ct_of_the_scene_without_nodes_stops_no_study(planned):
    moved = shifted(read_ct(planned.folder / "a").volume, (0.0, 5.1, 0.0))
    assert protected(planned, asked(moved, with_nodes=False), "a", "Thin") == []


def test_a_segmentation_that_nobody_chose_stops_no_study(planned):
    moved = shifted(read_ct(planned.folder / "a").volume, (0.0, 5.1, 0.0))
    request = asked(moved, with_nodes=False)
    mask = np.ones(moved.array.shape, dtype=bool)
    add_segmentation(context(), [tight("LN Ib left", mask)], moved.geometry, "Of nobody")
    assert protected(planned, request, "a", "Thin") == []


def test_a_frame_of_reference_that_the_database_tells_is_believed(planned, monkeypatch):
    ct = read_ct(planned.folder / "a").volume
    monkeypatch.setattr(steps, "frame_of", lambda node: frame_of(planned, "Thin"))
    assert protected(planned, asked(ct.with_array(ct.array[::-1].copy())), "b", "Sharp") == [NODE]


def test_the_table_of_a_study_that_was_not_released_says_of_no_object_that_it_left():
    entry = Entry(SimpleNamespace(label="CT 'Head'"), Decision(Outcome.DEFACE, "shows the face best"))
    reports = (Report(entry, entry.decision), Report(entry, Decision.doubt("no face was found")))
    study = SimpleNamespace(damaged=(), notes=())
    (made, withheld) = steps.result_lines((StudyResult(study, reports, ("no face was found",)),))
    assert made == ("CT 'Head'", "not released", 1, "its study is a REVIEW; planned: deface (shows the face best)")
    assert withheld == ("CT 'Head'", "withhold", 1, "no face was found")
    assert steps.result_lines((StudyResult(study, reports[:1], (), Path("out")),))[0][1] == "deface"


def test_the_table_of_what_happened_lists_files_that_cannot_be_read_once():
    study = SimpleNamespace(damaged=(Damaged(Path("in/cut.dcm"), InputError("cut.dcm is cut off")),), notes=())
    lines = steps.result_lines((StudyResult(study, (), (), Path("out")), StudyResult(study, (), (), Path("other"))))
    assert lines == [("cut.dcm", "withhold", 1, "cut.dcm is cut off")]


def test_both_tables_of_a_study_list_what_is_odd_in_it_and_stops_nothing(tmp_path):
    planned = plan(one_study(tmp_path, "P1", ("Doe^Jane", ""), ("Smith^Anna", "")))
    (study,) = planned.studies
    told = ("study", "note", len(study.entries), SEVERAL)
    assert steps.plan_lines(planned)[-1] == told
    assert steps.result_lines((StudyResult(study, (), (), tmp_path / "out"),)) == [told]


def test_a_stack_whose_slices_have_a_series_uid_each_is_one_of_the_series_that_were_withheld(tmp_path):
    study = StudyFolder(tmp_path, study_phantom())
    give_each(study.series(study.phantom.ct, "a", "MIP"))
    (found,) = plan(tmp_path).studies
    reports = tuple(Report(entry, entry.decision) for entry in found.entries)
    assert {report.decision.outcome for report in reports} == {Outcome.WITHHOLD}
    assert steps.withheld_series(StudyResult(found, reports, (), tmp_path / "out")) == 1
