"""What identifies the patients of a study, read from the originals: the truth that the proof searches for."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from ..core.below import below
from ..input.dicom_bounds import Room, require_bounded
from ..input.dicom_files import CONTOURS, PIXELS, may_be_dicom
from ..input.file_names import is_called_index
from ..input.packed import packed_apart
from .dated import Calendar, dates_of, plain_date
from .raw import Key, raw_items
from .values import text_of
from .vocabulary import harmless_words

#: A word of a name counts from here on; shorter ones only where no protocol has the word.
_LONG_WORD, _SHORTEST_WORD, _SHORTEST_NUMBER = 4, 2, 4
#: From here on Unicode has the letters of East Asia, in whose scripts no space parts words (CJK radicals, kana, Hangul, wide forms).
_FIRST_OF_EAST_ASIA = "\u2e80"
#: Shorter byte strings stand anywhere by chance.
_LONG_BYTES = 6
#: Holds nothing that identifies anybody, and most of a file.
_PASSED_OVER = PIXELS | CONTOURS
_PLACES = frozenset({"InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "PatientAddress"})
_DEVICES = frozenset({"StationName", "DeviceSerialNumber"})
_NUMBERS = frozenset(
    {
        "PatientID",
        "AccessionNumber",
        "AdmissionID",
        "OtherPatientIDs",
        "IssuerOfPatientID",
        "StudyID",
        "MedicalRecordLocator",
        "ServiceEpisodeID",
        "PatientTelephoneNumbers",
    }
)
#: Attributes whose UIDs name terminologies and encodings, as those of classes do.
_OF_NOBODY = frozenset(
    {"TransferSyntaxUID", "CodingSchemeUID", "ContextUID", "ContextGroupExtensionCreatorUID", "MappingResourceUID", "TemplateUID"}
)
#: How names may stand in a file: UTF-8, and the repertoires of PS3.3 C.12.1.1.2.
_ENCODINGS = ("utf-8", "latin-1", "iso8859-2", "iso8859-5", "iso8859-7", "iso2022_jp", "shift_jis", "euc_kr", "gb18030")


@dataclass(frozen=True)
class Telling:
    """What must not stand in a value: ``words`` in lower case, ``numbers`` as they are.

    ``ideographs`` are those of the words that no space parts from others.
    """

    words: frozenset[str]
    numbers: frozenset[str]
    ideographs: frozenset[str]

    def in_text(self, text: str) -> bool:
        """True where one of the numbers stands in a text, not as a part of a longer one, or one of the ideographs."""
        if any(word in text for word in self.ideographs):
            return True
        return any(number in text and re.search(rf"(?<![\w.]){re.escape(number)}(?![\w.])", text) for number in self.numbers)


@dataclass
class Known:
    """Identifiers of the originals: ``names``, ``places``, ``devices`` (in lower case), ``numbers``, ``dates`` (YYYYMMDD), ``uids``.

    ``values`` by tag. ``unread`` names the originals whose identifiers nobody knows, because they cannot be read, and ``packed`` the
    files into which nobody looks, whatever is in them.
    """

    names: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    values: dict[int, set[str]] = field(default_factory=dict)
    calendar: Calendar = field(default_factory=Calendar)
    unread: list[str] = field(default_factory=list)
    packed: list[str] = field(default_factory=list)
    _seen: set[Key] = field(default_factory=set)

    def take(self, dataset: Dataset) -> None:
        """Take in the identifiers of an original."""
        dated = []
        for element, key in keyed_elements(dataset, self._seen):
            if element.VR in ("DA", "DT"):
                dated.append(element)
            elif key is not None:
                self._seen.add(key)
            for value in values_of(element):
                self._take(element, value)
        self.calendar.take(dataset, dates_of(dated))

    def take_uids(self, dataset: Dataset) -> None:
        """Take in the UIDs of an instance that was cleaned before: nothing else of it identifies anybody."""
        for element, _ in keyed_elements(dataset):
            if element.VR == "UI":
                for value in values_of(element):
                    self._take(element, value)

    def _take(self, element: DataElement, value: str) -> None:
        if element.VR == "UI":
            if is_personal_uid(element.keyword, value):
                self.uids.add(value)
            return
        if element.VR == "PN":
            self.names |= {word for word in words_in(value) if len(word) >= _SHORTEST_WORD or is_ideographic(word)}
        elif element.keyword in _PLACES:
            self.places |= {word for word in words_in(value) if len(word) >= _LONG_WORD}
        elif element.keyword in _DEVICES:
            self.devices |= {value.lower()} if len(value) >= _LONG_WORD else set()
        elif element.keyword in _NUMBERS:
            self.numbers |= {value} if len(value) >= _SHORTEST_NUMBER else set()
        elif element.VR in ("DA", "DT") and plain_date(value):
            self.dates.add(plain_date(value))
        self.values.setdefault(int(element.tag), set()).add(value)

    def telling(self, devices_stay: bool = False) -> Telling:
        """What must not stand in any value.

        A place's words that every protocol has ("head", "clinic") tell nothing of it; a person's do, from four letters on.
        """
        names = {word for word in self.names if len(word) >= _LONG_WORD or word not in harmless_words()}
        places = {word for word in self.places if word not in harmless_words()}
        devices = set() if devices_stay else self.devices
        words = frozenset(names | places | {word for word in devices if not word.isdigit()})
        return Telling(words, frozenset(self.numbers), frozenset(filter(is_ideographic, words)))

    def in_bytes(self, raw: bytes, of_nobody: Callable[[], Counter[str]] = Counter) -> list[str]:
        """Which kinds of identifiers stand in bytes; ``of_nobody``: words (lower case) that name nobody there, and how often they do."""
        lower = raw.lower()
        tokens = _tokens(lower)
        telling = self.telling(devices_stay=True)
        kinds = (("a name or place", telling.words), ("a number", telling.numbers), ("a UID", self.uids))
        found = {kind: [value.lower() for value in values if _stands(value, lower, tokens)] for kind, values in kinds}
        fixed = of_nobody() if any(found.values()) else Counter()
        return [kind for kind, values in found.items() if any(not fixed[one] or lower.count(one.encode()) > fixed[one] for one in values)]


def _tokens(lower: bytes) -> set[bytes]:
    """The words of bytes: with all that is glued to them, without what an underscore or a figure glues, or the tag of the next element.

    That begins with a letter for some groups (0070 is "p"), and its second byte is a zero.
    """
    glued = set(re.findall(rb"[\w.]+", lower))
    glued |= {part for token in glued if b"_" in token for part in token.split(b"_")} if b"_" in lower else set()
    letters = set(re.findall(rb"[a-z]{%d,}\0?" % _LONG_BYTES, lower))
    return glued | {run.rstrip(b"\0") for run in letters} | {run[:-2] for run in letters if run.endswith(b"\0")}


def _stands(value: str, lower: bytes, tokens: set[bytes]) -> bool:
    """A value in bytes: plain words by whole words, others by their bytes in any encoding that has them."""
    if value.isascii():
        needle = value.lower().encode()
        if len(needle) < _LONG_BYTES:
            return False
        return needle in tokens if re.fullmatch(rb"[\w.]+", needle) else needle in lower
    return any(len(needle) >= _LONG_BYTES and needle in lower for needle in _encoded(value))


def _encoded(value: str) -> set[bytes]:
    found = set()
    for encoding in _ENCODINGS:
        with contextlib.suppress(UnicodeEncodeError):
            found.add(re.sub(rb"\x1b\$B|\x1b\(B", b"", value.encode(encoding)).lower())
    return found


def is_ideographic(word: str) -> bool:
    """True for a word of Chinese, Japanese or Korean letters."""
    return bool(word) and all(letter >= _FIRST_OF_EAST_ASIA for letter in word)


def words_in(text: str) -> set[str]:
    """The words of a text in lower case."""
    return {word for word in re.split(r"[^\w]+|_", text.lower()) if word}


def digit_runs(text: str) -> set[str]:
    """The runs of digits in a text, with dates that are written with signs (1987-03-12, 12.03.1987) as YYYYMMDD."""
    found = set(re.findall(r"\d+", text))
    found |= {year + month + day for year, month, day in re.findall(r"\b(\d{4})[-./](\d\d)[-./](\d\d)\b", text)}
    for first, second, year in re.findall(r"\b(\d\d)[-./](\d\d)[-./](\d{4})\b", text):
        found |= {year + second + first, year + first + second}
    return found


def is_personal_uid(keyword: str, value: str) -> bool:
    """True for the UID of an instance, series, study, frame of reference ...; false for classes, syntaxes and other well-known ones."""
    return bool(value) and UID(value).name == value and not keyword.endswith("ClassUID") and keyword not in _OF_NOBODY


def keyed_elements(dataset: Dataset, seen: Collection[Key] = ()) -> Iterator[tuple[DataElement, Key]]:
    """Every element at every depth with its key (see header.raw), sequences and contours left out; what cannot be read comes as its bytes.

    :param seen: keys of elements that are passed over.
    """
    waiting = [dataset]
    while waiting:
        current = waiting.pop()
        for tag, item, key in raw_items(current):
            if int(tag) in _PASSED_OVER or (key is not None and key in seen):
                continue
            try:
                element = current[tag]
                if element.VR == "SQ":
                    waiting.extend(element.value or [])
                    continue
                str(element.value)
            except Exception:  # pydicom raises whatever a damaged element leads to
                value = item.value if isinstance(item.value, bytes) else b""
                element = DataElement(tag, "UN", value, already_converted=True)
            yield element, key


def values_of(element: DataElement) -> Iterator[str]:
    """The values of an element as texts, none that is empty."""
    values = element.value if element.VM > 1 else [element.value]
    for value in values if values is not None else []:
        if value is not None and value != "":
            text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
            if text.strip():
                yield text.strip()


def known_of(files: Iterable[Path], is_own: Callable[[Dataset], bool] = lambda dataset: False) -> Known:
    """The identifiers of all originals that are DICOM; those that are and cannot be read are named in ``unread``, packed files apart.

    :param is_own: true for an instance that was cleaned before with the same key.
    """
    known, paths = Known(), list(files)
    room = Room(len(paths))
    for path in paths:
        try:
            if may_be_dicom(path):
                room.require(path)
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
        except InvalidDicomError:
            dataset = without_preamble(path)
            known.packed += [path.name] if not dataset and packed_apart([path])[0] else []
        except Exception:  # pydicom raises whatever a damaged file leads to
            known.unread.append(path.name)
            continue
        if not text_of(dataset, "SOPInstanceUID") and hasattr(dataset, "file_meta") and not _is_index(path, dataset):
            known.unread.append(path.name)  # cut off before anything that identifies
        if is_own(dataset):
            known.take_uids(dataset)
        else:
            known.take(dataset)
    return known


def _is_index(path: Path, dataset: Dataset) -> bool:
    """True for a DICOMDIR, which lists instances and is none (PS3.3 F.3)."""
    return is_called_index(path) or dataset.file_meta.get("MediaStorageSOPClassUID") == "1.2.840.10008.1.3.10"


def without_preamble(path: Path) -> Dataset:
    """What an old file without file meta information holds; nothing for a file that is no DICOM at all."""
    try:
        require_bounded(path)
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        return dataset if any(keyword in dataset for keyword in ("SOPClassUID", "PatientID", "PatientName")) else Dataset()
    except Exception:  # any bytes at all may stand in a file that is no DICOM
        return Dataset()


def known_in(folder: Path) -> Known:
    """The identifiers of all originals below a folder, links followed; what cannot be looked at is named in ``unread``."""
    entries = sorted(below(folder), key=lambda entry: entry.path)
    known = known_of(entry.path for entry in entries if entry.is_file)
    known.unread += [entry.path.name for entry in entries if entry.is_unseen]
    return known
