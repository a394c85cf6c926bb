"""What files still say, linkage by bone, and the command that makes all attacks."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.attack.battery import enrol
from FaceDeidLNLib.attack.controls import another_scan
from FaceDeidLNLib.attack.gallery import Gallery
from FaceDeidLNLib.attack.leftovers import certificate_leftovers, leftovers, padding_share
from FaceDeidLNLib.attack.linkage import bone_distances, bone_field
from FaceDeidLNLib.attack.portraits import Sitting
from FaceDeidLNLib.attack.rendered import look
from FaceDeidLNLib.attack.reversal import wiener
from FaceDeidLNLib.attack.study import Eye, Study, Target
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.commands.attack import heads_in
from FaceDeidLNLib.commands.attack_report import facts_of, summary
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.certificate import file_sha256
from FaceDeidLNLib.output.dicom import write_dicom_series
from FaceDeidLNLib.output.dicom_header import Marks
from test_attack import SKIN, moved, widened
from written import write_volume

PERSON = {"PatientName": "Muster^Erika", "PatientBirthDate": "19500101", "InstitutionName": "Somewhere Hospital"}


@pytest.fixture
def series(tmp_path):
    """A DICOM series with a named person and what was written for it."""
    write_series(tmp_path / "in", Series(stored_head(), tags=PERSON))
    ct = read_ct(tmp_path / "in")
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("Face removed"))
    return tmp_path / "in", tmp_path / "out", ct.volume


def test_names_and_dates_that_stay_in_a_dicom_header_are_told_by_field_never_by_value(series):
    found = leftovers(*series)
    assert {"PatientName", "PatientBirthDate", "InstitutionName"} <= set(found.header)
    assert "Muster" not in str(found)


def test_names_in_folders_within_a_dicom_folder_are_told_too(series):
    before, after, ct = series
    (before / "deeper").mkdir()
    for file in [path for path in before.iterdir() if path.is_file()]:
        file.rename(before / "deeper" / file.name)
    assert "PatientName" in leftovers(before, after, ct).header


def test_the_class_of_a_dicom_image_says_nothing_of_the_person(series):
    assert "SOPClassUID" not in leftovers(*series).header


def test_a_scout_among_the_slices_is_counted(series):
    from pydicom import dcmread

    before, after, ct = series
    assert leftovers(before, after, ct).scouts == 0
    scout = dcmread(sorted(before.iterdir())[0])
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.save_as(after / "scout.dcm")
    assert leftovers(before, after, ct).scouts == 1


def test_private_elements_and_icons_are_counted(series):
    from pydicom import dcmread
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    before, after, ct = series
    path = sorted(after.iterdir())[0]
    data = dcmread(path)
    data.add_new((0x0009, 0x0010), "LO", "SOMEBODY")
    data.IconImageSequence = Sequence([Dataset()])
    data.save_as(path)
    found = leftovers(before, after, ct)
    assert found.private == 1
    assert found.pictures == ("Icon Image Sequence",)


def test_a_text_copied_into_an_nrrd_header_is_told(phantom, tmp_path):
    import SimpleITK as sitk

    for name in ("in.nrrd", "out.nrrd"):
        write_volume(phantom.ct, tmp_path / name)
        image = sitk.ReadImage(str(tmp_path / name))
        image.SetMetaData("PatientName", "Muster^Erika")
        sitk.WriteImage(image, str(tmp_path / name))
    assert leftovers(tmp_path / "in.nrrd", tmp_path / "out.nrrd", phantom.ct).header == ("PatientName",)


def test_a_released_image_file_repeats_nothing(phantom_ct_file, tmp_path):
    assert main(["deface", str(phantom_ct_file), str(tmp_path / "out.nrrd"), "--accept-recognisable", "--quiet"]) == 0
    found = leftovers(phantom_ct_file, tmp_path / "out.nrrd", read_ct(tmp_path / "out.nrrd").volume)
    assert found.header == ()
    assert found.certificate == ()
    assert found.pictures == ()
    assert found.scouts == 0


@pytest.mark.parametrize(
    "content",
    [{"checks": {"pronasale": 3}}, {"parameters": {"seed": 4}}, {"of": "x"}, {"parameters": {"said": "Muster^Erika"}}, {"output": "HASH"}],
)
def test_what_describes_the_original_in_a_certificate_is_found(content, tmp_path):
    original, certificate = tmp_path / "ct.nrrd", tmp_path / "out.certificate.json"
    original.write_bytes(b"voxels")
    certificate.write_text(json.dumps(content).replace("HASH", file_sha256(original)))
    assert certificate_leftovers(certificate, {"Muster^Erika"}, original)


@pytest.mark.parametrize("content", [b"{bad", b"\xff\xfe\x00"])
def test_a_certificate_that_cannot_be_read_is_told(content, tmp_path):
    (tmp_path / "ct.nrrd").write_bytes(b"voxels")
    (tmp_path / "out.certificate.json").write_bytes(content)
    assert certificate_leftovers(tmp_path / "out.certificate.json", set(), tmp_path / "ct.nrrd") == ("it cannot be read",)


def test_one_odd_voxel_outside_the_scan_circle_is_seen(phantom):
    air = phantom.ct.with_array(np.full((3, 40, 40), -1000, dtype=np.int16))
    assert padding_share(air) == 0
    air.array[1, 0, 0] = 5
    assert padding_share(air) > 0
    air.array[1, 0, 0], air.array[1, 20, 20] = -1000, 5
    assert padding_share(air) == 0


@pytest.fixture(scope="module")
def heads(phantom):
    return {f"head{n}": (widened(phantom.ct, f), moved(phantom.landmarks, f)) for n, f in enumerate((0.88, 0.94, 1.0, 1.06))}


def test_bone_links_another_scan_to_its_head(heads):
    windows = {name: face_window(marks) for name, (_, marks) in heads.items()}
    bones = Gallery(tuple(heads), np.stack([bone_field(ct, windows[name]) for name, (ct, _) in heads.items()]))
    for number, (name, (ct, _)) in enumerate(heads.items()):
        probe = another_scan(ct, windows[name], np.random.default_rng(number))
        assert bone_distances(probe, windows[name], bones).argmin() == number


def test_a_head_without_bone_is_linked_to_nobody(heads):
    name, (ct, marks) = next(iter(heads.items()))
    window = face_window(marks)
    bones = Gallery((name,), bone_field(ct, window)[None])
    assert np.isinf(bone_distances(Volume(np.full_like(ct.array, -1000), ct.geometry), window, bones)).all()


class Brightness:
    """A recogniser that describes a picture by its mean colour."""

    def faces(self, picture):
        return [picture.reshape(-1, 3).mean(0) / 255]


def test_a_study_shows_the_result_and_what_is_recovered_from_it_to_the_recogniser(heads, tmp_path):
    (name, (ct, marks)), (other, _) = list(heads.items())[:2]
    skins, windows = enrol([(n, *heads[n]) for n in (name, other)])
    bones = Gallery(skins.names, np.stack([bone_field(heads[n][0], windows[n]) for n in skins.names]))
    shot = Sitting(("raw",), (-300,), ("front",))
    eye = Eye(Brightness(), {name: look(ct, windows[name], Brightness(), shot)}, shot, shot)
    study = Study(skins, bones, SKIN, {"Wiener 6 mm": wiener(6.0)}, eye)
    path = write_volume(ct, tmp_path / "ct.nrrd")
    found = study.add(Target(name, ct, ct, path, path, windows[name]))
    assert found.rendered.shots_after == 2
    assert found.rendered.own.distance == pytest.approx(0, abs=1e-6)
    assert found.rendered.others.distance == np.inf
    assert set(found.recovered_mm) == {"as it is", "Wiener 6 mm"}
    facts = facts_of(study, [])
    assert facts["rendered"]["matched_strict"] == 1
    assert "1 heads a face is detected in 1 before" in summary(facts)
    json.dumps(facts, allow_nan=False)


@pytest.fixture(scope="module")
def attacked(heads, tmp_path_factory):
    """The command on four heads; their results are the heads themselves, which is the worst that can be handed out."""
    folder = tmp_path_factory.mktemp("attack")
    places = {}
    for name, (ct, marks) in heads.items():
        for kind in ("originals", "results"):
            (folder / kind).mkdir(exist_ok=True)
            write_volume(ct, folder / kind / f"{name}_ct.nrrd")
        places[name] = {"landmarks": {p.name: p.position.tolist() for p in marks if p.position is not None}}
    write_volume(ct, folder / "results" / "of_nobody.nrrd")
    (folder / "originals" / "landmarks.json").write_text(json.dumps({"patients": places}))
    words = [str(folder / "originals"), str(folder / "results"), "--out", str(folder / "out"), "--cheap", "--no-rendered", "--quiet"]
    assert main(["attack", *words]) == 0
    return folder / "out"


def test_the_command_finds_everybody_whose_face_was_left(attacked):
    facts = json.loads((attacked / "attack.json").read_text())
    assert facts["rank1"]["value"] == 1.0
    assert facts["linkage"]["rank1"] == 1.0
    assert {head["residue"]["unchanged"]["1.0"] for head in facts["heads"].values()} == {1.0}


def test_the_command_says_what_it_left_out(attacked):
    assert any("pictures" in sentence for sentence in json.loads((attacked / "attack.json").read_text())["left_out"])


def test_a_result_without_an_original_is_told(attacked, heads):
    assert any(
        "1 results are left out" in one and "of_nobody" in one for one in json.loads((attacked / "attack.json").read_text())["left_out"]
    )


def test_the_command_writes_a_line_per_head_and_all_distances(attacked, heads):
    with (attacked / "attack_heads.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["head"] for line in lines] == list(heads)
    assert float(lines[0]["recovered_mm.as it is"]) < 1.0
    with (attacked / "attack.csv").open() as file:
        options = {row[0] for row in csv.reader(file)}
    assert "bone (out of scope)" in options
    assert "raw at -200 HU" in options


def refused(folder, capsys, *words: str) -> str:
    """What the command says of the arguments, which it must refuse."""
    assert main(["attack", str(folder / "originals"), str(folder / "results"), "--cheap", "--no-rendered", "--quiet", *words]) == 2
    return capsys.readouterr().err


def test_heads_are_image_files_and_dicom_folders_and_nothing_else(tmp_path):
    write_series(tmp_path / "d", Series(stored_head()))
    (tmp_path / "notes").mkdir()
    for name in ("a_ct.nrrd", "b.NII.GZ", "a_labels.nrrd", "a.seg.nrrd", ".hidden.nrrd", "landmarks.json"):
        (tmp_path / name).touch()
    assert {name: path.name for name, path in heads_in(tmp_path).items()} == {"a": "a_ct.nrrd", "b": "b.NII.GZ", "d": "d"}


def test_two_heads_of_one_name_are_refused(tmp_path):
    for name in ("a_ct.nrrd", "a.nrrd"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="two heads called a"):
        heads_in(tmp_path)


def test_an_attack_that_cannot_be_written_is_refused_before_the_work(attacked, capsys, tmp_path):
    folder = attacked.parent
    (tmp_path / "file").touch()
    assert main(["attack", str(folder / "originals"), str(folder / "results"), "--out", str(tmp_path / "file"), "--cheap"]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_a_file_of_marks_that_is_not_there_is_refused(attacked, capsys):
    assert "nowhere.json" in refused(attacked.parent, capsys, "--marks", str(attacked.parent / "nowhere.json"))


@pytest.mark.parametrize("place", [[1, 2], [1, 2, float("nan")]])
def test_a_mark_that_is_no_point_is_refused_by_name(place, attacked, capsys, tmp_path):
    marks = tmp_path / "marks.json"
    marks.write_text(json.dumps({"patients": {"head0": {"landmarks": {"stomion": place}}}}))
    assert "stomion of head0" in refused(attacked.parent, capsys, "--marks", str(marks))


def test_a_head_whose_marks_fix_no_face_is_named(attacked, capsys, tmp_path):
    marks = tmp_path / "marks.json"
    marks.write_text(json.dumps({"patients": {"head0": {"landmarks": {"stomion": [1, 2, 3]}}}}))
    assert "head0" in refused(attacked.parent, capsys, "--marks", str(marks))


def test_a_result_that_lies_beside_the_face_of_its_original_is_named(attacked, heads, capsys, tmp_path):
    (tmp_path / "results").mkdir()
    ct = heads["head0"][0]
    moved = np.array(ct.geometry.ijk_to_lps)
    moved[2, 3] += 1000
    write_volume(Volume(ct.array, Geometry(ct.geometry.shape, moved)), tmp_path / "results" / "head0.nrrd")
    words = [str(attacked.parent / "originals"), str(tmp_path / "results"), "--out", str(tmp_path / "out"), "--cheap", "--no-rendered"]
    assert main(["attack", *words]) == 2
    assert "head0.nrrd lies beside the face of its original" in capsys.readouterr().err


def test_a_head_whose_marks_lie_beside_its_ct_is_named_and_is_no_review(attacked, capsys, tmp_path):
    marks = json.loads((attacked.parent / "originals" / "landmarks.json").read_text())
    places = marks["patients"]["head0"]["landmarks"]
    places.update({name: [left, back, up + 1000] for name, (left, back, up) in places.items()})
    (tmp_path / "marks.json").write_text(json.dumps(marks))
    assert "The face of head0 is not found" in refused(attacked.parent, capsys, "--marks", str(tmp_path / "marks.json"))
