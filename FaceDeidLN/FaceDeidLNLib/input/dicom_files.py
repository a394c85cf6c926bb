"""The files of a folder: DICOM files that can be read in full, damaged ones, and others."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import pydicom
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, MediaStorageDirectoryStorage

from ..core.below import is_kept
from ..core.errors import InputError
from ..core.progress import Alive, idle
from .dicom_bounds import Room
from .dicom_damaged import Damaged, damaged
from .file_names import is_called_index, require_text

Taken = TypeVar("Taken")
#: Values longer than this, in bytes, stay on the disk until they are asked for.
DEFER_BYTES = 4096
#: A DICOM file begins with a preamble and this mark (PS3.10 7.1); files from before 1996 begin with the first element.
_PREAMBLE, _MARK = 128, b"DICM"
_HEAD = _PREAMBLE + len(_MARK)
_DICTIONARY = ".dic"
_ENDINGS = (".dcm", ".dicom", _DICTIONARY, ".ima")
_PACKED = ".gz"
#: What macOS keeps of a file under its name after "._", on disks that cannot hold it, begins so (AppleDouble).
_OF_MACOS = b"\0\x05\x16\x07"
_FIRST_GROUPS = (0x0002, 0x0008)
#: Value representations of the elements that a file without preamble can begin with.
_FIRST_VRS = (b"UL", b"UI", b"OB", b"CS", b"SH", b"LO", b"DA", b"TM")
#: How many files a sentence names at most.
_LISTED = 3
_UNDEFINED = 0xFFFFFFFF
#: (FFFE,E0DD) in little and big endian; four bytes of zeros follow.
_DELIMITERS = (b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\xdd")
#: Pixel data: floating point, double, and whole numbers.
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
#: Contour Data: a structure set holds millions of numbers in it.
CONTOURS = frozenset({0x30060050})
#: What is wrong with a file that is no whole one.
_CUT = "ends before its data do: it is truncated or damaged, get it again."
_NAMELESS = "has no SOP Class UID, so that nobody knows what it shows: write that into its header."
_GOES_ON = "goes on after its pixels with bytes that are no DICOM: it is damaged, get it again."


@dataclass(frozen=True, eq=False)
class DicomFile:
    """A file and its data set; long values are read when they are asked for."""

    path: Path
    dataset: Dataset


@dataclass(frozen=True, eq=False)
class Folder(Generic[Taken]):
    """What was taken of the DICOM files of a folder in the order of their paths, the files that are no DICOM, and the damaged ones."""

    files: tuple[Taken, ...]
    others: tuple[Path, ...]
    damaged: tuple[Damaged, ...] = ()


def read_folder(folder: Path, take: Callable[[DicomFile], Taken], alive: Alive = idle, deep: bool = True) -> Folder[Taken]:
    """Every file of a folder, and below it where ``deep``; hidden files and DICOMDIR are passed over.

    :param take: gives what is wanted of a file; nothing else of it is held while the next one is read.
    :raises InputError: what ``take`` raises, or a file that seems to have been a DICOM file and says nothing any more.
    """
    broken: list[Damaged] = []
    dicom, found, named, others = {}, [], [], []
    for path in _files(Path(folder), deep):
        alive()
        head = _head(path)
        if _is_marked(head) or _begins_like_data(head):
            dicom[path] = _is_marked(head)
        else:
            others.append(path)
    room = Room(len(dicom))
    for path in dicom:  # all of them before one is read
        alive()
        room.require(path)
    for path, marked in dicom.items():
        alive()
        try:
            dataset = _read_whole(path, marked)
        except InputError as error:
            broken.append(damaged(path, error))
            continue
        if "SOPClassUID" in dataset:
            require_text(path)
            named.append(path)
            found.append(take(DicomFile(path, dataset)))
    for path, what in remains(others, named):
        raise InputError(f"{path.name} {what}: a slice may be missing, get it again or take the file away.")
    return Folder(tuple(found), tuple(others), tuple(broken))


def _files(folder: Path, deep: bool) -> Iterator[Path]:
    """The files in the order of their paths; links are followed, and each folder is looked into once, so that loops of links end.

    A link that leads out of the folder to one that holds it brings nothing of it, and is passed over.

    :raises InputError: a folder cannot be looked into, or a link leads nowhere, so that nobody knows what is missing.
    """
    start = Path(os.path.realpath(folder))
    left, seen = [_Entry(folder, True)], {str(above) for above in start.parents}
    while left:
        entry = left.pop()
        if not entry.is_folder:
            yield entry.path
        elif (deep or entry.path == folder) and (place := os.path.realpath(entry.path)) not in seen:
            seen.add(place)
            left += reversed(_entries(entry.path))


class _Entry(NamedTuple):
    path: Path
    is_folder: bool


def _entries(folder: Path) -> list[_Entry]:
    try:
        with os.scandir(folder) as there:
            named = sorted((entry for entry in there if not _is_left(entry)), key=lambda entry: entry.name)
            return [
                _Entry(folder / entry.name, is_folder)
                for entry in named
                if (is_folder := _leads_to_folder(entry)) or (entry.is_file() and not is_called_index(Path(entry.name)))
            ]
    except OSError as error:
        if is_kept(folder, error):
            return []
        raise InputError(f"The folder {folder.name} cannot be read ({error.strerror}): see to its permissions.") from error


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    """True for a folder or a link to one. Raises InputError for a link that leads nowhere."""
    if entry.is_symlink() and not Path(entry.path).exists():
        raise InputError(f"{entry.name} is a link that leads nowhere: a slice may be missing, get it again or take the link away.")
    return entry.is_dir()


def _is_left(entry: os.DirEntry[str]) -> bool:
    """What no slice is in: hidden folders, and what macOS and this program put beside files. A slice may have a name that hides it."""
    if not entry.name.startswith("."):
        return False
    try:
        return not entry.is_file() or not is_dicom(Path(entry.path))
    except (OSError, InputError):  # nobody's slice either
        return True


def is_dicom(path: Path) -> bool:
    """True for a file that begins as a DICOM file does."""
    head = _head(path)
    return _is_marked(head) or _begins_like_data(head)


def is_marked(path: Path) -> bool:
    """True for a file with the preamble and the mark of DICOM."""
    return _is_marked(_head(path))


def may_be_dicom(path: Path) -> bool:
    """True for a file that begins as a DICOM file does, or that cannot be opened: whoever reads it says so."""
    try:
        return is_dicom(path)
    except InputError:
        return True


def read_whole(path: Path) -> Dataset | None:
    """The data set of a DICOM file, all of whose elements are there; None where the file is no DICOM.

    :raises InputError: it ends early, claims more than it holds, or nests deeper than can be followed.
    """
    head = _head(path)
    return _read_whole(path, _is_marked(head)) if _is_marked(head) or _begins_like_data(head) else None


def _read_whole(path: Path, marked: bool) -> Dataset:
    """As ``read_whole`` for a file whose beginning is known: with a preamble and the mark, or as data."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong with the file becomes one sentence here
            dataset = pydicom.dcmread(path, defer_size=DEFER_BYTES, force=not marked)
            if dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:  # long values could not be found again
                dataset = pydicom.dcmread(path, force=not marked)
            wrong = _fault_of(dataset, path)
    except RecursionError as error:
        raise InputError(f"{path.name} nests its elements too deeply to be read: the header is damaged, get it again.") from error
    except Exception as error:  # pydicom raises whatever damaged bytes led to
        raise InputError(f"{path.name} cannot be read ({_words(error)}): it is truncated or damaged, get it again.") from error
    if wrong:
        raise InputError(f"{path.name} {wrong}")
    return dataset


