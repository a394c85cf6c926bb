"""The file of decisions: lines are added in the form that it has."""

from __future__ import annotations

import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.output.decisions import REJECT, Decision, add_decision, read_decisions

NEW = Decision("b c", REJECT, "=two; patients, one file")


@pytest.mark.parametrize(
    "there",
    [
        b"",
        b"case,decision,remark\na,reject,x\n",
        b"case,decision,remark\na,reject,x",
        b"case,decision,remark,reviewer,result\r\na,reject,x,,\r\n",
        b"\xef\xbb\xbfRemark;Case;seen;Decision;\r\nx;a;yes;reject;\r\n",
        "case\tdecision\tremark\r\na\treject\tx\r\n".encode("utf-16"),
        b"\xfe\xff" + "case;decision;remark\na;reject;x".encode("utf-16-be"),
    ],
)
def test_a_line_is_added_in_the_form_of_those_that_are_there(there, tmp_path):
    path = tmp_path / "out-decisions.csv"
    path.write_bytes(there)
    before = read_decisions([path]) if there else {}
    add_decision(path, NEW)
    assert path.read_bytes().startswith(there)
    assert read_decisions([path]) == {**before, NEW.case: NEW}


def test_a_file_of_something_else_is_left_as_it_is(tmp_path):
    path = tmp_path / "out-decisions.csv"
    path.write_text("name,age\n")
    with pytest.raises(InputError, match="holds no decisions"):
        add_decision(path, NEW)
    assert path.read_text() == "name,age\n"
