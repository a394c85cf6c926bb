"""Image files (.nrrd/.nhdr, .nii/.nii.gz, .mha/.mhd) to volumes in LPS mm, by SimpleITK."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.volume import Volume
from .file_names import require_text

#: The image files that can be read, the longest extension first.
IMAGE_EXTENSIONS = (".nii.gz", ".nrrd", ".nhdr", ".nii", ".mha", ".mhd")

#: NRRD spaces whose directions are known (the NRRD format definition, section 4).
_NRRD_SPACES = {"left-posterior-superior", "right-anterior-superior", "left-anterior-superior", ""}

#: A NRRD's fields stand in its first lines, in plain text also where the voxels are compressed.
_NRRD_HEADER_BYTES = 1 << 16

#: Largest distance in mm between what qform and sform of a NIfTI say; both are written with rounding.
SAME_PLACE_MM = 0.1

#: NIfTI-1 and NIfTI-2: header size -> (offset of dim, its type, offset of bitpix, of vox_offset, its type).
_NIFTI_LAYOUT = {348: (40, "8h", 72, 108, "f"), 540: (16, "8q", 14, 168, "q")}


def image_extension(path: Path) -> str | None:
    """The extension of an image file in lower case (".nii.gz" whole), None where it is no image file's."""
    name = Path(path).name.lower()
    return next((extension for extension in IMAGE_EXTENSIONS if name.endswith(extension)), None)


def load_image(path: Path) -> sitk.Image:
    """The file as SimpleITK reads it; a 4-D file with a single frame becomes 3-D.

    :raises InputError: missing file, extension that is not known, truncated or damaged file, a place that is not clear.
    """
    path = Path(path)
    require_text(path)
    extension = image_extension(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path.")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give one of the files in it.")
    if extension is None:
        raise InputError(f"{path.name} is not an image file that can be read: give one of {', '.join(IMAGE_EXTENSIONS)}.")
    if extension in (".nii", ".nii.gz"):
        _require_whole_nifti(path)
    image = _read(path)
    _require_one_place(image, path)
    return image


def read_volume(path: Path) -> Volume:
    """One scalar 3-D image (a 4-D file with a single frame too) with its scalar type and geometry as they are.

    :raises InputError: see :func:`load_image`; and 2-D, several frames, several components (RGB), complex values.
    """
    path = Path(path)
    image = load_image(path)
    if image.GetNumberOfComponentsPerPixel() != 1 or "complex" in image.GetPixelIDTypeAsString():
        raise InputError(f"{path.name} has {image.GetPixelIDTypeAsString()} voxels: a CT has one number per voxel, give a scalar image.")
    if image.GetDimension() != 3 or min(image.GetSize()) < 2:
        size = " x ".join(str(n) for n in image.GetSize())
        raise InputError(f"{path.name} is no 3-D volume (its size is {size}): give one 3-D image.")
    return Volume(_whole_numbers(sitk.GetArrayFromImage(image), image), geometry_of(image))


def _read(path: Path) -> sitk.Image:
    """The image with its keys; what goes wrong becomes one sentence."""
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise InputError(f"{path.name} has sheared axes (gantry tilt), which NIfTI readers do not take: give it as .nrrd.") from error
        raise InputError(f"{path.name} cannot be read ({_reason(error)}): it is truncated or damaged, get it again.") from error
    if image.GetDimension() != 4 or image.GetSize()[3] != 1:
        return image
    frame = image[:, :, :, 0]
    for key in image.GetMetaDataKeys():
        frame.SetMetaData(key, image.GetMetaData(key))
    return frame


def _require_one_place(image: sitk.Image, path: Path) -> None:
    """Refuse a NRRD in a space that is not the patient's, and a NIfTI whose sform is not what SimpleITK goes by.

    Other programs go by the sform, so that segments drawn there would lie elsewhere.
    """
    keys = {key: image.GetMetaData(key) for key in ("NRRD_space", "sform_code", "srow_x", "srow_y", "srow_z") if image.HasMetaDataKey(key)}
    space = keys.get("NRRD_space", "")
    if space not in _NRRD_SPACES:
        raise InputError(f"{path.name} lies in the space '{space}', which says nothing of the patient: save it in left-posterior-superior.")
    _require_its_directions(image, path)
    if image.GetDimension() != 3 or int(keys.get("sform_code", "0")) == 0:
        return
    rows = np.array([[float(value) for value in keys[f"srow_{axis}"].split()] for axis in "xyz"]) * [[-1.0], [-1.0], [1.0]]
    geometry = geometry_of(image)
    if not Geometry(geometry.shape, np.vstack([rows, [0, 0, 0, 1]])).same_as(geometry, SAME_PLACE_MM):
        raise InputError(f"{path.name} tells two different places (its qform and sform differ): save it with one, or as .nrrd.")


