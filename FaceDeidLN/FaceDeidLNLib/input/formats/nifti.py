"""NIfTI-1 and NIfTI-2 headers (.nii, .nii.gz), after nifti1.h and nifti2.h of https://nifti.nimh.nih.gov."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.errors import InputError
from ...core.geometry import Geometry
from .header import MAX_HEADER_BYTES, ImageHeader, damaged

#: Largest distance in mm between what qform and sform say; both are written with rounding.
SAME_PLACE_MM = 0.1
#: Axes that are further from perpendicular than that (mm over the whole grid) are sheared.
STRAIGHT_MM = 1e-3
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_OTHER_TYPES = {32: "complex", 128: "RGB", 1536: "float128", 1792: "complex128", 2048: "complex256", 2304: "RGBA"}
#: Unit codes of xyzt_units (its lowest three bits) in mm; 0 is not told, and means mm.
_UNITS = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
#: After the header four bytes tell whether extensions follow; voxels never begin before.
_EXTENDER = 4
_LPS = np.array([[-1.0], [-1.0], [1.0]])


@dataclass(frozen=True)
class _Layout:
    """Where things stand in the header of one version: offset and struct code."""

    magic: tuple[int, str]
    dim: tuple[int, str]
    datatype: tuple[int, str]
    pixdim: tuple[int, str]
    vox_offset: tuple[int, str]
    scale: tuple[int, str]
    units: tuple[int, str]
    codes: tuple[int, str]
    quaternion: tuple[int, str]
    sform: tuple[int, str]


_LAYOUTS = {
    348: _Layout(
        (344, "4s"), (40, "8h"), (70, "h"), (76, "8f"), (108, "f"), (112, "2f"), (123, "B"), (252, "2h"), (256, "6f"), (280, "12f")
    ),
    540: _Layout(
        (4, "4s"), (16, "8q"), (12, "h"), (104, "8d"), (168, "q"), (176, "2d"), (500, "i"), (344, "2i"), (352, "6d"), (400, "12d")
    ),
}


def read_nifti_header(path: Path) -> ImageHeader:
    """The header of a NIfTI file.

    :raises InputError: damaged, colours or complex numbers, no place in the patient or two different ones.
    """
    packed = path.name.lower().endswith(".gz")
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            head = file.read(540)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} cannot be read ({error}): it is truncated or damaged, get it again.") from error
    try:
        return _header(path, head, packed)
    except (struct.error, ValueError, OverflowError) as error:
        raise damaged(path, error) from error


def _header(path: Path, head: bytes, packed: bool) -> ImageHeader:
    order, length = _version(path, head)
    told = {name: struct.unpack_from(order + code, head, at) for name, (at, code) in vars(_LAYOUTS[length]).items()}
    kind = told["datatype"][0]
    if kind in _OTHER_TYPES:
        raise InputError(f"{path.name} has {_OTHER_TYPES[kind]} voxels: a CT has one number per voxel, give a scalar image.")
    if kind not in _TYPES:
        raise ValueError(f"voxels of the type {kind}")
    count = told["dim"][0]
    sizes = tuple(int(n) for n in told["dim"][1 : 1 + count]) if 1 <= count <= 7 else ()
    if not sizes or min(sizes) < 1:
        raise ValueError(f"size {told['dim']}")
    if count < 3:
        raise InputError(f"{path.name} is no 3-D volume (its size is {' x '.join(str(n) for n in sizes)}): give one 3-D image.")
    unit = _UNITS.get(told["units"][0] & 7)
    if unit is None:
        raise ValueError(f"unit of length {told['units'][0] & 7}")
    offset = float(told["vox_offset"][0])
    if not length + _EXTENDER <= offset <= MAX_HEADER_BYTES or not offset.is_integer():
        raise InputError(f"{path.name} does not say where its voxels begin (byte {offset:g}): save it again, with Slicer perhaps.")
    slope, intercept = told["scale"]
    if not np.isfinite(slope) or slope == 0.0:
        slope, intercept = 1.0, 0.0
    if not np.isfinite(intercept):
        raise ValueError(f"scl_inter {intercept}")
    matrix = _place(path, told, sizes[2::-1], unit)
    dtype = np.dtype(order + _TYPES[kind])
    return ImageHeader(path, path, dtype, sizes, (0, 1, 2), matrix, int(offset), 0, 31 if packed else 0, (slope, intercept))


def _version(path: Path, head: bytes) -> tuple[str, int]:
    """Byte order, and the length of the header, by which its layout is known."""
    for order in "<>":
        length = struct.unpack_from(order + "i", head)[0] if len(head) >= 348 else 0
        if length in _LAYOUTS and len(head) >= length:
            magic = struct.unpack_from("4s", head, _LAYOUTS[length].magic[0])[0]
            if magic[:3] in (b"ni1", b"ni2"):
                raise InputError(f"{path.name} has its voxels in another file (.img): save it as one .nii.gz or .nrrd.")
            if magic[:3] in (b"n+1", b"n+2"):
                return order, length
    raise InputError(f"{path.name} has no NIfTI header: it is truncated or damaged, or of another kind.")


def _place(path: Path, told: dict[str, tuple], shape: tuple[int, ...], unit: float) -> np.ndarray:
    """From (i, j, k) to LPS mm: sform and qform where both are told must agree."""
    qform_code, sform_code = told["codes"]
    if qform_code <= 0 and sform_code <= 0:
        raise InputError(f"{path.name} does not say how the patient lies (no qform, no sform): save it with its orientation, or as .nrrd.")
    forms = []
    if sform_code > 0:
        forms.append(np.array(told["sform"], dtype=float).reshape(3, 4))
    if qform_code > 0:
        forms.append(_qform(told["quaternion"], told["pixdim"]))
    if not np.isfinite(forms).all():
        raise ValueError("a place that is no number")
    grids = [Geometry(tuple(shape), np.vstack([form * _LPS * unit, [0.0, 0.0, 0.0, 1.0]])) for form in forms]
    if len(grids) == 2 and not grids[0].same_as(grids[1], SAME_PLACE_MM):
        raise InputError(f"{path.name} tells two different places (its qform and sform differ): save it with one, or as .nrrd.")
    straight = [grid for grid in grids if _shear_mm(grid) <= STRAIGHT_MM]
    return (straight or grids)[0].ijk_to_lps if straight else _straightened(grids[0])


def _qform(numbers: tuple[float, ...], pixdim: tuple[float, ...]) -> np.ndarray:
    """The matrix (3, 4) to RAS of a unit quaternion without its first part, and an offset ("method 2" of nifti1.h)."""
    b, c, d, *offset = (float(value) for value in numbers)
    rest = 1.0 - (b * b + c * c + d * d)
    if rest < -1e-5:
        raise ValueError("a qform that is no rotation")
    if rest < 1e-7:  # as nifti1.h says: a turn by 180 degrees, whose rounding would be seen
        b, c, d = np.array([b, c, d]) / np.sqrt(b * b + c * c + d * d)
        a = 0.0
    else:
        a = np.sqrt(rest)
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    steps = np.abs(np.array(pixdim[1:4], dtype=float))  # a sign says nothing there, as nibabel and ITK have it
    if not np.all(steps > 0):
        raise ValueError(f"voxels of {steps.tolist()}")
    return np.column_stack([turn * (steps * (1.0, 1.0, -1.0 if pixdim[0] < 0 else 1.0)), offset])


def _shear_mm(grid: Geometry) -> float:
    """How far, in mm over the whole grid, the axes are from perpendicular."""
    steps = np.asarray(grid.spacing)
    if not np.all(steps > 0):
        raise ValueError(f"voxels of {steps.tolist()}")
    axes = grid.ijk_to_lps[:3, :3] / steps
    return float(np.abs(axes.T @ axes - np.eye(3)).max() * max(n * s for n, s in zip(grid.shape, grid.sampling, strict=True)))


def _straightened(grid: Geometry) -> np.ndarray:
    """The affine; where it is sheared by rounding alone, with perpendicular axes (the polar decomposition's)."""
    matrix, steps = grid.ijk_to_lps.copy(), np.asarray(grid.spacing)
    left, _, right = np.linalg.svd(matrix[:3, :3] / steps)
    matrix[:3, :3] = left @ right * steps
    return matrix if grid.same_as(Geometry(grid.shape, matrix), SAME_PLACE_MM) else grid.ijk_to_lps
