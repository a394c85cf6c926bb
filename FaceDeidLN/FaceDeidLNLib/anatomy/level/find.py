"""Lymph-node levels as segments: where nodes lie, whether or not anybody has found them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core.geometry import Box, Geometry
from ...core.landmarks import Landmarks
from ...core.memory import give_back
from ...core.plugins import made_by
from ...core.progress import Alive, idle
from ...core.segment import BoxMask, Segment, places, tight
from ...core.volume import AIR_HU, Volume
from ...input.names import is_node
from ..face_frame import FaceFrame
from ..grids import closing, deep_in, depth_in, grow, is_above
from ..jaw.arch import trace_outline
from ..jaw.grid import JawGrid
from ..jaw.hyoid import find_hyoid
from ..jaw.mandible import Mandible, find_mandible
from .regions import GLAND_BACK, GLAND_LIMITS, Neck
from .table import LevelRecord, level_named

#: How the names of their masks begin, in a certificate and in a neck.
LEVEL_PREFIX = "node level "
#: Skin and superficial fat over the platysma (level I), which no level holds, in mm: skin alone is 1.5 to 2 mm, and of the
#: 6 mm of submental fat (Iyengar et al. 2018) a part lies deep to the platysma.
SUPERFICIAL_MM = 2.0
#: Half-way between air and fat, as in the verification.
SKIN_HU = -400.0
#: This deep (mm) below the body's surface everything counts as inside.
CORE_MM = 6.0
#: Less of a level in the field of view, or of the mean mandible in the patient's bone, and it cannot be judged.
MIN_IN_VIEW = 0.5
MIN_AGREEMENT = 0.6


@dataclass(frozen=True, eq=False)
class Level:
    """One node level of one side on the CT's grid.

    ``name`` is the level's ("Ib left"). ``confidence`` (0..1): how well the mandible was found times the share of the
    level's edges that come from this patient's own structures and not from the mean head; ``derived_from`` names those.
    ``volume_ml`` is the mask's. ``judged`` is False where too little of it is in view or the mandible was not found;
    ``reason`` then says why, and ``mask`` holds what could be made of it all the same.
    """

    name: str
    mask: BoxMask
    confidence: float
    derived_from: str
    volume_ml: float = 0.0
    judged: bool = True
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Ground:
    """What the levels of a head are made from: the mandible, and the depth (mm) below the skin on its grid. No length changes it."""

    mandible: Mandible
    depth: np.ndarray


def find_ground(
    ct: Volume, body: Volume, frame: FaceFrame, segments: Sequence[Segment] = (), alive: Alive = idle, mandible: Mandible | None = None
) -> Ground:
    """The mandible and the skin of a CT (HU); ``mandible`` where it was found already.

    ``body`` is what find_body gave; ``frame`` the head's axes from its landmarks; ``segments`` (any grid) may hold a mandible, which then
    takes the place of the one in the CT.
    """
    mandible = find_mandible(ct, frame, segments, alive) if mandible is None else mandible
    alive()
    give_back()
    if mandible.hu is None:
        mandible = replace(mandible, hu=mandible.grid.take(ct, AIR_HU))
    depth = _depth(mandible, ct.geometry, body)
    alive()
    give_back()
    return Ground(mandible, depth)


def find_levels(
    ground: Ground,
    ct: Volume,
    names: Sequence[str],
    segments: Sequence[Segment] = (),
    superficial_mm: float = SUPERFICIAL_MM,
    alive: Alive = idle,
    landmarks: Landmarks | None = None,
) -> tuple[Level, ...]:
    """The node levels of a CT (HU) whose ``ground`` is known.

    ``names`` out of ``LEVEL_NAMES``; ``segments`` (any grid) may hold a hyoid and submandibular glands, which then take the place of what
    is found in the CT; ``landmarks`` are for levels that start from them. Raises InputError for an unknown name.
    """
    levels = levels_of(ground.mandible, ct.geometry, names, segments, ground.depth, superficial_mm, landmarks)
    alive()
    return tuple(_without_skin(level, ct) for level in levels)


def levels_of(
    mandible: Mandible,
    geometry: Geometry,
    names: Sequence[str],
    segments: Sequence[Segment] = (),
    depth: np.ndarray | None = None,
    superficial_mm: float = SUPERFICIAL_MM,
    landmarks: Landmarks | None = None,
) -> tuple[Level, ...]:
    """The node levels around a mandible on the grid ``geometry``; ``depth`` (mm below the skin) where it is known.

    Without it no skin bounds the levels, and without the mandible's ``hu`` the hyoid is the mean one, which their confidence tells.
    """
    grid = mandible.grid
    backs = [_gland_back(grid, segments, side) for side in (0, 1)]
    known = {"mandible"}
    skin = np.full(mandible.mask.shape, np.inf, dtype=np.float32) if depth is None else depth
    known |= set() if depth is None else {"skin"}
    known |= {"gland"} if any(back is not None for back in backs) else set()
    hyoid = find_hyoid(grid, mandible.hu, mandible.mask, segments)
    known |= {"hyoid"} if hyoid.found else set()
    outline = trace_outline(grid, mandible.mask)
    backs = tuple(GLAND_BACK if back is None else back for back in backs)
    neck = Neck(grid, mandible.mask, outline, hyoid, skin, backs, max(geometry.spacing), landmarks)
    seen = grid.in_view(geometry)
    made = [(label, record, mask) for record in map(level_named, names) for label, mask in _masks(neck, record, superficial_mm)]
    return tuple(_finished(label, record, mask, mandible, seen, geometry, known) for label, record, mask in made)


def _masks(neck: Neck, record: LevelRecord, superficial_mm: float) -> list[tuple[str, np.ndarray]]:
    """The level's sides with their names, on the jaw's grid."""
    start, region = max(superficial_mm, record.least_mm), made_by(record.made_by, __package__)
    if not record.has_sides:
        return [(record.name, region(neck, 0, start))]
    return [(f"{record.name} {word}", region(neck, side, start)) for side, word in enumerate(("left", "right"))]


def _finished(
    label: str, record: LevelRecord, mask: np.ndarray, mandible: Mandible, seen: np.ndarray, geometry: Geometry, known: set[str]
) -> Level:
    """The level on the CT's grid with what is to be said of it; ``seen``: the jaw grid's voxels in the field of view."""
    share = np.mean([edge in known for edge in record.edges])
    used = sorted(set(record.edges) & known)
    agreement = mandible.agreement if record.needs_mandible else 1.0
    words = [mandible.origin if part == "mandible" else part for part in used]
    total = np.count_nonzero(mask)
    in_view = np.count_nonzero(mask & seen) / total if total else 0.0
    reason = ""
    if in_view < MIN_IN_VIEW:
        reason = f"only {in_view:.0%} of it lies in the field of view"
    elif agreement < MIN_AGREEMENT:
        reason = f"only {agreement:.0%} of the expected mandible was found in the bone"
    placed = _place(f"{LEVEL_PREFIX}{label}", mask, mandible.grid, geometry)
    if not reason and not placed.voxels:
        reason = "it holds no voxel of the CT"
    confidence = round(float(share * agreement * min(1.0, in_view)), 2)
    volume = placed.voxels * geometry.voxel_mm3 / 1000.0
    return Level(label, placed, 0.0 if reason else confidence, ", ".join(words), volume, not reason, reason)


def _place(label: str, mask: np.ndarray, grid: JawGrid, geometry: Geometry) -> BoxMask:
    """The mask on the CT's grid: the voxels whose centre lies in it."""
    nothing = tight(label, np.zeros((1, 1, 1), dtype=bool))
    if not mask.any():
        return nothing
    own = tight(label, mask)
    source = Volume(np.pad(own.array, 1), grid.geometry.crop(own.box).padded(1))
    box = geometry.box_around(source.geometry.corners())
    if 0 in box.shape:
        return nothing
    return tight(label, is_above(source, geometry.crop(box), 0.5), box.start)


