"""What another object shows where the CTs of its frame of reference do not show the same body: there might be a face that nobody hid.

A frame of reference is what headers say. An image whose head lies elsewhere holds nothing of the face region, and all of a face.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ..core.geometry import Geometry
from ..core.volume import Volume, block_mean
from ..verify.coverage import SKIN_HU
from .family import DoubtError

#: Voxels (mm) of what is remembered of a CT, and of what is looked at in an image.
COARSE_MM = 6.0
#: Air, lungs too (HU).
MOST_AIR_HU = -700.0
#: Of all pairs of a place in the body and one in air the body is the brighter one in no less than this share (area under the ROC curve): of
#: PET- and MR-like images made of real CTs .995 and more at their place and 3 mm off it, .95 to .99 at 10 mm, .81 to .94 at 30 mm.
LEAST_ALIKE = 0.95
#: Two CTs whose places agree so much (correlation of values between these HU) show the same head at the same place: two kernels of a
#: clinical scan do to 0.999, with noise of 60 HU 4 heads to 0.995; 3 mm off it they do to 0.975 to 0.984, 5 mm off it to 0.964 at most.
LEAST_THE_SAME, LEAST_HU, MOST_HU = 0.985, -1000.0, 300.0
#: Fewer places than this say nothing.
FEWEST_PLACES = 200
#: Less than this volume (mm3), or less than this (mm) in the second of its extents, is too little for a face.
LEAST_MM3, LEAST_MM = 20_000.0, 50.0
#: What is drawn may lie so far (mm) outside a CT.
ROOM_MM = 15.0
#: The outline of the body lies no further (mm, median) than this from the skin.
MOST_OFF_MM = 12.0
#: Of the surface of something as large as a head no more than this share stands further than MOST_OFF_MM out of the body: none of a head at
#: its place, 2 % of one turned by 15 degrees, 5 % at 20, 9 to 28 % at 30 to 180.
MOST_OUT = 0.03
#: What lies to more than this share within so many mm of the skin outlines the body: 87 % of a head at its place, 70 % at 15 degrees, 65 %
#: at 20, 3 % of what lies 11 mm below the skin.
MOSTLY, AT_SKIN_MM = 0.5, 9.0


def remembered(ct: Volume) -> Volume:
    """A CT in coarse voxels: what it shows of the body, and where it ends."""
    return block_mean(ct, COARSE_MM)


def require_same_body(image: Volume, shown: Sequence[Volume]) -> None:
    """An image in which the face cannot be looked at shows the body where CTs (``remembered``) show it, and nowhere else.

    :raises DoubtError: it does not, or they show nothing of what it shows.
    """
    coarse = remembered(image)
    grid, hu = coarse.geometry, _hu_on(coarse.geometry, shown)
    body, air = _where_shown(coarse, hu)
    if min(len(body), len(air)) < FEWEST_PLACES:
        raise DoubtError("it shows what no CT of its frame of reference shows: a face may be in it")
    if _alike(body, air) < LEAST_ALIKE:
        raise DoubtError("it does not show the body where the CTs of its frame of reference show it: a face may be in it")
    level = (float(np.median(body)) + float(np.median(air))) / 2
    beyond = ndimage.binary_opening(np.isnan(hu) & (coarse.array > level))
    if beyond.sum() * grid.voxel_mm3 > LEAST_MM3 and _is_wide(grid.to_lps(np.argwhere(beyond))):
        raise DoubtError("it goes on where no CT of its frame of reference shows anything: a face may be there")


def is_confirmed(ct: Volume, shown: Sequence[Volume]) -> bool:
    """True where a CT shows, in a part that others (``remembered``) show as well, the body where they show it.

    Then its frame of reference is to be believed, and what it shows beyond them is what the headers say.
    """
    coarse = remembered(ct)
    body, air = _where_shown(coarse, _hu_on(coarse.geometry, shown))
    return min(len(body), len(air)) >= FEWEST_PLACES and _alike(body, air) >= LEAST_ALIKE


def _hu_on(grid: Geometry, shown: Sequence[Volume]) -> np.ndarray:
    """What CTs show (HU) in the voxels of a grid; NaN where none shows anything."""
    return _hu_at(grid.to_lps(np.argwhere(np.ones(grid.shape, dtype=bool))), shown).reshape(grid.shape)


def _where_shown(coarse: Volume, hu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An image's values where CTs show the body, and where they show air."""
    return coarse.array[hu > SKIN_HU], coarse.array[hu < MOST_AIR_HU]


