"""What a profile is asked for with: its name, the project's key, pseudonyms; and the mappings that lead back."""

from __future__ import annotations

import csv
import secrets
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.header.keys import project_key, read_pseudonyms
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.policy import policy_named
from FaceDeidLNLib.header.segment_names import without_names
from FaceDeidLNLib.output import header_mappings
from FaceDeidLNLib.output.header_mappings import keep_mappings, read_mapping, write_mappings
from header_objects import small


def test_a_key_is_made_once_for_its_owner_only(tmp_path):
    key = project_key(tmp_path / "project.key")
    assert stat.S_IMODE((tmp_path / "project.key").stat().st_mode) == 0o600
    assert project_key(tmp_path / "project.key") == key


def test_those_who_start_together_have_one_key(tmp_path, monkeypatch):
    write, together = secrets.token_bytes, threading.Barrier(4)

    def slowly(count):
        together.wait(300)
        return write(count)

    monkeypatch.setattr(secrets, "token_bytes", slowly)  # all have seen that there is none
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda _: project_key(tmp_path / "project.key"), range(4)))
    assert len(set(keys)) == 1
    (tmp_path / "later").touch(mode=0o600)
    threading.Timer(0.2, lambda: (tmp_path / "later").write_text(keys[0].hex() + "\n")).start()
    assert project_key(tmp_path / "later") == keys[0]


def test_a_key_that_others_can_read_is_refused(tmp_path):
    project_key(tmp_path / "k")
    (tmp_path / "k").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        project_key(tmp_path / "k")


def test_a_folder_that_others_can_read_is_told_to_be_no_key_and_nobody_is_told_to_close_it(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o755)
    with pytest.raises(InputError, match="is no key of this program"):
        project_key(tmp_path / "keys")


def test_a_key_inside_the_output_is_refused(tmp_path):
    with pytest.raises(InputError, match="given away"):
        project_key(tmp_path / "out" / "k", (tmp_path / "out",))


def test_a_key_inside_the_input_is_refused_because_nothing_is_written_there(tmp_path):
    for key in (tmp_path / "in" / "k", tmp_path / "in" / "sub" / "k"):
        with pytest.raises(InputError, match="lies in the input .*: name another place"):
            policy_named("basic", key, inputs=(tmp_path / "in",))
    assert not (tmp_path / "in").exists()
    policy_named("basic", tmp_path / "k", inputs=(tmp_path / "in", tmp_path / "ct.nrrd"))


@pytest.mark.parametrize("text", ["", "full", "basic,more", "keep,modified-dates"])
def test_an_unknown_profile_is_refused(text):
    with pytest.raises(InputError, match="choose keep"):
        options_named(text)


def test_a_profile_without_a_key_is_refused():
    with pytest.raises(InputError, match="--key"):
        policy_named("research", None)


