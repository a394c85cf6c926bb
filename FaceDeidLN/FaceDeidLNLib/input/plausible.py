"""Is it a CT in HU? Image files carry no modality, so their values have to answer."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..core.errors import InputError, NotHounsfieldError
from ..core.geometry import Geometry
from ..core.volume import AIR_HU, BELOW_AIR_HU, Volume
from .case import Calibration
from .padding import bright_corners, corner_value

#: Fewer slices than this are a scout or a fragment; a 40 mm chin in 5 mm slices has as many.
MIN_SLICES = 8
#: Air and soft tissue in HU, wide enough for noise, streaks and the calibration of any scanner.
AIR_HU_RANGE = (-1150.0, -850.0)
TISSUE_HU_RANGE = (-250.0, 250.0)
#: Least share of the voxels that is air, and that is soft tissue, in a CT that holds skin.
MIN_SHARE = 0.005
#: What lies below air is no tissue: padding, or numbers that are not HU. Padding is one single value, but a resampled file has blends of
#: it and of what it borders on: so many voxels, or so many times the padding's.
MAX_BELOW_AIR_SHARE, MOST_BLENDS = 0.02, 0.5
#: Heaps of values are looked for in so many bins; one counts from this share of the largest on, and the values have so many steps.
BINS, LEAST_HEAP, LEAST_STEPS = 256, 0.02, 100.0
#: So many bins are left empty below the lowest values.
EMPTY_BINS = 12
#: Where everything but the patient is padding, the two heaps are fat and muscle, no further apart.
FAT_TO_MUSCLE = 250.0
#: What lies above is no air; half of a patient's voxels above it are soft tissue.
SOLID_HU = -500.0
#: Soft tissue of a head in HU: muscle, brain and fat together.
TISSUE_HU = 30.0
#: Voxels of any CT, from the finest cone beam to thick old slices (mm).
VOXEL_MM = (0.05, 25.0)
#: A CT has no more voxels (1024 x 1024 x 1024), is no longer than a tall patient, and no wider than the widest gantry (mm).
MOST_VOXELS, LONGEST_MM, WIDEST_MM = 1 << 30, 2500.0, 1000.0
#: No patient lies further (mm) from where his coordinates begin.
FARTHEST_MM = 1e5
#: Above this size (bytes) a CT that shrinks to less than this share of it is none: noise does not shrink.
LARGE_BYTES, LEAST_SHARE = 1 << 28, 1 / 100
#: The statistics look at about this many voxels.
_SAMPLE = 1_000_000


def require_grid(geometry: Geometry, name: str) -> None:
    """Refuse a grid that no CT has; nothing but the header is needed.

    :raises InputError: voxels that are not of a millimetre's order, more voxels or a wider view than any CT has.
    """
    steps, size = geometry.spacing, geometry.shape[::-1]
    wrong = [step for step in steps if not VOXEL_MM[0] <= step <= VOXEL_MM[1]]
    if wrong:
        raise InputError(f"{name} has voxels that are {wrong[0]:g} mm wide: the file is not in millimetres, save it with its true spacing.")
    if not np.all(np.abs(geometry.ijk_to_lps[:3, 3]) <= FARTHEST_MM):
        raise InputError(
            f"{name} lies more than {FARTHEST_MM / 1000:g} m from where its coordinates begin: its header is wrong, get it again."
        )
    extent = sorted(n * step for n, step in zip(size, steps, strict=True))
    if np.prod(size, dtype=object) > MOST_VOXELS or extent[2] > LONGEST_MM or extent[1] > WIDEST_MM:
        told = f"{' x '.join(str(n) for n in size)} voxels, {' x '.join(f'{mm:.0f}' for mm in extent)} mm"
        raise InputError(f"{name} is larger than any CT ({told}): its header is wrong, or it is no CT.")


def require_content(stored: int, promised: int, name: str) -> None:
    """Refuse, by the bytes that are stored, what promises more bytes of voxels than a CT can be shrunk from.

    :raises InputError: it does.
    """
    if promised > LARGE_BYTES and stored < LEAST_SHARE * promised:
        size = f"{promised / 2**20:.0f} MB"
        raise InputError(f"{name} is much too small for the {size} that it says it holds: no CT shrinks so, get it again.")


def require_ct(volume: Volume, name: str, outside: np.ndarray | None = None) -> None:
    """Refuse a volume that cannot be a head CT in HU; ``outside`` (bool) is padding that was taken for air.

    :raises InputError: fewer than 8 slices, NaN or infinite values.
    :raises NotHounsfieldError: values that cannot be HU (an MR, stored values without the rescale, normalised intensities).
    """
    array = volume.array
    require_grid(volume.geometry, name)
    if min(array.shape) < MIN_SLICES:
        raise InputError(f"{name} has only {min(array.shape)} slices: a scout or fragment has no face to work on, give the axial series.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN or infinite values: replace them by -1000 HU (air) and try again.")
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name} has {array.dtype} voxels, which cannot hold HU: give the CT itself.")
    reason = _why_no_ct(volume, outside)
    if reason:
        raise NotHounsfieldError(f"{name} does not look like a CT in Hounsfield units ({reason}): {_advice(_measured(volume, outside))}.")


def calibration_of(volume: Volume, outside: np.ndarray | None = None) -> Calibration | None:
    """What makes HU of values that are none, as those of a cone beam; None where they are HU, or where no calibration can be told.

    Air and soft tissue have to lie in two heaps. ``outside`` (bool) is padding, which tells nothing.
    """
    if volume.array.dtype.kind not in "iuf" or not _why_no_ct(volume, outside):
        return None
    heaps = _two_heaps(_measured(volume, outside))
    return None if heaps is None else _calibration(*heaps)


def _calibration(air: float, tissue: float) -> Calibration:
    """Slope and offset, rounded to what two heaps can tell, that take air and soft tissue to their HU."""
    slope = float(f"{(TISSUE_HU - AIR_HU) / (tissue - air):.3g}")
    return Calibration(slope, float(round(TISSUE_HU - slope * tissue)))


def _sample(array: np.ndarray) -> np.ndarray:
    """About a million voxels, spread evenly."""
    step = max(1, int((array.size / _SAMPLE) ** (1 / 3)))
    return np.asarray(array[::step, ::step, ::step], dtype=np.float32).ravel()


def _measured(volume: Volume, outside: np.ndarray | None) -> np.ndarray:
    """The sample without padding."""
    values, outside = _sample(volume.array), bright_corners(volume.array) if outside is None else outside
    return values if outside is None else values[_sample(outside) == 0]


def _why_no_ct(volume: Volume, outside: np.ndarray | None = None) -> str:
    """Why a volume's values cannot be HU; empty where they can."""
    values = _sample(volume.array)
    share = {what: np.mean((values >= low) & (values <= high)) for what, (low, high) in _RANGES.items()}
    if share["air"] < MIN_SHARE:
        return f"hardly any voxel is near -1000, as air is; the values run from {values.min():.5g} to {values.max():.5g}"
    if share["tissue"] < MIN_SHARE:
        return f"hardly any voxel is near 0, as soft tissue is; the values run from {values.min():.5g} to {values.max():.5g}"
    below = values[values < BELOW_AIR_HU]
    other = below[below != _commonest(below)] if below.size else below
    if other.size > max(MAX_BELOW_AIR_SHARE * values.size, MOST_BLENDS * (below.size - other.size)):
        return f"{100 * other.size / values.size:.0f} % of the voxels are below air; the values run down to {values.min():.5g}"
    measured = _measured(volume, outside)
    if measured.size < values.size and (spread := _spread(measured))[1] - spread[0] < LEAST_STEPS:
        return f"all but the padding lies between {spread[0]:.3g} and {spread[1]:.3g}"
    if measured.size < values.size and not TISSUE_HU_RANGE[0] <= (middle := _middle_of_solid(measured)) <= TISSUE_HU_RANGE[1]:
        return f"its soft tissue lies near {middle:.0f} and not near 0, as in stored values without their rescale"
    looked_at = [(values, 0.0), (measured, FAT_TO_MUSCLE)] if measured.size < values.size else [(values, 0.0)]
    for seen, apart in looked_at:
        heaps = _two_heaps(_without_dark_padding(seen[seen >= BELOW_AIR_HU], volume.array))
        if heaps is not None and heaps[1] - heaps[0] > apart and not AIR_HU_RANGE[0] <= heaps[0] <= AIR_HU_RANGE[1]:
            return f"its air lies near {heaps[0]:.0f} and not near -1000"
    return ""


