"""A face that is nobody's: the membrane over the curve with a random generic relief."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .apron import beyond_curve, share_of_height, smoothstep
from .membrane import harmonic_fill
from .polar import PolarRaster, signed_degrees
from .segment import Face
from .staying import shown_mm2


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


#: Nose (bridge and tip), lips, chin, orbits, brow and cheeks as heights over MEAN_HEAD, after the mean skin of 60 patients of
#: the OpenKBP collection (Babier et al., Med Phys 2021;48:5549): nose +15, chin +15, mouth +6, orbits -15 mm. Mouth and
#: chin are full enough for the bone below (97th percentile of the mandible's front: 8 mm before the membrane), and the chin stands so low
#: that the mandible's lower edge seldom comes through: 3 degrees higher it did in three times as many ml.
FEATURES = (
    Feature(0, 17, (4.5, 7), 10.0, 2.5),
    Feature(0, 7, (6, 4.5), 16.0, 3.0),
    Feature(0, -13, (14, 8), 9.5, 1.5),
    Feature(0, -12, (8, 2.5), 2.0, 0.7),
    Feature(0, -31, (13, 6), 11.5, 2.0),
    Feature(15, 23, (6.5, 5), -8.0, 1.5, paired=True),
    Feature(0, 32, (22, 4), 3.0, 1.0),
    Feature(33, 8, (10, 8), 2.0, 2.0, paired=True),
)
#: Distance (mm) from between the ears to the mean of the membranes of the same 60 patients, scaled to MEAN_HEAD_MM on
#: average: coefficients of a polynomial in (azimuth / 60 degrees)^m (elevation / 30 degrees)^n, by (m, n); rms error 0.7 mm.
MEAN_HEAD = {
    (0, 0): 106.6,
    (2, 0): -25.3,
    (4, 0): 4.7,
    (0, 1): 1.6,
    (0, 2): 6.2,
    (0, 3): 0.5,
    (2, 1): 1.5,
    (2, 2): -4.4,
}
MEAN_HEAD_MM = 101.2
#: How much the shape of the new head varies from draw to draw (standard deviation of coefficients, mm), as much as from patient to patient
#: (3.5, 2.1, 0.9 and 2.5) or more. More of it still makes stranger faces, which lie further from the head's.
VARIATION = {(2, 0): 3.3, (0, 1): 3.0, (0, 2): 2.7, (2, 1): 2.7, (1, 0): 2.1, (1, 1): 1.5}
#: The new head's size is drawn (standard deviation), so full that the bone of nearly everybody lies below the surface and the limits
#: below are seldom met. Of an adult's own size (within ADULT of the mean) nothing is kept: head size told persons apart.
SIZE_SD = 0.025
FULLNESS = 1.1
#: The forehead need not be so full: its bone lies deeper. From one elevation (degrees) to the other this share of the distance goes.
FOREHEAD, FOREHEAD_ELEVATION = 0.055, (12.0, 34.0)
#: An adult's head is no more than this share larger or smaller than the mean.
ADULT = 0.2
#: The new face looks elsewhere than the old one: its features are turned together (standard deviations in degrees of azimuth
#: and elevation), so that who lays a head onto the new nose and chin misses the skin that stayed around them.
POSE_DEGREES = (2.5, 2.5)
#: Where more than so much (mm2) of what stays (bone above all) would stand out from a new head, it is larger by the next of these shares:
#: the chin's lower edge came through in most draws of large heads. They are few and coarse, so that little is told of the bone, and what
#: lies below these elevations (degrees: from, to) grows by itself: heads that grew as a whole told more (AUC 0.57 and 0.60; so 0.54).
GROWTHS = (0.04, 0.08, 0.12)
LOWER_ELEVATION = (-16.0, -28.0)
SHOWN_MM2 = 100.0
#: Broad random swellings: standard deviation in mm, and correlation length (Gaussian sigma) in degrees.
SWELLING_MM = 3.5
SWELLING_DEGREES = 12.0
#: The old skin goes over into the new one within so many degrees from the curve (2 mm each), without an edge at either end. The longer,
#: the more of the face's shape is handed on by the curve: a model that learned from results of 60 patients found AUC 0.58 with 5 degrees,
#: and 0.59 to 0.65 (four sets of draws) with 7 and a head less full.
FADE_DEGREES = 5.0
#: Where it runs out beyond the curve it is rounded off over so many degrees (Gaussian sigma), from so far within.
ROUND_DEGREES, ROUNDED_WITHIN = 5.0, 10.0
#: It ends so far (mm) below the old skin, which it knows to a millimetre only: no step is seen there.
SUNK_MM = 1.5
#: The distance from the curve is smoothed over so many degrees (Gaussian sigma): the corners of its raster would show as terraces.
SMOOTH_DEGREES = 1.0
#: The new head (without features) is nowhere further (mm) behind the membrane, and nowhere further in front of it, without and with
#: its features: the face segment reaches little further. Up to this share of a limit nothing is bent. Where a limit is
#: met the membrane shows, and with it the old face: limits of 6, 22 and 29 mm, bent from 0.65 on, handed on a fifth of any change of the
#: membrane (two patients and the phantom); a test holds these below 0.13 in the phantom.
LOWEST_MM = 10.0
HEAD_HIGHEST_MM = 36.0
HIGHEST_MM = 39.0
UNBENT = 0.85


def random_surface(face: Face, random: np.random.Generator) -> np.ndarray:
    """Distance (mm) from the frame's origin to a new surface, on ``face.raster``.

    It depends on the curve and the skin around it (through ``face.membrane``), on the head's frame and on ``random``; the skin inside the
    curve is never read, and of the bone and all else that stays no more than which of GROWTHS lets it come through. Only near the curve
    does it follow the membrane; further in it is a head drawn at random, of which the curve gives no more than the size of a child's or a
    giant's head. Beyond the curve it runs out on the old skin.
    """
    if not face.inside.any():
        return face.membrane
    head = drawn_size(face, random) * generic_head(face.raster, random)
    pose = random.normal(0.0, POSE_DEGREES)
    features = sum(_drawn(feature, face.raster.directions() - pose, random) for feature in FEATURES)
    return _before_what_stays(lambda size: _run_out(_within_limits(size * head, features, face.membrane), face), face)


def _before_what_stays(drawn: Callable[[np.ndarray], np.ndarray], face: Face) -> np.ndarray:
    """The surface (mm) that is ``drawn`` for the least sizes from which no more than SHOWN_MM2 of what stays stands out.

    Chin and lower jaw have a size of their own. What stands out from the largest, too, makes none larger.
    """
    from_, to = LOWER_ELEVATION
    lower = smoothstep((face.raster.directions()[..., 1] - from_) / (to - from_))
    size = np.ones(lower.shape)
    surface = drawn(size)
    for part in (lower, 1.0 - lower):
        if shown_mm2(surface, face, part > 0.5) <= SHOWN_MM2:
            continue
        sizes = [size + growth * part for growth in (0.0, *GROWTHS)]
        surfaces = [surface, *map(drawn, sizes[1:])]
        shown = np.array([shown_mm2(one, face, part > 0.5) for one in surfaces])
        least = int(np.argmax(shown <= shown.min() + SHOWN_MM2))
        size, surface = sizes[least], surfaces[least]
    return surface


def _within_limits(head: np.ndarray, features: np.ndarray, membrane: np.ndarray) -> np.ndarray:
    """Distance (mm) to a ``head`` (mm) with its ``features`` (mm higher or lower), bent back where it leaves the membrane too far."""
    height = head - membrane
    height = np.where(height < 0, _limited(height, LOWEST_MM), _limited(height, HEAD_HIGHEST_MM))
    return membrane + _limited(height + features, HIGHEST_MM)


def _run_out(new: np.ndarray, face: Face) -> np.ndarray:
    """A new face (mm, on ``face.raster``) as it ends at the curve, or runs out beyond it where it stands out from the old skin.

    Beyond the curve it goes on as high over the skin as a membrane over its own border; there and just within it is rounded off.
    """
    directions, fine = face.raster.directions(), PolarRaster()
    degrees = ndimage.gaussian_filter(signed_degrees(fine, face.curve.inside(fine)), SMOOTH_DEGREES / fine.step)
    degrees = fine.sample(degrees, directions)
    beyond = beyond_curve(directions[..., 1], face.curve.run_out)
    new = face.membrane + harmonic_fill(new - face.membrane, ~face.inside)
    rounded = ndimage.gaussian_filter(new, ROUND_DEGREES / face.raster.step, mode="nearest")
    is_long = np.minimum(beyond / max(face.curve.run_out, 1.0), 1.0)
    height = new + (rounded - new) * smoothstep(1.0 - degrees / ROUNDED_WITHIN) * is_long - face.membrane
    hollow, raised = share_of_height(degrees, FADE_DEGREES), share_of_height(degrees, FADE_DEGREES, beyond)
    share = np.where(height > 0, raised, np.where(face.inside, hollow, 0.0))
    return face.membrane + height * share - np.where(face.inside, 0.0, SUNK_MM * is_long * (1.0 - share))


def drawn_size(face: Face, random: np.random.Generator) -> float:
    """Size of the new head over MEAN_HEAD: drawn for an adult, near its own where it is far from an adult's."""
    own = float(face.membrane[face.inside].mean()) / MEAN_HEAD_MM
    hidden = float(np.clip(own - 1.0, -ADULT, ADULT))
    return (own - hidden) * random.normal(FULLNESS, SIZE_SD)


