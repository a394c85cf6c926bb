"""The command line from its arguments to exit code, output and words."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from FaceDeidLNLib import __version__
from FaceDeidLNLib.commands import deface
from FaceDeidLNLib.commands.console import Outcome, StatusLine
from FaceDeidLNLib.commands.demo import require_own_folder
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.commands.signals import Interrupted
from FaceDeidLNLib.core.errors import Cancelled
from FaceDeidLNLib.core.geometry import Box
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.markups import read_landmarks_json
from FaceDeidLNLib.release import Watch
from processes import run_process
from written import write_volume

SCRIPT = Path(__file__).resolve().parents[2] / "Scripts" / "deface.py"


@pytest.fixture(scope="module")
def released(phantom_ct_file, phantom_nodes_file, tmp_path_factory):
    """One release of the phantom: the output, and what ``--json`` said."""
    folder = tmp_path_factory.mktemp("released")
    words = ("--nodes", phantom_nodes_file, "--accept-recognisable", "--json")
    ended = run_process("deface", phantom_ct_file, folder / "out.nrrd", *words)
    assert ended.returncode == 0, ended.stderr
    return folder / "out.nrrd", json.loads(ended.stdout)


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_pass_is_released_with_exit_code_0(released):
    output, facts = released
    assert facts["verdict"] == "PASS"
    assert facts["released"]
    assert output.is_file()


def test_a_released_file_differs_from_the_input_inside_the_face_only(released, phantom_ct_file):
    output, facts = released
    before, after = read_ct(phantom_ct_file).volume, read_ct(output).volume
    assert after.geometry.same_as(before.geometry)
    assert np.count_nonzero(before.array != after.array) == facts["changed_voxels"] > 0
    assert facts["changed_outside_face"] == 0


def test_protected_nodes_are_bit_identical_in_the_released_file(released, phantom, phantom_ct_file):
    after = read_ct(released[0]).volume.array
    for node in phantom.nodes:
        assert np.array_equal(after[node.mask.array], phantom.ct.array[node.mask.array])


def test_the_certificate_carries_the_hash_of_the_output(released):
    output, facts = released
    certificate = json.loads(Path(facts["certificate"]).read_text())
    assert certificate["output"]["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()


def test_the_certificate_tells_parameters_but_no_seed(released):
    parameters = json.loads(Path(released[1]["certificate"]).read_text())["parameters"]
    assert parameters["depth_mm"] == 12.0
    assert "seed" not in parameters


def test_verify_confirms_a_release(released, phantom_ct_file, phantom_nodes_file, capsys):
    assert run("verify", phantom_ct_file, released[0], "--nodes", phantom_nodes_file) == 0
    assert "PASS" in capsys.readouterr().out


def test_verify_fails_where_a_protected_voxel_changed(released, phantom, phantom_ct_file, phantom_nodes_file, tmp_path, capsys):
    volume = read_ct(released[0]).volume
    array = volume.array.copy()
    array[tuple(np.argwhere(phantom.nodes[0].mask.array)[0])] += 1
    spoiled = write_volume(volume.with_array(array), tmp_path / "spoiled.nrrd")
    assert run("verify", phantom_ct_file, spoiled, "--nodes", phantom_nodes_file) == 1
    assert "1 of" in capsys.readouterr().err


def test_verify_says_what_it_does_not_judge(released, phantom_ct_file, capsys):
    run("verify", phantom_ct_file, released[0])
    text = capsys.readouterr().out
    run("verify", phantom_ct_file, released[0], "--json")
    facts = json.loads(capsys.readouterr().out)
    assert len(facts["not_judged"]) == 2
    assert set(facts["not_judged"]) <= set(facts["reasons"])
    assert all(sentence in text for sentence in facts["not_judged"])
    assert any("whether the face is hidden" in sentence for sentence in facts["not_judged"])


def test_verify_calls_voxels_neither_unchanged_nor_changed_that_it_cannot_compare(
    released, phantom_ct_file, phantom_nodes_file, tmp_path, capsys
):
    after = read_ct(released[0]).volume
    cut = write_volume(after.crop(Box((1, 0, 0), after.array.shape)), tmp_path / "cut.nrrd")
    words = ("verify", phantom_ct_file, cut, "--nodes", phantom_nodes_file)
    assert run(*words) == 1
    told = capsys.readouterr().err
    assert "the voxels cannot be compared" in told
    assert "give the result of this CT" in told
    assert ": not compared" in told
    assert "voxels changed" not in told
    assert run(*words, "--json") == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["changed_voxels"] is None
    assert {one["changed"] for one in facts["protected"]} == {None}


def test_verify_fails_where_nothing_changed(phantom_ct_file, tmp_path):
    copy = tmp_path / "copy.nrrd"
    copy.write_bytes(phantom_ct_file.read_bytes())
    assert run("verify", phantom_ct_file, copy) == 1


def test_verify_with_a_face_segment_fails_where_voxels_changed_outside_it(
    released, phantom_ct_file, phantom_nodes_file, tmp_path, phantom, capsys
):
    labels = np.zeros(phantom.ct.array.shape, np.uint8)
    labels[:2, :2, :2] = 1
    face = write_volume(phantom.ct.with_array(labels), tmp_path / "face.nrrd")
    assert run("verify", phantom_ct_file, released[0], "--face-segment", face, "--json") == 1
    assert json.loads(capsys.readouterr().out)["changed_outside_face"] > 0


def test_recognisable_without_consent_is_not_released_and_ends_with_3(phantom_ct_file, tmp_path, capsys):
    assert run("deface", phantom_ct_file, tmp_path / "out.nrrd", "--effect", "blur", "--sigma-mm", 12) == 3
    assert "--accept-recognisable" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_landmark_is_a_review_with_exit_code_3(phantom_ct_file, tmp_path, capsys):
    marks = tmp_path / "unset.mrk.json"
    control = {"label": "pronasale", "position": [0, 0, 0], "positionStatus": "undefined", "description": ""}
    marks.write_text(json.dumps({"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": [control]}]}))
    words = ("deface", phantom_ct_file, tmp_path / "out.nrrd", "--landmarks", marks, "--accept-recognisable", "--qa", tmp_path / "qa")
    assert run(*words) == 3
    said = capsys.readouterr().err
    assert "pronasale" in said
    assert "What to do" in said
    assert not (tmp_path / "out.nrrd").exists()
    assert (tmp_path / "qa" / "scene.mrb").is_file()


def test_landmarks_are_written_and_can_be_handed_back(phantom_ct_file, phantom, tmp_path, capsys):
    assert run("landmarks", phantom_ct_file, tmp_path / "marks.mrk.json") == 0
    found = read_landmarks_json(tmp_path / "marks.mrk.json")
    assert np.linalg.norm(found.position("pronasale") - phantom.landmarks.position("pronasale")) < 20.0
    assert "pronasale" in capsys.readouterr().out


def test_quiet_says_nothing_when_all_is_well(released, phantom_ct_file, capsys):
    assert run("verify", phantom_ct_file, released[0], "--quiet") == 0
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_an_existing_output_is_left_alone_without_overwrite(phantom_ct_file, tmp_path, capsys):
    taken = tmp_path / "taken.nrrd"
    taken.write_bytes(b"mine")
    assert run("deface", phantom_ct_file, taken) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert taken.read_bytes() == b"mine"


def test_overwrite_replaces_an_output(phantom_ct_file, tmp_path):
    taken = tmp_path / "taken.nrrd"
    taken.write_bytes(b"mine")
    assert run("deface", phantom_ct_file, taken, "--overwrite", "--accept-recognisable", "--quiet") == 0
    assert read_ct(taken).volume.array.shape


def test_an_unexpected_error_is_one_sentence_and_exit_code_1(phantom_ct_file, tmp_path, monkeypatch, capsys):
    def broken(*_: object) -> None:
        raise RuntimeError("the roof\nfell in")

    monkeypatch.setattr(deface, "check_arguments", broken)
    assert run("deface", phantom_ct_file, tmp_path / "out.nrrd") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "RuntimeError: the roof fell in" in said


@pytest.mark.parametrize(("words", "shown"), [([], False), (["--debug"], True)])
def test_warnings_of_libraries_are_shown_on_demand(words, shown, phantom_ct_file, tmp_path, monkeypatch):
    def warned(options, _):
        warnings.warn("poorly defined", UserWarning, stacklevel=1)
        return Outcome(0)

    monkeypatch.setattr(deface, "run", warned)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        run("deface", phantom_ct_file, tmp_path / "out.nrrd", *words)
    assert bool(seen) == shown


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError(), 2, "memory"),
        (RuntimeError("Symlink loop from 'a'"), 2, "'a' is a link"),
        (RuntimeError("x"), 1, "Unexpected"),
        (Interrupted(15), 143, "Interrupted"),
    ],
)
def test_what_was_released_before_an_error_is_told(error, code, said, released, phantom_ct_file, tmp_path, monkeypatch, capsys):
    def stopped(options, _):
        options.releases = (Watch(tmp_path / "out.nrrd"),)
        shutil.copy(released[0], tmp_path / "out.nrrd")
        shutil.copy(released[1]["certificate"], tmp_path / "out.certificate.json")
        raise error

    monkeypatch.setattr(deface, "run", stopped)
    assert run("deface", phantom_ct_file, tmp_path / "out.nrrd") == code
    text = capsys.readouterr().err
    assert said in text
    assert "had been released" in text
    assert "nothing was released" not in text


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_interrupted_after_the_release_it_says_that_it_is_there(phantom_ct_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(deface, "outcome", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert run("deface", phantom_ct_file, tmp_path / "out.nrrd", "--accept-recognisable") == 143
    assert "had been released" in capsys.readouterr().err
    assert (tmp_path / "out.certificate.json").is_file()


def test_the_privacy_of_region_and_effect_is_told_once(phantom_ct_file, tmp_path, capsys):
    run("deface", phantom_ct_file, tmp_path / "out.nrrd")
    said = capsys.readouterr()
    assert (said.out + said.err).count("privacy of 'full'") == 1


def test_cancelling_ends_with_130(phantom_ct_file, tmp_path, monkeypatch):
    def cancel(*_: object) -> None:
        raise Cancelled

    monkeypatch.setattr(deface, "check_arguments", cancel)
    assert run("deface", phantom_ct_file, tmp_path / "out.nrrd") == 130


def test_version_and_help_end_with_0(capsys):
    assert main(["--version"]) == main(["--help"]) == main(["deface", "--help"]) == 0
    said = capsys.readouterr().out
    assert __version__ in said
    assert "examples:" in said
    assert "--seed" not in said


def test_a_status_line_is_drawn_over_and_cleared():
    class Terminal(list):
        write = list.append

        def flush(self) -> None:
            pass

    terminal = Terminal()
    line = StatusLine(terminal)
    line(0.25, "skin")
    line.clear()
    assert terminal[0] == "\r 25 %  skin"
    assert terminal[1:] == ["\r" + " " * len(" 25 %  skin"), "\r"]


def test_demo_ends_in_pass_and_says_where_to_look(tmp_path, capsys):
    assert run("demo", "--out", tmp_path / "demo") == 0
    said = capsys.readouterr().out
    assert "synthetic, so nobody can be recognised" in said
    assert "review.png" in said
    assert (tmp_path / "demo" / "ct-deface.nrrd").is_file()
    require_own_folder(tmp_path / "demo")


@pytest.mark.parametrize("start", [[], ["--"]])
def test_the_headless_script_is_the_same_command(start, tmp_path):
    words = [*start, str(tmp_path / "no.nrrd"), str(tmp_path / "out.nrrd")]
    ended = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.returncode == 2
    assert "no.nrrd" in ended.stderr


def test_the_headless_script_ends_the_application_with_the_exit_code(monkeypatch, tmp_path):
    import runpy
    from types import SimpleNamespace

    codes = []
    application = SimpleNamespace(app=object(), util=SimpleNamespace(exit=codes.append))
    monkeypatch.setitem(sys.modules, "slicer", application)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--", str(tmp_path / "no.nrrd"), str(tmp_path / "out.nrrd"), "--quiet"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert codes == [2]
