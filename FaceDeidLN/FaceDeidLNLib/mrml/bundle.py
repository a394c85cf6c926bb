"""A scene's bundle (.mrb) whose volumes come from their arrays: MRML writes one voxel of each, in their files' places."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from copy import copy
from pathlib import Path, PurePosixPath

import numpy as np
from vtkmodules.util.numpy_support import get_vtk_array_type
from vtkmodules.vtkCommonDataModel import vtkImageData

from ..core.errors import OutputError
from ..core.progress import Alive, idle

#: What the header of an uncompressed NRRD of one voxel says of its size, and how it ends; all else is that of a larger one.
_ONE_VOXEL, _RAW, _END = b"\nsizes: 1 1 1\n", b"\nencoding: raw\n", b"\n\n"
#: So many bytes are packed at a time.
_PART = 1 << 24
#: A packed file from here on has its size in 64 bits.
_LARGE = 1 << 31


def one_voxel_like(array: np.ndarray) -> vtkImageData:
    """An image of one voxel of an array's scalar type."""
    image = vtkImageData()
    image.SetDimensions(1, 1, 1)
    image.AllocateScalars(get_vtk_array_type(array.dtype.newbyteorder("=")), 1)
    image.GetPointData().GetScalars().Fill(0)
    return image


def fill_bundle(small: Path, path: Path, arrays: Mapping[str, np.ndarray], alive: Alive = idle) -> None:
    """Write the bundle ``small`` to ``path`` with all voxels (k, j, i) of its volumes, by their files' names; ``small`` has one of each.

    As MRML packs them nothing is compressed. While a large part is written other threads work.

    :raises OutputError: a volume has no such file. :raises OSError: the disk does not take it.
    """
    with zipfile.ZipFile(small) as given, zipfile.ZipFile(path, "w") as bundle:
        missing = set(arrays) - {PurePosixPath(name).name for name in given.namelist()}
        if missing:
            raise OutputError(f"{small} has no {min(missing)}: is the disk full?")
        for packed in given.infolist():
            name, content = PurePosixPath(packed.filename).name, given.read(packed)
            array = None if packed.is_dir() else arrays.get(name)
            parts = [content] if array is None else [_header(content, array.shape, small), *_parts(array)]
            info = copy(packed)
            info.compress_type, info.file_size = zipfile.ZIP_STORED, sum(memoryview(part).nbytes for part in parts)
            if packed.is_dir():
                bundle.writestr(info, b"")
                continue
            with bundle.open(info, "w", force_zip64=info.file_size >= _LARGE) as file:
                for part in parts:
                    alive()
                    file.write(part)


def _header(one_voxel: bytes, shape: tuple[int, ...], small: Path) -> bytes:
    """The header of an NRRD of this shape (k, j, i) by that of one voxel."""
    header = one_voxel[: one_voxel.index(_END) + len(_END)] if _END in one_voxel else b""
    if header.count(_ONE_VOXEL) != 1 or _RAW not in header:
        raise OutputError(f"{small} cannot be filled: this version of Slicer writes volumes otherwise.")
    return header.replace(_ONE_VOXEL, f"\nsizes: {' '.join(str(n) for n in shape[::-1])}\n".encode("ascii"))


def _parts(array: np.ndarray) -> list[memoryview]:
    """The bytes of an array in C order, part by part; no copy where they lie in memory so."""
    flat = memoryview(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(-1)).cast("B")
    return [flat[start : start + _PART] for start in range(0, len(flat), _PART)]
