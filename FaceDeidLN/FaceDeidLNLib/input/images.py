"""Image files (.nrrd/.nhdr, .nii/.nii.gz, .mha/.mhd) to volumes in LPS mm, from their own bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..core.errors import InputError
from ..core.volume import Volume
from .file_names import require_text
from .formats.header import ImageHeader, require_regular
from .formats.metaimage import read_metaimage_header
from .formats.nifti import read_nifti_header
from .formats.nrrd import read_nrrd_header
from .formats.voxels import read_voxels, require_room

#: The image files that can be read, the longest extension first.
IMAGE_EXTENSIONS = (".nii.gz", ".nrrd", ".nhdr", ".nii", ".mha", ".mhd")
_READERS = {
    ".nii.gz": read_nifti_header,
    ".nii": read_nifti_header,
    ".nrrd": read_nrrd_header,
    ".nhdr": read_nrrd_header,
    ".mha": read_metaimage_header,
    ".mhd": read_metaimage_header,
}


@dataclass(frozen=True, eq=False)
class Image:
    """Values (k, j, i, component) as the file means them, their grid, and the file's own keys."""

    volume: Volume
    keys: Mapping[str, str] = field(default_factory=dict)


def image_extension(path: Path) -> str | None:
    """The extension of an image file in lower case (".nii.gz" whole), None where it is no image file's."""
    name = Path(path).name.lower()
    return next((extension for extension in IMAGE_EXTENSIONS if name.endswith(extension)), None)


def image_header(path: Path) -> ImageHeader:
    """What the header of an image file says; no voxel is read.

    :raises InputError: missing file, extension that is not known, damaged header, a place that is not clear, a file that is too
        short for what its header says.
    """
    path = Path(path)
    require_text(path)
    extension = image_extension(path)
    require_regular(path)
    if extension is None:
        raise InputError(f"{path.name} is not an image file that can be read: give one of {', '.join(IMAGE_EXTENSIONS)}.")
    header = _READERS[extension](path)
    matrix = header.ijk_to_lps
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise InputError(f"{path.name} gives its voxels no size or direction: it is damaged, get it again.")
    require_room(header)
    return header


def image_files(path: Path) -> tuple[Path, ...]:
    """The files that an image file consists of: itself, and the one that holds its voxels where its header names one.

    What cannot be read is one file: whoever reads it will say what is wrong.
    """
    if image_extension(path) not in (".nrrd", ".nhdr", ".mha", ".mhd"):
        return (path,)
    try:
        header = image_header(path)
    except (InputError, OSError):
        return (path,)
    return (path,) if header.data == path else (path, header.data)


def load_image(header: ImageHeader) -> Image:
    """The image of a header.

    :raises InputError: truncated or damaged file, or not enough memory for what the header says.
    """
    try:
        values = read_voxels(header)
    except MemoryError as error:
        raise InputError(f"{header.path.name} is too large ({header.bytes / 2**30:.1f} GB) for the memory of this machine.") from error
    return Image(Volume(_scaled(values, *header.scale), header.geometry), header.keys)


def read_volume(path: Path) -> Volume:
    """One scalar 3-D image (a 4-D file with a single frame too) with its scalar type and geometry as they are.

    :raises InputError: see ``image_header`` and ``load_image``; 2-D, several frames, several components (RGB).
    """
    header = image_header(path)
    name, shape = header.path.name, header.geometry.shape
    if header.components != 1 and image_extension(header.path) in (".nii", ".nii.gz"):
        raise InputError(f"{name} is no 3-D volume (its size is {' x '.join(str(n) for n in header.sizes)}): give one 3-D image.")
    if header.components != 1:
        raise InputError(f"{name} has {header.components} numbers per voxel: a CT has one number per voxel, give a scalar image.")
    if min(shape) < 2:
        raise InputError(f"{name} is no 3-D volume (its size is {' x '.join(str(n) for n in shape[::-1])}): give one 3-D image.")
    volume = load_image(header).volume
    return volume.with_array(volume.array[..., 0])


def _scaled(values: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Stored values times slope plus intercept: whole numbers where all are, else the narrowest float that holds them exactly."""
    if (slope, intercept) == (1.0, 0.0):
        return values
    out = np.empty(values.shape, dtype=_scaled_type(values, slope, intercept))
    for k, plane in enumerate(values):  # a few planes of doubles at a time
        out[k] = _exact(plane, slope, intercept)
    return out


def _exact(plane: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    return plane.astype(np.float64) * slope + intercept


def _scaled_type(values: np.ndarray, slope: float, intercept: float) -> np.dtype:
    low, high, whole, single = np.inf, -np.inf, values.dtype.kind in "iu", True
    for plane in values:
        exact = _exact(plane, slope, intercept)
        low, high = min(low, exact.min()), max(high, exact.max())
        whole = whole and low > -(2**31) and high < 2**31 and np.array_equal(exact, np.rint(exact))
        single = single and np.array_equal(exact.astype(np.float32), exact, equal_nan=True)
    if whole:
        return np.dtype(np.int16 if low >= -(2**15) and high < 2**15 else np.int32)
    return np.dtype(np.float32 if single else np.float64)
