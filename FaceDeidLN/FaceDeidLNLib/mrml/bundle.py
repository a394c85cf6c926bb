"""A scene's bundle (.mrb) made whole: volumes come from their arrays, of which MRML wrote one voxel each, and masks are compressed.

While MRML writes a file nothing else of the process is at work; a large one that is written here leaves the others their time.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from pathlib import Path, PurePosixPath

import numpy as np
from vtkmodules.util.numpy_support import get_vtk_array_type
from vtkmodules.vtkCommonDataModel import vtkImageData

from ..core.errors import OutputError
from ..core.progress import Alive, idle

#: What the header of an uncompressed NRRD of one voxel says of its size, and how it ends; all else is that of a larger one.
_ONE_VOXEL, _RAW, _END = b"\nsizes: 1 1 1\n", b"\nencoding: raw\n", b"\n\n"
#: Of zlib; and what tells it to write a gzip file.
_MASK_LEVEL, _GZIP = 2, 16 + zlib.MAX_WBITS
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


def fill_bundle(small: Path, path: Path, arrays: Mapping[str, np.ndarray], masks: Collection[str] = (), alive: Alive = idle) -> None:
    """Write the bundle ``small`` to ``path`` with all voxels (k, j, i) of its volumes, by their files' names; ``small`` has one of each.

    ``masks`` are names of files that MRML did not compress, and that are compressed.

    :raises OutputError: ``small`` cannot be read back, lacks a file, or is written in a way that is not known.
    :raises OSError: the disk does not take it.
    """
    try:
        _fill(small, path, arrays, masks, alive)
    except (zipfile.BadZipFile, zlib.error) as error:
        raise OutputError(f"{small} cannot be read back ({error}): is the disk full?") from error


def _fill(small: Path, path: Path, arrays: Mapping[str, np.ndarray], masks: Collection[str], alive: Alive) -> None:
    with zipfile.ZipFile(small) as given, zipfile.ZipFile(path, "w") as bundle:
        missing = {*arrays, *masks} - {PurePosixPath(name).name for name in given.namelist()}
        if missing:
            raise OutputError(f"{small} has no {min(missing)}: is the disk full?")
        for packed in given.infolist():
            name, parts = PurePosixPath(packed.filename).name, [given.read(packed)]
            if name in arrays:
                parts = [_header(parts[0], arrays[name].shape, small), *_parts(arrays[name])]
            elif name in masks:
                parts = [_compressed(parts[0], small)]
            elif PurePosixPath(name).suffix == ".mrml":
                parts = [_said_compressed(parts[0], masks)]
            _pack(bundle, packed, parts, alive)


def _pack(bundle: zipfile.ZipFile, packed: zipfile.ZipInfo, parts: Sequence[bytes | memoryview], alive: Alive) -> None:
    """Add a file, or an empty folder, to a bundle under the name it had in another one; nothing is compressed, as MRML packs them."""
    info = copy(packed)
    info.compress_type, info.file_size = zipfile.ZIP_STORED, sum(len(part) for part in parts)
    if packed.is_dir():
        bundle.writestr(info, b"")
        return
    with bundle.open(info, "w", force_zip64=info.file_size >= _LARGE) as file:
        for part in parts:
            alive()
            file.write(part)


def _compressed(nrrd: bytes, small: Path) -> bytes:
    """An uncompressed NRRD, compressed: a mask is as good as empty, and the more thorough levels only look longer for less."""
    start = nrrd.find(_END) + len(_END)
    header = nrrd[:start]
    if header.count(_RAW) != 1:
        raise OutputError(f"{small} cannot be filled: this version of Slicer writes segments otherwise.")
    coder = zlib.compressobj(_MASK_LEVEL, zlib.DEFLATED, _GZIP)
    return b"".join([header.replace(_RAW, b"\nencoding: gzip\n"), coder.compress(memoryview(nrrd)[start:]), coder.flush()])


def _said_compressed(scene: bytes, masks: Collection[str]) -> bytes:
    """The scene's own file, which says of the masks what MRML is to do when it writes them again."""
    for name in masks:
        said = f'{name}" useCompression="%d"'
        scene = scene.replace((said % 0).encode(), (said % 1).encode())
    return scene


def _header(one_voxel: bytes, shape: tuple[int, ...], small: Path) -> bytes:
    """The header of an NRRD of this shape (k, j, i) by that of one voxel."""
    header = one_voxel[: one_voxel.index(_END) + len(_END)] if _END in one_voxel else b""
    if header.count(_ONE_VOXEL) != 1 or header.count(_RAW) != 1:
        raise OutputError(f"{small} cannot be filled: this version of Slicer writes volumes otherwise.")
    return header.replace(_ONE_VOXEL, f"\nsizes: {' '.join(str(n) for n in shape[::-1])}\n".encode("ascii"))


def _parts(array: np.ndarray) -> list[memoryview]:
    """The bytes of an array in C order, part by part; no copy where they lie in memory so."""
    flat = memoryview(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(-1)).cast("B")
    return [flat[start : start + _PART] for start in range(0, len(flat), _PART)]
