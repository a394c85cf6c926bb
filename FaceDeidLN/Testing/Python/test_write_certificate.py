"""The certificate: the same bytes for the same content, and nothing of the original face."""

import json
import os

import numpy as np
import pytest
from FaceDeidLNLib.core.errors import InputError, OutputError
from FaceDeidLNLib.output.certificate import (
    SCHEMA,
    STUDY_SCHEMA,
    certificate_path,
    certificate_text,
    file_sha256,
    is_certified,
    require_own_certificate,
)

CONTENT = {
    "software": {"facedeidln": "0.1.0"},
    "parameters": {"style": "full", "depth_mm": 12.0},
    "output": {"kind": ".nrrd", "sha256": "ab" * 32},
    "protected": [{"name": "landmark node", "voxels": "some", "changed": np.int64(0)}],
    "checks": {"changed_outside_face": np.int64(0), "landmarks_missing": 0, "same_geometry": np.bool_(True)},
    "verdict": "PASS",
    "reasons": [],
    "privacy": "recognisable",
    "seconds": {"landmarks": 0.25},
}


def test_a_certificate_names_its_schema_and_keeps_its_content(tmp_path):
    (tmp_path / "a.certificate.json").write_text(certificate_text(CONTENT), encoding="utf-8")
    content = json.loads((tmp_path / "a.certificate.json").read_text(encoding="utf-8"))
    assert content.pop("schema") == SCHEMA
    assert content == json.loads(json.dumps(CONTENT, default=lambda value: value.item()))


def test_the_order_of_the_keys_does_not_matter():
    assert certificate_text(CONTENT) == certificate_text(dict(reversed(CONTENT.items())))


@pytest.mark.parametrize(
    "checks",
    [
        {"landmarks": {"pronasale": [1.0, 2.0, 3.0]}},
        {"pronasale": [1.0, 2.0, 3.0]},
        {"deep": [{"eye_right": 3}]},
        {"curve_mm": [1.0]},
        {"input_sha256": "x"},
        {"seed": 3},
        {"patient": "Doe"},
        {"hash": "ab" * 32},
        {"text": "made from " + "0f" * 16},
    ],
)
def test_what_describes_the_original_is_refused(checks):
    with pytest.raises(OutputError, match="must not describe the original face|hashes of the output only"):
        certificate_text({**CONTENT, "checks": checks})


def test_a_protected_segment_may_be_called_whatever_its_maker_chose():
    name = "LN 0123456789abcdef0123456789abcdef"
    text = certificate_text({**CONTENT, "protected": [{"name": name, "voxels": "some", "changed": 0}]})
    assert json.loads(text)["protected"][0]["name"] == name


def test_a_missing_part_is_refused():
    with pytest.raises(OutputError, match="lacks .'verdict'"):
        certificate_text({key: value for key, value in CONTENT.items() if key != "verdict"})


def test_an_unknown_part_is_refused():
    with pytest.raises(OutputError, match="unknown keys .'notes'"):
        certificate_text({**CONTENT, "notes": "x"})


@pytest.mark.parametrize("value", [float("nan"), np.zeros(3), object()])
def test_a_value_that_json_cannot_hold_is_refused(value):
    with pytest.raises(OutputError, match="nothing was written"):
        certificate_text({**CONTENT, "checks": {"x": value}})


def test_the_certificate_stands_beside_its_output(tmp_path):
    assert certificate_path(tmp_path / "head.nii.gz") == tmp_path / "head.certificate.json"
    assert certificate_path(tmp_path / "series") == tmp_path / "series.certificate.json"


def test_the_hash_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    "put", [lambda at, to: at.symlink_to(to), lambda at, to: at.symlink_to(to / "nowhere"), lambda at, to: os.mkfifo(at)]
)
def test_a_study_with_a_link_or_pipe_that_nobody_wrote_is_not_the_certified_one(tmp_path, put):
    (tmp_path / "originals").mkdir()
    (tmp_path / "study" / "01-CT").mkdir(parents=True)
    (tmp_path / "study" / "01-CT" / "IM1.dcm").write_bytes(b"slice")
    files = {"01-CT/IM1.dcm": file_sha256(tmp_path / "study" / "01-CT" / "IM1.dcm")}
    certificate_path(tmp_path / "study").write_text(json.dumps({"schema": STUDY_SCHEMA, "files": files}))
    assert is_certified(tmp_path / "study")
    put(tmp_path / "study" / "extra", tmp_path / "originals")
    assert not is_certified(tmp_path / "study")


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_folder_in_the_place_of_a_certificate_is_refused_and_stays(tmp_path, overwrite):
    (tmp_path / "ct.certificate.json").mkdir()
    with pytest.raises(InputError, match=r"ct\.certificate\.json is a folder"):
        require_own_certificate(tmp_path / "ct.nrrd", overwrite)
