"""The proof that headers are clean, from what was written and from nothing else; the originals, where they are given, are the truth.

It shares no code with the library that cleaned: the table of attributes is that of another library (Kitware's dicom-anonymizer), the
known identifiers of the originals are searched as text in every value and as bytes in every file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from ..core.errors import InputError
from ..input.deflated import require_bounded
from .safe_private import safe_elements

#: The edition of the other library's table.
TABLE_EDITION = "2026c"
_SHORTEST_WORD, _SHORTEST_NUMBER = 4, 4
_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
#: Written anew by every de-identification, so that a value there is no original's.
_REPLACED = {"PatientID", "PatientName", "DeidentificationMethod", "DeidentificationMethodCodeSequence"}
_STAFF_AND_PLACE = ("InstitutionName", "InstitutionAddress", "StationName", "PatientAddress", "PatientTelephoneNumbers")
_NUMBERS = ("PatientID", "AccessionNumber", "AdmissionID", "OtherPatientIDs", "IssuerOfPatientID")
_CODE_BASIC = "113100"


@dataclass(frozen=True)
class Finding:
    """What is wrong, where: the file's name, the attribute and the kind; never the value."""

    file: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.what}"


@dataclass
class Known:
    """Identifiers of the originals: ``words`` (in lower case), ``numbers``, ``dates`` (YYYYMMDD) and ``uids``; ``values`` by tag."""

    words: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    values: dict[int, set[str]] = field(default_factory=dict)

    def take(self, dataset: Dataset) -> None:
        """Take in the identifiers of an original."""
        for element in elements(dataset):
            for value in _values(element):
                self._take(element, value)

    def _take(self, element: DataElement, value: str) -> None:
        if element.VR == "UI":
            if is_personal_uid(element.keyword, value):
                self.uids.add(value)
        elif element.VR == "PN" or element.keyword in _STAFF_AND_PLACE:
            self.words |= {word.lower() for word in re.split(r"[\^=\s,.;:()]+", value) if len(word) >= _SHORTEST_WORD}
        elif element.keyword in _NUMBERS:
            self.numbers |= {value} if len(value) >= _SHORTEST_NUMBER else set()
        elif element.VR in ("DA", "DT") and re.match(r"\d{8}", value):
            self.dates.add(value[:8])
        if element.VR not in ("UI", "SQ"):
            self.values.setdefault(int(element.tag), set()).add(value)


def is_personal_uid(keyword: str, value: str) -> bool:
    """True for the UID of an instance, series, study, frame of reference ...; false for classes, syntaxes and other well-known ones."""
    known = value.startswith("1.2.840.10008.") or UID(value).name != value or keyword.endswith("ClassUID")
    return bool(value) and not known and keyword not in ("TransferSyntaxUID", "ImplementationClassUID", "CodingSchemeUID")


def elements(dataset: Dataset) -> Iterator[DataElement]:
    """Every readable element at every depth, sequences left out; what cannot be read comes as text of its bytes."""
    waiting = [dataset]
    while waiting:
        current = waiting.pop()
        for tag in list(current.keys()):
            if int(tag) in _PIXELS:
                continue
            try:
                element = current[tag]
                if element.VR == "SQ":
                    waiting.extend(element.value or [])
                    continue
                str(element.value)
            except Exception:  # pydicom raises whatever a damaged element leads to
                element = DataElement(tag, "UN", b"", already_converted=True)
            yield element


def _values(element: DataElement) -> Iterator[str]:
    values = element.value if element.VM > 1 else [element.value]
    for value in values if values is not None else []:
        if value is not None and value != "":
            text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
            if text.strip():
                yield text.strip()


def known_of(files: Iterable[Path]) -> Known:
    """The identifiers of all originals that are DICOM."""
    known = Known()
    for path in files:
        try:
            require_bounded(path)
            known.take(pydicom.dcmread(path, stop_before_pixels=True, force=False))
        except (InputError, InvalidDicomError, OSError, ValueError, KeyError, NotImplementedError):
            continue
    return known


def known_in(folder: Path) -> Known:
    """The identifiers of all originals below a folder."""
    return known_of(path for path in sorted(Path(folder).rglob("*")) if path.is_file())