@pytest.mark.parametrize(
    ("rows", "said"), [("a,1\nb,1", "same pseudonym"), ("a,1\nb,2\na ,3", "one patient two pseudonyms"), ("a,1\n ,2", "row needs both")]
)
def test_pseudonyms_that_do_not_tell_patients_apart_are_refused(tmp_path, rows, said):
    (tmp_path / "ids.csv").write_text(f"patient_id,pseudonym\n{rows}\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_pseudonyms(tmp_path / "ids.csv")


@pytest.mark.parametrize(
    "text", ["patient_id;pseudonym\na;1\n;\n", "Patient_ID\tPseudonym\t\na\t1\t\n", "pseudonym , patient_id\n1,a\n,\n"]
)
def test_pseudonyms_are_read_as_spreadsheets_save_them(tmp_path, text):
    (tmp_path / "ids.csv").write_text(text, encoding="utf-8")
    assert read_pseudonyms(tmp_path / "ids.csv") == {"a": "1"}


@pytest.mark.parametrize("text", ["id,name\n", "patient_id\n"])
def test_a_table_without_the_columns_of_pseudonyms_is_refused_though_it_has_no_row(tmp_path, text):
    (tmp_path / "ids.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="columns are patient_id and pseudonym"):
        read_pseudonyms(tmp_path / "ids.csv")


def test_a_patient_who_is_listed_twice_alike_has_one_pseudonym(tmp_path):
    (tmp_path / "ids.csv").write_text("patient_id,pseudonym\na,1\na,1\n", encoding="utf-8")
    assert read_pseudonyms(tmp_path / "ids.csv") == {"a": "1"}


def test_mappings_stand_beside_the_key_and_grow(tmp_path):
    write_mappings(tmp_path / "k", {"1.2": "2.25.1"}, {"P1": "FD-A"})
    write_mappings(tmp_path / "k", {"1.3": "2.25.2"}, {"P1": "FD-A"})
    assert read_mapping(tmp_path / "uid_mapping.csv") == {"1.2": "2.25.1", "1.3": "2.25.2"}
    with (tmp_path / "patid_mapping.csv").open(encoding="utf-8") as file:
        assert next(csv.reader(file)) == ["id_old", "id_new"]


def test_mappings_of_many_cases_are_added_to_and_not_written_anew_each_time(tmp_path, monkeypatch):
    written = []
    replace = header_mappings._replace
    monkeypatch.setattr(header_mappings, "SMALL", 300)
    monkeypatch.setattr(header_mappings, "_replace", lambda path, rows: (written.append(len(rows)), replace(path, rows)))
    for n in range(60):
        write_mappings(tmp_path / "k", {f"1.2.{n}.{part}": f"2.25.{n}{part}" for part in range(3)}, {})
    table = tmp_path / "uid_mapping.csv"
    assert len(read_mapping(table)) == 180
    assert sum(written) < 4 * 180
    table.write_bytes(table.read_bytes()[:-4])  # a kill in the middle of a line
    write_mappings(tmp_path / "k", {"1.2.59.2": "2.25.592"}, {})
    assert len(read_mapping(table)) == 180


def test_the_mappings_lead_from_every_original_to_every_new_uid_and_patient(tmp_path):
    """As the public MIDI validation script reads them: texts under id_old and id_new, each new one once."""
    policy = policy_named("research", tmp_path / "project.key")
    originals = [small(SOPInstanceUID=f"1.2.3.{n}", PatientID=f'P,"{n % 2}', StudyInstanceUID="1.2.9") for n in range(4)]
    old = [(str(one.SOPInstanceUID), str(one.PatientID)) for one in originals]
    new = [(str(one.SOPInstanceUID), str(one.PatientID)) for one in map(policy.clean, originals)]
    keep_mappings(policy, tmp_path / "project.key")
    tables = []
    for name in ("uid_mapping.csv", "patid_mapping.csv"):
        with (tmp_path / name).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len({row["id_new"] for row in rows}) == len(rows)
        tables.append({row["id_old"]: row["id_new"] for row in rows})
    uids, patients = tables
    assert [(uids[uid], patients[patient]) for uid, patient in old] == new
    assert uids["1.2.9"] == originals[0].StudyInstanceUID
    assert len(patients) == 2


def test_patients_without_a_number_and_of_two_issuers_are_told_apart_in_the_mapping(tmp_path):
    policy = policy_named("research", tmp_path / "project.key")
    kinds = [{"PatientID": ""}, {"PatientID": "", "PatientName": "B^C"}, {"PatientID": "1"}, {"PatientID": "1", "IssuerOfPatientID": "H"}]
    new = [str(policy.clean(small(SOPInstanceUID=f"1.2.{n}", **kind)).PatientID) for n, kind in enumerate(kinds)]
    assert sorted(policy.patients.values()) == sorted(new)
    assert len(set(new)) == 4


TOLD_APART = {"case and spaces": ({}, {"PatientID": " ab  4711"}), "the issuer": ({}, {"IssuerOfPatientID": "HOSPITAL A"})}


@pytest.mark.parametrize("kind", TOLD_APART)
@pytest.mark.parametrize("turn", [1, -1])
def test_one_patient_of_a_study_has_one_pseudonym_and_one_shift(kind, turn, tmp_path):
    policy = policy_named("research", tmp_path / "project.key")
    values = {"StudyInstanceUID": "1.2.9", "PatientID": "AB 4711"}
    originals = [small(**{**values, "SOPInstanceUID": f"1.2.3.{n}", **more}) for n, more in enumerate(TOLD_APART[kind])][::turn]
    for original in originals:
        policy.learn(original)
    new = [policy.clean(original) for original in originals]
    assert len({str(one.PatientID) for one in new}) == 1
    assert len({str(one.StudyDate) for one in new}) == 1


def test_a_pseudonym_of_ones_own_is_found_in_every_way_to_write_the_number(tmp_path):
    (tmp_path / "ids.csv").write_text("patient_id,pseudonym\nAB 1,X1\n", encoding="utf-8")
    policy = policy_named("research", tmp_path / "project.key", tmp_path / "ids.csv")
    assert policy.clean(small(PatientID="ab  1")).PatientID == "X1"
    (tmp_path / "ids.csv").write_text("patient_id,pseudonym\nAB 1,X1\nab 1,X2\n", encoding="utf-8")
    with pytest.raises(InputError, match="one patient two pseudonyms"):
        read_pseudonyms(tmp_path / "ids.csv")


def test_what_a_certificate_tells_names_no_patient(tmp_path):
    policy = policy_named("research", tmp_path / "project.key")
    policy.learn(small(PatientName="Mustermann^Erika"))
    content = {
        "protected": [{"name": "GTV Mustermann of Dr. Xylander", "voxels": 7}, {"name": "LN Ib left", "voxels": 8}, {"name": "Xylander"}],
        "reasons": ["the segment 'GTV_Mustermann' lies in the face: leave it out"],
        "series": [{"first_file": "01-CT/IM0001.dcm", "made_anew": ["Body of Erika"]}],
    }
    said = without_names(content, policy)
    assert said["protected"] == [{"name": "GTV of Dr", "voxels": 7}, {"name": "LN Ib left", "voxels": 8}, {"name": "unnamed"}]
    assert said["reasons"] == ["the segment 'GTV' lies in the face: leave it out"]
    assert said["series"] == [{"first_file": "01-CT/IM0001.dcm", "made_anew": ["Body of"]}]
    assert without_names(content, policy_named("keep", None)) == content


@pytest.mark.parametrize(("name", "told"), [("GTV Wexelbrandt", "GTV"), ("Skin' Brandt", "Skin'"), ("BODY', 'Brandt", "BODY', 'unnamed")])
def test_a_name_that_a_sentence_of_a_certificate_quotes_is_cleaned_as_names_are(tmp_path, name, told):
    policy = policy_named("research", tmp_path / "project.key")
    sentence = "1 structure still follows the old skin: '{}' (the scanner's)"
    assert without_names({"reason": sentence.format(name)}, policy) == {"reason": sentence.format(told)}


@pytest.mark.parametrize("name", ["uid_mapping.csv", "patid_mapping.csv"])
def test_a_file_that_is_no_table_beside_the_key_is_refused_before_any_work(name, tmp_path):
    (tmp_path / name).write_text("patient_id,pseudonym\nP1,A\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{name} is not the table"):
        policy_named("research", tmp_path / "project.key")
    assert not (tmp_path / "project.key").exists()


def test_tables_that_are_there_already_are_no_hindrance(tmp_path):
    for _ in range(2):
        policy_named("research", tmp_path / "project.key")
        write_mappings(tmp_path / "project.key", {"1.2": "2.25.1"}, {"P1": "A"})
