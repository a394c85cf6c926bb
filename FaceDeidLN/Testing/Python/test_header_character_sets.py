"""Names of every character set of the standard are found where they stand in texts, by the cleaning and by the proof."""

from __future__ import annotations

import io
import re

import pydicom
import pytest
from FaceDeidLNLib.header.known import Known
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.header.proof import verify_headers
from header_objects import bytes_of, small

RESEARCH = options_named("research")
#: Specific Character Set (PS3.3 C.12.1.1.2) -> a person of its repertoire.
PERSONS = {
    "ISO_IR 100": "Äneasson^Rüdiger",
    "ISO_IR 101": "Łukasiewicz^Mikołaj",
    "ISO_IR 109": "Ĝiĉoĥ^Ŝtipo",
    "ISO_IR 110": "Bērziņš^Jānis",
    "ISO_IR 126": "Παπαδόπουλος^Γιώργος",
    "ISO_IR 127": "قباني^لنزار",
    "ISO_IR 138": "שרון^דבורה",
    "ISO_IR 144": "Иванов^Пётр",
    "ISO_IR 148": "Çavuşoğlu^Gülşen",
    "ISO_IR 166": "สมชาย^ใจดี",
    "ISO_IR 192": "王^小东",
    "GB18030": "王^小东",
    "GBK": "王^小东",
    "\\ISO 2022 IR 100": "Buc^Jérôme",
    "\\ISO 2022 IR 144": "Люкceмбypг^Роза",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "ISO 2022 IR 13\\ISO 2022 IR 87": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    "\\ISO 2022 IR 87\\ISO 2022 IR 159": "Asano^Kenji=淺野^嘅二=あさの^けんじ",
    "\\ISO 2022 IR 149": "Hong^Gildong=洪^吉洞=홍^길동",
    "\\ISO 2022 IR 58": "Zhang^XiaoDong=张^小东",
}


def parts_of(name):
    return [part for part in re.split(r"[\^=]", name) if part]


def read(character_set, name, **values):
    """A data set as it comes from a file of that character set."""
    values = {"PatientName": name, "PatientID": "P-1", **values}
    return pydicom.dcmread(io.BytesIO(bytes_of(small(SpecificCharacterSet=character_set.split("\\"), **values))))


@pytest.mark.parametrize("character_set", PERSONS)
def test_a_name_leaves_texts_and_the_proof_finds_one_that_stayed(character_set, tmp_path):
    name = PERSONS[character_set]
    texts = {
        "SeriesDescription": f"neck {parts_of(name)[0]}",
        "ImageComments": " / ".join(["axial", *parts_of(name)]),
        "StudyDescription": "neck " + "".join(parts_of(name)[-2:]),
    }
    original, known = read(character_set, name, **texts), Known()
    known.take(original)
    cleaned = Profile(bytes(32), RESEARCH).clean(original)
    again = pydicom.dcmread(io.BytesIO(bytes_of(cleaned)))
    kept = {keyword: str(again.get(keyword, "")) for keyword in texts}
    assert kept == {"SeriesDescription": "neck", "ImageComments": "axial", "StudyDescription": "neck"}
    cleaned.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert verify_headers(tmp_path, known, RESEARCH) == []
    cleaned.ImageComments = f"axial {parts_of(name)[0]}"
    cleaned.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert "ImageComments" in [finding.where for finding in verify_headers(tmp_path, known, RESEARCH)]


@pytest.mark.parametrize("character_set", ["ISO_IR 101", "ISO_IR 144", "GB18030", "\\ISO 2022 IR 87", "\\ISO 2022 IR 149"])
def test_a_name_told_in_one_character_set_is_found_in_a_text_of_another(character_set):
    policy, name = Profile(bytes(32), RESEARCH), PERSONS[character_set]
    policy.learn(read(character_set, name))
    other = read("ISO_IR 192", "Other^One", SOPInstanceUID="1.2.3.5", SeriesDescription=f"neck {' '.join(parts_of(name))}")
    assert policy.clean(other).SeriesDescription == "neck"


def test_half_width_kana_alone_leave_texts():
    """ISO_IR 13, which pydicom reads but does not write: the bytes are put in under a set of the same length."""
    name = "ﾔﾏﾀﾞ^ﾀﾛｳ"
    stored = name.encode("shift_jis").decode("latin-1")
    raw = bytes_of(small(SpecificCharacterSet="ISO_IR 100", PatientName=stored, SeriesDescription=f"neck {stored[:4]}"))
    dataset = pydicom.dcmread(io.BytesIO(raw.replace(b"ISO_IR 100", b"ISO_IR 13 ")))
    assert str(dataset.PatientName) == name
    assert Profile(bytes(32), RESEARCH).clean(dataset).SeriesDescription == "neck"


@pytest.mark.parametrize("model", ["Scan 王", "Scan王", "王小"])
def test_a_family_name_of_one_letter_leaves_what_names_a_machine(model, tmp_path):
    original, known = read("ISO_IR 192", "Wang^XiaoDong=王^小东", ManufacturerModelName=model, SoftwareVersions="5.1"), Known()
    known.take(original)
    cleaned = Profile(bytes(32), RESEARCH).clean(original)
    assert "王" not in str(cleaned)
    assert cleaned.SoftwareVersions == "5.1"
    cleaned.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert verify_headers(tmp_path, known, RESEARCH) == []