def _without_skin(level: Level, ct: Volume) -> Level:
    """The level without voxels that touch air: where voxels are coarse they are the skin, however deep their centres lie."""
    box = level.mask.box
    if not level.mask.voxels:
        return level
    low = np.maximum(np.array(box.start) - 1, 0)
    high = np.minimum(np.array(box.stop) + 1, ct.array.shape)
    around = Box(tuple(int(v) for v in low), tuple(int(v) for v in high))
    air = grow(ct.array[around.slices] < SKIN_HU, 1)
    mask = tight(level.mask.name, level.mask.inside(around) & ~air, around.start)
    return replace(level, mask=mask, volume_ml=mask.voxels * ct.geometry.voxel_mm3 / 1000.0)


def _gland_back(grid: JawGrid, segments: Sequence[Segment], side: int) -> float | None:
    """Posterior edge (y) of the submandibular gland on a side (0 left, 1 right), None where no segment shows it.

    One that ends where no gland does is none.
    """
    for segment in segments:
        name = segment.name.casefold()
        if ("submandib" in name or name.startswith("smg")) and not is_node(segment) and segment.mask.array.any():
            jaw = grid.frame.to_jaw(segment.mask.geometry.to_lps(places(segment.mask.array > 0)))
            jaw = jaw[(jaw[:, 0] < 0) == bool(side)]
            back = float(np.percentile(jaw[:, 1], 1)) if len(jaw) > 20 else np.inf
            if GLAND_LIMITS[0] < back < GLAND_LIMITS[1]:
                return back
    return None


def _depth(mandible: Mandible, view: Geometry, body: Volume) -> np.ndarray:
    """Depth in mm below the skin on the jaw's grid, 0 in the air; beyond the field of view the patient goes on.

    Airways, mouth and folds up to 9 mm wide count as inside: the core of ``body`` is solid.
    """
    grid = mandible.grid
    tissue = ((mandible.hu > SKIN_HU) | ~grid.in_view(view)) & is_above(body, grid.geometry, 0.2)
    solid = closing(tissue, 3) | is_above(deep_in(body, CORE_MM), grid.geometry, 0.5)
    if solid.all():
        return np.full(solid.shape, np.inf, dtype=np.float32)
    # The skin lies half a step outside of the centre of the outermost voxel.
    depth = (depth_in(solid) - 0.5) * grid.step_mm
    return np.maximum(depth, 0.0).astype(np.float32)
