"""Raised letters on the new surface, which every 3-D rendering shows: the result tells by itself that it is not the original."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import vtkmodules.vtkRenderingFreeType  # noqa: F401  without it the text renderer draws nothing
from scipy import ndimage
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkTextProperty, vtkTextRenderer

from ...core.errors import InputError
from ...core.parameters import require_watermark
from ...core.volume import Volume
from ...face.polar import signed_degrees, skin_distance, to_polar
from ...face.segment import Face
from .texture import soft_statistics

#: How far (mm) the letters stand out, at least, and in voxels: less would be lost in the rounding of coarse voxels.
RELIEF_MM, RELIEF_VOXELS = 3.0, 0.8
#: The text keeps this distance (degrees; 2 mm each) from the border, and is no higher than that (degrees). A letter with fewer voxels
#: from foot to head, or that is lower (mm), cannot be read.
RIM_DEGREES, HIGHEST_DEGREES = 2.5, 16.0
FEWEST_VOXELS, LOWEST_MM = 9.0, 10.0
#: The letters stand on the new surface with its hollows up to that wide (degrees) closed, as orbits after ``mask``, and smoothed a little.
HOLLOW_DEGREES, SMOOTH_DEGREES = 26.0, 2.0
#: The surface is where tissue meets air (HU), as in a rendering.
SURFACE_HU = -400.0
#: Rows of the picture of the text, before it is laid onto the face.
FONT_PX, DPI = 60, 72


@dataclass(frozen=True, eq=False)
class Lettering:
    """Text laid onto the face: ``picture`` (rows, columns) in 0..1, the upper row first, over a window of directions in degrees."""

    picture: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def at(self, directions: np.ndarray) -> np.ndarray:
        """How much of a letter (0..1, (N,)) is at directions (N, 2) in degrees; 0 beyond the text."""
        rows, columns = self.picture.shape
        share = (directions - self.low) / (self.high - self.low)
        place = np.stack([(1 - share[:, 1]) * rows - 0.5, share[:, 0] * columns - 0.5])
        return ndimage.map_coordinates(self.picture, place, order=1, mode="constant", cval=0.0)


def stamped(values: np.ndarray, ct: Volume, face: Face, text: str) -> np.ndarray:
    """``values`` (HU, the face segment's box) with the text raised on their surface; only voxels of the segment get letters.

    After the watermark of MiDeFace (FreeSurfer 7.3). Raises InputError where the region has no room for it.
    """
    after = ct.array[face.segment.box.slices].astype(np.float32)
    after[face.segment.array] = values[face.segment.array]
    grid = ct.geometry.crop(face.segment.box)
    lettering = laid_on(text_picture(text), face, max(ct.geometry.spacing))
    surface = _smooth_surface(Volume(after - np.float32(SURFACE_HU), grid), face)
    at = np.argwhere(face.segment.array)
    directions, distance = to_polar(face.frame, grid.to_lps(at))
    relief = max(RELIEF_MM, RELIEF_VOXELS * max(ct.geometry.spacing))
    top = face.raster.sample(surface, directions) + relief * lettering.at(directions)
    letter = (lettering.at(directions) > 0.5) & (distance < top) & (distance > top - 2 * relief)
    tissue, _ = soft_statistics(ct.array[face.segment.box.slices], face.segment.array)
    out = values.copy()
    chosen = tuple(at[letter].T)
    out[chosen] = np.maximum(out[chosen], tissue)
    return out


def _smooth_surface(after: Volume, face: Face) -> np.ndarray:
    """Distance (rows, columns) in mm to the result's outermost tissue inside the curve, hollows closed; ``after`` is positive in tissue."""
    known = face.inside.ravel()
    surface = face.skin.copy().ravel()
    found = skin_distance(after, face.frame, face.raster.directions().reshape(-1, 2)[known])
    surface[known] = np.where(np.isnan(found), face.membrane.ravel()[known], found)
    surface = surface.reshape(face.raster.shape)
    weight = face.inside.astype(float)
    sigma = SMOOTH_DEGREES / face.raster.step
    closed = ndimage.grey_closing(ndimage.median_filter(surface, 3), size=2 * round(HOLLOW_DEGREES / face.raster.step / 2) + 1)
    blurred = ndimage.gaussian_filter(closed * weight, sigma)
    mean = blurred / np.maximum(ndimage.gaussian_filter(weight, sigma), 1e-6)
    return np.where(face.inside, np.maximum(mean, closed), surface)


def laid_on(picture: np.ndarray, face: Face, spacing_mm: float) -> Lettering:
    """The largest place inside the curve in which the text fits, near the midline.

    Raises InputError where letters that can be read with voxels of that size fit nowhere.
    """
    room = signed_degrees(face.raster, face.inside) >= RIM_DEGREES
    step, ratio = face.raster.step, picture.shape[1] / picture.shape[0]
    directions = face.raster.directions()
    usual_mm = float(np.median(face.membrane[face.inside]))
    lowest = np.degrees(max(LOWEST_MM, FEWEST_VOXELS * spacing_mm) / usual_mm)
    for height in np.arange(HIGHEST_DEGREES, lowest, -step / 2):
        size = np.array([height, height * ratio])
        cells = np.maximum(1, np.ceil(size / step)).astype(int)
        if np.any(cells >= room.shape):
            continue
        fits = ndimage.minimum_filter(room, size=tuple(cells), mode="constant", cval=False)
        if fits.any():
            places = directions[fits]
            centre = places[np.argmin(np.abs(places[:, 0]) - 1e-3 * places[:, 1])]
            return Lettering(picture, centre - size[::-1] / 2, centre + size[::-1] / 2)
    raise InputError("The region and these voxels leave no room for a watermark that can be read: shorten it, or leave it out.")


def text_picture(text: str) -> np.ndarray:
    """The text as a picture (rows, columns; 0..1), bold, cut to its letters; the upper row first.

    :raises InputError: it cannot be drawn.
    """
    require_watermark(text)
    style, image, used = vtkTextProperty(), vtkImageData(), [0, 0]
    style.SetFontSize(FONT_PX)
    style.SetFontFamilyToArial()
    style.BoldOn()
    if not text.strip() or not vtkTextRenderer.GetInstance().RenderString(style, text, image, used, DPI):
        raise InputError(f"The watermark '{text}' cannot be drawn.")
    columns, rows, _ = image.GetDimensions()
    alpha = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, -1] / 255.0
    inked = np.argwhere(alpha > 0.5)
    low, high = inked.min(0), inked.max(0) + 1
    return np.pad(alpha[low[0] : high[0], low[1] : high[1]], 2)
