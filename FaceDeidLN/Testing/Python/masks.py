"""A small grid, and masks on it as files."""

import numpy as np
import SimpleITK as sitk
from FaceDeidLNLib.core.geometry import Geometry

SHAPE = (9, 10, 11)


GRID = Geometry(SHAPE, np.array([[1.0, 0, 0, 5], [0, 1.5, 0, -7], [0, 0, 2, 30], [0, 0, 0, 1]]))


def blob(shape=SHAPE):
    mask = np.zeros(shape, dtype=bool)
    mask[3:5, 4:8, 2:6] = True
    mask[4, 4, 2] = False
    return mask


def write_mask(path, array, geometry=GRID, **metadata):
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.ijk_to_lps[:3, 3].tolist())
    for key, value in metadata.items():
        image.SetMetaData(key, str(value))
    sitk.WriteImage(image, str(path))
    return path