def verify_headers(folder: Path, known: Known | None = None) -> list[Finding]:
    """Look at every file below ``folder``: marks, table, private elements, references; and for what is ``known`` of the originals."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    known = Known() if known is None else known
    released: set[str] = set()
    referenced: list[tuple[str, str]] = []
    found: list[Finding] = []
    for path in files:
        name = path.relative_to(folder).as_posix()
        raw = path.read_bytes()
        try:
            require_bounded(path)
            dataset = pydicom.dcmread(path)
        except InvalidDicomError:
            found += _in_bytes(name, raw, known)
            continue
        except Exception as error:  # pydicom raises whatever a damaged file leads to
            found.append(Finding(name, "file", f"cannot be read ({type(error).__name__})"))
            continue
        released.add(str(dataset.get("SOPInstanceUID", "")))
        referenced += [(name, uid) for uid in _references(dataset)]
        found += [*_marks(name, dataset), *_private(name, dataset), *_by_table(name, dataset, known)]
        found += _in_values(name, dataset, known)
        found += _in_bytes(name, _without_pixels(raw, dataset), known)
    found += [Finding(name, "ReferencedSOPInstanceUID", "leads out of what is released") for name, uid in referenced if uid not in released]
    return list(dict.fromkeys(found))


def _references(dataset: Dataset) -> Iterator[str]:
    """The instances that a data set refers to, at every depth; patients, studies and procedures are no instances (PS3.4 B.5)."""
    waiting = [dataset]
    while waiting:
        current = waiting.pop()
        uid = current.get("ReferencedSOPInstanceUID")
        if uid and not str(current.get("ReferencedSOPClassUID", "")).startswith("1.2.840.10008.3.1.2."):
            yield str(uid)
        for tag in list(current.keys()):
            element = current.get_item(tag)
            if element.VR == "SQ":
                waiting.extend(current[tag].value or [])


def _marks(name: str, dataset: Dataset) -> Iterator[Finding]:
    codes = {str(item.get("CodeValue", "")) for item in dataset.get("DeidentificationMethodCodeSequence") or []}
    if dataset.get("PatientIdentityRemoved") != "YES" or _CODE_BASIC not in codes:
        yield Finding(name, "(0012,0062), (0012,0064)", "does not say that the identity was removed by the basic profile")
    if "113107" in codes and dataset.get("LongitudinalTemporalInformationModified") != "MODIFIED":
        yield Finding(name, "(0028,0303)", "does not say that dates were modified")


def _private(name: str, dataset: Dataset) -> Iterator[Finding]:
    safe = {element.tag for element in safe_elements(dataset)}
    for element in elements(dataset):
        if element.tag.is_private and element.tag not in safe:
            yield Finding(name, str(element.tag), "is private and not known to be safe")
        if element.tag.group & 0xFF00 in (0x5000, 0x6000) and element.tag.group % 2 == 0:
            yield Finding(name, str(element.tag), "is a curve or an overlay")


def _by_table(name: str, dataset: Dataset, known: Known) -> Iterator[Finding]:
    """An attribute of the table must not have a value that an original has there; coded words and numbers may be kept by an option."""
    from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table

    listed = {(group << 16) | element for group, element, *rest in table.ALL_TAGS if not rest}
    for element in elements(dataset):
        if int(element.tag) not in listed or element.keyword in _REPLACED or element.VR not in _IDENTIFYING:
            continue
        if set(_values(element)) & known.values.get(int(element.tag), set()) and not _is_kept(element, dataset):
            yield Finding(name, element.keyword or str(element.tag), "has the value of an original")


#: Values that can identify by themselves; numbers and coded words are characteristics or geometry.
_IDENTIFYING = {"PN", "LO", "SH", "ST", "LT", "UT", "UC", "UR", "DA", "DT", "AE", "UN", "OB"}


def _is_kept(element: DataElement, dataset: Dataset) -> bool:
    """An option said in the marks lets it stay: descriptors that hold harmless words only, the device's identity, times."""
    codes = {str(item.get("CodeValue", "")) for item in dataset.get("DeidentificationMethodCodeSequence") or []}
    if element.VR in ("LO", "SH", "ST", "LT", "UT", "UC"):
        return bool(codes & {"113105", "113109", "113108"})
    return "113106" in codes


def _in_values(name: str, dataset: Dataset, known: Known) -> Iterator[Finding]:
    """Words, numbers, dates and UIDs of the originals in any value."""
    for element in elements(dataset):
        where = element.keyword or str(element.tag)
        for value in _values(element):
            if element.VR == "UI":
                if value in known.uids:
                    yield Finding(name, where, "is an original UID")
            elif element.VR in ("DA", "DT"):
                if value[:8] in known.values.get(int(element.tag), set()) | known.dates and not _is_kept(element, dataset):
                    yield Finding(name, where, "is an original date")
            elif words_in(value) & known.words or any(number in value for number in known.numbers):
                yield Finding(name, where, "holds a name, place or number of an original")


def words_in(text: str) -> set[str]:
    """The words of a text in lower case."""
    return {word for word in re.split(r"[^\w]+|_", text.lower()) if word}


def _in_bytes(name: str, raw: bytes, known: Known) -> Iterator[Finding]:
    """Long names, numbers and UIDs of the originals anywhere in a file's bytes."""
    lower = raw.lower()
    for kind, values in (("a name or place", known.words), ("a number", known.numbers), ("a UID", known.uids)):
        for value in values:
            needle = value.lower().encode()
            if len(needle) >= _LONG and re.search(rb"(?<![\w.])" + re.escape(needle) + rb"(?![\w.])", lower):
                yield Finding(name, "bytes", f"{kind} of an original stands in the file")
                break


#: Shorter byte strings stand anywhere by chance.
_LONG = 6


def _without_pixels(raw: bytes, dataset: Dataset) -> bytes:
    """The file without the value of its pixel data, in which any short text stands by chance."""
    for tag in _PIXELS:
        if tag in dataset and dataset[tag].value:
            start = raw.find(bytes(dataset[tag].value[:4096]))
            if start >= 0:
                raw = raw[:start] + raw[start + len(dataset[tag].value) :]
    return raw