def told(paths: Sequence[Path]) -> str:
    """The files of a list in words, as the start of a sentence: "3 files (a.txt, b.txt, ...) are"."""
    names = ", ".join(path.name for path in paths[:_LISTED]) + (", ..." if len(paths) > _LISTED else "")
    return f"1 file ({names}) is" if len(paths) == 1 else f"{len(paths)} files ({names}) are"


def _head(path: Path) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(_HEAD)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror or error}): check the file and its permissions.") from error


def _is_marked(head: bytes) -> bool:
    return head[_PREAMBLE:_HEAD] == _MARK


def _begins_like_data(head: bytes) -> bool:
    """True where the first bytes are the first element of a data set in little endian, as files without preamble begin.

    A group's length, where it stands first, is a number of four bytes; many other files begin with a small number and zeros.
    """
    if len(head) < 8 or int.from_bytes(head[:2], "little") not in _FIRST_GROUPS:
        return False
    length = int.from_bytes(head[4:8], "little")
    return head[4:6] in _FIRST_VRS or (length == 4 if head[2:4] == b"\0\0" else length <= _PREAMBLE)


def _fault_of(dataset: Dataset, path: Path) -> str:
    """What is wrong with a file: an element claims more than it holds, a rest was left unread, an image has no pixels; else nothing."""
    if "SOPClassUID" not in dataset:
        is_index = dataset.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage
        return "" if is_index else _NAMELESS if PIXELS & set(dataset.keys()) else _CUT
    is_image = "Rows" in dataset or "Image Storage" in UID(dataset.SOPClassUID).name
    if is_image and not PIXELS & set(dataset.keys()):
        return _CUT
    if dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        return ""
    size, last, fault = path.stat().st_size, 0, _CUT
    for tag in dataset.keys():  # noqa: SIM118 (a data set iterates over its elements)
        element = as_stored(dataset, tag)
        last = None if not element.is_raw or element.length == _UNDEFINED else element.value_tell + element.length
        if last is not None and last > size:
            return fault
        fault = _GOES_ON if tag in PIXELS else fault  # after them nothing of an image follows
    return "" if last == size or _ends(path, last) else fault


