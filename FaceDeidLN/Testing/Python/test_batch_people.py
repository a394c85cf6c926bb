"""What people do in a batch: the work list, decisions, quarantine."""

from __future__ import annotations

import stat
import sys

import pytest
from batches import batch, fill, rows_of, started, waiting
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.output.worklist import WorkItem, read_worklist, write_worklist

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a POSIX script")


def refused(tmp_path):
    folder = tmp_path / "out-quarantine"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def decide(tmp_path, *lines, head="case,decision,remark,reviewer,result"):
    (tmp_path / "out-decisions.csv").write_text("\n".join((head, *lines)) + "\n")


@pytest.fixture
def reviewed(stand_in, tmp_path):
    """A batch of one REVIEW whose result ``r1`` was shown; gives what runs it again."""
    fill(stand_in, "review")
    words = (stand_in, tmp_path / "out", "--qa", str(tmp_path / "qa"))
    assert batch(*words) == 3
    return lambda: batch(*words)


def test_a_work_list_gives_back_paths_with_any_character(tmp_path):
    item = WorkItem("a", tmp_path / "a\u2028\u0085b\nc.nrrd", tmp_path / "a.nrrd")
    write_worklist([item], tmp_path / "out-worklist.csv")
    assert read_worklist(tmp_path / "out-worklist.csv") == (item,)


def test_what_waits_stands_in_the_work_list_with_all_that_it_was_given(stand_in, tmp_path):
    fill(stand_in, "pass", "review", "fail", "bad", "nodes")
    table = tmp_path / "cases.csv"
    lines = "".join(f"in/{how}.nrrd,in/nodes.nrrd,{how}.nrrd,Ia\n" for how in ("pass", "review", "fail", "bad"))
    table.write_text(f"input,nodes,output,node_segments\n{lines}")
    batch(table, tmp_path / "out", "--node-segments", "Ib")
    items = waiting(tmp_path)
    assert {name: item.verdict for name, item in items.items()} == {"review": "REVIEW", "fail": "FAIL", "bad": "BAD INPUT"}
    item = items["review"]
    assert (item.ct, item.output) == (stand_in / "review.nrrd", tmp_path / "out" / "review.nrrd")
    assert (item.nodes, item.node_segments, item.reasons) == ((stand_in / "nodes.nrrd",), ("Ib", "Ia"), "look, at this")


def test_an_accepted_review_is_signed_off_and_released(reviewed, stand_in, tmp_path):
    decide(tmp_path, "review,accept,no face left,Doe,r1")
    assert reviewed() == 0
    row = rows_of(tmp_path / "out")["review"]
    assert (row["verdict"], row["exit_code"]) == ("SIGNED OFF", "0")
    assert waiting(tmp_path) == {}
    assert reviewed() == 0
    assert started(stand_in) == 2


def test_an_acceptance_counts_for_the_result_that_was_looked_at_alone(reviewed, stand_in, tmp_path):
    decide(tmp_path, "review,accept,no face left,Doe,another")
    assert reviewed() == 3
    assert started(stand_in) == 1


def test_an_acceptance_without_the_folder_that_was_looked_at_is_told(reviewed, stand_in, tmp_path, capsys):
    decide(tmp_path, "review,accept,no face left,Doe,r1")
    assert main(["batch", str(stand_in), str(tmp_path / "out")]) == 3
    assert "review was accepted and is not released without --qa" in capsys.readouterr().err
    assert started(stand_in) == 1


