"""What a DICOM file becomes in memory, found out before a reader takes it in at once: how many elements and items, and how many bytes.

A file of zeros is a data set of empty elements, eight bytes each, of which pydicom makes objects of hundreds of bytes; compressed as a
whole (deflated), or as a file with holes, such a file is small.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import ascii_uppercase
from typing import BinaryIO, NamedTuple, Protocol

import pydicom
import pydicom.filereader
from pydicom.datadict import dictionary_VR
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from ..core.errors import InputError
from .formats.voxels import inflated_pieces

#: What the deflated files that belong together may become: twice the largest CT of short numbers that is read in one piece.
MOST_BYTES = 1 << 29
#: What the values of one file may have together, pixels not counted: they are all read.
MOST_VALUE_BYTES = 1 << 28
#: No file has more elements at all depths, or more items of sequences: a structure set of 200,000 contours has some 800,000 elements.
MOST_ELEMENTS, MOST_ITEMS = 1_000_000, 250_000
#: Files that belong together have no more elements each than this on the average, besides those that one of them may have.
USUAL_ELEMENTS = 3_000
#: Before the file meta information, and before what its group length counts (PS3.10, 7.1).
_PREAMBLE_BYTES, _MARK, _GROUP_LENGTH_BYTES = 128, b"DICM", 12
#: The file meta information, which names the transfer syntax, lies within so many bytes of the start.
_WINDOW_BYTES = 1 << 16
_ITEM, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_UNDEFINED = 0xFFFFFFFF
#: Explicit representations with four bytes of length (PS3.5, table 7.1-1).
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_SHORT = frozenset(f"{a}{b}".encode() for a in ascii_uppercase for b in ascii_uppercase) - _LONG
_PIXELS = 0x7FE0
#: Two short numbers and a long one, in little and in big endian; and the most bytes before a value.
_WORDS = tuple((struct.Struct(f"{order}HH"), struct.Struct(f"{order}I")) for order in "<>")
_LONGEST_HEAD = 12
#: Most elements begin so: their tag, their representation and a short length.
_BEGINS = tuple(struct.Struct(f"{order}HH2sH") for order in "<>")


class _Source(Protocol):
    """Bytes in their order."""

    def read(self, count: int) -> bytes: ...

    def skip(self, count: int) -> int: ...

    def drained(self) -> int: ...


@dataclass
class Room:
    """What ``files`` files that belong together may still become."""

    files: int = 1
    bytes: int = 0
    elements: int = 0

    def require(self, path: Path) -> None:
        """Take a DICOM file in; anything else takes no room that matters. No more than a piece of it is held at a time.

        :raises InputError: it becomes larger than any such file, alone or with those before, or cannot be unpacked.
        """
        try:
            with path.open("rb") as file:
                head = file.read(_WINDOW_BYTES)
                big = ExplicitVRBigEndian.encode() in head and _syntax(path) == ExplicitVRBigEndian
                source, seen = _Plain(file, path.stat().st_size), _Seen()
                if DeflatedExplicitVRLittleEndian.encode() in head and _syntax(path) == DeflatedExplicitVRLittleEndian:
                    source = _Inflated(file, _start(path), MOST_BYTES - self.bytes)
                else:
                    seen, at = _seen_in(head, _PREAMBLE_BYTES + len(_MARK) if head[_PREAMBLE_BYTES:].startswith(_MARK) else 0, big)
                    file.seek(at)
                self._count(seen, source, big, path)
                self.bytes += source.drained()
        except _TooLargeError as error:
            raise _too_large(path) from error
        except InputError:
            raise
        except OSError as error:
            raise InputError(f"{path.name} cannot be read ({error.strerror or error}): check the file and its permissions.") from error
        except Exception as error:  # pydicom and zlib raise whatever damaged bytes lead to
            raise InputError(f"{path.name} cannot be read or unpacked: it is truncated or damaged, get it again.") from error

    def _count(self, seen: _Seen, source: _Source, big: bool, path: Path) -> None:
        """Of the elements before ``source`` there were those that are ``seen``."""
        own, items, values = seen
        rest = _headers(source, big)
        while True:
            if own > MOST_ELEMENTS or items > MOST_ITEMS or values > MOST_VALUE_BYTES:
                raise _too_large(path)
            if (found := next(rest, None)) is None:
                break
            own, items, values = own + 1, items + found[0], values + found[1]
        self.elements += own
        if self.elements > MOST_ELEMENTS + USUAL_ELEMENTS * self.files:
            raise _too_large(path)


def require_bounded(path: Path) -> None:
    """Refuse a DICOM file that becomes larger than any such file. Raises InputError."""
    Room().require(path)


def _too_large(path: Path) -> InputError:
    return InputError(
        f"{path.name} becomes larger than any such file when it is unpacked or read: get it again, or save it without compression."
    )


class _TooLargeError(Exception):
    """It becomes more bytes than there is room for."""


def _syntax(path: Path) -> str:
    """The transfer syntax of a file; empty where it is damaged, which its reader will say."""
    try:
        return str(pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID", ""))
    except Exception:  # pydicom raises whatever damaged bytes lead to
        return ""


def _start(path: Path) -> int:
    """Where the deflated data set begins."""
    meta = pydicom.filereader.read_file_meta_info(path)
    return _PREAMBLE_BYTES + len(_MARK) + _GROUP_LENGTH_BYTES + int(meta.FileMetaInformationGroupLength)


class _Plain:
    """A file as it stands."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size, self.read = file, size, file.read

    def skip(self, count: int) -> int:
        """Pass over bytes; how many there were."""
        at = self._file.tell()
        return self._file.seek(min(at + count, self._size)) - at

    def drained(self) -> int:
        """It becomes nothing."""
        return 0


