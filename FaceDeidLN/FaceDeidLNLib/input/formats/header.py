"""What the header of an image file says, whatever the format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...core.errors import InputError
from ...core.geometry import Geometry

#: Plain text and keys of a header end within so many bytes; Slicer's segmentations have some kilobytes a segment.
MAX_HEADER_BYTES = 1 << 24
#: Units of length by the names that headers use, in mm.
UNITS_MM = {
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1.0),
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres"), 1e-3),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 10.0),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1e3),
    **dict.fromkeys(("nm", "nanometer", "nanometers"), 1e-6),
    **dict.fromkeys(("in", "inch", "inches"), 25.4),
}


@dataclass(frozen=True, eq=False)
class ImageHeader:
    """Where the voxels of an image stand and what they mean.

    ``sizes`` are the axes in the file's order, the fastest first; ``domain`` tells which three of them are i, j and k, and the
    others hold the components of a voxel. ``offset`` counts bytes in ``data`` where ``wbits`` is 0 (not compressed; negative:
    from the end), and else bytes of what zlib gives from byte ``start`` on. ``scale`` is slope and intercept of the stored values.
    """

    path: Path
    data: Path
    dtype: np.dtype
    sizes: tuple[int, ...]
    domain: tuple[int, int, int]
    ijk_to_lps: np.ndarray
    offset: int = 0
    start: int = 0
    wbits: int = 0
    scale: tuple[float, float] = (1.0, 0.0)
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def geometry(self) -> Geometry:
        """The grid in LPS mm."""
        return Geometry(tuple(self.sizes[axis] for axis in self.domain[::-1]), self.ijk_to_lps)

    @property
    def components(self) -> int:
        """Numbers per voxel."""
        others = [size for axis, size in enumerate(self.sizes) if axis not in self.domain]
        return int(np.prod(others, dtype=object)) if others else 1

    @property
    def bytes(self) -> int:
        """Length of all voxels as they are stored."""
        return int(np.prod(self.sizes, dtype=object)) * self.dtype.itemsize


def require_regular(path: Path) -> None:
    """Refuse what is no plain file: a pipe or device has no end.

    :raises InputError: it is not there, or of another kind.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path.")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give one of the files in it.")
    if not path.is_file():
        raise InputError(f"{path} is no regular file but a pipe or device: give a file.")


def data_beside(header: Path, name: str) -> Path:
    """The file of voxels that a header names, which must lie in the header's own folder.

    :raises InputError: several files, one elsewhere or missing, no regular file.
    """
    if name.split()[0].upper() == "LIST" or "%" in name:
        raise InputError(f"{header.name} has its voxels in several files: save it as one .nrrd or .mha.")
    data = header.parent / name
    if "\0" in name or data.parent != header.parent or name in ("", ".", ".."):
        raise InputError(f"{header.name} has its voxels in {name[:80]}, which does not lie beside it: put both into one folder.")
    try:
        found = data.is_file()
    except OSError:  # no name of a file
        found = False
    if not found:
        raise InputError(f"{header.name} cannot be read: its voxels should be in {name[:80]}, and there is no such file.")
    return data


def scale_of(unit: str, path: Path) -> float:
    """The unit of a header in mm.

    :raises InputError: it is none of length.
    """
    plain = unit.strip().strip('"').casefold()
    if plain not in UNITS_MM:
        raise InputError(f"{path.name} gives lengths in '{unit}': save it in mm.")
    return UNITS_MM[plain]


def real(text: str) -> float:
    """A number as other programs write and read it: Python's own reading takes 1_0 for 10. Raises ValueError."""
    if "_" in text or not text.isascii():
        raise ValueError(f"'{text}' is no number")
    return float(text)


def whole(text: str) -> int:
    """A whole number, likewise. Raises ValueError."""
    if "_" in text or not text.isascii():
        raise ValueError(f"'{text}' is no whole number")
    return int(text)


def damaged(path: Path, why: object) -> InputError:
    """The sentence for a header that makes no sense."""
    return InputError(f"{path.name} cannot be read ({' '.join(str(why).split())[:160]}): it is damaged, get it again.")
