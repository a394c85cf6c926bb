"""NRRD headers (.nrrd, .nhdr), after the format's definition (https://teem.sourceforge.net/nrrd/format.html)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ...core.errors import InputError
from .header import MAX_HEADER_BYTES, ImageHeader, damaged, data_beside, real, scale_of, whole

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_DTYPE = {name: kind for kind, names in _TYPES.items() for name in names}
#: Signs that turn a space's axes into left, posterior, superior.
_TO_LPS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
    "": (1, 1, 1),
}
_ENDIAN = {"little": "<", "big": ">"}
#: So many bytes of a header are read first.
_PIECE = 1 << 16
#: How the value of a key writes a backslash and a new line.
_ESCAPED = re.compile(r"\\[\\n]")
#: Kinds of an axis that is no direction of space.
_NO_SPACE = re.compile(r"list|vector|point|normal|.*color|complex|quaternion|.*vector|.*matrix|stub|scalar|time|none")


def read_nrrd_header(path: Path) -> ImageHeader:
    """The header of a NRRD.

    :raises InputError: damaged, a space that is not the patient's, an encoding or type that is not read here.
    """
    fields, keys, offset = _fields(path)
    try:
        return _header(path, fields, keys, offset)
    except (ValueError, IndexError, OverflowError, KeyError) as error:
        raise damaged(path, error) from error


def _fields(path: Path) -> tuple[dict[str, str], dict[str, str], int | None]:
    """Fields, keys, and where the header ends: None where it goes on to the end of the file, as a detached one may."""
    content, end = b"", None
    with path.open("rb") as file:
        while end is None and (more := file.read(min(max(_PIECE, len(content)), MAX_HEADER_BYTES - len(content)))):
            content += more
            end = re.search(rb"\r?\n\r?\n", content)
    if not content.startswith(b"NRRD000"):
        raise damaged(path, "it does not begin as a NRRD does")
    text = (content if end is None else content[: end.start()]).decode("utf-8", "replace")
    fields, keys = {}, {}
    for line in text.split("\n")[1:]:  # and not at what else Unicode takes for the end of a line: names hold that
        line = line.removesuffix("\r")
        if line.startswith("#"):
            continue
        name, mark, value = line.partition(":=")
        if mark and ": " not in name:
            keys[name] = _ESCAPED.sub(lambda found: "\n" if found[0] == "\\n" else "\\", value)
            continue
        name, _, value = line.partition(":")
        name = name.strip().casefold().replace(" ", "")
        if name in fields:
            raise damaged(path, f"it tells '{name}' twice")
        fields[name] = value.strip()
    return fields, keys, None if end is None else end.end()


def _header(path: Path, fields: dict[str, str], keys: dict[str, str], end: int | None) -> ImageHeader:
    kind = " ".join(fields["type"].casefold().split())
    if kind not in _DTYPE:
        raise InputError(f"{path.name} has voxels of the type '{fields['type']}', which is not read here: save it with whole numbers.")
    first = fields.get("endian", "little").casefold()
    if first not in _ENDIAN:
        raise ValueError(f"endian {fields['endian']}")
    dtype = np.dtype(_ENDIAN[first] + _DTYPE[kind])
    sizes = tuple(whole(n) for n in fields["sizes"].split())
    if len(sizes) != whole(fields["dimension"]) or min(sizes) < 1:
        raise ValueError(f"dimension {fields['dimension']}, sizes {fields['sizes']}")
    if dtype.itemsize > 1 and "endian" not in fields:
        raise ValueError("it does not say which byte comes first")
    domain, matrix = _place(path, fields, sizes)
    name = fields.get("datafile", "")
    if end is None and not name:
        raise ValueError("its header does not end")
    data = data_beside(path, name) if name else path
    start = _after_lines(data, 0 if name else end or 0, whole(fields.get("lineskip", "0")))
    wbits, skip = _encoding(path, fields), whole(fields.get("byteskip", "0"))
    if skip < -1 or (skip == -1 and wbits) or skip > MAX_HEADER_BYTES:
        raise ValueError(f"byte skip {skip}")
    return ImageHeader(path, data, dtype, sizes, domain, matrix, skip if wbits or skip < 0 else start + skip, start, wbits, keys=keys)


def _encoding(path: Path, fields: dict[str, str]) -> int:
    encoding = fields["encoding"].casefold()
    if encoding == "raw":
        return 0
    if encoding in ("gzip", "gz"):
        return 31
    raise InputError(f"{path.name} has the encoding '{fields['encoding']}', which is not read here: save it as raw or gzip.")


def _after_lines(data: Path, start: int, lines: int) -> int:
    """Where the data begin, once so many lines are passed over."""
    if not 0 <= lines <= 10_000:
        raise ValueError(f"line skip {lines}")
    with data.open("rb") as file:
        file.seek(start)
        for _ in range(lines):
            file.readline(MAX_HEADER_BYTES)
        return file.tell()


def _place(path: Path, fields: dict[str, str], sizes: tuple[int, ...]) -> tuple[tuple[int, int, int], np.ndarray]:
    """Which axes are i, j and k, and the affine from them to LPS mm."""
    space = fields.get("space", "").casefold()
    if space not in _TO_LPS:
        raise InputError(f"{path.name} lies in the space '{space}', which says nothing of the patient: save it in left-posterior-superior.")
    vectors = re.findall(r"none|\([^)]*\)", fields.get("spacedirections", ""))
    kinds = [kind.casefold() for kind in fields.get("kinds", "").split()]
    if vectors:
        axes = [axis for axis, vector in enumerate(vectors) if vector != "none"]
    else:
        axes = [a for a in range(len(sizes)) if len(kinds) != len(sizes) or not _NO_SPACE.fullmatch(kinds[a])]
    axes = axes[:3] if len(axes) > 3 and all(sizes[a] == 1 for a in axes[3:]) else axes
    if len(axes) != 3 or (vectors and len(vectors) != len(sizes)):
        raise InputError(f"{path.name} is no 3-D volume (its size is {' x '.join(str(n) for n in sizes)}): give one 3-D image.")
    _require_told_once(fields, axes, bool(vectors))
    matrix = np.eye(4)
    if vectors:
        matrix[:3, :3] = np.array([_vector(vectors[axis]) for axis in axes]).T
    else:
        spacings = fields.get("spacings", "").split()
        if len(spacings) not in (0, len(sizes)):
            raise ValueError(f"spacings {fields['spacings']}")
        matrix[:3, :3] = np.diag([real(spacings[axis]) if spacings else 1.0 for axis in axes])
        matrix[:3, :3][np.isnan(matrix[:3, :3])] = 1.0
    if fields.get("spaceorigin"):
        matrix[:3, 3] = _vector(fields["spaceorigin"])
    matrix[:3] *= np.array(_TO_LPS[space])[:, None]
    matrix[:3] *= _unit(path, fields, axes)
    return tuple(axes), matrix


def _require_told_once(fields: dict[str, str], axes: list[int], with_directions: bool) -> None:
    """Raises ValueError where axes are placed in a second way: by their ends, or beside directions by lengths (as Teem has it)."""
    for name in ("axismins", "axismaxs", *(("spacings", "units") if with_directions else ())):
        told = [part.strip('" ').casefold() for part in re.findall(r'"[^"]*"|\S+', fields.get(name, ""))]
        nothing = ("", "nan", *["0", "0.0"] * (name == "axismins"))  # a place that nobody else tells begins there
        if any(part not in nothing for axis, part in enumerate(told) if axis in axes):
            raise ValueError(f"its {name} tell in a second way where the voxels lie")


def _unit(path: Path, fields: dict[str, str], axes: list[int]) -> np.ndarray:
    """The length in mm of one unit along each axis of space (3, 1), or of the spacings where there are no directions."""
    told = fields.get("spaceunits", "") or ("" if fields.get("spacedirections") else fields.get("units", ""))
    units = re.findall(r'"([^"]*)"', told)
    if not fields.get("spaceunits") and units:
        units = [units[axis] for axis in axes]
    scales = [scale_of(unit, path) if unit.strip() else 1.0 for unit in units[:3]]
    return np.array(scales + [1.0] * (3 - len(scales)))[:, None]


def _vector(text: str) -> list[float]:
    values = [real(value) for value in text.strip().strip("()").split(",")]
    if len(values) != 3:
        raise ValueError(f"{text} has {len(values)} numbers instead of 3")
    return values
