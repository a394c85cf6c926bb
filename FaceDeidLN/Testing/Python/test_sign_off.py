"""A REVIEW signed off on the command line: the very result that was looked at is released, and no other."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.case.records import CaseResult
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.commands.sign_off import Asked
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.mrml import review_scene
from FaceDeidLNLib.output.certificate import certificate_path
from FaceDeidLNLib.output.review_folder import SEEN_FILE, make_review_folder
from FaceDeidLNLib.output.seen import Seen, digest, read_seen
from FaceDeidLNLib.phantom import make_phantom
from FaceDeidLNLib.release import RECOGNISABLE_SENTENCE, refusal_sentence
from FaceDeidLNLib.verify.verdict import Verdict
from written import write_volume


def run(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory):
    """The words of a case that is a REVIEW, because what is protected holds the nose, and its folder; the review lacks its pictures."""
    folder = tmp_path_factory.mktemp("review")
    phantom = make_phantom((4.0, 4.0, 4.0), seed=1)
    nose = next(mark.position for mark in phantom.landmarks if mark.name == "pronasale")
    at = np.moveaxis(np.indices(phantom.ct.array.shape), 0, -1).reshape(-1, 3)
    near = np.linalg.norm(phantom.ct.geometry.to_lps(at) - nose, axis=1).reshape(phantom.ct.array.shape) < 30.0
    kept = write_volume(phantom.ct.with_array((near & (phantom.ct.array > -300)).astype(np.uint8)), folder / "kept.nrrd")
    ct = write_volume(phantom.ct, folder / "ct.nrrd")
    words = ("deface", ct, folder / "out.nrrd", "--protect", kept, "--accept-recognisable", "--quiet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(review_scene, "write_review", lambda place, material, drawn: make_review_folder(place, "REVIEW"))
        assert run(*words, "--qa", folder / "qa") == 3
    return words, folder


def test_what_was_looked_at_is_released_with_the_remark_in_the_certificate(reviewed, capsys):
    words, folder = reviewed
    capsys.readouterr()
    assert run(*words[:-1], "--sign-off", folder / "qa", "--remark", "the nose is a prosthesis", "--reviewer", "Doe") == 0
    assert "What to do" not in capsys.readouterr().out
    seen = json.loads((folder / "qa" / "seen.json").read_text())
    assert digest(read_ct(folder / "out.nrrd").volume) == seen["result"]
    checks = json.loads(certificate_path(folder / "out.nrrd").read_text())["checks"]
    assert checks["review_sign_off"] == {"name": "Doe", "remark": "the nose is a prosthesis"}
    assert seen["seed"] not in certificate_path(folder / "out.nrrd").read_text()


def test_a_signed_review_that_lacks_the_consent_says_so_and_which_result_was_signed(reviewed, capsys):
    (command, ct, _, *more), folder = reviewed
    words = (command, ct, folder / "refused.nrrd", *(word for word in more if word != "--accept-recognisable"))
    signed = ("--sign-off", folder / "qa", "--remark", "the nose is a prosthesis", "--qa", folder / "qa")
    before = sorted((folder / "qa").iterdir())
    capsys.readouterr()
    assert run(*words, *signed, "--json") == 3
    said = json.loads(capsys.readouterr().out)
    assert (said["verdict"], said["reasons"][-1]) == ("REVIEW", RECOGNISABLE_SENTENCE)
    assert said["review_sha256"] == json.loads((folder / "qa" / "seen.json").read_text())["result"]
    assert sorted((folder / "qa").iterdir()) == before
    assert run(*words, *signed) == 3
    told = capsys.readouterr().err
    assert RECOGNISABLE_SENTENCE in told
    assert "mend the landmarks" not in told


def test_another_result_than_the_one_that_was_looked_at_is_not_signed_off(phantom):
    asked = Asked("fine", "Doe", Seen("of another", 7))
    result, said = asked.of(CaseResult(Verdict.REVIEW, ("look",), "tested", Parameters(), result=phantom.ct))
    assert result.reasons == ("look", "what was signed off was another result than this one: look at it again")
    assert refusal_sentence(result, True, said).startswith("REVIEW: look")
    assert asked.of(replace(result, result=None))[1].remark == ""
    passed, said = asked.of(CaseResult(Verdict.PASS, (), "tested", Parameters(), result=phantom.ct))
    assert refusal_sentence(passed, True, said).startswith("REVIEW: what was signed off was another result")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--sign-off", "qa"), "needs a remark"),
        (("--sign-off", "qa", "--remark", "x"), "holds no result"),
        (("--remark", "x"), "are for a sign-off"),
        (("--sign-off", "qa", "--remark", "x", "--also", "ct.nrrd", "b.nrrd"), "adds images that were not"),
    ],
)
def test_a_sign_off_that_cannot_be_meant_is_refused_before_any_work(more, said, phantom_ct_file, tmp_path, capsys):
    assert (
        run("deface", phantom_ct_file, tmp_path / "out.nrrd", *(str(phantom_ct_file) if word == "ct.nrrd" else word for word in more)) == 2
    )
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("seed", ['"-5"', "Infinity", '"4e400"', "null"])
def test_a_seed_that_nobody_can_draw_from_is_refused_in_a_sentence(seed, tmp_path):
    (tmp_path / SEEN_FILE).write_text(f'{{"result": "of another", "seed": {seed}}}')
    with pytest.raises(InputError, match="holds no result that can be signed off"):
        read_seen(tmp_path)
