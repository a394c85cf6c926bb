"""Files beside the DICOM ones of what is to be released: what can be read of them, and which of them nobody can look into."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..core.errors import InputError
from ..input.formats.nifti import read_nifti_header
from ..input.packed import is_packed
from .known import Known, digit_runs
from .own_texts import words_of_certificate

_GZIP = 31
#: Bytes in which a packed file says what it was called (RFC 1952), and those that the header of an image takes at least.
_GZIP_HEAD, _NIFTI_HEADER = 1024, 352
#: Certificates of this program say when they were made, which may be the day of the scan.
_CERTIFICATE = ".certificate.json"
#: Longer files are no texts, and the decimals of a number are no date.
_LONGEST_TEXT = 1 << 26
_DECIMALS = re.compile(r"\d*\.\d{5,}")
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|[bfnrt])")
_TEXT = re.compile(r"[^\0-\x08\x0e-\x1f]*")


def found_in(path: Path, raw: bytes, known: Known) -> Iterator[tuple[str, str]]:
    """Where and what of originals stands in a file that is no DICOM: names, numbers and UIDs in its bytes, days in its text.

    A packed file is one finding: nobody can look into it.
    """
    content = _readable(path, raw)
    if content is None:
        yield "file", "is packed, so that nobody looked into it: unpack it, or take it away"
        return
    of_nobody = partial(words_of_certificate, content) if path.name.endswith(_CERTIFICATE) else Counter
    as_read = (content, _without_zeros(content), *([_unescaped(content)] if path.suffix.lower() == ".json" else []))
    for kind in dict.fromkeys(kind for one in as_read for kind in known.in_bytes(one, of_nobody)):
        yield "bytes", f"{kind} of an original stands in the file"
    if known.dates & _dates_in(path, content):
        yield "text", "holds a date of an original"


def _readable(path: Path, raw: bytes) -> bytes | None:
    """What is to be searched of a file that is no DICOM; None where it is packed, so that nobody can look into it."""
    if raw.startswith(b"\x1f\x8b") and path.name.lower().endswith(".nii.gz"):
        try:
            header = zlib.decompressobj(_GZIP).decompress(raw, max(read_nifti_header(path).offset, _NIFTI_HEADER))
            return raw[:_GZIP_HEAD] + header
        except (InputError, zlib.error):
            return None
    return None if is_packed(raw) else raw


def _without_zeros(raw: bytes) -> bytes:
    """The bytes with nothing between the letters of texts in UTF-16, as Windows and macOS write them."""
    return raw.replace(b"\0", b"")


def _unescaped(raw: bytes) -> bytes:
    """The bytes with the letters that JSON escapes, and blanks for its ends of lines, whose letter would stick to the next word."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)).encode("utf-8", "replace") if found[1] else b" ", raw)


def _dates_in(path: Path, raw: bytes) -> set[str]:
    """The days (YYYYMMDD) that a text file names; none of what is no text."""
    if path.name.endswith(_CERTIFICATE) or len(raw) > _LONGEST_TEXT:
        return set()
    return {day for text in _texts(raw) for day in digit_runs(_DECIMALS.sub(" ", text)) if len(day) == 8}


def _texts(raw: bytes) -> Iterator[str]:
    for encoding in ("utf-8-sig", "utf-16"):
        if encoding == "utf-16" and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            continue
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _TEXT.fullmatch(text):
            yield text
            return
