"""Bad arguments and bad input: one clear sentence, exit code 2, nothing written."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.output.review_folder import README_FIRST_LINE
from FaceDeidLNLib.study import plan
from written import write_volume


def refused(capsys, *words: object) -> str:
    """The sentence that the program refuses these words with."""
    assert main([str(word) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.strip().count("\n") == 0, said
    return said


def volume(array: np.ndarray) -> Volume:
    return Volume(array, Geometry(array.shape, np.diag([4.0, 4.0, 4.0, 1.0])))


def block(fill: float = 40.0, dtype: type = np.int16, shape: tuple[int, int, int] = (30, 30, 30)) -> np.ndarray:
    array = np.full(shape, -1000, dtype=dtype)
    array[8:-8, 8:-8, 8:-8] = fill
    return array


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "COMMAND"),
        (["defcae"], "defcae"),
        (["deface"], "INPUT"),
        (["deface", "a.nrrd", "b.nrrd", "--nonsense"], "--nonsense"),
        (["deface", "a.nrrd", "b.nrrd", "--depth-mm", "deep"], "not a number"),
        (["deface", "a.nrrd", "b.nrrd", "--depth-mm", "-3"], "between"),
        (["deface", "a.nrrd", "b.nrrd", "--depth-mm", "nan"], "between"),
        (["deface", "a.nrrd", "b.nrrd", "--sigma-mm", "inf"], "between"),
        (["deface", "a.nrrd", "b.nrrd", "--protect-margin-mm", "1e9"], "between"),
        (["deface", "a.nrrd", "b.nrrd", "--seed", "1.5"], "whole number"),
        (["deface", "a.nrrd", "b.nrrd", "--node-segments", ","], "no name"),
        (["deface", "a.nrrd", "b.nrrd", "--effect", "paint"], "mask"),
        (["deface", "a.nrrd", "b.nrrd", "--style", "none"], "full"),
        (["deface", "a.nrrd", "b.nrrd", "--style", "box", "--lips"], "Lips can be added"),
        (["deface", "a.nrrd", "b.nrrd", "--style", "box", "--effect", "reface"], "curve"),
        (["deface", "a.nrrd", "b.nrrd", "--preset", "photoshop"], "quickshear"),
        (["deface", "a.nrrd", "b.nrrd", "--preset", "drown", "--effect", "mask"], "--effect"),
        (["deface", "a.nrrd", "b.nrrd", "--sigma-mm", "4"], "--sigma-mm means nothing to the effect 'reface'"),
        (["deface", "a.nrrd", "b.nrrd", "--preset", "drown", "--fill-hu", "0"], "choose --effect mask"),
        (["deface", "a.nrrd", "b.nrrd", "--cpu"], "--provider"),
        (["deface", "a.nrrd", "b.nrrd", "--bogus"], "--bogus (see: facedeidln deface --help)"),
        (["batch", "a.csv", "out", "more"], "more (see: facedeidln batch --help)"),
        (["deface", "a.nrrd", "b.nrrd", "--levels", "none", "--superficial-mm", "1"], "--levels none keeps none"),
        (["demo", "--effect", "paint"], "mask"),
        (["deface", "a\udcff.nrrd", "b.nrrd"], "a\\udcff.nrrd holds bytes that are no text"),
        (["deface", "a.nrrd", "b.nrrd"], "a.nrrd"),
        (["landmarks", "a.nrrd", "b.txt"], ".mrk.json"),
        (["verify", "a.nrrd", "b.nrrd"], "a.nrrd"),
        (["batch", "nowhere", "out"], "nowhere"),
        (["batch", "nowhere", "out", "--jobs", "0"], "between"),
    ],
)
def test_bad_arguments(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [("--effect", "paint"), ("--style", "none"), ("--preset", "x"), ("--levels", "x"), ("--provider", "x"), ("--watermark", "\t")]
)
def test_a_name_that_there_is_not_is_told_in_a_sentence_from_a_capital_to_a_period(words, capsys):
    said = refused(capsys, "deface", "a.nrrd", "b.nrrd", *words)
    assert said[0].isupper()
    assert said.endswith(".\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--effect", "paint"), "effect 'paint'"), (("--nodes", "no.nrrd"), "no.nrrd"), (("--signing-key", "no.pem"), "no.pem")],
)
def test_a_study_refuses_a_choice_that_there_is_not_before_a_header_is_read(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "plan", lambda *more: pytest.fail("it was read"))
    assert said in refused(capsys, "study", tmp_path, "out", *words)


@pytest.mark.parametrize("out", ["out.txt", "out", "out.mhd", "out.seg.nrrd"])
def test_an_output_of_an_ending_that_cannot_be_written_is_refused_before_the_ct_is_read(out, tmp_path, capsys):
    (tmp_path / "ct.nrrd").write_text("no image, which reading it would tell")
    assert refused(capsys, "deface", tmp_path / "ct.nrrd", tmp_path / out).startswith(f"{out}: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "0 released (PASS, or a REVIEW that was signed off)"),
        (("study",), "--overwrite with --one: replace"),
        (("deface",), "target volumes, salivary glands and what is not recognised stay"),
    ],
)
def test_the_help_says_what_the_program_does(words, said, capsys):
    assert main([*words, "--help"]) == 0
    assert said in " ".join(capsys.readouterr().out.split())


def test_the_help_of_a_batch_names_no_option_that_it_does_not_have(capsys):
    assert main(["batch", "--help"]) == 0
    told = capsys.readouterr().out
    assert set(re.findall(r"--[a-z][a-z-]+", told.split("options:")[1])) <= {"--help", *re.findall(r"\[(--[a-z][a-z-]+)", told)}


def make_input(kind: str, folder: Path, phantom_file: Path) -> Path:
    """An input that must be refused."""
    path = folder / f"{kind}.nrrd"
    if kind == "truncated":
        path.write_bytes(phantom_file.read_bytes()[:5000])
    elif kind == "empty_folder":
        path = folder / kind
        path.mkdir()
    elif kind == "truncated_nifti":
        path = folder / "cut.nii.gz"
        sitk.WriteImage(sitk.GetImageFromArray(block()), str(path))
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:4000]))
    elif kind == "flat":
        sitk.WriteImage(sitk.GetImageFromArray(block()[10]), str(path))
    elif kind == "nan":
        write_volume(volume(block(np.nan, np.float32)), path)
    elif kind == "mr":
        noise = np.random.default_rng(0).integers(0, 400, (30, 30, 30))
        write_volume(volume(noise.astype(np.uint16)), path)
    elif kind == "air":
        write_volume(volume(block(-1000)), path)
    elif kind == "text":
        path = folder / "ct.txt"
        path.write_text("no image")
    return path


@pytest.mark.parametrize("kind", ["missing", "truncated", "empty_folder", "truncated_nifti", "flat", "nan", "mr", "air", "text"])
def test_bad_input(kind, phantom_ct_file, tmp_path, capsys):
    source = make_input(kind, tmp_path, phantom_ct_file)
    before = sorted(tmp_path.iterdir())
    refused(capsys, "deface", source, tmp_path / "out.nrrd", "--accept-recognisable")
    assert sorted(tmp_path.iterdir()) == before


def test_no_skin_in_view_is_refused_or_sent_to_review(tmp_path, capsys):
    source = write_volume(volume(block()), tmp_path / "block.nrrd")
    assert main(["deface", str(source), str(tmp_path / "out.nrrd"), "--accept-recognisable"]) in (2, 3)
    assert capsys.readouterr().err
    assert not (tmp_path / "out.nrrd").exists()


def test_nodes_elsewhere(phantom_ct_file, tmp_path, capsys):
    far = np.eye(4)
    far[:3, 3] = 5000.0
    nodes = write_volume(Volume(np.ones((4, 4, 4), np.uint8), Geometry((4, 4, 4), far)), tmp_path / "nodes.nrrd")
    assert "does not overlap" in refused(capsys, "deface", phantom_ct_file, tmp_path / "out.nrrd", "--nodes", nodes)
    assert not (tmp_path / "out.nrrd").exists()


def test_nodes_without_the_named_segment(phantom_ct_file, phantom_nodes_file, tmp_path, capsys):
    words = ("--nodes", phantom_nodes_file, "--node-segments", "IV")
    assert "IV" in refused(capsys, "deface", phantom_ct_file, tmp_path / "out.nrrd", *words)
    assert list(tmp_path.iterdir()) == []


def test_named_segments_without_a_file(phantom_ct_file, tmp_path, capsys):
    assert "--nodes" in refused(capsys, "deface", phantom_ct_file, tmp_path / "out.nrrd", "--node-segments", "Ia")


@pytest.mark.parametrize("option", ["--nodes", "--protect", "--landmarks", "--curve", "--face-segment"])
def test_a_file_that_is_not_there(option, phantom_ct_file, tmp_path, capsys):
    assert "gone.nrrd" in refused(capsys, "deface", phantom_ct_file, tmp_path / "out.nrrd", option, tmp_path / "gone.nrrd")


@pytest.mark.parametrize("words", [["verify", "CT", "CT", "--nodes", "DIR"], ["evaluate", "CT", "CT", "--structures", "DIR"]])
def test_a_folder_in_place_of_a_segmentation(words, phantom_ct_file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = refused(capsys, *({"CT": phantom_ct_file, "DIR": "."}.get(word, word) for word in words))
    assert said == ". is a folder: give the file of the segmentation.\n"


def test_output_over_the_input(phantom_ct_file, tmp_path, capsys):
    copy = Path(shutil.copy(phantom_ct_file, tmp_path / "ct.nrrd"))
    before = copy.read_bytes()
    refused(capsys, "deface", copy, copy, "--overwrite")
    assert copy.read_bytes() == before


def test_output_of_another_kind(phantom_ct_file, tmp_path, capsys):
    refused(capsys, "deface", phantom_ct_file, tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["deface", "CT", "LONG.nrrd"], ["deface", "LONG.nrrd", "x.nrrd"], ["landmarks", "CT", "LONG.mrk.json"]])
def test_a_name_longer_than_the_disk_takes(words, phantom_ct_file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = refused(capsys, *(str(phantom_ct_file) if word == "CT" else word.replace("LONG", "x" * 300) for word in words))
    assert "nothing was released" in said
    assert list(tmp_path.iterdir()) == []


def test_output_below_a_file(phantom_ct_file, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert "is a file" in refused(capsys, "deface", phantom_ct_file, tmp_path / "file" / "out.nrrd")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
@pytest.mark.parametrize("words", [[], ["--overwrite"]])
def test_output_that_is_a_link_to_nothing(words, phantom_ct_file, tmp_path, capsys):
    (tmp_path / "out.nrrd").symlink_to("nowhere.nrrd")
    assert "leads nowhere" in refused(capsys, "deface", phantom_ct_file, tmp_path / "out.nrrd", *words)


def test_certificate_of_another_output(phantom_ct_file, tmp_path, capsys):
    (tmp_path / "out.nii.gz").write_bytes(b"another output")
    (tmp_path / "out.certificate.json").write_text("its certificate")
    assert "out.nii.gz" in refused(capsys, "deface", phantom_ct_file, tmp_path / "out.nrrd")
    assert (tmp_path / "out.certificate.json").read_text() == "its certificate"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_unwritable_folder_for_everybody(phantom_ct_file, capsys):
    assert "not writable" in refused(capsys, "deface", phantom_ct_file, "/proc/out.nrrd")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_folder(phantom_ct_file, tmp_path, capsys):
    tmp_path.chmod(0o500)
    try:
        assert "not writable" in refused(capsys, "deface", phantom_ct_file, tmp_path / "out.nrrd")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("command", ["deface", "batch", "study"])
@pytest.mark.parametrize("qa", ["note.txt", "note.txt/below"])
def test_a_review_folder_that_is_a_file_is_refused_before_any_work(command, qa, phantom_ct_file, tmp_path, capsys):
    (tmp_path / "note.txt").write_text("kept")
    (tmp_path / "in").mkdir()
    shutil.copy(phantom_ct_file, tmp_path / "in" / "ct.nrrd")
    given = tmp_path / "in" / ("ct.nrrd" if command == "deface" else "")
    words = (command, given, tmp_path / "out.nrrd", "--qa", tmp_path / qa)
    assert "note.txt is a file, so no" in refused(capsys, *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "note.txt"]


def test_decisions_that_are_not_there_are_refused_before_a_batch_begins(phantom_ct_file, tmp_path, capsys):
    (tmp_path / "cases.csv").write_text(f"input\n{phantom_ct_file}\n")
    words = ("batch", tmp_path / "cases.csv", tmp_path / "out", "--decisions", tmp_path / "none.csv")
    assert "There is no file" in refused(capsys, *words)
    assert [path.name for path in tmp_path.iterdir()] == ["cases.csv"]


def test_an_output_without_a_certificate_is_told_as_that(phantom_ct_file, tmp_path, capsys):
    output = shutil.copy(phantom_ct_file, tmp_path / "out.nrrd")
    assert "There is no certificate" in refused(capsys, "verify-certificate", output)


@pytest.mark.parametrize("option", ["--landmarks", "--curve", "--face-segment"])
def test_the_review_does_not_replace_what_a_person_mended(option, phantom_ct_file, tmp_path, capsys):
    name = {"--landmarks": "landmarks.mrk.json", "--curve": "curve.mrk.json", "--face-segment": "face.seg.nrrd"}[option]
    qa = tmp_path / "qa"
    qa.mkdir()
    (qa / "README.txt").write_text(f"{README_FIRST_LINE}\n")
    (qa / name).write_text("mended")
    words = ("deface", phantom_ct_file, tmp_path / "out.nrrd", "--qa", qa, option, qa / name)
    assert "would be replaced by the review" in refused(capsys, *words)
    assert (qa / name).read_text() == "mended"


def test_the_review_does_not_take_the_name_of_a_certificate_or_of_a_further_output(phantom_ct_file, tmp_path, capsys):
    also = ("--also", phantom_ct_file, tmp_path / "more.nrrd")
    for taken in ("out.certificate.json", "more.nrrd", "more.certificate.json"):
        said = refused(capsys, "deface", phantom_ct_file, tmp_path / "out.nrrd", *also, "--qa", tmp_path / taken)
        assert "name another place" in said
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(("out", "more"))]


def test_a_folder_with_files_of_somebody_else_is_no_review_folder(phantom_ct_file, tmp_path, capsys):
    qa = tmp_path / "qa"
    qa.mkdir()
    (qa / "scene.mrb").write_text("mine")
    assert "not of an earlier review" in refused(capsys, "deface", phantom_ct_file, tmp_path / "out.nrrd", "--qa", qa)
    assert (qa / "scene.mrb").read_text() == "mine"


def test_the_demo_replaces_nobodys_ct(tmp_path, capsys):
    (tmp_path / "ct.nrrd").write_text("mine")
    assert "not of an earlier demo" in refused(capsys, "demo", "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ct.nrrd"]
    assert (tmp_path / "ct.nrrd").read_text() == "mine"


def test_json_tells_of_a_refusal_too(tmp_path, capsys):
    import json

    assert main(["deface", str(tmp_path / "no.nrrd"), str(tmp_path / "out.nrrd"), "--json"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert facts["exit_code"] == 2
    assert "no.nrrd" in facts["error"]


@pytest.mark.parametrize(
    "words", [("deface", "", "o.nrrd"), ("deface", "ct.nrrd", ""), ("deface", "a", "b", "--qa", ""), ("deface", "a", "b", "--qa=")]
)
def test_an_empty_name_is_refused_and_not_taken_for_this_folder(words, capsys):
    assert main(words) == 2
    assert "is empty" in capsys.readouterr().err


def test_an_empty_remark_is_a_text(capsys):
    assert main(("deface", "nothing.nrrd", "b.nrrd", "--remark", "")) == 2
    assert "is empty" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("verify-certificate", os.sep), ("batch", "nothing.csv", os.sep), ("verify-headers", os.sep), ("study", ".", os.sep)]
)
def test_the_root_of_a_disk_is_no_output(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert "Unexpected" not in capsys.readouterr().err