class _Inflated:
    """What a deflated file becomes, piece after piece."""

    def __init__(self, file: BinaryIO, start: int, most: int) -> None:
        file.seek(start)
        self._pieces, self._piece, self._at, self._most, self._length = inflated_pieces(file, -15), b"", 0, most, 0

    def read(self, count: int) -> bytes:
        """The next bytes; fewer at the end."""
        found = self._piece[self._at : self._at + count]
        self._at += len(found)
        while len(found) < count and self._next():
            more = self._piece[: count - len(found)]
            self._at, found = len(more), found + more
        return found

    def skip(self, count: int) -> int:
        """Pass over bytes; how many there were."""
        left = count - (len(self._piece) - self._at)
        while left > 0 and self._next():
            left -= len(self._piece)
        self._at = len(self._piece) + min(left, 0)
        return count - max(left, 0)

    def drained(self) -> int:
        """The length of all of it."""
        while self._next():
            pass
        return self._length

    def _next(self) -> bool:
        self._piece, self._at = next(self._pieces, b""), 0
        self._length += len(self._piece)
        if self._length > self._most:
            raise _TooLargeError
        return bool(self._piece)


class _Seen(NamedTuple):
    """Numbers of elements (of items, too) and of items, and how many bytes their values take."""

    elements: int = 0
    items: int = 0
    values: int = 0


def _seen_in(head: bytes, at: int, big: bool) -> tuple[_Seen, int]:
    """As ``_headers``, which is several times slower, of the elements from ``at`` on that a file's first bytes hold whole, and end before
    the pixels; and where the first other one begins."""
    four, begin, size = _WORDS[big][1], _BEGINS[big], len(head)
    elements = items = values = 0
    while at + _LONGEST_HEAD <= size:
        group, number, kind, length = begin.unpack_from(head, at)
        if group == _PIXELS:
            break
        start = at + 8
        if group == 0xFFFE:
            items, length = items + ((group, number) == _ITEM), 0
        elif kind not in _SHORT:
            if kind in _LONG:
                start, length = at + _LONGEST_HEAD, four.unpack_from(head, at + 8)[0]
            else:
                kind, length = b"", four.unpack_from(head, at + 4)[0]
            if length == _UNDEFINED or _is_sequence(kind, (group, number)):
                length = 0
        if start + length > size:
            break
        elements, values, at = elements + 1, values + length, start + length
    return _Seen(elements, items, values), at


def _headers(source: _Source, big: bool) -> Iterator[tuple[bool, int]]:
    """For every element at every depth, and every item: is it an item, and how many bytes does its value take in memory.

    Sequences are entered by not passing over them; the fragments of compressed pixels are passed over, and so are all pixels.
    """
    two, four = _WORDS[big]
    in_fragments = False
    while len(head := source.read(8)) == 8:
        tag = two.unpack_from(head)
        if tag[0] == 0xFFFE:
            length = four.unpack_from(head, 4)[0]
            in_fragments &= tag != _SEQUENCE_END
            if tag == _ITEM and in_fragments:
                source.skip(length)
            yield tag == _ITEM and not in_fragments, 0
            continue
        kind, length = head[4:6], four.unpack_from(head, 4)[0]
        if kind in _SHORT:
            length = two.unpack_from(head, 4)[1]
        elif kind in _LONG:
            length = four.unpack(source.read(4).ljust(4, b"\0"))[0]
        else:
            kind = b""
        is_pixels = tag[0] == _PIXELS
        if length == _UNDEFINED:
            in_fragments, passed = is_pixels, 0
        else:
            passed = 0 if not length or _is_sequence(kind, tag) else source.skip(length)
        yield False, 0 if is_pixels else passed


def _is_sequence(kind: bytes, tag: tuple[int, int]) -> bool:
    """As pydicom takes it: by the dictionary where the file does not say."""
    return kind == b"SQ" or (kind in (b"", b"UN") and _is_known_sequence(tag))


@lru_cache(maxsize=4096)
def _is_known_sequence(tag: tuple[int, int]) -> bool:
    try:
        return dictionary_VR(tag[0] << 16 | tag[1]) == "SQ"
    except KeyError:
        return False
