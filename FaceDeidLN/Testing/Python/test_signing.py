"""Signed certificates: an edit shows, and a resumed batch does not believe one."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from FaceDeidLNLib.commands.batches.case_run import released_sha256
from FaceDeidLNLib.commands.batches.planned import is_done
from FaceDeidLNLib.commands.batches.row import Row
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.output.certificate import SCHEMA, certificate_path, file_sha256
from FaceDeidLNLib.output.signing import Signature, is_own_release, private_key, signature_state, signed_text
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_keys import key_file

pytest.importorskip("cryptography", reason="the extra 'signing' is not installed")


def release(folder, key, text="released", **content):
    """An output with a certificate."""
    output = folder / "ct.nrrd"
    output.write_text(text)
    says = {"schema": SCHEMA, "output": {"sha256": file_sha256(output)}, "verdict": "PASS", "privacy": "tested", **content}
    certificate_path(output).write_text(signed_text(json.dumps(says), key), encoding="utf-8")
    return output


def edit(output, /, **content):
    path = certificate_path(output)
    path.write_text(json.dumps({**json.loads(path.read_text()), **content}))


def test_without_a_key_it_says_unsigned(tmp_path):
    output = release(tmp_path, None)
    assert json.loads(certificate_path(output).read_text())["signature"] == "unsigned"
    assert signature_state(certificate_path(output), None) is Signature.UNSIGNED


@pytest.mark.parametrize("which", ["key.pem", "public-key.pem"])
def test_a_signed_certificate_is_known_by_either_half_of_the_key(which, tmp_path):
    output = release(tmp_path, key_file(tmp_path), note="ä, 1.50, \u2028")
    assert signature_state(certificate_path(output), tmp_path / which) is Signature.VALID


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["verdict", "privacy", "output", "schema", "new"]), st.text(max_size=5) | st.integers() | st.none())
def test_any_edit_shows(tmp_path_factory, name, value):
    folder = tmp_path_factory.mktemp("signed")
    output = release(folder, key_file(folder))
    edit(output, **{name: value})
    assert signature_state(certificate_path(output), folder / "key.pem") is Signature.BROKEN
    shutil.rmtree(folder)


def test_a_certificate_that_says_something_twice_is_none(tmp_path):
    output = release(tmp_path, key_file(tmp_path))
    path = certificate_path(output)
    path.write_text(path.read_text().replace("{", '{"verdict": "FAIL",', 1))
    with pytest.raises(InputError, match="no certificate that can be read"):
        signature_state(path, tmp_path / "key.pem")


def test_a_release_whose_certificate_says_something_twice_is_not_ones_own_and_stops_nobody(tmp_path):
    output = release(tmp_path, key_file(tmp_path))
    path = certificate_path(output)
    path.write_text(path.read_text().replace("{", '{"verdict": "FAIL",', 1))
    assert not is_own_release(output, tmp_path / "key.pem")


def test_half_a_letter_in_a_certificate_is_an_edit(tmp_path):
    output = release(tmp_path, key_file(tmp_path))
    path = certificate_path(output)
    path.write_text(path.read_text().replace("{", '{"new": "\\ud800",', 1))
    assert signature_state(path, tmp_path / "key.pem") is Signature.BROKEN


def test_signed_anew_by_somebody_else_it_is_not_the_projects(tmp_path):
    output = release(tmp_path, key_file(tmp_path, "theirs.pem"), privacy="super-safe")
    assert signature_state(certificate_path(output), key_file(tmp_path)) is Signature.OTHER_KEY
    assert not is_own_release(output, tmp_path / "key.pem")


@pytest.mark.parametrize(
    "signature", [{}, {"algorithm": "none", "public_key": "", "value": ""}, {"algorithm": "Ed25519", "public_key": 3, "value": []}]
)
def test_a_signature_that_is_none_is_broken(signature, tmp_path):
    output = release(tmp_path, key_file(tmp_path))
    edit(output, signature=signature)
    assert signature_state(certificate_path(output), None) is Signature.BROKEN


@pytest.mark.parametrize(
    ("how", "code"),
    [("signed", 0), ("unsigned", 1), ("edited", 1), ("other output", 1), ("no key asked", 0), ("unsigned, no key asked", 0)],
)
def test_the_command_tells(how, code, tmp_path, capsys):
    key = key_file(tmp_path)
    output = release(tmp_path, None if how.startswith("unsigned") else key)
    if how == "edited":
        edit(output, privacy="super-safe")
    if how == "other output":
        output.write_text("another")
    words = [] if how.endswith("asked") else ["--signing-key", str(tmp_path / "public-key.pem")]
    assert main(["verify-certificate", str(output), *words]) == code
    said = "".join(capsys.readouterr())
    assert ("unsigned" in said) == how.startswith("unsigned")


@pytest.mark.parametrize("text", ["no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", None])
def test_what_is_no_key_is_refused_in_a_sentence(text, tmp_path):
    if text is not None:
        (tmp_path / "key.pem").write_text(text)
    with pytest.raises(InputError, match="key"):
        private_key(tmp_path / "key.pem")


@pytest.mark.parametrize("command", ["deface", "batch"])
def test_a_key_that_is_none_is_refused_before_any_work(command, phantom_ct_file, tmp_path, capsys):
    (tmp_path / "key.pem").write_text("no key")
    source = phantom_ct_file if command == "deface" else phantom_ct_file.parent
    assert main([command, str(source), str(tmp_path / "out.nrrd"), "--signing-key", str(tmp_path / "key.pem")]) == 2
    assert "openssl genpkey" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["key.pem"]


def test_a_signed_release_of_another_case_is_not_that_of_a_case(tmp_path):
    key = key_file(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    ours, other = (release(tmp_path / name, key, text=name) for name in ("one", "two"))
    row = Row("ct", output="ct.nrrd", output_sha256=released_sha256(ours))
    assert is_done(row, ours, key)
    assert is_own_release(other, key)
    assert not is_done(row, other, key)


def test_a_resumed_batch_does_not_believe_an_edited_certificate(phantom_ct_file, tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(phantom_ct_file, tmp_path / "in" / "ct.nrrd")
    key = key_file(tmp_path)
    words = ["batch", str(tmp_path / "in"), str(tmp_path / "out"), "--effect", "mask", "--accept-recognisable", "--signing-key", str(key)]
    assert main([*words, "--quiet"]) == 0
    assert signature_state(tmp_path / "out" / "ct.certificate.json", key) is Signature.VALID
    edit(tmp_path / "out" / "ct.nrrd", privacy="super-safe")
    assert main([*words, "--quiet"]) == 2


def test_openssls_key_is_taken(tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    subprocess.run([openssl, "genpkey", "-algorithm", "ed25519", "-out", str(tmp_path / "key.pem")], check=True, capture_output=True)
    assert private_key(tmp_path / "key.pem")
