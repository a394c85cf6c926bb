"""What the review sheet shows, but for its letters: skin and slices, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import ndimage

from ..core.geometry import Box, Geometry
from ..core.processors import processors
from ..core.progress import Alive, idle
from ..core.segment import BoxMask
from ..core.volume import Volume
from . import drawing
from .render import (
    Changed,
    Skin,
    View,
    changed_skin,
    cleared,
    head_focus,
    hit_points_changed,
    hit_points_near,
    prepare_skin,
    shade,
    view_onto,
)
from .slices import SlicePlane, lookup_changed, lookup_gray, lookup_mask, slice_plane

FACE_COLOR: drawing.Color = (255, 176, 46)
CHANGED_COLOR: drawing.Color = (255, 92, 64)
PROTECTED_COLOR: drawing.Color = (88, 222, 120)
#: Side of one panel in pixels.
PANEL_PX = 300
#: Voxels of the drawn skin: a pixel of a panel is about as large.
_FINEST_MM = 1.25
SKIN_VIEWS = ("front", "right 45", "left", "below")
#: Tissue so far (mm), and a voxel at least, behind where the skin is seen is skin.
BEHIND_SKIN_MM = 2.0
#: Around the face segment, so that the ears, the brow and the neck below the chin are seen with it.
_AROUND_FACE_MM = 45.0
#: The skin counts as moved in a picture from here on: less is the width of a drawn line.
_MOVED_MM = 1.0


@dataclass(frozen=True, eq=False)
class Shown:
    """What the sheet shows: the CT, and as far as there are any the result, the face segment and the protected masks."""

    original: Volume
    result: Volume | None
    segment: BoxMask | None
    protected: Sequence[BoxMask]
    panel_px: int = PANEL_PX

    @property
    def panel(self) -> tuple[int, int]:
        """Width and height of one panel in pixels."""
        return self.panel_px, self.panel_px

    def focus(self) -> np.ndarray:
        """The LPS box (8, 3) of the scan that is shown."""
        geometry = self.original.geometry
        points = geometry.corners() if self.segment is None or not self.segment.array.any() else self._box_corners(self.segment)
        return head_focus(geometry, points, _AROUND_FACE_MM)

    def centre(self, mask: BoxMask) -> np.ndarray:
        """LPS mm (3,) of the centre of gravity of a mask that is not empty."""
        seen = np.add.reduce(mask.array.view(np.uint8), axis=0, dtype=np.uint32)  # a sum over each axis alone takes several times longer
        along = [np.array([np.count_nonzero(plane) for plane in mask.array]), seen.sum(1), seen.sum(0)]
        kji = [start + np.average(np.arange(len(counts)), weights=counts) for start, counts in zip(mask.box.start, along, strict=True)]
        return self.original.geometry.to_lps(np.array(kji))[0]

    def _box_corners(self, mask: BoxMask) -> np.ndarray:
        ends = list(zip(mask.box.start, mask.box.stop, strict=True))
        return self.original.geometry.to_lps(np.array([(k, j, i) for k in ends[0] for j in ends[1] for i in ends[2]]))


@dataclass(frozen=True, eq=False)
class Panel:
    """One view before and, where there is a result, after; with its directions and its name, which is not written into it yet."""

    pictures: list[np.ndarray]
    right: np.ndarray
    down: np.ndarray
    name: str


@dataclass(frozen=True, eq=False)
class Drawn:
    """A case with its panels, skin from four sides and four slices, but for letters."""

    case: Shown
    panels: list[Panel]


def draw(case: Shown, alive: Alive = idle) -> Drawn:
    """All of a sheet that takes time; in any thread. ``alive`` is called between its parts."""
    slices = _slices(case)
    with ThreadPoolExecutor(processors()) as pool:
        skins = _skin_panels(case, pool, alive)
        cuts = pool.map(lambda one: Panel(_slice_pictures(case, one[0]), one[0].right, one[0].down, one[1]), slices)
        return Drawn(case, [*(skin.result() for skin in skins), *cuts])


def shown(
    original: Volume, result: Volume | None, segment: BoxMask | None, protected: Sequence[BoxMask], panel_px: int = PANEL_PX
) -> Shown:
    """What a sheet is to show. ``original`` and ``result`` are CTs in HU on the same grid, ``segment`` and ``protected`` masks on it.

    Without a result the sheet shows the original with the masks alone; without a segment it shows the whole scan.
    """
    return Shown(original, result, segment, [mask for mask in protected if mask.array.any()], panel_px)


def _skin_panels(case: Shown, pool: ThreadPoolExecutor, alive: Alive) -> list[Future[Panel]]:
    """The skin from each side, which the pool draws."""
    focus = case.focus()
    views = [view_onto(focus, name, case.panel) for name in SKIN_VIEWS]
    seen = _in_pictures(case.original.geometry, focus, views)
    original = case.original.crop(seen)
    skin = cleared(prepare_skin(original, finest_mm=_FINEST_MM))
    alive()
    changed = None if case.result is None else pool.submit(changed_skin, skin, original, case.result.crop(seen))
    hits = list(pool.map(lambda view: hit_points_near(skin, view), views))
    after = None if changed is None else changed.result()
    alive()

    def panel(view: View, name: str, points: np.ndarray) -> Panel:
        return Panel(_skin_pair(case, view, skin, points, after), view.right, view.down, name)

    return [pool.submit(panel, view, name, points) for view, name, points in zip(views, SKIN_VIEWS, hits, strict=True)]


def _in_pictures(geometry: Geometry, focus: np.ndarray, views: Sequence[View]) -> Box:
    """The voxels of the cube around the focus that is as wide as the widest picture: shoulders beside it take time, and hide the face."""
    reach = max(max(view.size_px) * view.mm_per_pixel for view in views) / 2
    middle = (focus.min(0) + focus.max(0)) / 2
    return geometry.box_around(middle + reach * np.array(list(product((-1.0, 1.0), repeat=3))))


def _skin_pair(case: Shown, view: View, skin: Skin, points: np.ndarray, changed: Changed | None) -> list[np.ndarray]:
    """The skin, which is seen at ``points``, before and after."""
    picture = shade(skin, view, points)
    if case.segment is not None:
        drawing.outline(picture, _hit_mask(case, view, points), FACE_COLOR)
    if changed is None:
        return [picture]
    points_after = hit_points_changed(changed, view, points)
    after = shade(changed.skin, view, points_after)
    drawing.outline(after, _moved(view, points, points_after), CHANGED_COLOR)
    return [picture, after]


def _hit_mask(case: Shown, view: View, points: np.ndarray) -> np.ndarray:
    """Whether the skin at points (rows, columns, 3) belongs to the face segment: what lies just behind it, not the air that touches it."""
    points = points + view.into * max(BEHIND_SKIN_MM, *case.original.geometry.spacing)
    kji = case.original.geometry.to_kji(np.nan_to_num(points, nan=1e9).reshape(-1, 3))
    return lookup_mask(case.segment, kji.T.reshape(3, *points.shape[:2]))


def _moved(view: View, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    shift = np.abs((after - before) @ view.into)
    appeared = np.isfinite(before[..., 0]) != np.isfinite(after[..., 0])
    # Grazing rays may just meet or just miss the same edge: single pixels are no change.
    return ndimage.binary_opening(appeared | (np.nan_to_num(shift) > _MOVED_MM))


def _slices(case: Shown) -> list[tuple[SlicePlane, str]]:
    """The planes that are shown, and what each of them is called."""
    focus = case.focus()
    middle, extent = focus.mean(0), focus.max(0) - focus.min(0)
    centre = middle if case.segment is None or not case.segment.array.any() else case.centre(case.segment)
    second, name = _second_axial(case, centre, focus)
    wanted = [("axial", centre, "axial"), ("axial", second, name), ("coronal", centre, "coronal"), ("sagittal", centre, "sagittal")]
    field = float(np.clip(extent.max(), 100.0, 260.0))
    return [(slice_plane(plane, _through(plane, point, middle), field, case.panel), text) for plane, point, text in wanted]


def _through(plane: str, point: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """The middle of what is shown, moved across the plane until it contains the point."""
    axis = {"sagittal": 0, "coronal": 1, "axial": 2}[plane]
    return np.where(np.arange(3) == axis, point, middle)


def _second_axial(case: Shown, centre: np.ndarray, focus: np.ndarray) -> tuple[np.ndarray, str]:
    """An axial level through the protected segment nearest to the face, else through the lower face."""
    if case.protected:
        nearest = min(case.protected, key=lambda mask: float(np.linalg.norm(case.centre(mask) - centre)))
        return case.centre(nearest), f"axial, {nearest.name}"
    return centre + np.array([0.0, 0.0, 0.5 * (focus[:, 2].min() + _AROUND_FACE_MM - centre[2])]), "axial, lower"


def _slice_pictures(case: Shown, plane: SlicePlane) -> list[np.ndarray]:
    """A slice before and after."""
    kji = plane.kji(case.original)
    before = lookup_gray(case.original, kji)
    if case.segment is not None:
        drawing.outline(before, lookup_mask(case.segment, kji), FACE_COLOR)
    pictures = [before]
    if case.result is not None:
        after = lookup_gray(case.result, kji)
        changed = lookup_changed(case.original, case.result, kji)
        drawing.blend(after, 0.35 * changed, CHANGED_COLOR)
        drawing.outline(after, ndimage.binary_closing(changed, iterations=3), CHANGED_COLOR)
        pictures.append(after)
    for kept in (lookup_mask(mask, kji) for mask in case.protected):
        for picture in pictures if kept.any() else ():
            drawing.outline(picture, kept, PROTECTED_COLOR)
    return pictures
