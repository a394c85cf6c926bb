"""Image files of every format, type, orientation and unit, written and read by other means than the project's own."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import SimpleITK as sitk
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume

FORMATS = ("nrrd", "nrrd gzip", "nrrd big", "nhdr", "nii", "nii.gz", "nifti-2", "nii big", "mha", "mha packed", "mhd", "mha big")
TYPES = ("i2", "u2", "i4", "i8", "f4", "f8")
#: Order of the axes and their signs, in LPS.
ORIENTATIONS = {
    "LPS": ((0, 1, 2), (1, 1, 1)),
    "RAS": ((0, 1, 2), (-1, -1, 1)),
    "PIL": ((1, 2, 0), (1, -1, 1)),
    "SRA": ((2, 0, 1), (1, -1, -1)),
}
UNITS = {"mm": 1.0, "um": 1e-3, "m": 1e3}
DAMAGES = ("none", "shortened", "shortened inside", "header cut", "NaN", "not HU", "wrong unit")
_NRRD_TYPES = {"i2": "short", "u2": "ushort", "i4": "int", "i8": "int64", "f4": "float", "f8": "double"}
_META_TYPES = {"i2": "SHORT", "u2": "USHORT", "i4": "INT", "i8": "LONG_LONG", "f4": "FLOAT", "f8": "DOUBLE"}
_NIFTI_UNITS = {"mm": "mm", "um": "micron", "m": "meter"}


@dataclass(frozen=True)
class Recipe:
    """How one file is made."""

    kind: str
    dtype: str
    orientation: str
    unit: str
    damage: str

    @property
    def name(self) -> str:
        """A file name with the format's extension."""
        kind = self.kind.split()[0]
        return f"ct.{'nii' if kind == 'nifti-2' else kind}"


def recipes() -> Iterator[Recipe]:
    """Every whole file in millimetres, every unit, and every damage, of every format."""
    for kind, dtype, orientation in product(FORMATS, TYPES, ORIENTATIONS):
        yield Recipe(kind, dtype, orientation, "mm", "none")
    for kind, unit in product(FORMATS, ("um", "m")):
        yield Recipe(kind, "i2", "RAS", unit, "none")
    for kind, damage in product(FORMATS, DAMAGES[1:]):
        yield Recipe(kind, "f4" if damage == "NaN" else "i2", "LPS", "mm", damage)


def oriented(volume: Volume, orientation: str) -> Volume:
    """The same voxels at the same places, counted along other axes."""
    order, signs = ORIENTATIONS[orientation]
    array = volume.array.transpose([2 - axis for axis in order[::-1]])
    array = array[tuple(slice(None, None, sign) for sign in signs[::-1])]
    columns = volume.geometry.ijk_to_lps[:3, :3][:, list(order)] * signs
    size = np.array(array.shape[::-1])
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    matrix[:3, 3] = volume.geometry.ijk_to_lps[:3, 3] - columns @ np.where(np.array(signs) < 0, size - 1, 0)
    return Volume(np.ascontiguousarray(array), Geometry(array.shape, matrix))


def write_recipe(recipe: Recipe, ct: Volume, folder: Path) -> tuple[Path, Volume]:
    """The file, and what it holds."""
    volume = oriented(ct, recipe.orientation)
    array = volume.array.astype(recipe.dtype)
    if recipe.dtype == "u2":
        array = np.clip(volume.array, 0, None).astype("u2")
    if recipe.damage == "NaN":
        array[:, :2] = np.nan
    if recipe.damage == "not HU":
        array = array + np.array(3000, recipe.dtype)
    volume = Volume(array, volume.geometry)
    path = folder / recipe.name
    matrix = volume.geometry.ijk_to_lps.copy()
    matrix[:3] /= UNITS[recipe.unit]
    if recipe.damage == "wrong unit":
        matrix[:3] *= 1000.0
    write = _write_nifti if path.suffix in (".nii", ".gz") else _write_nrrd if path.suffix in (".nrrd", ".nhdr") else _write_meta
    write(path, array, matrix, recipe)
    _damage(path, recipe.damage)
    return path, volume


def _write_nifti(path: Path, array: np.ndarray, lps: np.ndarray, recipe: Recipe) -> None:
    kind = nibabel.Nifti2Image if recipe.kind == "nifti-2" else nibabel.Nifti1Image
    header = kind.header_class(endianness=">" if "big" in recipe.kind else "<")
    header.set_data_dtype(array.dtype)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps
    image = kind(array.T, affine, header)
    image.header.set_xyzt_units(_NIFTI_UNITS[recipe.unit])
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    nibabel.save(image, path)


