"""What lies below a folder is looked at wholly: links are followed, and what cannot be looked at is told by everybody who looks."""

from __future__ import annotations

import errno
import os
import sys

import numpy as np
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.commands.batches.cases import Case, find_cases, holds_dicom
from FaceDeidLNLib.commands.batches.watched import _age_s, is_unfinished
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.below import below, links_below
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.header.known import known_in
from FaceDeidLNLib.header.proof import verify_headers
from FaceDeidLNLib.input.dicom import read_dicom_series
from FaceDeidLNLib.output.atomic import released_folder
from FaceDeidLNLib.study.plan import plan
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
STORED = np.zeros((12, 4, 4), dtype=np.int16)


@pytest.fixture
def linked(tmp_path):
    """A folder whose only content is a link to a folder with a series."""
    write_series(tmp_path / "real" / "deep", Series(STORED, tags={"PatientName": "Linked^Person"}))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "real")
    return tmp_path / "in"


def refusing(folder, number):
    """``os.scandir`` that raises the error of this number (OSError, PermissionError) for a folder."""
    scan = os.scandir

    def refused(path):
        if not isinstance(path, int) and os.fspath(path) == os.fspath(folder):
            raise OSError(number, os.strerror(number), str(path))
        return scan(path)

    return refused


@pytest.fixture
def stuttering(tmp_path, monkeypatch):
    """A folder with a series, half of it in a sub-folder that a share does not give."""
    first, *_ = write_series(tmp_path / "in", Series(STORED))
    lost = tmp_path / "in" / "lost"
    lost.mkdir()
    first.rename(lost / first.name)
    monkeypatch.setattr(os, "scandir", refusing(lost, errno.EIO))
    return lost


@pytest.fixture(params=["lost+found", ".Trashes", "System Volume Information"])
def stick(request, tmp_path, monkeypatch):
    """A disk with a series, and a folder that its system lets nobody look into."""
    write_series(tmp_path / "in" / "study", Series(stored_head()))
    kept = tmp_path / "in" / request.param
    kept.mkdir()
    monkeypatch.setattr(os, "scandir", refusing(kept, errno.EACCES))
    return kept


def test_what_a_system_keeps_on_a_disk_is_no_instance_that_is_missing(stick):
    planned = plan(stick.parent)
    assert (planned.damaged, [path.name for path in planned.others]) == ((), [stick.name])
    assert known_in(stick.parent).unread == []
    assert [case.name for case in find_cases(stick.parent, stick.parent.parent / "out")] == ["study"]
    assert len(read_dicom_series(stick.parent).files) == 12


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=6))
def test_every_file_is_met_once_whatever_folders_link_to_each_other(tmp_path_factory, links):
    root = tmp_path_factory.mktemp("tree")
    folders = [root, *(root / "a" / "b", root / "a", root / "c", root / "c" / "d")]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file {number}").touch()
    for number, (place, target) in enumerate(links):
        (folders[place] / f"link {number}").symlink_to(folders[target])
    assert sorted(entry.path.name for entry in below(root) if entry.is_file) == [f"file {number}" for number in range(5)]
    assert len(links_below(root)) == len(links)


def test_a_folder_that_a_share_does_not_give_makes_its_study_doubtful(stuttering):
    planned = plan(stuttering.parent)
    assert [one.path for one in planned.studies[0].damaged] == [stuttering]
    assert f"lost cannot be looked at ({os.strerror(errno.EIO)})" in str(planned.damaged[0].error)


def test_a_study_of_which_nothing_can_be_looked_at_is_a_review(stuttering, tmp_path, capsys):
    for path in stuttering.parent.glob("*.dcm"):
        path.unlink()
    assert main(["study", str(stuttering.parent), str(tmp_path / "out"), "--quiet"]) == 3
    assert "lost cannot be looked at" in "".join(capsys.readouterr())


def test_a_study_with_a_folder_that_a_share_does_not_give_is_a_review_that_names_it(stuttering, tmp_path, capsys):
    assert main(["study", str(stuttering.parent), str(tmp_path / "out"), "--quiet"]) == 3
    assert "lost cannot be looked at" in "".join(capsys.readouterr())
    assert not list((tmp_path / "out").glob("study-*"))


def test_originals_that_cannot_be_looked_at_are_a_finding(stuttering, tmp_path):
    (tmp_path / "out").mkdir()
    assert "cannot be read" in str(verify_headers(tmp_path / "out", known_in(stuttering.parent)))


def test_released_files_that_cannot_be_looked_at_are_a_finding(stuttering):
    assert any(str(finding).startswith("lost") for finding in verify_headers(stuttering.parent))


def test_linked_originals_are_known(linked, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("of Linked^Person")
    assert verify_headers(tmp_path / "out", known_in(linked))


def test_a_folder_of_linked_files_is_a_case(linked):
    assert holds_dicom(linked)


def test_a_folder_that_nobody_can_look_into_is_a_case(stuttering):
    for path in stuttering.parent.glob("*.dcm"):
        path.unlink()
    assert holds_dicom(stuttering.parent)


def test_linked_files_that_change_are_other_inputs(linked, tmp_path):
    case = Case("a", linked, "a")
    before = case.input_key()
    next((tmp_path / "real" / "deep").glob("*.dcm")).write_bytes(b"another")
    assert case.input_key() != before


def test_a_folder_that_comes_back_is_another_input(stuttering, monkeypatch):
    case = Case("a", stuttering.parent, "a")
    before = case.input_key()
    monkeypatch.undo()
    assert case.input_key() != before


def test_the_names_of_linked_files_are_told_to_nobody(linked, tmp_path):
    name = next((tmp_path / "real" / "deep").glob("*.dcm")).name
    assert Case("a", linked, "a").without_paths(f"{name} is damaged", tmp_path / "out") == "[file] is damaged"


def test_linked_files_that_are_still_written_are_waited_for(linked, tmp_path):
    assert not is_unfinished(linked)
    (tmp_path / "real" / "x.part").touch()
    assert is_unfinished(linked)


def test_linked_files_have_an_age(linked, tmp_path):
    old = [linked, *(tmp_path / "real").rglob("*"), tmp_path / "real"]
    for path in old:
        os.utime(path, (1e9, 1e9))
    assert _age_s(linked) > 1e6
    os.utime(next((tmp_path / "real" / "deep").glob("*.dcm")))
    assert _age_s(linked) < 1e3


@pytest.mark.parametrize("target", ["real", "real/out", "real/out/inside"])
def test_an_output_at_around_or_inside_what_an_input_links_to_is_refused(target, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "real").mkdir()
    (tmp_path / "in" / "deep" / "link").symlink_to(tmp_path / target)
    with (
        pytest.raises(InputError, match="is, holds or lies inside the input"),
        released_folder(tmp_path / "real" / "out", False, (tmp_path / "in",)),
    ):
        pass
    assert not (tmp_path / "real" / "out").exists()


def test_a_batch_whose_results_would_lie_where_an_input_links_to_is_refused(linked, tmp_path):
    with pytest.raises(InputError, match="lies inside an input"):
        find_cases(linked.parent / "in", tmp_path / "real" / "out")
