"""One release rule and one gate: nothing is written as a result but what the gate permits."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from FaceDeidLNLib import clearance
from FaceDeidLNLib.clearance import Clearance, Judged, NotReleasedError, clear
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.case import CtInput
from FaceDeidLNLib.release import Destination, write_released
from FaceDeidLNLib.verify.privacy import TESTED
from hypothesis import given
from hypothesis import strategies as st

LIBRARY = Path(clearance.__file__).parent
#: Who may call what writes a CT; demo and self test write the synthetic head, which has no face to hide.
WRITERS = {
    "write_image": {"release.py", "commands/demo.py", "widget/self_test.py"},
    "write_dicom_series": {"release.py"},
    "Clearance": {"clearance.py"},
    "_KEY": {"clearance.py"},
}
VOLUME = Volume(np.zeros((3, 3, 3), np.int16), Geometry((3, 3, 3), np.eye(4)))


def case_of(judged):
    """What a certificate says of it."""
    return {"verdict": judged.verdict, "privacy": judged.privacy, "reasons": list(judged.reasons), "checks": {}}


def judged_values():
    """Everything that the rule looks at."""
    words = st.sampled_from(["", "looked at the cheek", "  "])
    verdicts, classes = st.sampled_from(["PASS", "REVIEW", "FAIL"]), st.sampled_from([TESTED, "recognisable"])
    return st.builds(Judged, verdicts, st.just(("why",)), classes, st.booleans(), words, words)


@given(judged_values())
def test_only_a_pass_or_a_signed_review_that_is_tested_or_accepted_is_cleared(judged):
    good = judged.verdict == "PASS" or (judged.verdict == "REVIEW" and judged.remark.strip())
    may_leave = bool(good) and (judged.privacy == TESTED or judged.accepted)
    assert (judged.refusal == "") == may_leave
    if may_leave:
        assert clear(judged, VOLUME, case_of(judged)).volume is VOLUME
    else:
        with pytest.raises(NotReleasedError):
            clear(judged, VOLUME, case_of(judged))


def test_a_signed_review_says_in_its_certificate_who_signed_and_why():
    judged = Judged("REVIEW", ("an ear",), TESTED, remark=" the ear is whole ", reviewer="Dr. A")
    signature = clear(judged, VOLUME, case_of(judged)).case["checks"]["review_sign_off"]
    assert signature == {"name": "Dr. A", "remark": "the ear is whole"}


def test_a_certificate_of_another_verdict_is_not_cleared():
    judged = Judged("PASS", (), TESTED)
    with pytest.raises(NotReleasedError, match="something else"):
        clear(judged, VOLUME, {**case_of(judged), "verdict": "REVIEW"})


def test_a_clearance_cannot_be_made_by_hand():
    with pytest.raises(TypeError):
        Clearance(VOLUME, {}, object())


def test_what_is_no_clearance_is_not_written(tmp_path):
    with pytest.raises(TypeError):
        write_released(CtInput(VOLUME, tmp_path / "in.nrrd", ".nrrd"), VOLUME, Destination(tmp_path / "out.nrrd"))
    assert not (tmp_path / "out.nrrd").exists()


@pytest.mark.parametrize("name", WRITERS)
def test_nobody_but_the_gate_calls_what_writes_a_ct(name):
    callers = set()
    for path in LIBRARY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) and name != "_KEY" else node
            if getattr(called, "id", getattr(called, "attr", None)) == name and (name == "_KEY" or isinstance(node, ast.Call)):
                callers.add(path.relative_to(LIBRARY).as_posix())
    assert callers == WRITERS[name]
