"""NRRD files written slice by slice (https://teem.sourceforge.net/nrrd/format.html): no second copy of a CT is held for it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

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
#: Of zlib: a gzip file (RFC 1952).
_GZIP = 31


def write_nrrd(volume: Volume, path: Path, level: int) -> None:
    """Write a volume with its place, compressed at zlib's ``level``. Raises OSError where the disk does not take it."""
    coder = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    with path.open("wb") as file:
        file.write(("\n".join(_header(volume)) + "\n\n").encode("ascii"))
        for plane in volume.array:
            file.write(coder.compress(np.ascontiguousarray(plane, dtype=plane.dtype.newbyteorder("<"))))
        file.write(coder.flush())


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
