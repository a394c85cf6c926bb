"""``reface``: a new surface that knows the boundary curve and chance, and nothing of the face."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from scipy import ndimage

from ..anatomy.face_frame import FaceFrame
from ..core.affine import taken
from ..core.ahead import made_beside, shared_out
from ..core.by_parts import PART
from ..core.geometry import Geometry
from ..core.memory import give_back
from ..core.parameters import Parameters
from ..core.segment import flat, unflat
from ..core.volume import Volume
from ..face.polar import PolarRaster, to_polar, unit_vectors, voxels_to_polar
from ..face.relief import random_surface, smooth_noise
from ..face.segment import Face
from .tools.bone_plate import BonePlate, drawn_plate
from .tools.by_chance import LEAST_CHANGE_HU
from .tools.ear_surface import smooth_ears
from .tools.skin_layer import beside_air
from .tools.texture import Scan, Tissue, scan_air, soft_tissue, tissues

#: Over so many mm at its back the new tissue goes over into the old one.
BLEND_MM = 3.0
#: The new tissue ends on a random surface (mm below the membrane: mean, deviation, correlation length in degrees), but not
#: less than a layer below the old skin whose thickness is drawn, too, from place to place (mean, deviation, least and most in mm): at a
#: constant depth below that skin its end would be an offset copy of the face, which comes to light where the fill is taken away.
FLOOR_MM = 14.0
FLOOR_SD_MM = 3.0
FLOOR_DEGREES = 8.0
SKIN_LAYER_MM = 9.0
SKIN_LAYER_SD_MM = 2.5
SKIN_LAYER_LIMITS_MM = (5.0, 16.0)
#: The surface is seen over so many voxels, and drawn on a map of so many degrees: over one voxel, or with a map of flat cells, a slanting
#: surface shows steps, one per slice.
EDGE_VOXELS = 2.0
FINE_DEGREES = 0.5
#: Small voxels show the surface over so many, up to so many mm: as a scanner does.
SMALL_VOXELS, SMALL_MM = 3.0, 2.5
#: Over how many mm of a line of sight an edge is seen grows with the surface's slant, up to this: where it ran nearly along the line of
#: sight, over less than a voxel, it showed terraces.
MOST_SLANT = 4.0
#: Under the new surface lies so much (mm: mean, deviation; correlation as above) dense tissue, and below it a mixture of fat
#: and muscle that cannot be told from the old one by its values: what comes to light where the dense layer is taken away is random, too.
DENSE_LAYER_MM = 13.0
DENSE_LAYER_SD_MM = 3.0
#: What is less dense than this (HU) is an air space and is not blended in.
AIR_SPACE_HU = -250.0


#: Cubes of so many mm are judged as one, if they are seen under so many degrees (from their centre) at most, and stand no further from
#: the middle of the face (degrees of azimuth and elevation).
CUBE_MM, CUBE_DEGREES, BACK_DEGREES, HIGH_DEGREES = 3.0, 3.0, 150.0, 45.0
#: The surface ends so far (mm) before the field of view does, and is bent back over so many degrees (Gaussian sigma).
VIEW_MARGIN_MM, VIEW_DEGREES = 3.0, 5.0


class Reface:
    """The face replaced by a smooth membrane over the boundary curve with a random generic relief (see face/relief.py).

    The aim of mri_reface (Schwarz et al., NeuroImage 2021) and of Uchida et al. 2023, without an atlas and without a
    reference person. In front of the surface there is air with the scan's own noise, behind it soft tissue with the
    patient's own density and noise; air spaces in the segment are filled.

    Privacy: the surface is a function of the curve on the skin and of a random draw, in the size in which what stays does not come
    through. What remains is what the curve itself tells (breadth and height of the face) and the bone that the segment leaves.
    """

    name = "reface"
    runs_out = True

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """New HU for the box; a function of the face only through the curve, apart from density and noise statistics."""
        here, mask = ct.array[face.segment.box.slices], face.segment.array
        values = self._values(ct, face, random)
        give_back()  # what was drawn for it took room, and is gone now
        out = here.astype(np.float32)
        out[mask] = values
        scan = cache(lambda: Scan.of(ct, face))  # only where there are ears, and once for both
        return smooth_ears(out, ct, face, lambda ear: soft_tissue(ct, face, scan(), random)(ear), random)

    def _values(self, ct: Volume, face: Face, random: np.random.Generator) -> np.ndarray:
        """New HU (N,) of the segment's voxels."""
        here, mask, new = ct.array[face.segment.box.slices], face.segment.array, self.drawn(ct, face, random)
        values = scan_air(new.air, face.segment.voxels, random)
        new = replace(new, air=new.air[:0].copy())  # the rest of it is needed no more
        near = before(new.surface + new.edge / 2 * new.slant, new.raster, face.frame, new.grid)
        np.greater(mask, near, out=near)
        plane, begin = mask[:1].size, np.cumsum([0, *np.count_nonzero(mask, axis=(1, 2))])

        def fill(first: int) -> None:
            some = slice(first, first + together)
            voxels, old, of_segment = flat(near[some]), here[some][near[some]], near[some][mask[some]]
            of_planes = values[begin[first] : begin[min(first + together, len(mask))]]
            air = of_planes[of_segment]
            for start in range(0, len(voxels), PART):
                part = slice(start, start + PART)
                air[part] = new.values(voxels[part].astype(np.intp) + first * plane, old[part], air[part])
            of_planes[of_segment] = air

        together = max(1, PART * len(mask) // max(1, np.count_nonzero(near)))
        shared_out(fill, range(0, len(mask), together))
        return values

    def drawn(self, ct: Volume, face: Face, random: np.random.Generator) -> NewFace:
        """What takes the face's place."""
        return NewFace.drawn(ct, face, random)


class RefaceVeil(Reface):
    """``reface`` with a plate of bone before the bone that stays (see tools/bone_plate.py): not a voxel of bone is changed, and from
    the front no threshold shows its old surface.

    Privacy: as ``reface`` against surfaces of the skin; skulls are what faces are drawn after (Paysan et al., DAGM 2009; Duan et al.,
    IEEE TIFS 2014;9:1322), and those seen here are random. What lies behind kept tissue, and bone's inner side, stay.
    """

    name = "reface-veil"

    def drawn(self, ct: Volume, face: Face, random: np.random.Generator) -> NewFace:
        """A new face with a plate."""
        new = NewFace.drawn(ct, face, random)
        rough = [finer(roughness(face, random), face.raster, new.raster) for _ in range(3)]
        return replace(new, plate=drawn_plate(new.surface, new.raster, rough, ct, face, random))


@dataclass(frozen=True, eq=False)
class NewFace:
    """All that was drawn for a face; the value of a voxel of ``grid`` then follows from its place and its old value.

    ``surface``, ``dense`` and ``floor`` are the new surface and the ends of its dense layer (``soft`` over ``deep`` tissue) and
    of all new tissue, mm on ``raster``, ``layer`` the thickness (mm) of what is replaced below the old skin, ``bare`` the voxels beside
    air, ``air`` the scan's plain air (HU, N); ``edge`` is the width in mm over which the surface is seen where a line of sight meets it
    squarely; elsewhere ``slant`` (on ``raster``) times as much of the line.
    """

    face: Face
    grid: Geometry
    edge: float
    raster: PolarRaster
    surface: np.ndarray
    slant: np.ndarray
    dense: np.ndarray
    floor: np.ndarray
    layer: np.ndarray
    bare: np.ndarray
    air: np.ndarray
    soft: Tissue
    deep: Tissue
    plate: BonePlate | None = None

    @classmethod
    def drawn(cls, ct: Volume, face: Face, random: np.random.Generator) -> NewFace:
        """Draw a face for the voxels of the face segment's box."""
        fine = PolarRaster(step=FINE_DEGREES)
        with (
            made_beside(lambda going: beside_air(ct, face)) as bare,
            made_beside(lambda going: Scan.of(ct, face)) as scan,
        ):  # neither takes anything from ``random``
            surface = in_view(random_surface(face, random), face.view or ct.geometry, face)  # what follows has the other's, at its ends too
            dense = surface - DENSE_LAYER_MM - DENSE_LAYER_SD_MM * roughness(face, random)
            floor = face.membrane - FLOOR_MM - FLOOR_SD_MM * roughness(face, random)
            layer = np.clip(SKIN_LAYER_MM + SKIN_LAYER_SD_MM * roughness(face, random), *SKIN_LAYER_LIMITS_MM)
            surface, *maps = (finer(one, face.raster, fine) for one in (surface, dense, floor, layer))
            soft, deep = tissues(ct, face, scan, random)
        maps = (surface, slant(surface, fine), *maps)
        return cls(face, ct.geometry.crop(face.segment.box), edge_mm(ct), fine, *maps, bare.result(), scan.result().air, soft, deep)

    def values(self, voxels: np.ndarray, old: np.ndarray, air: np.ndarray) -> np.ndarray:
        """HU (N,) of voxels (N,), flat in the grid: ``air`` before the surface, tissue behind it, below the floor their ``old`` values."""
        at = unflat(voxels, self.grid.shape)
        directions, distance = voxels_to_polar(self.face.frame, self.grid, at)
        cells = self.raster.cells(directions)
        nearest = self.raster.nearest(cells)
        below, edge = self.surface.ravel()[nearest] - distance, self.edge * self.slant.ravel()[nearest]
        # Only so near to the surface it makes a difference where in its cell a voxel is seen.
        near = np.flatnonzero(np.abs(below) <= edge / 2 + self.relief.ravel()[nearest])
        below[near] = self.raster.sample_at(self.surface, taken(cells, near)) - distance[near]
        behind = np.flatnonzero(below > -edge / 2)
        out = air.copy()
        if len(behind):
            bare, seen = self.bare.ravel()[voxels[behind]], np.clip(0.5 + below[behind] / edge[behind], 0.0, 1.0)
            seen_at = (taken(cells, behind), nearest[behind])
            out[behind] = self._behind(taken(at, behind), bare, seen_at, seen, distance[behind], old[behind], air[behind])
        return out

    @cached_property
    def relief(self) -> np.ndarray:
        """How far (mm, on ``raster``) the surface may be from a cell's value anywhere in that cell."""
        highest, lowest = (one(self.surface, 3, mode="nearest") for one in (ndimage.maximum_filter, ndimage.minimum_filter))
        return np.maximum(highest - self.surface, self.surface - lowest)

    def _behind(
        self,
        at: np.ndarray,
        bare: np.ndarray,
        seen_at: tuple[np.ndarray, np.ndarray],
        seen: np.ndarray,
        distance: np.ndarray,
        old: np.ndarray,
        air: np.ndarray,
    ) -> np.ndarray:
        """HU (N,) of voxels ``at`` (N, 3) that are near the surface or behind it: a share ``seen`` (N,) of each is.

        ``seen_at``: their places (N, 2) on ``raster`` and the nearest cells (N,).
        """
        cells, nearest = seen_at
        below_dense, below_floor = (one.ravel()[nearest] - distance for one in (self.dense, self.floor))
        tissue = self._tissue(at, np.clip(0.5 - below_dense / BLEND_MM, 0.0, 1.0))
        if self.plate is not None:
            tissue = self.plate.over(tissue, at, (self.raster, cells), distance, self.edge / 2)
        above_floor = -below_floor
        low = np.flatnonzero(above_floor < BLEND_MM)  # elsewhere all is new, however deep it lay
        above_floor[low] = np.maximum(self._within_layer(taken(at, low), bare[low], nearest[low]), above_floor[low])
        mixed = low.compress(old[low] > AIR_SPACE_HU)
        blend = np.clip(above_floor[mixed] / BLEND_MM, 0.0, 1.0)
        tissue[mixed] = blend * tissue[mixed] + (1 - blend) * old[mixed]
        new = air + seen * (tissue - air)
        same = np.flatnonzero(np.abs(new - old) < 1.0)
        by_chance = same.compress((above_floor[same] > 0) | (old[same] <= AIR_SPACE_HU))
        new[by_chance] = old[by_chance] + LEAST_CHANGE_HU
        return new

    def _tissue(self, at: np.ndarray, dense: np.ndarray) -> np.ndarray:
        """HU (N,) of new tissue at voxels (N, 3) of which a share ``dense`` (N,) is the dense layer; each kind is made only where it is."""
        out = np.zeros(len(at))
        for share, kind in ((dense, self.soft), (1 - dense, self.deep)):
            some = np.flatnonzero(share > 0)
            out[some] += share[some] * kind(taken(at, some))
        return out

    def _within_layer(self, at: np.ndarray, bare: np.ndarray, nearest: np.ndarray) -> np.ndarray:
        """How far (N,) in mm voxels (N, 3) lie above the end of the layer that is replaced below the old skin; ``bare`` is skin.

        ``nearest`` (N,) are their cells on ``raster``.
        """
        depth = self.face.depth.at(self.grid.to_lps(at))
        return self.layer.ravel()[nearest] - np.where(bare, np.minimum(depth, 0.0), depth)


def before(surface: np.ndarray, raster: PolarRaster, frame: FaceFrame, grid: Geometry) -> np.ndarray:
    """Voxels (bool, ``grid``'s shape) that lie before the surface (mm, on ``raster``), told for cubes of them.

    A cube counts only where even its nearest corner lies before the highest of the surface in all directions in which it is seen.
    """
    cube = np.maximum(1, np.rint(CUBE_MM / np.array(grid.sampling)).astype(int))
    count = -(-np.array(grid.shape) // cube)
    centres = grid.to_lps((np.indices(count).reshape(3, -1).T + 0.5) * cube - 0.5)
    corners = np.stack(np.meshgrid(*([-0.5, 0.5],) * 3), axis=-1).reshape(-1, 3) * cube
    radius = np.linalg.norm(grid.to_lps(corners) - grid.to_lps(np.zeros((1, 3))), axis=1).max()
    directions, distance = to_polar(frame, centres)
    # Within this many degrees of its centre a cube is seen, the more in azimuth the higher it stands; nowhere does it go around the back.
    is_small = radius <= distance * np.sin(np.radians(CUBE_DEGREES))
    is_small &= (np.abs(directions) <= (BACK_DEGREES, HIGH_DEGREES)).all(axis=1)
    wide = np.degrees(np.arcsin(np.sin(np.radians(CUBE_DEGREES)) / np.cos(np.radians(HIGH_DEGREES))))
    reach = [int(np.ceil(degrees / raster.step)) + 2 for degrees in (CUBE_DEGREES, wide)]
    highest = ndimage.maximum_filter(surface, [2 * cells + 1 for cells in reach], mode="nearest")
    at = np.clip(np.rint(raster.cells(directions)).astype(int), 0, np.array(raster.shape) - 1)
    out = (is_small & (distance - radius > highest[tuple(at.T)])).reshape(count)
    for axis, size in enumerate(cube):
        out = np.repeat(out, size, axis)
    return out[tuple(slice(n) for n in grid.shape)]


def in_view(surface: np.ndarray, grid: Geometry, face: Face) -> np.ndarray:
    """The surface (mm, on ``face.raster``) bent back towards the membrane where the field of view ``grid`` would cut it flat.

    How far it may stand out is the same share of what was drawn over VIEW_DEGREES around, so that no edge is seen.
    """
    unit = unit_vectors(face.frame, face.raster.directions().reshape(-1, 2))
    end = view_end(face.frame.origin, unit, grid).reshape(surface.shape) - VIEW_MARGIN_MM
    room, height = end - face.membrane, surface - face.membrane
    share = np.where(height > 0, np.clip(room / np.maximum(height, 1e-6), 0.0, 1.0), 1.0)
    if (share == 1.0).all():
        return surface
    cells = VIEW_DEGREES / face.raster.step
    share = ndimage.gaussian_filter(ndimage.minimum_filter(share, 2 * round(2 * cells) + 1), cells)
    return face.membrane + share * height


def view_end(origin: np.ndarray, unit: np.ndarray, grid: Geometry) -> np.ndarray:
    """Distance (N,) in mm from ``origin`` (LPS) along unit vectors (N, 3) to where the grid's outermost voxel centres end."""
    start = grid.to_kji(origin[None])[0]
    step = grid.to_kji(origin[None] + unit) - start
    border = np.where(step > 0, np.array(grid.shape) - 1.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(step != 0, (border - start) / step, np.inf).min(axis=1)


def edge_mm(ct: Volume) -> float:
    """Width (mm) over which a surface is seen in a CT of these voxels."""
    voxel = float(np.mean(ct.geometry.spacing))
    return max(EDGE_VOXELS * voxel, min(SMALL_VOXELS * voxel, SMALL_MM))


def slant(surface: np.ndarray, raster: PolarRaster) -> np.ndarray:
    """Mm along the line of sight for one mm across a surface (mm on ``raster``): 1 where they meet squarely, at most MOST_SLANT."""
    up, across = np.gradient(surface, np.radians(raster.step))
    across /= np.cos(np.radians(raster.directions()[..., 1]))
    return np.minimum(np.sqrt(1.0 + (up**2 + across**2) / surface**2), MOST_SLANT)


def finer(values: np.ndarray, raster: PolarRaster, fine: PolarRaster) -> np.ndarray:
    """A map of ``raster`` on a finer one, by cubic splines: without edges between its cells."""
    cells = np.moveaxis(raster.cells(fine.directions()), -1, 0)
    return ndimage.map_coordinates(values, cells, order=3, mode="nearest")


def roughness(face: Face, random: np.random.Generator) -> np.ndarray:
    """Smooth noise of deviation 1 on ``face.raster``."""
    return smooth_noise(face.raster, FLOOR_DEGREES, random)
