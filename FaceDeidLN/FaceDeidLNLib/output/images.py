"""Write a CT as an image file, read it back, and release it only if it is the same to the voxel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..core.errors import InputError, OutputError
from ..core.geometry import SAME_GEOMETRY_MM, Geometry
from ..core.progress import Alive, idle
from ..core.volume import Volume
from ..input.calibration import in_own_values
from ..input.case import CtInput
from ..input.formats.voxels import can_be_compared, holds
from ..input.images import image_extension, image_header, read_volume
from .atomic import Companion, released_file
from .nrrd import can_write, write_nrrd

#: What can be released under one name. A .nhdr or .mhd keeps its voxels in a second file: two files cannot appear in one step.
WRITABLE_EXTENSIONS = (".nrrd", ".nii.gz", ".nii", ".mha")

#: zlib level: CT noise shrinks hardly further at higher levels, which take several times longer.
COMPRESSION_LEVEL = 1

#: What 3D Slicer takes a file for, whatever it holds, by what stands before its ending.
_TAKEN_FOR = {".seg": "a segmentation", ".seq": "a sequence"}


def write_image(
    ct: CtInput,
    result: Volume,
    path: Path,
    overwrite: bool = False,
    inputs: Sequence[Path] = (),
    companion: Companion | None = None,
    alive: Alive = idle,
) -> None:
    """Write ``result`` (HU, on the CT's grid) with the CT's geometry and scalar type; the extension chooses the format.

    Any image file or DICOM series may become any of ``WRITABLE_EXTENSIONS``; .nrrd and .mha hold a gantry tilt
    (shear), NIfTI not for all who read it. Nothing but voxels and geometry is written: no other key of the source travels along.

    :param inputs: files and folders that the output must not touch, beside the CT's own.
    :param companion: the certificate; written of the complete, checked file before that gets its name.
    :param alive: called before, between and after writing and reading back; nothing is left where it raises.
    :raises InputError: the extension is not writable, NIfTI for a sheared grid, or the place is taken.
    :raises OutputError: ``result`` does not fit the CT, or what was written is not the same when read back.
    """
    path = Path(path)
    require_writable(ct, path)
    if result.array.dtype != ct.volume.array.dtype or not result.geometry.same_as(ct.volume.geometry):
        raise OutputError("The result has another scalar type or grid than the CT: nothing was written.")
    result = result if ct.kind == "dicom" else in_own_values(ct, result)
    with released_file(path, overwrite, (ct.path, *inputs), companion) as partial:
        alive()
        _write(result, partial, path)
        alive()
        _require_same(result, partial, path)
        alive()


def require_writable(ct: CtInput, path: Path) -> None:
    """Refuse, before any work is done, an image file that this CT cannot be written to.

    :raises InputError: extension, capitals in it, a name that 3D Slicer takes for something else, or NIfTI for a sheared grid.
    """
    if require_ending(path).startswith(".nii") and _shear_mm(ct.volume.geometry) > SAME_GEOMETRY_MM:
        tilted = "the axes of this CT, as of one with a tilted gantry, are not perpendicular"
        raise InputError(f"{path.name}: {tilted}, and programs that read NIfTI disagree on where such voxels lie: write .nrrd instead.")


def require_ending(path: Path) -> str:
    """The extension of an image file that can be written.

    :raises InputError: another one, capitals in it, or a name that 3D Slicer takes for something else.
    """
    extension = image_extension(path)
    if extension not in WRITABLE_EXTENSIONS:
        raise InputError(f"{path.name}: the output can be one of {', '.join(WRITABLE_EXTENSIONS)}, in a single file.")
    if extension != ".nrrd" and not path.name.endswith(extension):  # SimpleITK knows capitals of none, or as another format
        raise InputError(f"{path.name}: write the ending of the output in lower case, {extension}.")
    for ending, kind in _TAKEN_FOR.items():
        if path.name.lower().endswith(ending + extension):
            raise InputError(f"{path.name}: 3D Slicer takes a file of this name for {kind}: leave out {ending} before {extension}.")
    return extension


def _shear_mm(geometry: Geometry) -> float:
    """How far, in mm over the whole grid, the axes are from perpendicular."""
    axes = geometry.ijk_to_lps[:3, :3] / np.asarray(geometry.spacing)
    extent = max(n * s for n, s in zip(geometry.shape, geometry.sampling, strict=True))
    return float(np.abs(axes.T @ axes - np.eye(3)).max() * extent)


def sitk_image(volume: Volume) -> sitk.Image:
    """The volume as a SimpleITK image (voxels copied), with its shear if it has one."""
    array = volume.array.astype(np.uint8) if volume.array.dtype == bool else volume.array
    image = sitk.GetImageFromArray(array)
    spacing = np.asarray(volume.geometry.spacing)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((volume.geometry.ijk_to_lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(volume.geometry.ijk_to_lps[:3, 3].tolist())
    return image


def _write(result: Volume, partial: Path, path: Path) -> None:
    try:
        if image_extension(path) == ".nrrd" and can_write(result):
            write_nrrd(result, partial, COMPRESSION_LEVEL)
        else:
            plain = partial.with_name(f"image{image_extension(path)}")  # of "a.nii.nii.gz" the NIfTI library makes "a.nii.gz"
            sitk.WriteImage(sitk_image(result), str(plain), useCompression=True, compressionLevel=COMPRESSION_LEVEL)
            plain.replace(partial)
    except (RuntimeError, OSError) as error:
        raise OutputError(f"{path} could not be written (is the disk full?): nothing is left of it; make room and try again.") from error


def _require_same(result: Volume, partial: Path, path: Path) -> None:
    """What stands on the disk is what was meant; writers do not always say when the disk is full."""
    try:
        header = image_header(partial)
        same = holds(header, result.array) if can_be_compared(header) else _is_same(read_volume(partial).array, result.array)
    except InputError as error:
        raise OutputError(f"{path} could not be read back (is the disk full?): nothing is left of it; make room and try again.") from error
    if not same:
        raise OutputError(f"{path}: the voxels read back are not those written: nothing is left of it.")
    if not header.geometry.same_as(result.geometry):
        raise OutputError(f"{path}: this format does not hold the geometry of the CT: nothing is left of it; write .nrrd instead.")


def _is_same(again: np.ndarray, expected: np.ndarray) -> bool:
    return again.dtype == expected.dtype and np.array_equal(again, expected)
