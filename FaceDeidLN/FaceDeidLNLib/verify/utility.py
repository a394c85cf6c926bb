"""What is left for science: each structure before and after, and the volume as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ..anatomy.body import find_body
from ..core.errors import FaceNotFoundError
from ..core.segment import BoxMask
from ..core.volume import Volume
from .compare import different_bits
from .coverage import share_of_body

#: Width (HU) of the histogram's bins for entropy and uniformity: pyradiomics' default.
BIN_HU = 25.0
#: What a threshold takes for bone (HU).
BONE_HU = 300.0


@dataclass(frozen=True)
class StructureUtility:
    """One structure: share of its voxels kept to the bit, its volume, and the relative change of ten first-order features.

    ``feature_change`` is (after - before) / |before|; 0 where nothing changed, infinite where a feature was 0 before.
    ``front_moved_mm``: see ``front_moved``; the structure itself may have kept every voxel.
    """

    name: str
    voxels: int
    kept: float
    volume_mm3: float
    feature_change: dict[str, float]
    front_moved_mm: float | None = None


@dataclass(frozen=True)
class VolumeUtility:
    """The whole volume.

    ``body_changed``: share of the body's voxels that changed (None where no body is found), ``tissue_changed``: of the voxels
    above -500 HU; ``histogram_distance``: total variation distance of the HU histograms (0..1).
    """

    body_changed: float | None
    tissue_changed: float
    histogram_distance: float


@dataclass(frozen=True)
class Agreement:
    """A structure drawn on the CT before and on the CT after: Dice coefficient and both volumes."""

    name: str
    dice: float
    volume_before_mm3: float
    volume_after_mm3: float


def structure_utility(original: Volume, result: Volume, structure: BoxMask) -> StructureUtility:
    """Compare the voxels of one structure in two CTs (HU, same grid)."""
    before = original.array[structure.box.slices][structure.array]
    after = result.array[structure.box.slices][structure.array]
    kept = 1.0 - float(different_bits(before, after).mean()) if len(before) else 1.0
    change = {}
    if len(before):
        old, new = first_order(before), first_order(after)
        change = {name: _relative(old[name], new[name]) for name in old}
    volume = structure.voxels * original.geometry.voxel_mm3
    return StructureUtility(structure.name, structure.voxels, kept, volume, change, front_moved(original, result, structure))


def front_moved(original: Volume, result: Volume, structure: BoxMask) -> float | None:
    """Median distance (mm) by which the front of a structure moves that a threshold of BONE_HU draws: a plate before bone is taken for it.

    Seen from the patient's front along the nearest axis of the grid, in the columns whose foremost voxel so dense is the structure's own;
    a column without any such voxel in the result is left out. None where the structure is nowhere foremost.
    """
    towards_back = original.geometry.ijk_to_lps[1, :3]
    index = int(np.argmax(np.abs(towards_back) / np.array(original.geometry.spacing)))
    axis = 2 - index
    columns = tuple(slice(None) if at == axis else part for at, part in enumerate(structure.box.slices))
    mask = np.zeros(original.array[columns].shape, dtype=bool)
    mask[tuple(part if at == axis else slice(None) for at, part in enumerate(structure.box.slices))] = structure.array
    order = slice(None, None, 1 if towards_back[index] > 0 else -1)
    before, after, own = (np.moveaxis(one, axis, -1)[..., order] for one in (original.array[columns], result.array[columns], mask))
    old, new = np.argmax(before > BONE_HU, -1), np.argmax(after > BONE_HU, -1)
    foremost = np.take_along_axis((before > BONE_HU) & own, old[..., None], -1)[..., 0] & (after > BONE_HU).any(-1)
    if not foremost.any():
        return None
    return float(np.median(np.abs(new - old)[foremost])) * original.geometry.spacing[index]


def first_order(values: np.ndarray) -> dict[str, float]:
    """Ten first-order features of HU (N,), as defined by the IBSI and pyradiomics (entropy and uniformity of bins of BIN_HU)."""
    x = np.asarray(values, dtype=float)
    share = np.unique(np.floor(x / BIN_HU), return_counts=True)[1] / len(x)  # no table of bins: one odd value would make it huge
    flat = bool(np.ptp(x) == 0)
    return {
        "90th percentile": float(np.percentile(x, 90)),
        "energy": float((x**2).sum()),
        "entropy": float(-(share * np.log2(share)).sum()) + 0.0,
        "kurtosis": 0.0 if flat else float(stats.kurtosis(x, fisher=False)),
        "maximum": float(x.max()),
        "median": float(np.median(x)),
        "range": float(np.ptp(x)),
        "skewness": 0.0 if flat else float(stats.skew(x)),
        "uniformity": float((share**2).sum()),
        "variance": float(x.var()),
    }


def volume_utility(original: Volume, result: Volume) -> VolumeUtility:
    """Compare two CTs (HU, same grid) as a whole."""
    tissue = original.array > -500
    changed = different_bits(original.array, result.array)
    edges = np.arange(-1025.0, 3100.0, BIN_HU)
    old, new = (np.histogram(np.clip(v.array, -1024, 3071), edges)[0] / v.array.size for v in (original, result))
    share = float(changed[tissue].mean()) if tissue.any() else 0.0
    return VolumeUtility(_body_changed(original, changed), share, float(0.5 * np.abs(old - new).sum()))


def _body_changed(original: Volume, changed: np.ndarray) -> float | None:
    try:
        return share_of_body(changed, original, find_body(original))
    except FaceNotFoundError:
        return None


def dice(a: BoxMask, b: BoxMask) -> float:
    """Dice coefficient of two masks on the same grid; 1 where both are empty."""
    total = a.voxels + b.voxels
    return 1.0 if total == 0 else 2.0 * float(np.count_nonzero(a.array & b.inside(a.box))) / total


def agreements(before: Sequence[BoxMask], after: Sequence[BoxMask], voxel_mm3: float) -> list[Agreement]:
    """Dice and volumes of the structures that have the same name in two segmentations (on the same grid).

    Where either holds one structure only, these belong together whatever they are called: a plain mask is named after its file.
    """
    later = {mask.name: mask for mask in after}
    if len(before) == len(after) == 1:
        later[before[0].name] = after[0]
    pairs = [(mask, later[mask.name]) for mask in before if mask.name in later]
    return [Agreement(a.name, dice(a, b), a.voxels * voxel_mm3, b.voxels * voxel_mm3) for a, b in pairs]


def evaluate(original: Volume, result: Volume, structures: Sequence[BoxMask]) -> tuple[list[StructureUtility], VolumeUtility]:
    """The whole table."""
    return [structure_utility(original, result, s) for s in structures], volume_utility(original, result)


def _relative(old: float, new: float) -> float:
    if old == new:
        return 0.0
    return float("inf") if old == 0 else (new - old) / abs(old)