def test_an_acceptance_that_was_refused_for_want_of_consent_says_so_and_is_of_the_same_result(stand_in, tmp_path, capsys):
    fill(stand_in, "review-unconsented")
    words = (stand_in, tmp_path / "out", "--qa", str(tmp_path / "qa"))
    batch(*words)
    decide(tmp_path, "review-unconsented,accept,no face left,Doe,r1")
    for _ in range(2):
        assert batch(*words) == 3
        assert "another result" not in capsys.readouterr().err
    assert "may still be recognised" in rows_of(tmp_path / "out")["review-unconsented"]["reasons"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("review,accept,no face left,Doe,another", "another result than the one that is there"),
        ("reveiw,reject,,,", "no case of this batch is called reveiw"),
        ("pass,reject,,,", "released before it was decided on"),
        ("fail,accept,fine,Doe,r1", "only a REVIEW can"),
    ],
)
def test_a_decision_that_changes_nothing_is_told(line, said, stand_in, tmp_path, capsys):
    fill(stand_in, "review", "pass", "fail")
    batch(stand_in, tmp_path / "out", "--qa", str(tmp_path / "qa"))
    decide(tmp_path, line)
    capsys.readouterr()
    assert main(["batch", str(stand_in), str(tmp_path / "out"), "--qa", str(tmp_path / "qa")]) == 1
    assert said in capsys.readouterr().err
    assert started(stand_in) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"case;decision;remark;reviewer;result\r\nreview;accept;no face left;Doe;r1\r\n",
        b'\xef\xbb\xbf"case";"decision";"remark";"reviewer";"result";;\r\n"review";"accept";"no; face ""left""";"Doe";"r1";;\r\n',
        "\ufeffcase,decision,remark,reviewer,result\nreview,Accept,no face left,Doe,r1\n".encode(),
        "case\tdecision\tremark\treviewer\tresult\nreview\taccept\tno face left\tDoe\tr1\n".encode("utf-16"),
        b'note,result,remark,case,decision,reviewer\nx,r1,"no face\nleft",review,accept,Doe\n,,,,,\n',
    ],
)
def test_decisions_saved_by_a_spreadsheet_count(content, reviewed, tmp_path):
    (tmp_path / "out-decisions.csv").write_bytes(content)
    assert reviewed() == 0
    assert rows_of(tmp_path / "out")["review"]["verdict"] == "SIGNED OFF"


def test_what_a_person_rejected_is_not_released_by_doing_it_again(reviewed, stand_in, tmp_path):
    decide(tmp_path, "review,reject,another patient")
    assert batch(stand_in, tmp_path / "out", "--depth-mm", "9", "--overwrite") == 3
    assert rows_of(tmp_path / "out")["review"]["verdict"] == "REJECTED"
    assert started(stand_in) == 1


def test_a_rejected_case_goes_to_quarantine_and_leaves_the_list(reviewed, stand_in, tmp_path):
    decide(tmp_path, "review,reject,the nose is there", head="case,decision,remark")  # as the panel writes it
    assert reviewed() == reviewed() == 3
    row = rows_of(tmp_path / "out")["review"]
    assert (row["verdict"], row["reasons"]) == ("REJECTED", "rejected by a person: the nose is there; look, at this")
    assert (waiting(tmp_path), refused(tmp_path), started(stand_in)) == ({}, ["review"], 1)
    decide(tmp_path)
    assert reviewed() == 3
    assert refused(tmp_path) == ["review"]


def test_a_rejection_is_taken_back_by_a_later_line_and_the_case_is_done_again(reviewed, stand_in, tmp_path):
    decide(tmp_path, "review,reject,x")
    reviewed()
    decide(tmp_path, "review,reject,x", "review,mend,after all")
    assert reviewed() == reviewed() == 3
    assert waiting(tmp_path)["review"].remark == "after all"
    assert started(stand_in) == 2


def test_a_case_that_was_rejected_before_it_was_done_is_done_once_its_line_is_taken_out(stand_in, tmp_path):
    fill(stand_in, "pass")
    decide(tmp_path, "pass,reject,x")
    assert batch(stand_in, tmp_path / "out") == batch(stand_in, tmp_path / "out") == 3
    decide(tmp_path)
    assert batch(stand_in, tmp_path / "out") == 0


def test_an_acceptance_of_what_was_rejected_is_told(reviewed, tmp_path, capsys):
    decide(tmp_path, "review,reject,x")
    reviewed()
    decide(tmp_path, "review,accept,fine,Doe,r1")
    assert reviewed() == 3
    assert "only a REVIEW can" in capsys.readouterr().err


def test_several_blanks_in_a_name_are_those_of_its_decision(stand_in, tmp_path):
    fill(stand_in, "review-a  b")
    batch(stand_in, tmp_path / "out")
    decide(tmp_path, "review-a b,reject,x", head="case,decision,remark")  # as the panel writes it
    batch(stand_in, tmp_path / "out")
    assert waiting(tmp_path) == {}


