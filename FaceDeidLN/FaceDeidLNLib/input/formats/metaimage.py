"""MetaImage headers (.mha, .mhd), after ITK's documentation (https://docs.itk.org/en/latest/learn/metaio.html); coordinates are LPS."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...core.errors import InputError
from .header import ImageHeader, damaged, data_beside, real, scale_of, whole

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
#: Numbers that are told twice are the same within that: they are written with rounding.
_SAME = 1e-6
#: A header is some 20 lines.
_MAX_LINES, _MAX_LINE = 1000, 1 << 16


def read_metaimage_header(path: Path) -> ImageHeader:
    """The header of a MetaImage.

    :raises InputError: damaged, or of a kind that is not read here.
    """
    fields, end = _fields(path)
    try:
        return _header(path, fields, end)
    except (ValueError, IndexError, OverflowError, KeyError) as error:
        raise damaged(path, error) from error


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields up to the last one, which says where the voxels are, and where the header ends."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        for _ in range(_MAX_LINES):
            line = file.readline(_MAX_LINE)
            name, mark, value = line.decode("utf-8", "replace").partition("=")
            if not mark:
                break
            name = name.strip()
            if fields.get(name, value.strip()) != value.strip() and name != "Comment":
                raise damaged(path, f"it tells {name} twice")
            fields[name] = value.strip()
            if name == "ElementDataFile":
                return fields, file.tell()
    raise damaged(path, "it has no header of a MetaImage")


def _header(path: Path, fields: dict[str, str], end: int) -> ImageHeader:
    kind = fields["ElementType"]
    if kind not in _TYPES:
        raise InputError(f"{path.name} has voxels of the type '{kind}', which is not read here: save it with whole numbers.")
    if not _true(fields.get("BinaryData", "True")):
        raise InputError(f"{path.name} holds its voxels as text, which is not read here: save it as binary data.")
    big = _true(fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False")))
    sizes = [whole(n) for n in fields["DimSize"].split()]
    count = whole(fields["NDims"])
    if len(sizes) != count or min(sizes) < 1:
        raise ValueError(f"NDims {count}, DimSize {fields['DimSize']}")
    if count < 3 or any(n > 1 for n in sizes[3:]):
        raise InputError(f"{path.name} is no 3-D volume (its size is {' x '.join(str(n) for n in sizes)}): give one 3-D image.")
    channels = whole(fields.get("ElementNumberOfChannels", "1"))
    if channels < 1:
        raise ValueError(f"ElementNumberOfChannels {channels}")
    name = fields["ElementDataFile"]
    local = name.upper() == "LOCAL"
    skip = whole(fields.get("HeaderSize", "0"))
    wbits = 47 if _true(fields.get("CompressedData", "False")) else 0
    if skip < -1 or (wbits and skip) or (local and skip > 0):
        raise ValueError(f"HeaderSize {skip}")
    start = end if local else max(skip, 0)
    data = path if local else data_beside(path, name)
    length = whole(fields.get("CompressedDataSize", "0"))
    if wbits and length not in (0, data.stat().st_size - start):
        raise ValueError(f"truncated: its CompressedDataSize is {length}")
    return ImageHeader(
        path,
        data,
        np.dtype((">" if big else "<") + _TYPES[kind]),
        (channels, *sizes[:3]),
        (1, 2, 3),
        _affine(path, fields, count),
        0 if wbits else -1 if skip == -1 and not local else start,
        start,
        wbits,
    )


def _affine(path: Path, fields: dict[str, str], count: int) -> np.ndarray:
    """From (i, j, k) to LPS mm: row n of TransformMatrix is the direction of axis n."""
    directions = _numbers(fields, ("TransformMatrix", "Rotation", "Orientation"), np.eye(count).ravel())
    steps = "ElementSpacing" if "ElementSpacing" in fields else "ElementSize"  # a voxel may be thicker than its step
    spacing = _numbers(fields, (steps,), np.ones(count))[:3]
    matrix = np.eye(4)
    matrix[:3, :3] = directions.reshape(count, count)[:3, :3].T * spacing
    matrix[:3, 3] = _numbers(fields, ("Offset", "Position", "Origin"), np.zeros(count))[:3]
    unit = fields.get("DistanceUnits", "")
    matrix[:3] *= scale_of(unit, path) if unit.strip(" ?") else 1.0
    return matrix


def _numbers(fields: dict[str, str], names: tuple[str, ...], default: np.ndarray) -> np.ndarray:
    """The numbers that go by one of several names. Raises ValueError where two of them differ."""
    told = [np.array([real(value) for value in fields[name].split()]) for name in names if name in fields] or [default]
    if any(values.shape != default.shape for values in told):
        raise ValueError(f"{names[0]} has {told[0].size} numbers")
    if any(not np.allclose(values, told[0], rtol=0.0, atol=_SAME) for values in told):
        raise ValueError(f"{' and '.join(name for name in names if name in fields)} differ")
    return told[0]


def _true(text: str) -> bool:
    return text.strip()[:1].upper() in ("T", "1", "Y")