def _without_dark_padding(values: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Values without the one that fills all corners and reads as less than air, as of a cone beam's outside once it is calibrated."""
    corner = corner_value(array)
    return values if corner is None or corner >= AIR_HU_RANGE[0] else values[values != np.float32(corner)]


def _advice(values: np.ndarray) -> str:
    """What to do, by where most of the values lie: a cone beam has two heaps, air and tissue, and no calibration."""
    heaps = _two_heaps(values)
    if heaps is None:
        return "give a CT in HU"
    air, tissue = heaps
    found = _calibration(air, tissue)
    return (
        f"give a CT in HU; if it is a cone-beam CT, whose values are not calibrated (air near {air:.0f}, soft tissue near {tissue:.0f}), "
        "place its landmarks by hand (--landmarks, or points in Slicer), and it is worked on as "
        f"{found.slope:.3g} x value {found.offset:+.0f}"
    )


def _two_heaps(values: np.ndarray) -> tuple[float, float] | None:
    """Where the values of air and of soft tissue heap up; None where they do not lie in two heaps, the lower one narrow and large."""
    low, high = _spread(values)
    if not high - low > LEAST_STEPS:
        return None
    beside = (high - low) / BINS * EMPTY_BINS  # air that was clipped lies in one bin, which is a heap only between others
    counts, edges = np.histogram(values, bins=BINS, range=(low - beside, high))
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), BINS / 64, mode="nearest")
    peaks = np.flatnonzero((smooth[1:-1] >= smooth[:-2]) & (smooth[1:-1] > smooth[2:])) + 1
    peaks = peaks[smooth[peaks] > LEAST_HEAP * smooth.max()]
    middle = (edges[:-1] + edges[1:]) / 2
    if len(peaks) < 2 or np.argmax(smooth) != peaks[0]:
        return None
    tissue = peaks[1:][np.argmax(smooth[peaks[1:]])]
    return float(middle[peaks[0]]), float(middle[tissue])


def _middle_of_solid(values: np.ndarray) -> float:
    """The middle one of the values that are no air; 0 where all are."""
    solid = values[values > SOLID_HU]
    return float(np.median(solid)) if solid.size else 0.0


def _spread(values: np.ndarray) -> tuple[float, float]:
    """The ends of all but the hundredth of the values that lies furthest out; 0 and 0 of none."""
    return tuple(np.percentile(values, (0.5, 99.5))) if values.size else (0.0, 0.0)


def _commonest(values: np.ndarray) -> float:
    """The value that occurs most often: the padding."""
    found, counts = np.unique(values, return_counts=True)
    return float(found[np.argmax(counts)])


_RANGES = {"air": AIR_HU_RANGE, "tissue": TISSUE_HU_RANGE}
