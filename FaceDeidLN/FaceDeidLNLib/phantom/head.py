"""Putting the phantom together: skin, fat, tissues, air, bones, nodes, things, noise; then segments and landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError
from ..core.geometry import Box, Geometry
from ..core.landmarks import Landmarks
from ..core.progress import Alive, idle
from ..core.segment import Segment
from ..core.volume import AIR_HU, Volume
from . import bones, soft, things
from .fields import rotation
from .grid import Grid, sculpt
from .marks import landmarks
from .nodes import nodes
from .options import MAX_OPENING_DEG, PhantomOptions
from .skin import skin
from .tissue import Tissue, blend, coverage, mask, paint

SKIN_HU, FAT_HU, DEEP_HU, BRAIN_HU, FLUID_HU = 20.0, -100.0, 45.0, 36.0, 10.0
#: How thick the skin is before fat begins.
SKIN_MM = 1.5
#: The HU that a CT in 12 bits can hold.
HU_RANGE = (-1024, 3071)


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic head-and-neck CT with its truth.

    ``ct`` holds int16 HU; the masks of ``segments`` lie on the same grid; ``landmarks`` are exact, in LPS mm.
    """

    ct: Volume
    segments: tuple[Segment, ...]
    landmarks: Landmarks

    def segment(self, name: str) -> Segment:
        """The segment of that name. Raises KeyError where there is none."""
        for found in self.segments:
            if found.name == name:
                return found
        raise KeyError(name)

    @property
    def nodes(self) -> tuple[Segment, ...]:
        """The lymph nodes among the segments."""
        return tuple(s for s in self.segments if s.name.startswith("LN "))


def make_phantom(
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.5),
    seed: int | None = None,
    options: PhantomOptions | None = None,
    alive: Alive = idle,
) -> Phantom:
    """Make a phantom with voxels of ``spacing_mm`` (i, j, k); the same seed gives the same voxels. ``alive`` is called for every tissue.

    Raises InputError where an extra node has an unknown place or does not fit, or the mouth is too far open.
    """
    options = options or PhantomOptions()
    if not 0 <= options.mouth_opening_deg <= MAX_OPENING_DEG:
        raise InputError(f"mouth_opening_deg must be between 0 and {MAX_OPENING_DEG:g}, not {options.mouth_opening_deg:g}.")
    rng = np.random.default_rng(seed)
    grid = scanner(spacing_mm, options)
    surface = skin(options.mouth_opening_deg)
    skin_mm = sculpt(grid, surface)
    named = nodes(surface, options.extra_nodes, options.mouth_opening_deg)
    alive()
    hu, tissues = _patient(grid, skin_mm, options, named, alive)
    alive()
    segments = tuple(_segment(grid, skin_mm, hu, made) for made in (*named, *tissues) if made.name)
    alive()
    _surroundings(hu, grid, skin_mm, options, rng)
    things.add_noise(hu, options.noise_hu, rng)
    np.clip(np.rint(hu, out=hu), *HU_RANGE, out=hu)
    return Phantom(Volume(hu.astype(np.int16), grid.geometry), segments, landmarks(grid, surface, options.mouth_opening_deg))


def scanner(spacing_mm: tuple[float, float, float], options: PhantomOptions) -> Grid:
    """The voxel grid along LPS and the head's place in it."""
    spans = (options.x_range_mm, options.y_range_mm, options.z_range_mm)
    size = [max(1, int(round((high - low) / s))) for (low, high), s in zip(spans, spacing_mm, strict=True)]
    matrix = np.diag([*map(float, spacing_mm), 1.0])
    matrix[:3, 3] = [low + s / 2 for (low, _), s in zip(spans, spacing_mm, strict=True)]
    pose = np.eye(4)
    pose[:3, :3] = rotation(options.rotation_deg) * options.scale
    return Grid(Geometry(tuple(size[::-1]), matrix), pose)