def _require_its_directions(image: sitk.Image, path: Path) -> None:
    """Refuse a NRRD in left-anterior-superior that the reader has turned the wrong way, as SimpleITK 2.5.2 (Slicer 5.10) does."""
    with path.open("rb") as file:
        header = file.read(_NRRD_HEADER_BYTES)
    space = re.search(rb"\nspace: *(left-anterior-superior|LAS)\s", header, re.IGNORECASE) if header.startswith(b"NRRD") else None
    found = re.search(rb"\nspace directions: *((?:\([^)]*\) *){3})", header)
    if space is None or found is None:
        return
    told = np.array([[float(value) for value in vector.split(b",")] for vector in re.findall(rb"\(([^)]*)\)", found[1])]).T
    if not np.allclose(geometry_of(image).ijk_to_lps[:3, :3], np.diag([1.0, -1.0, 1.0]) @ told, atol=1e-4):
        problem = "lies in left-anterior-superior, which the SimpleITK here reads wrongly"
        raise InputError(f"{path.name} {problem}: save it in left-posterior-superior.")


def geometry_of(image: sitk.Image) -> Geometry:
    """The geometry of a 3-D SimpleITK image: shape (k, j, i) and the affine from (i, j, k) to LPS mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return Geometry(tuple(int(n) for n in image.GetSize()[::-1]), matrix)


def _whole_numbers(array: np.ndarray, image: sitk.Image) -> np.ndarray:
    """Undo the float copy that a NIfTI with ``scl_slope`` over whole numbers comes with, where it loses nothing."""
    keys = set(image.GetMetaDataKeys())
    if array.dtype.kind != "f" or not {"scl_slope", "datatype"} <= keys or image.GetMetaData("datatype") in ("16", "64"):
        return array
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all() or max(-low, high) >= 2**24:
        return array
    narrow = np.int16 if low >= -(2**15) and high < 2**15 else np.int32
    whole = array.astype(narrow)
    return whole if np.array_equal(whole, array) else array


def _require_whole_nifti(path: Path) -> None:
    """Refuse a NIfTI file that the reader would get wrong without a word.

    It fills a truncated file up with zeros, and of X.nii.gz beside X.nii it takes the voxels of X.nii.
    """
    if path.name.lower().endswith(".gz") and path.with_suffix("").exists():
        raise InputError(f"{path.with_suffix('').name} lies beside {path.name}, and NIfTI readers confuse the two: move one away.")
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            head = file.read(540)
            length = len(head)
            while chunk := file.read(1 << 20):
                length += len(chunk)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} cannot be read ({error}): it is truncated or damaged, get it again.") from error
    if length < _nifti_bytes(head, path):
        raise InputError(f"{path.name} ends before its last voxel: it is truncated, get it again.")


def _nifti_bytes(head: bytes, path: Path) -> int:
    """The length in bytes that a NIfTI file of this header must have at least."""
    for order in "<>":
        layout = _NIFTI_LAYOUT.get(struct.unpack_from(order + "i", head)[0]) if len(head) >= 348 else None
        if layout is not None:
            dim_at, dim_type, type_at, offset_at, offset_type = layout
            dim = struct.unpack_from(order + dim_type, head, dim_at)
            bits = struct.unpack_from(order + "h", head, type_at)[0]
            offset = struct.unpack_from(order + offset_type, head, offset_at)[0]
            return int(offset) + int(np.prod([max(1, n) for n in dim[1 : 1 + dim[0]]], dtype=object)) * bits // 8
    raise InputError(f"{path.name} has no NIfTI header: it is damaged or of another kind.")


def _reason(error: Exception) -> str:
    """The last line of what SimpleITK says, short."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else "no reason given")[:120].rstrip(".")