def _limited(values: np.ndarray, limit: np.ndarray | float) -> np.ndarray:
    """Values that approach plus or minus ``limit`` smoothly and never pass it, and are themselves up to UNBENT of it."""
    limit = np.maximum(limit, 1e-6)
    free, size = UNBENT * limit, np.abs(values)
    bent = free + (limit - free) * np.tanh((size - free) / (limit - free))
    return np.sign(values) * np.where(size < free, size, bent)


def generic_head(raster: PolarRaster, random: np.random.Generator) -> np.ndarray:
    """Distance (rows, columns) in mm to the skin of a head that is nobody's: MEAN_HEAD, its variation and swellings, without features."""
    directions = raster.directions()
    across, up = np.clip(directions[..., 0] / 60, -1.3, 1.3), np.clip(directions[..., 1] / 30, -1.5, 1.5)
    powers = dict.fromkeys((*MEAN_HEAD, *VARIATION))
    drawn = {power: MEAN_HEAD.get(power, 0.0) + random.normal(0.0, VARIATION.get(power, 0.0)) for power in powers}
    distance = sum(value * across**m * up**n for (m, n), value in drawn.items())
    low, high = FOREHEAD_ELEVATION
    distance *= 1.0 - FOREHEAD * smoothstep((directions[..., 1] - low) / (high - low))
    return distance + SWELLING_MM * smooth_noise(raster, SWELLING_DEGREES, random)


def smooth_noise(raster: PolarRaster, degrees: float, random: np.random.Generator) -> np.ndarray:
    """Noise of deviation 1 on a raster (rows, columns), correlated over so many degrees (Gaussian sigma)."""
    noise = ndimage.gaussian_filter(random.standard_normal(raster.shape), degrees / raster.step, mode="reflect")
    return noise / max(float(noise.std()), 1e-9)


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