def _patient(
    grid: Grid, skin_mm: np.ndarray, options: PhantomOptions, named: tuple[Tissue, ...], alive: Alive
) -> tuple[np.ndarray, tuple[Tissue, ...]]:
    """HU (float32) of the patient in air, and the tissues painted inside."""
    hu = np.full(grid.geometry.shape, AIR_HU, dtype=np.float32)
    depth = _fat_thickness(grid)
    for slab in grid.slabs(grid.whole):
        alive()
        part, d = hu[slab.slices], skin_mm[slab.slices]
        blend(part, SKIN_HU, coverage(d, 1.3 * grid.edge_mm))
        blend(part, FAT_HU, coverage(d + SKIN_MM, grid.edge_mm))
        blend(part, DEEP_HU, coverage(d + SKIN_MM + depth(slab), grid.edge_mm))
    opening = options.mouth_opening_deg
    inside = (*soft.muscles(opening), *soft.glands())
    hard = (*bones.skull(), *bones.neck_bones(), *bones.mandible(opening), *bones.teeth(opening))
    for made in inside:
        alive()
        paint(hu, grid, skin_mm, made)
    _paint_vault(hu, grid, skin_mm)
    for made in (*hard, *soft.nerves(), *soft.air_spaces(), *soft.eyes(), *named, *(things.tube() if options.tube else ())):
        alive()
        paint(hu, grid, skin_mm, made)
    return hu, (*inside, *hard, *soft.eyes())


def _fat_thickness(grid: Grid) -> Callable[[Box], np.ndarray]:
    """Function of a box: thickness of the subcutaneous fat in mm, more in the cheeks, under the chin and at the neck."""

    def thickness(box: Box) -> np.ndarray:
        p = grid.points(box)
        x = np.abs(p.x)
        cheek = 7 * np.exp(-(((x - 38) / 18) ** 2) - ((p.y + 68) / 25) ** 2 - ((p.z + 32) / 22) ** 2)
        chin = 3.5 * np.exp(-((x / 25) ** 2) - ((p.y + 62) / 25) ** 2 - ((p.z + 98) / 14) ** 2)
        neck = 2.0 / (1 + np.exp((p.z + 90) / 10)) * np.ones_like(x)
        return 2.8 + cheek + chin + neck

    return thickness


def _paint_vault(hu: np.ndarray, grid: Grid, skin_mm: np.ndarray) -> None:
    """The cranial vault as a shell of two tables with spongy bone between, around the brain and its fluid, in place."""
    steps = bones.brain()
    box = grid.box((-80, -100, -45), (80, 100, 130))
    inside = sculpt(grid, steps, box)
    part, deep = hu[box.slices], skin_mm[box.slices]
    layers = ((bones.CORTICAL_HU, bones.VAULT_MM, 5.0), (bones.SPONGY_HU + 200, bones.VAULT_MM - bones.TABLE_MM, 7.0))
    layers += ((bones.CORTICAL_HU, bones.TABLE_MM, 9.0), (FLUID_HU, 0.0, 10.0), (BRAIN_HU, -2.5, 11.0))
    for value, offset, depth in layers:
        blend(part, value, coverage(np.maximum(inside - np.float32(offset), deep + np.float32(depth)), grid.edge_mm))


def _surroundings(hu: np.ndarray, grid: Grid, skin_mm: np.ndarray, options: PhantomOptions, rng: np.random.Generator) -> None:
    if options.couch:
        things.paint_couch(hu, grid, skin_mm)
    if options.mask_sheet:
        things.paint_sheet(hu, grid, skin_mm)
    if options.dental_metal:
        things.paint_metal(hu, grid, rng)


def _segment(grid: Grid, skin_mm: np.ndarray, hu: np.ndarray, made: Tissue) -> Segment:
    """The voxels of a tissue that nothing of another kind (air, bone in soft tissue) was painted over."""
    inside = mask(grid, skin_mm, made)
    soft_tissue = made.hu < bones.SOFT_HU
    inside[inside] = (np.abs(hu[inside]) < bones.SOFT_HU) if soft_tissue else (hu[inside] >= bones.SOFT_HU)
    return Segment(made.name, Volume(inside, grid.geometry), "phantom")
