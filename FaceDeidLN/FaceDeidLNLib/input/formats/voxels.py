"""The voxels that a header promises: as many bytes as it says, from a plain or compressed file, and not one more."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from ...core.errors import InputError
from .header import ImageHeader

_CHUNK = 1 << 20
#: Deflate (RFC 1951) makes no more than so many bytes out of one.
_MOST_PER_BYTE = 1032
#: After the last voxel a file may go on for so many bytes (padding to whole blocks).
_SLACK = 1 << 16


def read_voxels(header: ImageHeader) -> np.ndarray:
    """The stored values (k, j, i, component) in this machine's byte order, unscaled.

    :raises InputError: the file ends early, is damaged, or holds more than its header says.
    """
    with _named(header):
        raw = _plain(header) if not header.wbits else _inflated(header)
    values = raw.view(header.dtype).astype(header.dtype.newbyteorder("="), copy=False)
    values = values.reshape(header.sizes[::-1])
    last = len(header.sizes) - 1
    others = [axis for axis in range(len(header.sizes)) if axis not in header.domain]
    order = [last - axis for axis in (*header.domain[::-1], *others[::-1])]
    return np.ascontiguousarray(values.transpose(order).reshape(*header.geometry.shape, -1))


def can_be_compared(header: ImageHeader) -> bool:
    """The file's values stand compressed, in the order of an array (k, j, i), and mean what they are: see ``holds``."""
    return header.wbits != 0 and header.domain == (0, 1, 2) and header.components == 1 and header.scale == (1.0, 0.0)


def holds(header: ImageHeader, expected: np.ndarray) -> bool:
    """A file that can be compared holds exactly the values, and the type, of an array (k, j, i); no second array is made.

    :raises InputError: as ``read_voxels``.
    """
    if header.geometry.shape != expected.shape or header.dtype.newbyteorder("=") != expected.dtype:
        return False
    values, place, rest = expected.reshape(-1), 0, b""
    with _named(header):
        for piece in _inflated_bytes(header):
            rest += piece
            here = np.frombuffer(rest, header.dtype, len(rest) // header.dtype.itemsize)
            if not np.array_equal(here, values[place : place + len(here)]):
                return False
            place, rest = place + len(here), rest[here.nbytes :]
    return place == len(values)


@contextlib.contextmanager
def _named(header: ImageHeader) -> Iterator[None]:
    """What is wrong with compressed voxels becomes a sentence."""
    try:
        yield
    except (zlib.error, EOFError) as error:
        raise InputError(f"{header.path.name} cannot be read ({error}): it is truncated or damaged, get it again.") from error


def require_room(header: ImageHeader) -> None:
    """Refuse, by its length alone, a file that cannot hold what its header says, or that holds more though it is not compressed.

    :raises InputError: the file is too short or too long.
    """
    length = header.data.stat().st_size
    if not header.wbits and header.offset >= 0 and length - header.offset > header.bytes + _SLACK:
        raise _goes_on(header)
    most = (length - header.start) * _MOST_PER_BYTE if header.wbits else length - max(header.offset, 0)
    if header.bytes > most:
        raise InputError(f"{header.path.name} ends before its last voxel: it is truncated, get it again.")


def _goes_on(header: ImageHeader) -> InputError:
    return InputError(f"{header.path.name} goes on after its last voxel, so that its header is wrong: get it again.")


def _plain(header: ImageHeader) -> np.ndarray:
    require_room(header)
    offset = header.offset if header.offset >= 0 else header.data.stat().st_size - header.bytes
    raw = np.fromfile(header.data, dtype=np.uint8, count=header.bytes, offset=offset)
    if raw.size != header.bytes:
        raise EOFError("it ends before its last voxel")
    return raw


def _inflated(header: ImageHeader) -> np.ndarray:
    out, place = np.empty(header.bytes, dtype=np.uint8), 0
    for piece in _inflated_bytes(header):
        out[place : place + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
        place += len(piece)
    return out


def _inflated_bytes(header: ImageHeader) -> Iterator[bytes]:
    """The bytes of the voxels, as many as the header says, piece by piece."""
    require_room(header)
    place = -header.offset
    with header.data.open("rb") as file:
        file.seek(header.start)
        for piece in inflated_pieces(file, header.wbits):
            first = max(0, -place)
            yield piece[first : max(first, header.bytes - place)]
            place += len(piece)
            if place > header.bytes + _SLACK:
                raise _goes_on(header)
    if place < header.bytes:
        raise EOFError("it ends before its last voxel")


def inflated_pieces(file: BinaryIO, wbits: int) -> Iterator[bytes]:
    """What zlib makes of the rest of a file, in pieces; the checksum at the end is compared."""
    decoder, data = zlib.decompressobj(wbits), b""
    while True:
        data = data or file.read(_CHUNK)
        piece = decoder.decompress(data, _CHUNK)
        ended, data = not data and not piece, decoder.unconsumed_tail
        if piece:
            yield piece
        if decoder.eof:
            data = decoder.unused_data or file.read(_CHUNK)
            if wbits != 31 or not data.startswith(b"\x1f\x8b"):  # gzip files may follow each other
                return
            decoder = zlib.decompressobj(wbits)
        elif ended:
            raise EOFError("the compressed voxels end early")
