"""Small files of others: read only where they are plain, and no larger than their kind can be; tables that no spreadsheet computes."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from FaceDeidLNLib.commands.batches import table
from FaceDeidLNLib.commands.batches.cases import find_cases
from FaceDeidLNLib.commands.batches.ledger import Ledger
from FaceDeidLNLib.core import plain_files
from FaceDeidLNLib.core.cells import as_cell, from_cell
from FaceDeidLNLib.core.errors import FaceDeidError, InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.plain_files import read_plain
from FaceDeidLNLib.header.keys import project_key, read_pseudonyms
from FaceDeidLNLib.input.markups import read_landmarks_json
from FaceDeidLNLib.input.plausible import require_grid
from FaceDeidLNLib.output.certificate import certificate_path, is_certified
from FaceDeidLNLib.output.decisions import read_decisions
from FaceDeidLNLib.output.header_mappings import read_mapping
from FaceDeidLNLib.output.review_folder import README_FILE, is_review
from FaceDeidLNLib.output.seen import read_seen
from FaceDeidLNLib.output.signing import public_key, read_certificate
from FaceDeidLNLib.output.worklist import read_worklist
from hypothesis import given
from hypothesis import strategies as st

READERS = {
    "cases.csv": lambda path: find_cases(path, path.parent / "out"),
    "decisions.csv": lambda path: read_decisions([path]),
    "ledger.sqlite": lambda path: Ledger(path, path.parent / "results.csv"),
    "seen.json": lambda path: read_seen(path.parent),
    "project.key": project_key,
    "patients.csv": read_pseudonyms,
    "uid_mapping.csv": read_mapping,
    "worklist.csv": read_worklist,
    "key.pem": public_key,
    "ct.certificate.json": read_certificate,
}


@pytest.fixture
def pipe(tmp_path):
    """Makes a pipe of a name: who opens it in the usual way waits for ever."""
    if sys.platform == "win32":
        pytest.skip("named pipes are POSIX's")

    def make(name: str) -> Path:
        os.mkfifo(tmp_path / name, 0o600)
        return tmp_path / name

    return make


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_is_refused_in_a_sentence(name, pipe):
    if name == "key.pem":
        pytest.importorskip("cryptography")
    with pytest.raises(FaceDeidError, match=name):
        READERS[name](pipe(name))


@pytest.mark.parametrize("content", [b"\x8b\xff\0\1 no text", b'{"a": \n', b'{"a": 3}\n', b"a,b\nc,d\n"])
@pytest.mark.parametrize(
    "name", [*(name for name in READERS if name not in ("key.pem", "project.key", "ct.certificate.json")), "points.mrk.json"]
)
def test_what_is_something_else_is_refused_without_words_of_the_reader(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FaceDeidError, match=name) as caught:
        {**READERS, "points.mrk.json": read_landmarks_json}[name](tmp_path / name)
    assert not re.search(r"codec|byte|KeyError|Expecting|'\w+'\)|column \d", str(caught.value))


@pytest.mark.parametrize("name", [name for name in READERS if name not in ("key.pem", "project.key", "uid_mapping.csv", "ledger.sqlite")])
def test_a_table_that_is_too_large_is_refused_in_a_sentence(name, tmp_path, monkeypatch):
    monkeypatch.setattr(plain_files.read_plain, "__defaults__", (1000,))
    monkeypatch.setattr(plain_files.read_plain_text, "__defaults__", (1000, "utf-8"))
    (tmp_path / name).write_text("0" * 2000)
    with pytest.raises(FaceDeidError, match=name):
        READERS[name](tmp_path / name)


def test_a_pipe_as_certificate_or_output_certifies_nothing(pipe, tmp_path):
    (tmp_path / "ct.nrrd").touch()
    pipe(certificate_path(tmp_path / "ct.nrrd").name)
    assert not is_certified(tmp_path / "ct.nrrd")


def test_a_pipe_is_no_review(pipe, tmp_path):
    pipe(README_FILE)
    assert not is_review(tmp_path)


def test_a_device_is_refused():
    with pytest.raises(OSError, match="pipe, device or folder"):
        read_plain(Path(os.devnull))


def test_where_the_system_cannot_open_without_waiting_a_file_is_read_all_the_same(tmp_path, monkeypatch):
    for name in ("O_NONBLOCK", "O_NOCTTY"):  # Windows has neither
        monkeypatch.delattr(os, name, raising=False)
    (tmp_path / "a").write_bytes(b"a\r\nb")
    assert read_plain(tmp_path / "a") == b"a\r\nb"


@given(st.text(st.sampled_from("=+-@'\t\r\n; ＝－a"), max_size=8) | st.text(max_size=20))
def test_a_cell_comes_back_and_is_no_formula(text):
    cell = as_cell(text)
    assert from_cell(cell) == text
    for part in cell.replace("\t", ";").split(";"):
        assert not part.strip().startswith(tuple("=+-@＝＋－＠"))


def test_a_table_of_millions_of_cases_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "MOST_CASES", 10)
    (tmp_path / "cases.csv").write_text("input\n" + "a.nrrd\n" * 11)
    with pytest.raises(InputError, match="11 cases"):
        find_cases(tmp_path / "cases.csv", tmp_path / "out")


@pytest.mark.parametrize("far", [1e308, 2e5])
def test_a_landmark_or_a_ct_nowhere_near_the_patient_is_refused(tmp_path, far):
    point = {"label": "pronasale", "position": [far, 0, 0]}
    (tmp_path / "a.mrk.json").write_text(json.dumps({"markups": [{"type": "Fiducial", "controlPoints": [point]}]}))
    with pytest.raises(InputError, match="near the patient"):
        read_landmarks_json(tmp_path / "a.mrk.json")
    matrix = np.eye(4)
    matrix[0, 3] = far
    with pytest.raises(InputError, match="from where its coordinates begin"):
        require_grid(Geometry((9, 9, 9), matrix), "ct.nrrd")


def test_no_message_is_as_long_as_what_a_file_holds():
    said = str(InputError(f"{'x' * 100_000} is wrong: get it again."))
    assert len(said) < 2100
    assert said.endswith("is wrong: get it again.")
