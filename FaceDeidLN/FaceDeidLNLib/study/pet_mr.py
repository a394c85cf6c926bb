"""PET, MR, CT without HU: in the region, its surroundings of a voxel and the tolerance, background, then tissue behind the new surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.volume import Volume
from ..output.dicom_plain import PlainHeaders
from ..verify.masked_background import mask_doubts
from .elsewhere import require_same_body
from .family import NO_FACE_THERE, NO_VOXEL_THERE, Done, DoubtError, Series, Study, StudyRun
from .grids import RegionVoxels, depths_near, moved, region_voxels
from .hidden import HiddenFace
from .images import read_stacks, with_planes
from .no_volume import by_header
from .outcome import Decision, Outcome
from .rays import FEWEST, beyond_doubt, edge_level, edge_mm, placed_doubt, step_left

FOLLOWS = "in or registered to the frame of reference of the CT that decides: region and tolerance, values of its own kind"
#: Tissue is looked at between these depths (mm) below the old skin, background from so far before it.
TISSUE_MM = (5.0, 25.0)
BACKGROUND_MM = 12.0
#: Around the region, within this distance (mm).
AROUND_MM = 40.0
#: Below the veil the new values go over into the old ones within this length (mm).
BLEND_MM = 4.0
#: Of the original's step at most this share may be left.
MOST_LEFT = 0.3
#: One slice has no surface.
FEWEST_SLICES = 2
DERIVATION = "FaceDeidLN: face de-identified after the CT of the study"


class PetMrFamily:
    """Positron emission tomography and MR images."""

    name, shows_nothing = "pet_mr", False

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """Follow where the frame of reference is a CT's, or may be registered to one; scouts and projections are withheld."""
        alone = (by_header(instance, series, FEWEST_SLICES) for instance in series.instances)
        known = study.where_a_face_is_known(series, Decision(Outcome.FOLLOW, FOLLOWS))
        return tuple(one or other for one, other in zip(alone, known, strict=True))

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Follow, verify, write."""
        if not run.leads_to_face(series.frame):
            return (Done(series.instances, Decision.withhold(NO_FACE_THERE)),)
        return (follow_series(series, run),)


def follow_series(series: Series, run: StudyRun) -> Done:
    """A series of images whose values are no HU, in a frame of reference that leads to a face: follow, verify, write.

    :raises DoubtError: it cannot be read, or not be verified.
    """
    hidden, matrix = run.face_in(series.frame)
    try:
        stacks = read_stacks(series.instances)
    except InputError as error:
        raise DoubtError(str(error)) from error
    new = [follow_image(hidden, stack.volume, matrix, run.options.tolerance_mm, run.random) for stack in stacks]
    for stack, one in zip(stacks, new, strict=True):
        if one.left is None:
            require_same_body(Volume(stack.volume.array, moved(stack.volume.geometry, matrix)), run.seen_in(series.frame))
    planes = {frame: plane for stack, one in zip(stacks, new, strict=True) for frame, plane in stack.stored_with(one.changed, one.array)}
    headers, stored = PlainHeaders(), {frame: how for stack in stacks for frame, how in zip(stack.frames, stack.stored, strict=True)}
    for instance in series.instances:
        frames = sorted(frame for frame in planes if frame[0] == instance.path)
        own = [planes[frame] for frame in frames]
        run.writer.put(instance, with_planes(instance, own, stored[frames[0]], DERIVATION, headers), series.stack)
    left = [one.left for one in new if one.left is not None]
    figures = {
        "changed_voxels": sum(int(one.changed.sum()) for one in new),
        "share_of_step_left": round(max(left), 3) if left else None,
    }
    decision = Decision(Outcome.FOLLOW, FOLLOWS) if figures["changed_voxels"] else Decision(Outcome.KEEP, NO_VOXEL_THERE)
    return Done(series.instances, decision, figures)


@dataclass(frozen=True, eq=False)
class Followed:
    """An image that followed: its new values (float32), which of them are new, and the share of the step at the old skin that is left."""

    array: np.ndarray
    changed: np.ndarray
    left: float | None


def follow_image(hidden: HiddenFace, image: Volume, matrix: np.ndarray, tolerance_mm: float, random: np.random.Generator) -> Followed:
    """Follow, and verify; ``matrix`` takes the image's LPS mm to the face's.

    :raises DoubtError: it shows more of the face than was hidden, or the head elsewhere, or the old skin is still to be found, or a mask
        around it; or a voxel of what the user named changed.
    """
    there = Volume(image.array, moved(image.geometry, matrix))
    level = edge_level(hidden, there)
    if doubt := beyond_doubt(hidden, there, level):
        raise DoubtError(doubt)
    new, changed = followed(hidden, there, tolerance_mm, random)
    if lost := [mask.name for mask in hidden.protected_on(there.geometry) if (changed[mask.box.slices] & mask.array).any()]:
        raise DoubtError(f"voxels of protected segments changed in it ({', '.join(lost)})")
    if changed.any() and (doubt := placed_doubt(hidden, there, level, tolerance_mm + max(image.geometry.spacing))):
        raise DoubtError(doubt)
    left = step_left(hidden, there, there.with_array(new))
    if left is not None and left > MOST_LEFT:
        raise DoubtError(f"the old skin is still found in it: {left:.0%} of its step is left")
    if changed.any() and (doubts := mask_doubts(None, there, there.with_array(new), hidden.face)):
        raise DoubtError(doubts[0])
    return Followed(new, changed, left)


@dataclass(frozen=True)
class Look:
    """Level and noise of tissue, and values of the background, as one image has them."""

    tissue: float
    spread: float
    background: np.ndarray

    @classmethod
    def of(cls, hidden: HiddenFace, image: Volume, around_mm: float, changed: np.ndarray) -> Look:
        """From what stays as it is within ``around_mm`` of the region; from the deep part of the region where there is too little."""
        depth, values, gone = depths_near(hidden, image.geometry, around_mm, image.array, changed)
        keep = ~gone
        tissue = values[keep & (depth > TISSUE_MM[0]) & (depth < TISSUE_MM[1])]
        if len(tissue) < FEWEST:
            tissue = values[depth > TISSUE_MM[0]]
        air = values[keep & (depth < -BACKGROUND_MM)]
        if not len(tissue):
            raise DoubtError("it shows no tissue around the face region")
        level = float(np.median(tissue))
        spread = 1.4826 * float(np.median(np.abs(tissue - level)))
        return cls(level, spread, air if len(air) else np.array([float(image.array.min())]))


def followed(hidden: HiddenFace, image: Volume, tolerance_mm: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """New values (float32) of an image whose grid lies in the face's LPS mm, and which voxels have them (bool)."""
    grid = image.geometry
    margin = tolerance_mm + max(grid.spacing)
    voxels = region_voxels(hidden, grid, margin)
    changed = np.zeros(grid.shape, dtype=bool)
    new = image.array.copy()
    if not len(voxels.at):
        return new, changed
    changed[voxels.index] = True
    look = Look.of(hidden, image, margin + AROUND_MM, changed)
    edge = edge_mm(hidden, image)
    air = random.choice(look.background, len(voxels.at)).astype(np.float32)
    tissue = look.tissue + look.spread * _texture(grid, voxels, random)
    weight = np.clip((tolerance_mm - voxels.below_veil) / BLEND_MM, 0.0, 1.0)
    old = image.array[voxels.index]
    inside = weight * tissue + (1 - weight) * old
    part = np.clip(0.5 + voxels.after / edge, 0.0, 1.0)
    new[voxels.index] = air + part * (inside - air)
    return new, changed


def _texture(grid: Geometry, voxels: RegionVoxels, random: np.random.Generator) -> np.ndarray:
    """Noise (N,) of deviation 1: half of it grainy, half of it mottled over 4 mm."""
    low, high = voxels.at.min(0), voxels.at.max(0) + 1
    block = random.standard_normal(tuple(high - low), dtype=np.float32)
    broad = ndimage.gaussian_filter(random.standard_normal(tuple(high - low), dtype=np.float32), 4.0 / np.array(grid.sampling))
    broad /= max(float(broad.std()), 1e-6)
    return ((block + broad) / np.sqrt(2.0))[tuple((voxels.at - low).T)]
