"""A face that is nobody's: the membrane over the curve with a random generic relief."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .polar import PolarRaster, signed_degrees
from .segment import BEFORE_MEMBRANE_MM, BEHIND_MEMBRANE_MM, Face


@dataclass(frozen=True)
class Feature:
    """A rounded elevation (or hollow) of the generic face, seen from between the ears.

    Position and width (standard deviation of the Gaussian) in degrees of azimuth and elevation, height over the membrane
    in mm, and how much height (mm) and position (degrees) vary from draw to draw. ``paired`` stands on both sides.
    """

    azimuth: float
    elevation: float
    width: tuple[float, float]
    height: float
    height_sd: float
    position_sd: float = 1.5
    paired: bool = False


#: Fitted by eye to the mean of skin minus membrane over 60 patients of the OpenKBP collection (Babier et al., Med Phys
#: 2021;48:5549): nose +15, chin +15, mouth +6, cheeks -3, orbits -15 mm. Raised where bone would break through the skin
#: (the 97th percentile of the mandible's front lies 8 mm before the membrane), and with shallow orbits.
FEATURES = (
    Feature(0, 8, (5.5, 7.5), 15.0, 3.0),
    Feature(0, -14, (12, 8), 8.0, 2.0),
    Feature(0, -29, (13, 7), 13.0, 2.0),
    Feature(15, 24, (7, 6), -9.0, 2.0, paired=True),
    Feature(0, 33, (22, 5), 4.0, 1.5),
    Feature(38, 2, (12, 14), 0.0, 3.0, paired=True),
)
#: Broad random swellings: standard deviation in mm, and correlation length (Gaussian sigma) in degrees.
SWELLING_MM = 3.5
SWELLING_DEGREES = 9.0
#: Relief fades in over so many degrees from the curve (about 2 mm each), so that the new skin meets the old one smoothly.
FADE_DEGREES = 14.0
#: Room (mm) for tissue behind the deepest and for air before the highest place of the new surface.
ROOM_BEHIND_MM = 5.0
ROOM_BEFORE_MM = 2.0


def random_surface(face: Face, random: np.random.Generator) -> np.ndarray:
    """Distance (mm) from the frame's origin to a new surface, on ``face.raster``.

    It depends on the curve (through ``face.membrane``), on the head's frame and on ``random``; the skin and the bone inside
    the curve are never read.
    """
    relief = generic_relief(face.raster, random) * face.frame.scale * fade(face)
    return face.membrane + np.clip(relief, ROOM_BEHIND_MM - BEHIND_MEMBRANE_MM, BEFORE_MEMBRANE_MM - ROOM_BEFORE_MM)


def generic_relief(raster: PolarRaster, random: np.random.Generator) -> np.ndarray:
    """Height (rows, columns) in mm of the mean face over the membrane: FEATURES and swellings, all at random."""
    directions = raster.directions()
    height = np.zeros(raster.shape)
    for feature in FEATURES:
        height += _drawn(feature, directions, random)
    noise = ndimage.gaussian_filter(random.standard_normal(raster.shape), SWELLING_DEGREES / raster.step, mode="reflect")
    return height + SWELLING_MM * noise / max(float(noise.std()), 1e-9)


def fade(face: Face) -> np.ndarray:
    """0 on the curve and outside, rising smoothly to 1 at FADE_DEGREES inside."""
    share = np.clip(signed_degrees(face.raster, face.inside) / FADE_DEGREES, 0.0, 1.0)
    return share**2 * (3 - 2 * share)


def _drawn(feature: Feature, directions: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One feature as it comes out of the draw; both sides of a pair are alike."""
    height = random.normal(feature.height, feature.height_sd)
    azimuth, elevation = random.normal((feature.azimuth, feature.elevation), feature.position_sd)
    width = np.array(feature.width) * random.uniform(0.85, 1.15, 2)
    out = np.zeros(directions.shape[:2])
    for side in (1, -1) if feature.paired else (1,):
        offset = (directions - (side * azimuth, elevation)) / width
        out += height * np.exp(-0.5 * (offset**2).sum(-1))
    return out
