"""Volumes as files, written by other means than the project's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from FaceDeidLNLib.core.volume import Volume


def write_volume(volume: Volume, path: Path) -> Path:
    """Write a volume (orthogonal axes) with SimpleITK; returns the path."""
    image = sitk.GetImageFromArray(volume.array)
    matrix = volume.geometry.ijk_to_lps
    image.SetSpacing(volume.geometry.spacing)
    image.SetOrigin([float(v) for v in matrix[:3, 3]])
    image.SetDirection([float(v) for v in (matrix[:3, :3] / np.asarray(volume.geometry.spacing)).ravel()])
    sitk.WriteImage(image, str(path), useCompression=True)
    return path