def show_the_same(one: Volume, other: Volume) -> bool:
    """True where two CTs show the very same in the part that both show: kernels and phases of one scan, not the head of another day."""
    first = block_mean(one.crop(one.geometry.box_around(other.geometry.corners())), COARSE_MM)
    second = block_mean(other.crop(other.geometry.box_around(one.geometry.corners())), COARSE_MM)
    if min(first.array.size, second.array.size) < FEWEST_PLACES:
        return False
    grid = first.geometry
    there = second.at(grid.to_lps(np.argwhere(np.ones(grid.shape, dtype=bool))), np.nan)
    seen = ~np.isnan(there)
    here, there = np.clip((first.array.ravel()[seen], there[seen]), LEAST_HU, MOST_HU)
    if seen.sum() < FEWEST_PLACES or min(here.std(), there.std()) == 0.0:
        return False
    return float(np.corrcoef(here, there)[0, 1]) >= LEAST_THE_SAME


def require_in_view(name: str, points: np.ndarray, shown: Sequence[Volume]) -> None:
    """What is drawn at points (N, 3) in LPS mm lies where CTs (``remembered``) show something.

    :raises DoubtError: enough for a face lies elsewhere.
    """
    outside = np.ones(len(points), dtype=bool)
    for ct in shown:
        outside[outside] = ~ct.geometry.holds(ct.geometry.to_kji(points[outside]), -ROOM_MM)
    if _is_wide(points[outside]):
        raise DoubtError(f"{name} lies where no CT of its frame of reference shows anything: nobody knows what it follows")


def require_on_skin(name: str, points: np.ndarray, shown: Sequence[Volume]) -> None:
    """The outline of a body, points (N, 3) in LPS mm, lies on the skin that CTs (``remembered``) show.

    :raises DoubtError: it lies elsewhere.
    """
    off = np.abs(_depths(points, shown))
    if len(points) and not len(off):
        raise DoubtError(f"{name} lies where no CT of its frame of reference shows anything: it was drawn elsewhere")
    if len(off) and np.median(off) > MOST_OFF_MM:
        raise DoubtError(f"{name} lies {np.median(off):.0f} mm (median) from the skin that the CTs show: it was drawn elsewhere")


def require_in_body(name: str, points: np.ndarray, shown: Sequence[Volume]) -> None:
    """The surface of something as large as a head, points (N, 3) in LPS mm, stands nowhere far out of the body that CTs show.

    That of a head that is turned does, whatever its name is.

    :raises DoubtError: it does.
    """
    depths = _depths(points, shown)
    out = float(np.mean(depths < -MOST_OFF_MM)) if len(depths) else 0.0
    if out > MOST_OUT:
        raise DoubtError(f"{name} stands out of the body that the CTs show ({out:.0%} of its surface): it was drawn elsewhere")


def lies_on_skin(points: np.ndarray, shown: Sequence[Volume]) -> bool:
    """True where most of a surface, points (N, 3) in LPS mm, lies at the skin that CTs (``remembered``) show: it outlines the body."""
    depths = _depths(points, shown)
    return len(depths) > 0 and float(np.mean(np.abs(depths) < AT_SKIN_MM)) > MOSTLY


def _depths(points: np.ndarray, shown: Sequence[Volume]) -> np.ndarray:
    """Depth (M,) in mm below the skin, negative in front of it, of those of points (N, 3) that CTs show; of several the nearest to 0."""
    found = np.full(len(points), np.nan)
    for ct in shown:
        tissue = ndimage.binary_fill_holes(ct.array > SKIN_HU)
        sampling = ct.geometry.sampling
        depth = ndimage.distance_transform_edt(tissue, sampling) - ndimage.distance_transform_edt(~tissue, sampling)
        kji = ct.geometry.to_kji(points)
        inside = np.flatnonzero(ct.geometry.holds(kji))
        at = np.clip(np.rint(kji[inside]).astype(int), 0, np.array(ct.array.shape) - 1)
        new = depth[tuple(at.T)]
        nearer = np.isnan(found[inside]) | (np.abs(new) < np.abs(found[inside]))
        found[inside[nearer]] = new[nearer]
    return found[~np.isnan(found)]


def _hu_at(lps: np.ndarray, shown: Sequence[Volume]) -> np.ndarray:
    """HU (N,) of the first of the CTs that shows points (N, 3); NaN where none does."""
    hu = np.full(len(lps), np.nan, dtype=np.float32)
    for ct in shown:
        rest = np.flatnonzero(np.isnan(hu))
        hu[rest] = ct.at(lps[rest], np.nan)
    return hu


def _alike(body: np.ndarray, air: np.ndarray) -> float:
    """Area under the ROC curve of body against air."""
    ordered = np.sort(air)
    below, upto = (np.searchsorted(ordered, body, side=side) for side in ("left", "right"))
    return float(np.mean((below + upto) / (2.0 * len(ordered))))


def _is_wide(points: np.ndarray) -> bool:
    return len(points) > 0 and bool(np.sort(np.ptp(points, axis=0))[1] > LEAST_MM)
