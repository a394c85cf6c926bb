"""Benchmarks say what they lack of the folder of data, and count nothing as seen that is not there."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="the benchmarks are part of a checkout only")


@pytest.fixture(scope="module")
def data_folder():
    spec = importlib.util.spec_from_file_location("data_folder", BENCHMARKS / "data_folder.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_all_of_a_benchmark_needs_is_named_where_it_is_missing(data_folder, tmp_path):
    (tmp_path / "heads").mkdir()
    (tmp_path / "heads" / "a_ct.nrrd").touch()
    data_folder.require(tmp_path, "heads/*_ct.nrrd")
    with pytest.raises(SystemExit, match="lacks open-kbp/landmarks.json:"):
        data_folder.require(tmp_path, "heads/*_ct.nrrd", "open-kbp/landmarks.json")


def test_a_part_that_is_missing_is_told_and_the_others_count(data_folder, tmp_path, capsys):
    (tmp_path / "b").touch()
    assert data_folder.there(tmp_path, ["a", "b"]) == ["b"]
    assert "left out: a" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="lacks a"):
        data_folder.there(tmp_path, ["a"])


def test_patients_of_any_name_are_taken_in_the_order_of_their_numbers(data_folder, tmp_path, capsys):
    for name in ("pt_10", "pt_9", "other"):
        (tmp_path / f"{name}_ct.nrrd").touch()
        (tmp_path / f"{name}_labels.nrrd").touch()
    (tmp_path / "pt_9_labels.nrrd").unlink()
    (tmp_path / "landmarks.json").write_text(json.dumps({"patients": dict.fromkeys(("pt_10", "pt_9", "pt_77"), {})}))
    assert data_folder.marked_patients(tmp_path) == ["pt_9", "pt_10"]
    assert [path.name for path in data_folder.labelled_patients(tmp_path)] == ["other_ct.nrrd", "pt_10_ct.nrrd"]
    told = capsys.readouterr().err
    assert re.search("left out: pt_77_ct", told)
    assert re.search("left out: pt_9_labels", told)


@pytest.mark.parametrize("words", [("faces.py",), ("second_face.py", "--what", "single"), ("headers.py",)])
def test_a_benchmark_that_finds_nothing_does_not_end_as_one_that_found_all_well(words, tmp_path):
    done = subprocess.run([sys.executable, BENCHMARKS / words[0], tmp_path, *words[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{tmp_path} lacks" in done.stderr
    assert "Traceback" not in done.stderr