def as_stored(dataset: Dataset, tag: BaseTag) -> DataElement | RawDataElement:
    """An element as it stands in a data set: what was not decoded is not, and what stayed on the disk stays there (pydicom 2 and 3)."""
    return dataset._dict[tag]


def stored_or_none(dataset: Dataset, tag: BaseTag) -> DataElement | RawDataElement | None:
    """As ``as_stored``; None where there is no such element."""
    return dataset._dict.get(tag)


def keep_only(dataset: Dataset, elements: dict[BaseTag, DataElement | RawDataElement]) -> None:
    """Give a data set other elements in the place of its own; what stayed on the disk can still be read (pydicom 2 and 3)."""
    dataset._dict = elements


def encoding_of(dataset: Dataset) -> tuple[tuple[bool | None, bool | None], str | list[str] | None]:
    """Whether a data set was read as implicit VR, as little endian, and with which character sets (pydicom 2 and 3)."""
    if hasattr(dataset, "original_encoding"):
        return dataset.original_encoding, dataset.original_character_set
    return (dataset.read_implicit_vr, dataset.read_little_endian), dataset.read_encoding


def _ends(path: Path, last: int | None) -> bool:
    """Nothing but zeros follows the last value, which begins where it says or, without a length, closes with its delimiter."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - DEFER_BYTES) if last is None else last)
        rest = file.read()
    if last is None:
        at = max(rest.rfind(mark) for mark in _DELIMITERS)
        rest = rest[at + 4 :] if 0 <= at <= len(rest) - 8 else b"-"
    return not rest.strip(b"\0")


def remains(others: Sequence[Path], dicom: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Of the files that are no DICOM those that seem to be left of one, each with what it is.

    Such a one has a DICOM file's ending, or stands beside DICOM files, is named like them, and holds nothing. What macOS puts beside
    every file is none, and neither are empty marks of a folder (.nomedia) and dictionaries, which viewers bring with them (dicom.dic).
    """
    named = {(path.parent, _ending(path)) for path in dicom}
    for path in others:
        ending = _ending(path)
        if ending == _PACKED and _ending(path.with_suffix("")) in _ENDINGS:
            yield path, "is compressed (gzip), and is not unpacked here"
        elif ending in _ENDINGS or ((path.parent, ending) in named and not _is_mark(path) and not _head(path).strip(b"\0")):
            if _is_of_macos(path) or (ending == _DICTIONARY and _is_text(path)):
                continue
            yield path, "is empty" if not path.stat().st_size else "is no DICOM file, though it is named like one"


def _is_of_macos(path: Path) -> bool:
    return path.name.startswith("._") and _head(path).startswith(_OF_MACOS)


def _is_mark(path: Path) -> bool:
    """True for the name of a file that says something of its folder: hidden, or the icon that macOS shows."""
    return path.name.startswith(".") or path.name == "Icon\r"


def _is_text(path: Path) -> bool:
    """True for a file that begins with lines of a text."""
    head = _head(path)
    return bool(head) and not re.search(rb"[\0-\x08\x0e-\x1f\x7f]", head)


def _ending(path: Path) -> str:
    """The ending of a name in lower case; what follows the last dot of a UID is none."""
    ending = path.suffix
    return ending.lower() if ending[1:].isalpha() else ""


def _words(error: Exception) -> str:
    """What an exception says, in one line of sensible length."""
    text = " ".join(str(error).split())
    return text[:160] or type(error).__name__
