"""The face segment: the solid head's outer layer inside the curve, and air beyond it for a new face, minus bone and what is protected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage

from ..anatomy.face_frame import FaceFrame
from ..anatomy.grids import each_sampled, grow_mm, is_above, sample
from ..core.by_parts import by_parts
from ..core.errors import FaceNotFoundError
from ..core.geometry import Box, Geometry
from ..core.parameters import Parameters
from ..core.progress import Alive, idle
from ..core.segment import NOTHING, BoxMask, places, tight, unflat
from ..core.volume import Volume, canonical_grid
from .apron import beyond_curve, share_of_height
from .curve import FaceCurve
from .ears import Ear
from .membrane import harmonic_fill
from .polar import PolarRaster, signed_degrees, to_polar, unit_vectors
from .sight import Sight, make_room, place_of

#: Cells around the curve in which the skin is looked for; beyond them the map goes on with the nearest.
MAP_MARGIN = 12
#: Step in mm of the grid for what changes slowly in space (directions, distance to the membrane); linear between its points.
SMOOTH_MM = 3.0
#: So many of what changes slowly are kept, one for each part of the grid.
MOST_FIELDS = 3
#: The segment reaches this far (mm) behind and in front of the membrane, so that a new surface fits in.
BEHIND_MEMBRANE_MM = 12.0
BEFORE_MEMBRANE_MM = 40.0


#: At the curve the layer is this thick (mm) and grows as fast as one goes inwards: no cliff at the border, and under the
#: jaw it stays above the platysma (6 mm of submental fat: Iyengar et al., Dermatol Surg 2018).
RIM_MM = 3.0
#: Inside an island (lips) the layer goes this deep (mm) at least: the front teeth stand 8 to 20 mm behind the lips' skin.
ISLAND_MM = 22.0
#: What is bright and lies less deep (mm) is no bone that must stay: skin alone is 1.5 to 2.5 mm thick over the nasal
#: bones (Cho et al., J Craniofac Surg 2013;24:1190), and markers, dentures between the lips and partial volume are brighter.
SKIN_MM = 2.5
#: What protected segments keep shows the old skin where it lies less deep (mm) than that.
NEAR_SKIN_MM = 4.0


#: What changes slowly in space, on a coarse grid.
SmoothFields = tuple[Volume, ...]


@dataclass(frozen=True, eq=False)
class Face:
    """The face that is to be hidden.

    ``segment``: the voxels that may change, on the CT's grid. ``region``: the same layer before bone and protected
    segments were taken out. ``depth``: signed depth (mm) below the solid skin on a working grid. ``membrane`` and
    ``skin``: distance (mm) from the frame's origin to the surface spanned by the curve and to the skin, on ``raster``;
    ``inside``: the raster's cells inside the curve. ``ears``: those that are hidden too; their voxels are in ``segment``.
    ``kept``: number of voxels that would change if no protected segment, or its margin, were there; ``kept_ml``: their volume (ml),
    and that of those among them that lie before the skin or less than NEAR_SKIN_MM below it. ``apron``: what of the segment lies beyond the
    curve, in the air before the skin, where a new face runs out. ``staying``: distance (mm) from the frame's origin to the foremost tissue
    of the region that is not in the segment, on ``raster``; 0 where there is none, None where nobody looked. ``view``: the grid of the CT
    that the face was found in, where that is another one.
    """

    segment: BoxMask
    region: BoxMask
    frame: FaceFrame
    curve: FaceCurve
    depth: Volume
    raster: PolarRaster
    inside: np.ndarray
    membrane: np.ndarray
    skin: np.ndarray
    ears: tuple[Ear, ...] = ()
    kept: int = 0
    kept_ml: tuple[float, float] = (0.0, 0.0)
    apron: BoxMask = NOTHING
    staying: np.ndarray | None = None
    view: Geometry | None = None

    def without_apron(self) -> Face:
        """The face that ends at its curve."""
        if not self.apron.voxels:
            return self
        rest = self.segment.array.copy()
        self.apron.take_from(rest, self.segment.box)
        return replace(self, segment=tight(self.segment.name, rest, self.segment.box.start), apron=NOTHING)

    def parts(self) -> tuple[BoxMask, ...]:
        """The segment in parts that do not overlap: the face, and each ear that has voxels in it."""
        ears = tuple(ear.segment for ear in self.ears if ear.segment.voxels)
        rest = self.segment.array.copy()
        for ear in ears:
            ear.take_from(rest, self.segment.box)
        return (BoxMask(self.segment.name, self.segment.box, rest), *ears)


@dataclass(frozen=True, eq=False)
class Outlook:
    """What of a face depends on nothing but its curve, the skin and the CT's grid: no length changes it.

    ``face`` has no voxels yet, but its apron; ``degrees`` is how far a line of sight lies inwards from the curve, on a PolarRaster.
    ``fields`` are kept for the last few parts of the skin's grid on which they were asked for.
    """

    face: Face
    degrees: np.ndarray
    sight: Sight
    fields: dict[tuple, SmoothFields] = field(default_factory=dict)

    def smooth_fields(self, target: Geometry) -> SmoothFields:
        """As ``_smooth_fields``."""
        key = place_of(target)
        if key not in self.fields:
            make_room(self.fields, MOST_FIELDS)
            self.fields[key] = _smooth_fields(self, target)
        return self.fields[key]


def seen_within(sight: Sight, curve: FaceCurve, grid: Geometry) -> Outlook:
    """The skin and the membrane within a curve, and where a new face runs out beyond it.

    Raises FaceNotFoundError where the curve encloses nothing.
    """
    raster = sight.raster
    inside = curve.inside(raster)
    if not inside.any():
        raise FaceNotFoundError("the face segment is empty: the curve encloses nothing, draw it around what is to be hidden")
    skin = filled_map(sight.skin(ndimage.binary_dilation(inside, iterations=MAP_MARGIN)))
    membrane = harmonic_fill(skin, inside)
    fine = PolarRaster()
    face = Face(NOTHING, NOTHING, sight.frame, curve, sight.depth, raster, inside, membrane, skin)
    seen = Outlook(face, signed_degrees(fine, curve.inside(fine)), sight)
    return replace(seen, face=replace(face, apron=_apron_of(seen, grid)))


def solid_layer(seen: Outlook, grid: Geometry, parameters: Parameters, alive: Alive = idle) -> Face:
    """The layer inside the curve from ``outside_mm`` in front of the skin to ``depth_mm`` below it.

    The layer is widened to the membrane: all that stands in front of it (nose, lips, chin) goes, and a new surface has
    room before it. Nothing is taken out yet. Raises FaceNotFoundError where no voxel of ``grid`` lies in the layer.
    """
    box = layer_box(seen.face, grid, parameters)
    alive()
    level = _level_set(seen, grid.crop(box), parameters, alive)
    alive()
    mask = _voxels_above(level, grid.crop(box))
    if not mask.any():
        raise FaceNotFoundError("the face segment is empty: the curve encloses no part of the field of view")
    region = BoxMask("Face region", box, mask)
    return replace(seen.face, segment=region, region=region)


def below_skin(face: Face, local: Geometry, mask: np.ndarray, margin_mm: float) -> np.ndarray:
    """What of ``mask`` (bool, on ``local``) lies more than ``margin_mm`` deeper than the skin itself, bool of the same shape."""
    out, least = np.zeros(mask.shape, dtype=bool), SKIN_MM + margin_mm
    out[mask] = by_parts(lambda voxels: depth_of(face, local.to_lps(unflat(voxels, mask.shape))) > least, np.flatnonzero(mask))
    return out


def depth_of(face: Face, lps: np.ndarray, unknown: float = -1.0) -> np.ndarray:
    """Depth (N,) in mm below the solid skin of points (N, 3) in LPS mm; ``unknown`` where the skin was not looked at."""
    return face.depth.at(lps, unknown)


def without_islands(face: Face, grid: Geometry, mask: np.ndarray) -> np.ndarray:
    """``mask`` (bool of the region's box) without what an island of the curve shows: teeth are hidden with the lips."""
    if not face.curve.islands or not mask.any():
        return mask
    at = places(mask)
    fine = PolarRaster()
    directions, _ = to_polar(face.frame, grid.crop(face.region.box).to_lps(at))
    shown = fine.sample(face.curve.on_island(fine).astype(np.float32), directions) > 0.5
    out = mask.copy()
    out[tuple(at[shown].T)] = False
    return out


def spare(region: BoxMask, stays: Sequence[BoxMask], protected: Sequence[BoxMask], grid: Geometry, margin_mm: float) -> BoxMask:
    """The face segment: the region without what ``stays``, and without the protected masks grown by ``margin_mm``."""
    mask = region.array.copy()
    for one in stays:
        one.take_from(mask, region.box)
    for segment in protected:
        np.greater(mask, grown(segment, region.box, grid, margin_mm), out=mask)
    return BoxMask("Face", region.box, mask)


def volumes_kept(face: Face, grid: Geometry, kept: np.ndarray) -> tuple[int, tuple[float, float]]:
    """How many voxels are ``kept`` (bool of the region's box), their volume in ml, and that of those less than NEAR_SKIN_MM below skin."""
    depth = depth_of(face, grid.crop(face.region.box).to_lps(places(kept)))
    near = int(np.count_nonzero(depth < NEAR_SKIN_MM))
    return len(depth), (len(depth) * grid.voxel_mm3 / 1000.0, near * grid.voxel_mm3 / 1000.0)


def grown(mask: BoxMask, box: Box, grid: Geometry, margin_mm: float) -> np.ndarray:
    """The voxels of ``box`` within ``margin_mm`` (centre to centre) of a voxel of the mask: bool of the box's shape.

    Distances are Euclidean along the grid's axes; on a sheared grid (gantry tilt) they are taken at the smallest
    stretch of the shear, which never makes the margin smaller.
    """
    steps = np.array(grid.sampling) * _smallest_stretch(grid)
    reach = np.ceil(margin_mm / steps).astype(int) + 1
    low = np.maximum(np.array(mask.box.start) - reach, box.start)
    high = np.minimum(np.array(mask.box.stop) + reach, box.stop)
    out = np.zeros(box.shape, dtype=bool)
    if np.any(high <= low) or not mask.voxels:
        return out
    wide = Box(tuple(int(v) for v in np.minimum(low, mask.box.start)), tuple(int(v) for v in np.maximum(high, mask.box.stop)))
    part = BoxMask(mask.name, wide, grow_mm(mask.inside(wide), margin_mm + 1e-6, steps))
    window = Box(tuple(int(v) for v in low), tuple(int(v) for v in high))
    out[tuple(slice(a - s, b - s) for a, b, s in zip(low, high, box.start, strict=True))] = part.inside(window)
    return out


def _smallest_stretch(grid: Geometry) -> float:
    """Least length of a unit index step combination over that of perpendicular axes: 1 on an orthogonal grid."""
    axes = grid.ijk_to_lps[:3, :3] / np.array(grid.spacing)
    return float(np.linalg.svd(axes, compute_uv=False)[-1])


def filled_map(skin: np.ndarray) -> np.ndarray:
    """The skin's map (rows, columns; mm) with its gaps (NaN: rays that met no skin) filled from the nearest known cell.

    :raises FaceNotFoundError: no ray met skin.
    """
    gaps = np.isnan(skin)
    if gaps.all():
        raise FaceNotFoundError("no skin is seen from inside the head: the landmarks do not fit this CT")
    nearest = ndimage.distance_transform_edt(gaps, return_distances=False, return_indices=True)
    return skin[tuple(nearest)]


def layer_box(face: Face, grid: Geometry, parameters: Parameters) -> Box:
    """The box of voxels that holds the solid layer. Raises FaceNotFoundError where the curve encloses nothing."""
    directions = face.raster.directions()[face.inside]
    if not len(directions):
        raise FaceNotFoundError("the curve encloses nothing: draw it around the face")
    unit = unit_vectors(face.frame, directions)
    skin, membrane = face.skin[face.inside], face.membrane[face.inside]
    outer = np.maximum(skin + parameters.outside_mm, membrane + BEFORE_MEMBRANE_MM)
    inner = np.minimum(skin - 2 * max(parameters.depth_mm, ISLAND_MM if face.curve.islands else 0.0), membrane - BEHIND_MEMBRANE_MM)
    points = face.frame.origin + np.vstack([unit * outer[:, None], unit * np.maximum(inner, 0.0)[:, None]])
    return grid.box_around(points, margin_mm=3.0)


def _apron_of(seen: Outlook, grid: Geometry) -> BoxMask:
    """The voxels before the skin, beyond the curve, that a new face may need to run out."""
    face = seen.face
    if not face.curve.run_out:
        return NOTHING
    signed = signed_degrees(face.raster, face.inside)
    elevation = face.raster.directions()[..., 1]
    near = (signed > -beyond_curve(elevation, face.curve.run_out) - 2 * face.raster.step) & (signed < face.raster.step)
    unit = unit_vectors(face.frame, face.raster.directions()[near])
    skin = face.skin[near]
    box = grid.box_around(face.frame.origin + np.vstack([unit * skin[:, None], unit * (skin + BEFORE_MEMBRANE_MM)[:, None]]), margin_mm=3.0)
    if not np.all(box.shape):
        return NOTHING
    depth = _depth_around(face, grid.crop(box))
    level = depth.with_array(np.minimum(-depth.array, _smooth_apron(seen, depth.geometry)))
    return tight("Apron", _voxels_above(level, grid.crop(box)), box.start)


def _voxels_above(level: Volume, target: Geometry) -> np.ndarray:
    """The voxels of ``target`` (bool) where a level set is positive; it is negative around its grid."""
    return is_above(Volume(np.pad(level.array, 1, constant_values=-1.0), level.geometry.padded(1)), target, 0.0)


def _depth_around(face: Face, target: Geometry) -> Volume:
    """The skin's depth on that part of its working grid which holds ``target``."""
    return face.depth.crop(face.depth.geometry.box_around(target.corners(), margin_mm=3 * face.depth.geometry.spacing[0]))


def _smooth_apron(seen: Outlook, target: Geometry) -> np.ndarray:
    """Distance (mm) behind the furthest that a new face may stand out beyond the curve, or to its end if that is nearer."""
    face, coarse = seen.face, canonical_grid(target.corners(), SMOOTH_MM)

    def look(polar: np.ndarray) -> np.ndarray:
        directions, distance = polar[:, :2], polar[:, 2]
        degrees = PolarRaster().sample(seen.degrees, directions)
        beyond = beyond_curve(directions[:, 1], face.curve.run_out)
        room = BEFORE_MEMBRANE_MM * share_of_height(degrees, 0.0, beyond + 1e-6)
        reach = np.minimum(face.raster.sample(face.skin, directions) + room - distance, np.radians(degrees + beyond) * distance)
        return np.minimum(reach, np.radians(-degrees) * distance + SMOOTH_MM)

    reach = by_parts(look, seen.sight.polar(coarse))
    return sample(Volume(reach.reshape(coarse.shape), coarse), target)


def _level_set(seen: Outlook, target: Geometry, parameters: Parameters, alive: Alive) -> Volume:
    """Positive inside the layer, in mm to its nearest border, on the working grid around ``target``."""
    if not np.all(target.shape):
        raise FaceNotFoundError("the face lies outside the field of view")
    depth = _depth_around(seen.face, target)
    fields = seen.smooth_fields(depth.geometry)
    alive()
    level = np.empty(depth.array.shape, dtype=np.float32)

    def fill(k: int, planes: np.ndarray) -> None:
        level[k] = _level_of(depth.array[k], planes, parameters)

    each_sampled(fields, depth.geometry, fill)
    return depth.with_array(level)


def _level_of(depth: np.ndarray, fields: np.ndarray, parameters: Parameters) -> np.ndarray:
    """The level set where the skin's depth and what changes slowly, one after the other, are known; all float32."""
    border, before, beyond, *islands = fields
    front = np.maximum(depth + np.float32(parameters.outside_mm), before + np.float32(BEFORE_MEMBRANE_MM))
    deepest = np.float32(parameters.depth_mm) + sum(np.clip(island, 0, max(0.0, ISLAND_MM - parameters.depth_mm)) for island in islands)
    thickness = np.minimum(deepest, np.maximum(border, 0) + np.float32(RIM_MM))
    back = np.maximum(thickness - depth, np.float32(BEHIND_MEMBRANE_MM) - before)
    return np.minimum.reduce([front, back, beyond, border])


def _smooth_fields(seen: Outlook, target: Geometry) -> SmoothFields:
    """Distance in mm to the border (positive inside), the membrane (positive behind it), the face's end, and the islands' border if any.

    On a coarse grid around ``target``. Nothing beyond the face on the same line of sight, such as a chest under a bent head, belongs to it.
    """
    face, coarse, fine = seen.face, canonical_grid(target.corners(), SMOOTH_MM), PolarRaster()
    islands = [signed_degrees(fine, face.curve.on_island(fine))] if face.curve.islands else []

    def look(polar: np.ndarray) -> np.ndarray:
        directions, distance = polar[:, :2], polar[:, 2]
        cells = face.raster.cells(directions)
        membrane = face.raster.sample_at(face.membrane, cells)
        end = np.maximum(face.raster.sample_at(face.skin, cells), membrane) + BEFORE_MEMBRANE_MM
        border, *on_islands = (np.radians(fine.sample(degrees, directions)) * distance for degrees in (seen.degrees, *islands))
        return np.column_stack([border, membrane - distance, end - distance, *on_islands])

    fields = by_parts(look, seen.sight.polar(coarse))
    return tuple(Volume(field.reshape(coarse.shape), coarse) for field in np.ascontiguousarray(fields.T))
