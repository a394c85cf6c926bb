"""Segments that guide the node levels and are wrong: another patient's, elsewhere, or called after an organ without being one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.face_frame import fit_frame
from FaceDeidLNLib.anatomy.jaw.hyoid import hyoid_doubts
from FaceDeidLNLib.anatomy.level.find import find_ground, find_levels
from FaceDeidLNLib.case.find import find_anatomy
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.commands.inputs import make_request
from FaceDeidLNLib.commands.main import make_parser
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.verdict import Verdict
from written import write_volume


@pytest.fixture(scope="module")
def levels_with(phantom):
    """The default levels of the phantom by name, with some segments."""
    body, frame = find_body(phantom.ct), fit_frame(phantom.landmarks)

    def found(*segments):
        ground = find_ground(phantom.ct, body, frame, segments)
        return {level.name: level for level in find_levels(ground, phantom.ct, Parameters().levels, segments)}

    return found


@pytest.fixture(scope="module")
def alone(levels_with):
    """Those without any segment."""
    return levels_with()


def shifted(segment: Segment, lps_mm: tuple[float, float, float], name: str = "") -> Segment:
    """The segment elsewhere, under another name if one is given."""
    matrix = segment.mask.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += lps_mm
    mask = replace(segment.mask, geometry=replace(segment.mask.geometry, ijk_to_lps=matrix))
    return replace(segment, mask=mask, name=name or segment.name)


def same(levels, others) -> bool:
    """True where all levels hold the same voxels."""
    return all(levels[n].mask.box == others[n].mask.box and np.array_equal(levels[n].mask.array, others[n].mask.array) for n in others)


@pytest.mark.parametrize("lps_mm", [(0.0, 0.0, 60.0), (0.0, 90.0, 0.0), (0.0, 0.0, 1000.0)])
def test_a_hyoid_that_lies_where_none_can_changes_no_level_and_is_a_doubt(phantom, levels_with, alone, lps_mm):
    wrong = shifted(phantom.segment("Hyoid"), lps_mm)
    assert same(levels_with(wrong), alone)
    assert "no hyoid of this patient" in hyoid_doubts(fit_frame(phantom.landmarks), (wrong,))[0]


def test_a_hyoid_that_is_the_whole_ct_changes_no_level_and_is_a_doubt(phantom, levels_with, alone):
    everything = Segment("hyoid", phantom.ct.with_array(np.ones(phantom.ct.array.shape, dtype=bool)))
    assert same(levels_with(everything), alone)
    assert hyoid_doubts(fit_frame(phantom.landmarks), (everything,))


def test_the_patients_own_hyoid_is_used_and_no_doubt(phantom, levels_with):
    own = phantom.segment("Hyoid")
    assert "hyoid" in levels_with(own)["Ia"].derived_from
    assert hyoid_doubts(fit_frame(phantom.landmarks), (own,)) == ()


def test_another_patients_hyoid_gives_a_review_with_the_reason(phantom):
    request = Request(phantom.ct, guides=(shifted(phantom.segment("Hyoid"), (0.0, 0.0, 60.0)),), parameters=Parameters(effect="mask"))
    result = deface(request)
    assert result.verdict is Verdict.REVIEW
    assert any("no hyoid of this patient" in reason for reason in result.reasons)


@pytest.mark.parametrize(
    ("name", "organ"),
    [
        ("GTV mandible", "Mandible"),
        ("Mandible tumor", "Mandible"),
        ("mylohyoid_left", "Hyoid"),
        ("LN submandibular left", "Submandibular gland left"),
    ],
)
def test_what_is_only_named_after_an_organ_is_not_taken_for_it(phantom, levels_with, alone, name, organ):
    away = (0.0, 15.0, 5.0)
    assert not same(levels_with(shifted(phantom.segment(organ), away)), alone), "the organ itself counts"
    assert same(levels_with(shifted(phantom.segment(organ), away, name)), alone)


def test_a_protected_mandible_is_doubted_like_any_other(phantom, phantom_ct_file, tmp_path):
    upside_down = write_volume(
        phantom.ct.with_array(phantom.segment("Mandible").mask.array[::-1].astype(np.uint8)), tmp_path / "mandible.nrrd"
    )
    options = make_parser().parse_args(["deface", str(phantom_ct_file), str(tmp_path / "out.nrrd"), "--protect", str(upside_down)])
    request, _ = make_request(options, read_ct(phantom_ct_file))
    assert [segment.name for segment in request.protected] == ["mandible"]
    assert any(
        "no mandible of this patient" in doubt for doubt in find_anatomy(phantom.ct, phantom.landmarks, guides=request.guides).doubts
    )


@pytest.mark.parametrize("lps_mm", [(0.0, 90.0, 0.0), (0.0, 0.0, 1000.0), (0.0, -90.0, 0.0)])
def test_a_gland_that_lies_elsewhere_leaves_ib_its_size(phantom, levels_with, alone, lps_mm):
    found = levels_with(shifted(phantom.segment("Submandibular gland left"), lps_mm))
    assert 0.3 < found["Ib left"].volume_ml / alone["Ib left"].volume_ml < 2.5
