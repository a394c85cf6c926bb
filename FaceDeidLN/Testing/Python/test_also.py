"""Further images of the same head as files: they get the face of the CT, or nothing leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect import base
from FaceDeidLNLib.input import ct as ct_reader
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.output import atomic
from synthetic_study import coarse, study_phantom
from written import write_volume


def head_mr() -> Volume:
    mr = coarse(study_phantom().ct, 3.5)
    values = np.where(mr.array > -400, 300, 20) + np.random.default_rng(5).normal(0, 10, mr.array.shape)
    return mr.with_array(np.rint(values).astype(np.int16))


@pytest.fixture(scope="module", autouse=True)
def _seeded(heads_remembered) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base.secrets, "randbits", lambda _: 11)
        yield


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("also")
    ct = study_phantom().ct
    write_volume(ct, folder / "ct.nrrd")
    write_volume(head_mr(), folder / "mr.nii.gz")
    noisy = ct.array + np.random.default_rng(3).normal(0, 30, ct.array.shape)
    write_volume(ct.with_array(np.clip(noisy, -1024, 3000).astype(ct.array.dtype)), folder / "sharp.nrrd")
    also = [part for name in ("mr.nii.gz", "sharp.nrrd") for part in ("--also", str(folder / name), str(folder / f"out-{name}"))]
    assert main(["deface", str(folder / "ct.nrrd"), str(folder / "out-ct.nrrd"), *also]) == 0
    return folder


@pytest.mark.parametrize("name", ["mr.nii.gz", "sharp.nrrd"])
def test_each_image_changes_in_front_and_keeps_type_grid_and_the_back_of_the_head(released, name):
    before, after = read_volume(released / name), read_volume(released / f"out-{name}")
    assert after.array.dtype == before.array.dtype
    assert after.geometry.same_as(before.geometry)
    changed = before.array != after.array
    assert changed.any()
    assert before.geometry.to_lps(np.argwhere(changed))[:, 1].max() < 40.0


def test_each_image_has_a_certificate_of_its_own(released):
    assert len(list(released.glob("out-*.certificate.json"))) == 3


def test_the_certificate_of_an_mr_says_that_its_class_was_measured_on_ct(released):
    told = json.loads((released / "out-mr.certificate.json").read_text())
    assert told["limits"] == ["No attacker was tried on PET and MR: the class of privacy is that of the CT that decides."]


def test_nothing_is_written_where_an_image_shows_the_head_elsewhere(released, tmp_path, capsys):
    mr = head_mr()
    matrix = mr.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += (4.0, 18.0, 4.0)
    write_volume(Volume(mr.array, Geometry(mr.array.shape, matrix)), tmp_path / "off.nrrd")
    words = ["--also", str(tmp_path / "off.nrrd"), str(tmp_path / "off-out.nrrd")]
    assert main(["deface", str(released / "ct.nrrd"), str(tmp_path / "out.nrrd"), *words]) == 3
    told = capsys.readouterr().err
    assert "REVIEW: nothing was released\n  - --also off.nrrd: the head lies" in told
    assert "(mend that image, or leave it out)" in told
    assert {path.name for path in tmp_path.iterdir()} == {"off.nrrd"}


def test_no_output_appears_where_one_of_them_cannot(released, tmp_path, monkeypatch, capsys):
    rename = atomic._rename_to_free

    def fail(new: Path, place: Path) -> None:
        if place.name == "out.nrrd":
            raise OSError(28, "No space left on device")
        rename(new, place)

    monkeypatch.setattr(atomic, "_rename_to_free", fail)
    words = ["--also", str(released / "mr.nii.gz"), str(tmp_path / "out-mr.nii.gz")]
    assert main(["deface", str(released / "ct.nrrd"), str(tmp_path / "out.nrrd"), *words]) != 0
    assert not list(tmp_path.iterdir())
    assert ".partial" not in capsys.readouterr().err


def test_two_images_cannot_have_one_output(released, tmp_path, capsys):
    out = str(tmp_path / "out.nrrd")
    assert main(["deface", str(released / "ct.nrrd"), out, "--also", str(released / "mr.nii.gz"), out]) == 2
    assert f"--also names OUTPUT ({out}) again" in capsys.readouterr().err
    also = [word for name in ("a.nrrd", "a.nii.gz") for word in ("--also", str(released / "mr.nii.gz"), str(tmp_path / name))]
    assert main(["deface", str(released / "ct.nrrd"), out, *also]) == 2
    assert "--also names the same output twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("out.nrrd", "--also", "a.nrrd", "b.nrrd", "--also", "b.nrrd", "c.nrrd"), "{b.nrrd} is, holds or lies inside {b.nrrd}"),
        (("out.nrrd", "--also", "a.nrrd", "nodes.nrrd", "--nodes", "nodes.nrrd"), "{nodes.nrrd} is, holds or lies inside {nodes.nrrd}"),
        (("a.nrrd", "--also", "a.nrrd", "b.nrrd"), "{a.nrrd} is, holds or lies inside {a.nrrd}"),
        (("out.nrrd", "--also", "a.nrrd", "ct.nrrd"), "{ct.nrrd} is, holds or lies inside {ct.nrrd}"),
        (("out.mha", "--also", "a.nrrd", "out.mha/b.nrrd"), "{out.mha} is, holds or lies inside {out.mha/b.nrrd}"),
    ],
)
def test_an_output_that_is_read_or_holds_another_is_refused_before_any_work(words, said, tmp_path, monkeypatch, capsys):
    for name in ("ct.nrrd", "a.nrrd", "b.nrrd", "nodes.nrrd"):
        (tmp_path / name).write_text(name)
    (tmp_path / "out.mha").mkdir()
    paths = [word if word.startswith("--") else str(tmp_path / word) for word in words]
    monkeypatch.setattr(ct_reader, "read_ct", lambda *more, **named: pytest.fail("it was read"))
    assert main(["deface", str(tmp_path / "ct.nrrd"), *paths, "--overwrite"]) == 2
    expected = re.sub(r"\{(.*?)\}", lambda found: str(tmp_path / found[1]), said)
    assert expected in capsys.readouterr().err
    assert (tmp_path / "b.nrrd").read_text() == "b.nrrd"


@pytest.mark.parametrize(
    ("image", "out", "said"), [("mr.nii.gz", "out.dcm", "the output can be one of"), ("no.nrrd", "out.nrrd", "There is no file")]
)
def test_an_image_that_cannot_be_read_or_written_is_refused_before_any_work(image, out, said, tmp_path, capsys):
    for name in ("ct.nrrd", "mr.nii.gz"):
        (tmp_path / name).touch()
    words = ["--also", str(tmp_path / image), str(tmp_path / out)]
    assert main(["deface", str(tmp_path / "ct.nrrd"), str(tmp_path / "done.nrrd"), *words]) == 2
    assert said in capsys.readouterr().err
