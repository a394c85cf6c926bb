"""NRRD files written slice by slice (https://teem.sourceforge.net/nrrd/format.html): no second copy of a CT is held for it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct

import numpy as np

from ..core.ahead import made_ahead
from ..core.volume import Volume

_TYPES = {
    "int8": "signed char",
    "uint8": "unsigned char",
    "int16": "short",
    "uint16": "unsigned short",
    "int32": "int",
    "uint32": "unsigned int",
    "int64": "long long int",
    "uint64": "unsigned long long int",
    "float32": "float",
    "float64": "double",
}
#: The beginning of a gzip file (RFC 1952) without time and name, made to be fast on an unknown system; and a last, empty block (RFC 1951).
_GZIP, _LAST_BLOCK = b"\x1f\x8b\x08\0\0\0\0\0\x04\xff", b"\x03\0"
_END = Struct("<LL")


def write_nrrd(volume: Volume, path: Path, level: int) -> None:
    """Write a volume with its place, compressed at zlib's ``level``. Raises OSError where the disk does not take it."""
    with path.open("wb") as file:
        file.write(("\n".join(_header(volume)) + "\n\n").encode("ascii"))
        for part in _packed((_bytes(plane) for plane in volume.array), level):
            file.write(part)


def _bytes(plane: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(plane, dtype=plane.dtype.newbyteorder("<"))


def _packed(planes: Iterable[np.ndarray], level: int) -> Iterator[bytes]:
    """A gzip file of planes. The processors share them: each ends on a whole byte, so that all together are one stream (as by pigz)."""
    yield _GZIP
    check = size = 0
    for plane, part in made_ahead(lambda plane: (plane, _deflated(plane, level)), planes):
        yield part
        check, size = zlib.crc32(plane, check), size + plane.nbytes
    yield _LAST_BLOCK + _END.pack(check, size & 0xFFFFFFFF)


def _deflated(plane: np.ndarray, level: int) -> bytes:
    coder = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return coder.compress(plane) + coder.flush(zlib.Z_SYNC_FLUSH)


def can_write(volume: Volume) -> bool:
    """The format has its scalar type."""
    return volume.array.dtype.name in _TYPES


def _header(volume: Volume) -> Iterator[str]:
    """The lines of the header; a number is written so that the same number is read."""
    matrix = volume.geometry.ijk_to_lps
    yield "NRRD0004"
    yield f"type: {_TYPES[volume.array.dtype.name]}"
    yield "dimension: 3"
    yield "space: left-posterior-superior"
    yield f"sizes: {' '.join(str(n) for n in volume.array.shape[::-1])}"
    yield f"space directions: {' '.join(_vector(matrix[:3, axis]) for axis in range(3))}"
    yield "kinds: domain domain domain"
    yield "endian: little"
    yield "encoding: gzip"
    yield f"space origin: {_vector(matrix[:3, 3])}"


def _vector(values: np.ndarray) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"
