"""PET and MR: in the region, its surroundings of a voxel and the tolerance, background before the new surface and tissue behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.volume import Volume, linear
from .family import Done, DoubtError, Series, Study, StudyRun
from .grids import RegionVoxels, moved, region_voxels
from .hidden import HiddenFace
from .images import read_series, with_values
from .outcome import Decision, Outcome
from .rays import rays_of

FOLLOWS = "in or registered to the frame of reference of the CT that decides: region and tolerance, values of its own kind"
NOTHING = "its field of view holds no voxel of the face region"
#: Tissue is looked at between these depths (mm) below the old skin, background from so far before it.
TISSUE_MM = (5.0, 25.0)
BACKGROUND_MM = 12.0
#: Around the region, within this distance (mm).
AROUND_MM = 40.0
#: Below the veil the new values go over into the old ones within this length (mm).
BLEND_MM = 4.0
#: Resolution (mm) over which a surface is seen in PET; MR shows it within a voxel.
PET_BLUR_MM = 6.0
#: The old skin is looked for as a step between so many mm behind and before it, where the new one is further off than this.
STEP_MM, APART_MM = 4.0, 6.0
#: Of the original's step at most this share may be left, and fewer lines say nothing.
MOST_LEFT, FEWEST = 0.3, 30
DERIVATION = "FaceDeidLN: face de-identified after the CT of the study"


class PetMrFamily:
    """Positron emission tomography and MR images."""

    name = "pet_mr"

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """Follow where the frame of reference is a CT's, or where a registration may lead to one."""
        known = series.frame in study.frames_of("ct") or bool(study.frames_of("registration"))
        one = (
            Decision(Outcome.FOLLOW, FOLLOWS)
            if known
            else Decision.withhold("no CT of the study has its frame of reference, and nothing registers it")
        )
        return (one,) * len(series.instances)

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Follow, verify, write."""
        if series.frame not in run.hidden and series.frame not in run.registered:
            return (Done(series.instances, Decision.withhold("no rigid registration of the study leads to a CT whose face was hidden")),)
        hidden, matrix = run.face_in(series.frame)
        try:
            images = read_series(series.instances)
        except InputError as error:
            raise DoubtError(str(error)) from error
        grid = moved(images.volume.geometry, matrix)
        is_pet = series.instances[0].text("Modality") == "PT"
        new, changed = followed(hidden, Volume(images.volume.array, grid), run.options.tolerance_mm, is_pet, run.random)
        left = step_left(hidden, Volume(images.volume.array, grid), Volume(new, grid))
        if left is not None and left > MOST_LEFT:
            raise DoubtError(f"the old skin is still found in it: {left:.0%} of its step is left")
        for index, instance in enumerate(images.instances):
            run.writer.put(instance, with_values(images, index, changed[index], new[index], DERIVATION))
        figures = {"changed_voxels": int(changed.sum()), "share_of_step_left": None if left is None else round(left, 3)}
        decision = Decision(Outcome.FOLLOW, FOLLOWS) if changed.any() else Decision(Outcome.KEEP, NOTHING)
        return (Done(series.instances, decision, figures),)


@dataclass(frozen=True)
class Look:
    """Level and noise of tissue, and values of the background, as one image has them."""

    tissue: float
    spread: float
    background: np.ndarray

    @classmethod
    def of(cls, hidden: HiddenFace, image: Volume, near: RegionVoxels, changed: np.ndarray) -> Look:
        """From the surroundings of the region that stay as they are; from the deep part of the region where there are too few."""
        keep = ~changed[near.index]
        values = image.array[near.index]
        tissue = values[keep & (near.before > TISSUE_MM[0]) & (near.before < TISSUE_MM[1])]
        if len(tissue) < FEWEST:
            tissue = values[near.before > TISSUE_MM[0]]
        air = values[keep & (near.before < -BACKGROUND_MM)]
        if not len(tissue):
            raise DoubtError("it shows no tissue around the face region")
        level = float(np.median(tissue))
        spread = 1.4826 * float(np.median(np.abs(tissue - level)))
        return cls(level, spread, air if len(air) else np.array([float(image.array.min())]))


def followed(
    hidden: HiddenFace, image: Volume, tolerance_mm: float, is_pet: bool, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """New values (float32) of an image whose grid lies in the face's LPS mm, and which voxels have them (bool)."""
    grid = image.geometry
    margin = tolerance_mm + max(grid.spacing)
    voxels = region_voxels(hidden, grid, margin)
    changed = np.zeros(grid.shape, dtype=bool)
    new = image.array.copy()
    if not len(voxels.at):
        return new, changed
    changed[voxels.index] = True
    look = Look.of(hidden, image, region_voxels(hidden, grid, margin + AROUND_MM), changed)
    edge = max(float(np.mean(grid.spacing)), PET_BLUR_MM if is_pet else 0.0)
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


def step_left(hidden: HiddenFace, before: Volume, after: Volume) -> float | None:
    """The share of the original's step at the old skin that is left where the new skin is elsewhere; None without lines."""
    unit, skin, _ = rays_of(hidden)
    known = ~np.isnan(skin)
    points = hidden.face.frame.origin + unit[known] * skin[known][:, None]
    clear = np.abs(hidden.depth_after(points)) > max(APART_MM, max(before.geometry.spacing))
    points, unit = points[clear], unit[known][clear]
    inner, outer = (before.geometry.to_kji(points + way * STEP_MM * unit) for way in (-1, 1))
    seen = before.geometry.holds(inner) & before.geometry.holds(outer)
    if np.count_nonzero(seen) < FEWEST:
        return None
    steps = [float(np.median(linear(image.array, inner[seen]) - linear(image.array, outer[seen]))) for image in (before, after)]
    if abs(steps[0]) < 1e-6:
        return None
    spread = float(np.std(linear(before.array, inner[seen])))
    return 0.0 if abs(steps[0]) < 0.2 * spread else abs(steps[1]) / abs(steps[0])
