"""What a compressed frame says of its own size: decoders take the header's word, and a header that is wrong gives another picture."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pydicom.uid import RLELossless

#: JPEG's markers: of a stream, of its frame (all kinds of JPEG and JPEG-LS), and those without a length.
_JPEG, _JPEG_FRAMES, _BARE = b"\xff\xd8", {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}, {0x01, *range(0xD0, 0xDA)}
#: The first two markers of JPEG 2000.
_JPEG_2000 = b"\xff\x4f\xff\x51"
#: So many offsets stand before the segments of RLE, after their number (PS3.5 G.5).
_MOST_SEGMENTS = 15


@dataclass(frozen=True)
class Told:
    """The rows, columns and bits of a pixel that a header tells."""

    rows: int
    columns: int
    bits: int


def why_not_as_told(stream: bytes, syntax: str, told: Told) -> str:
    """How a code stream of one frame differs from what the header tells; empty where it does not, or says nothing of it."""
    try:
        if syntax == RLELossless:
            return _why_not_rle(stream, told)
        size = _of_jpeg(stream) or _of_jpeg_2000(stream)
    except (struct.error, IndexError):  # cut off: the decoder says so
        return ""
    if size is None or not all((size.rows, size.columns)):  # the lines of a JPEG may be counted at its end
        return ""
    same = (size.rows, size.columns) == (told.rows, told.columns) and size.bits <= told.bits
    return "" if same else f"its pixels are {size.rows} x {size.columns} of {size.bits} bits"


def _of_jpeg(stream: bytes) -> Told | None:
    if stream[:2] != _JPEG:
        return None
    at = 2
    while stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in _JPEG_FRAMES:
            bits, rows, columns = struct.unpack_from(">BHH", stream, at + 4)
            return Told(rows, columns, bits)
        if marker == 0xFF:  # a byte that fills
            at += 1
        else:
            at += 2 if marker in _BARE else 2 + int(struct.unpack_from(">H", stream, at + 2)[0])
    return None


def _of_jpeg_2000(stream: bytes) -> Told | None:
    at = stream.find(_JPEG_2000)  # boxes may stand before it
    if at < 0:
        return None
    right, below, left, above = struct.unpack_from(">4I", stream, at + 8)
    return Told(below - above, right - left, 1 + (stream[at + 42] & 0x7F))


def _why_not_rle(stream: bytes, told: Told) -> str:
    """RLE tells no rows and columns, but how many bytes a pixel has; and each of its segments holds one byte of every pixel."""
    count, *starts = struct.unpack_from(f"<{1 + _MOST_SEGMENTS}I", stream)
    if count > _MOST_SEGMENTS or 8 * count != told.bits:
        return f"its pixels have {count} bytes"
    ends = [*starts[1:count], len(stream)]
    most = max(_unpacked(stream[start:end]) for start, end in zip(starts, ends, strict=False))
    return "" if most < (told.rows + 1) * told.columns else f"it holds {most} pixels"  # less than a row more is padding


def _unpacked(segment: bytes) -> int:
    """How many bytes a segment of RLE unpacks to (PS3.5 G.3.1)."""
    at = count = 0
    while at < len(segment):
        head = segment[at]
        if head == 128:
            at += 1
        elif head > 128:
            at, count = at + 2, count + 257 - head
        else:
            at, count = at + 2 + head, count + 1 + head
    return count - max(0, at - len(segment))  # a byte of padding looks like the beginning of more