def _write_nrrd(path: Path, array: np.ndarray, lps: np.ndarray, recipe: Recipe) -> None:
    big, packed = "big" in recipe.kind, "gzip" in recipe.kind
    vectors = " ".join(f"({','.join(repr(float(v)) for v in column)})" for column in lps[:3, :3].T)
    lines = ["NRRD0005", f"type: {_NRRD_TYPES[recipe.dtype]}", "dimension: 3", "space: left-posterior-superior"]
    lines += [f"sizes: {' '.join(str(n) for n in array.shape[::-1])}", f"space directions: {vectors}", "kinds: domain domain domain"]
    lines += [f"endian: {'big' if big else 'little'}", f"encoding: {'gzip' if packed else 'raw'}"]
    lines += [f"space origin: ({','.join(repr(float(v)) for v in lps[:3, 3])})"]
    lines += [] if recipe.unit == "mm" else [f'space units: "{recipe.unit}" "{recipe.unit}" "{recipe.unit}"']
    data = array.astype(array.dtype.newbyteorder(">" if big else "<")).tobytes()
    data = gzip.compress(data) if packed else data
    if path.suffix == ".nhdr":
        path.with_suffix(".raw").write_bytes(data)
        lines, data = [*lines, "data file: ct.raw"], b""
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + data)


def _write_meta(path: Path, array: np.ndarray, lps: np.ndarray, recipe: Recipe) -> None:
    big, packed = "big" in recipe.kind, "packed" in recipe.kind
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    numbers = {"TransformMatrix": (lps[:3, :3] / spacing).T.ravel(), "Offset": lps[:3, 3], "ElementSpacing": spacing}
    lines = ["ObjectType = Image", "NDims = 3", "BinaryData = True", f"BinaryDataByteOrderMSB = {big}", f"CompressedData = {packed}"]
    lines += [f"{name} = {' '.join(repr(float(v)) for v in values)}" for name, values in numbers.items()]
    lines += [] if recipe.unit == "mm" else [f"DistanceUnits = {recipe.unit}"]
    data = array.astype(array.dtype.newbyteorder(">" if big else "<")).tobytes()
    if packed:
        import zlib

        data = zlib.compress(data)
        lines += [f"CompressedDataSize = {len(data)}"]
    lines += [f"DimSize = {' '.join(str(n) for n in array.shape[::-1])}", f"ElementType = MET_{_META_TYPES[recipe.dtype]}"]
    lines += [f"ElementDataFile = {'ct.raw' if path.suffix == '.mhd' else 'LOCAL'}"]
    if path.suffix == ".mhd":
        path.with_suffix(".raw").write_bytes(data)
        data = b""
    path.write_bytes(("\n".join(lines) + "\n").encode() + data)


def _damage(path: Path, damage: str) -> None:
    """Cut a file short: at its end, within its compression, or in its header."""
    data = path.with_suffix(".raw") if path.with_suffix(".raw").exists() else path
    content = data.read_bytes()
    if damage == "shortened":
        data.write_bytes(content[: -len(content) // 5])
    elif damage == "shortened inside" and path.suffix == ".gz":
        data.write_bytes(gzip.compress(gzip.decompress(content)[:-300]))
    elif damage == "shortened inside":
        data.write_bytes(content[:-7])
    elif damage == "header cut":
        path.write_bytes(path.read_bytes()[:90])


def independently(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values (k, j, i) and the affine to LPS of a file, by nibabel, pynrrd or SimpleITK; units as in the file."""
    if path.name.endswith((".nii", ".nii.gz")):
        image = nibabel.load(path)
        values = image.get_fdata(dtype=np.float64) if image.dataobj.slope != 1 or image.dataobj.inter else np.asanyarray(image.dataobj)
        return values.reshape(values.shape[:3]).T, np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    if path.suffix in (".nrrd", ".nhdr"):
        array, header = nrrd.read(str(path))
        matrix = np.eye(4)
        matrix[:3, :3] = np.asarray(header["space directions"])[-3:].T
        matrix[:3, 3] = header["space origin"]
        return array.T, matrix
    image = sitk.ReadImage(str(path))
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image), matrix