def test_a_release_whose_case_left_the_list_is_told(stand_in, tmp_path, capsys):
    fill(stand_in, "pass-a", "pass-b")
    batch(stand_in, tmp_path / "out")
    (stand_in / "pass-b.nrrd").unlink()
    capsys.readouterr()
    assert main(["batch", str(stand_in), str(tmp_path / "out")]) == 0
    assert "pass-b was released and is no case of this batch any more" in capsys.readouterr().out


def test_what_is_to_be_mended_stays_in_the_list_with_its_remark(reviewed, tmp_path):
    decide(tmp_path, "review,mend,the chin,Doe,r1")
    assert reviewed() == 3
    assert waiting(tmp_path)["review"].remark == "the chin"


def test_the_last_decision_counts_and_what_is_released_stays(stand_in, reviewed, tmp_path):
    decide(tmp_path, "review,reject,", "review,accept,fine,Doe,r1")
    assert reviewed() == 0
    decide(tmp_path, "review,reject,after all")
    assert reviewed() == 0
    assert (tmp_path / "out" / "review.nrrd").exists()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["case,decision,remark", "review,maybe,x"], "is one of accept, reject, mend"),
        (["case,decision,remark,reviewer,result", "review,accept,,Doe,r1"], "needs a remark"),
        (["case,decision,remark", "review,accept,x"], "the result that the review page notes"),
        (["name,weight", "plum,3"], "holds no decisions"),
        (["case,case,decision,remark", "a,b,reject,x"], "each once"),
        (["case,decision,remark", "review,reject,x,y,z,more"], "is one of"),
    ],
)
def test_decisions_that_cannot_be_meant_are_refused(lines, said, stand_in, tmp_path, capsys):
    fill(stand_in, "review")
    (tmp_path / "d.csv").write_text("\n".join(lines))
    assert batch(stand_in, tmp_path / "out", "--decisions", str(tmp_path / "d.csv")) == 2
    assert said in capsys.readouterr().err
    assert not (stand_in / "started.log").exists()


def test_what_was_refused_lies_in_quarantine_with_its_reason_until_it_is_right(stand_in, tmp_path):
    fill(stand_in, "bad", "fail", "review", "pass")
    batch(stand_in, tmp_path / "out")
    assert refused(tmp_path) == ["bad", "fail"]
    entry = tmp_path / "out-quarantine" / "bad"
    assert (entry / "reason.txt").read_text() == "Refused by the batch: BAD INPUT\nno CT\n"
    assert (entry / "input").resolve() == stand_in / "bad.nrrd"
    assert stat.S_IMODE((tmp_path / "out-quarantine").stat().st_mode) == 0o700
    script = tmp_path / "stand_in"
    script.write_text(script.read_text().replace('if how == "pass":', 'if how in ("pass", "bad"):'))
    batch(stand_in, tmp_path / "out")
    assert refused(tmp_path) == ["fail"]


def test_what_was_refused_leaves_quarantine_with_the_subfolders_that_it_lay_in(stand_in, tmp_path):
    fill(stand_in, "bad", "bad-2", "pass")
    table = tmp_path / "cases.csv"
    outputs = {"bad": "siteA/ct/bad.nrrd", "bad-2": "siteA/bad-2.nrrd", "pass": "siteB/pass.nrrd"}
    table.write_text("input,output\n" + "".join(f"in/{name}.nrrd,{output}\n" for name, output in outputs.items()))
    batch(table, tmp_path / "out")
    (stand_in / "bad.nrrd").rename(stand_in / "pass-1.nrrd")
    table.write_text(table.read_text().replace("in/bad.nrrd", "in/pass-1.nrrd"))
    batch(table, tmp_path / "out", "--overwrite")
    assert [path.name for path in (tmp_path / "out-quarantine" / "siteA").iterdir()] == ["bad-2"]
    table.write_text(table.read_text().replace("in/bad-2.nrrd", "in/pass-1.nrrd"))
    batch(table, tmp_path / "out", "--overwrite")
    assert not (tmp_path / "out-quarantine").exists()


def test_somebodys_folder_in_quarantine_is_left_alone(stand_in, tmp_path):
    fill(stand_in, "pass")
    (tmp_path / "out-quarantine" / "pass").mkdir(parents=True)
    (tmp_path / "out-quarantine" / "pass" / "notes.txt").write_text("mine")
    batch(stand_in, tmp_path / "out")
    assert (tmp_path / "out-quarantine" / "pass" / "notes.txt").read_text() == "mine"
