"""A CT out to a NIfTI file, and label files back in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..core.errors import InputError
from ..core.segment import Segment
from ..core.volume import Volume, canonical_grid, resample
from ..input.images import read_volume
from .base import ProviderError


def write_nifti(ct: Volume, path: Path) -> None:
    """The CT as a NIfTI file; one on sheared axes (gantry tilt), which NIfTI readers misplace, is resampled to upright ones first."""
    if not ct.geometry.is_orthogonal:
        ct = resample(ct, canonical_grid(ct.geometry.corners(), min(ct.geometry.spacing)))
    matrix, spacing = ct.geometry.ijk_to_lps, np.asarray(ct.geometry.spacing)
    image = sitk.GetImageFromArray(np.asarray(ct.array, dtype=np.float32))
    image.SetSpacing([float(v) for v in spacing])
    image.SetOrigin([float(v) for v in matrix[:3, 3]])
    image.SetDirection([float(v) for v in (matrix[:3, :3] / spacing).ravel()])
    sitk.WriteImage(image, str(path), useCompression=path.name.endswith(".gz"))


def read_labels(path: Path, names: Mapping[int, str], origin: str) -> Iterator[Segment]:
    """The segments of a label file, one for each value in ``names`` that occurs.

    :raises ProviderError: the file is not there or cannot be read.
    """
    try:
        labels = read_volume(path)
    except InputError as error:
        raise ProviderError(f"its result cannot be read: {error}") from error
    for value, name in names.items():
        mask = labels.array == value
        if mask.any():
            yield Segment(name, labels.with_array(mask), origin)
