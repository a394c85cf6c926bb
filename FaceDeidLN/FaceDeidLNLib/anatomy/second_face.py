"""Is there another head in the field of view? Looked for in what is left when the first one is taken out.

Three checks that know nothing of each other. A skull's bone lies around a centre on most sides, where arms, head rests and frames do
not, and what of ribs and shoulders lies where other patients have none neither; it closes rings around much soft tissue, where ribs,
shoulders and spine do not; and the landmark network, run again on the rest as it lies and turned, sees a face.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..core.affine import affine
from ..core.processors import processors
from ..core.progress import Alive, idle
from ..core.segment import places
from ..core.volume import AIR_HU, Volume
from .face_frame import FaceFrame
from .grids import closing, fill_holes, opening, vertical_axis
from .landmark.grids import reduced
from .landmark.net import first_reading, load_model, turned_head
from .pieces import pieces_of
from .trunk import NECK_TOP, in_trunk

#: Bone, and the walls of a skull, in voxels of some 4 mm.
BONE_HU = 200.0
#: Centre and half axes (left, anterior, superior; mm of the mean face) of the ellipsoid that holds the cranium and its scalp ...
CRANIUM_CENTRE, CRANIUM_MM = np.array([0.0, -5.0, 35.0]), np.array([84.0, 112.0, 105.0])
#: ... and the boxes (low, high) that hold the face in front of it, the neck and the trunk.
FACE_BOX = np.array([(-78.0, -20.0, -95.0), (78.0, 138.0, 75.0)])
NECK_BOX = np.array([(-85.0, -130.0, -np.inf), (85.0, 125.0, -40.0)])
TRUNK_BOX = np.array([(-np.inf, -170.0, -np.inf), (np.inf, 140.0, -95.0)])
#: What of the neck lies above the trunk, as ``in_trunk`` knows it.
NECK_PART = np.array([(-85.0, -130.0, NECK_TOP), (85.0, 125.0, -40.0)])
#: The head is looked for so much (mm) beyond its ends.
HEAD_MARGIN_MM = 5.0
#: A smaller piece of bone (ml) outside of them is no head: markers, screws, the edge of a table.
LEAST_BONE_ML = 20.0
#: The skull's bone lies between these distances (mm) from the centre of the ball that fits it best, on this share of all sides. On 88
#: patients arms, shoulders and frames reach 0.33; heads 0.8 to 1, a child's too, and half a head 0.47.
SKULL_MM, SKULL_SHARE = (30.0, 125.0), 0.4
#: ... and these shares of the middle distance: a skull is round. A table's plate, which fills nearly half of all sides too, is not:
#: 0.22 to 0.33 of the sides, half a head 0.46.
ROUND = (0.7, 1.3)
SIDES = 160
#: Outside of where patients have bone of the trunk pieces of this size (ml) and more are looked at: 88 patients' lie on 0.23 of the sides
#: at most, and on 0.31 where the face is thought to be turned and bent by up to 180 degrees; a child's face of 10 ml and more on 0.4.
LEAST_OFF_TRUNK_ML = 10.0
#: Soft tissue (HU) with a ring of bone around it in axial slices: on 88 patients outside of the head at most 24 ml, in heads 60 and more.
SOFT_HU, RINGED_ML = (-50.0, 120.0), 45.0
#: Of a ringed piece that belongs to the first head, more than this share lies in it.
OWN_SHARE = 0.1
#: So many landmarks (sum of the probability masses) make a face, looked for this far (mm) around the bone.
FACE_SEEN, AROUND_MM = 4.0, 100.0
#: What lies on a smaller share of all sides and is thinner (mm) in two directions, or smaller (ml), is no face: real faces cut by the
#: field of view, as far as the network sees them, lie on 0.34 and more and are 92 ml and more.
FACE_SHARE, LIMB_MM, LEAST_FACE_ML = 0.25, 60.0, 60.0
#: Two heads' middles lie further apart (mm of the mean face); what is nearer is the first head, whose place is then in doubt.
HEADS_APART_MM = 95.0
#: A plate is thinner than this (mm, between these percentiles of its bone) and longer than a head.
PLATE_MM, LONGEST_HEAD_MM, PLATE_PERCENTILES = 45.0, 280.0, (1.0, 99.0)
#: Voxels finer than this (mm) are skipped: nothing smaller than a bone is looked for. What is found is looked for again in all of them.
FINEST_MM = 2.5
#: How the rest is turned for the network, about the axes of LPS: not at all, upside down, prone, both, and on either side.
TURNS = tuple(
    np.array(rows, dtype=float)
    for rows in (
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
        ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
        ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
        ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
        ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
    )
)


def second_face(ct: Volume, frame: FaceFrame, alive: Alive = idle) -> tuple[str, ...]:
    """What there is to say of another head in a CT (HU) than the one at ``frame``; empty where there is none."""
    place = _elsewhere(reduced(ct, FINEST_MM), frame, alive)
    if place is not None and min(ct.geometry.sampling) < FINEST_MM / 2:
        place = _elsewhere(reduced(ct, 0.0), frame, alive)  # averaged: the noise of a sharp kernel reads as bone
    return () if place is None else (_sentence(frame, place),)


def _elsewhere(small: Volume, frame: FaceFrame, alive: Alive) -> np.ndarray | None:
    """A place (3,) in LPS mm of another head in a ``reduced`` CT; None where there is none."""
    alive()
    place = ringed_tissue(small, frame)
    if place is None:
        alive()
        place = _head_of_bone(small, frame, alive)
    return place


def _head_of_bone(small: Volume, frame: FaceFrame, alive: Alive) -> np.ndarray | None:
    """A place (3,) in LPS mm of a head that a piece of bone outside of the first one belongs to; None where none does."""
    bone = Bone.of(small, frame)
    pieces = pieces_outside(small, bone)
    for piece in pieces:
        place = second_skull(small, piece)
        if place is not None:
            return place
    for piece in pieces_off_trunk(small, frame, bone):
        place = None if is_plate(small, piece) else second_skull(small, piece)
        if place is not None:
            return place
    for piece in pieces:
        if is_plate(small, piece) or is_limb(small, piece):
            continue
        alive()
        place = other_face(small, frame, piece, alive)
        if place is not None:
            return place
    return None


@dataclass(frozen=True, eq=False)
class Bone:
    """The bone of a ``reduced`` CT (bool), its voxels' places (N, 3) in LPS mm and of the face, and which lie outside of head and trunk."""

    dense: np.ndarray
    points: np.ndarray
    where: np.ndarray
    outside: np.ndarray

    @classmethod
    def of(cls, small: Volume, frame: FaceFrame) -> Bone:
        """Of a CT with the first head at ``frame``."""
        dense = small.array > BONE_HU
        points = small.geometry.to_lps(places(dense))
        where = frame.to_face(points)
        return cls(dense, points, where, ~(_in_head(where) | _in_box(where, NECK_BOX) | _in_box(where, TRUNK_BOX)))

    def part(self, which: np.ndarray) -> np.ndarray:
        """Some of the voxels, ``which`` (N,), on the grid."""
        out = np.zeros_like(self.dense)
        out[self.dense] = which
        return out


def pieces_outside(small: Volume, bone: Bone) -> list[np.ndarray]:
    """The pieces of bone (bool) of a ``reduced`` CT that lie outside of the first head, its neck and trunk, largest first."""
    return _pieces(small, bone.part(bone.outside), LEAST_BONE_ML)


def pieces_off_trunk(small: Volume, frame: FaceFrame, bone: Bone) -> list[np.ndarray]:
    """As ``pieces_outside``, on the chest and at the shoulder too, where patients have no bone of the trunk: pieces that reach there."""
    where = bone.where
    near = _in_box(where, NECK_BOX) | _in_box(where, TRUNK_BOX)
    near[near] = ~(_in_head(where[near]) | _in_box(where[near], NECK_PART) | in_trunk(frame, bone.points[near]))
    if np.count_nonzero(near) < LEAST_OFF_TRUNK_ML * 1000.0 / small.geometry.voxel_mm3:
        return []
    there = bone.part(near)
    return [piece for piece in _pieces(small, bone.part(near | bone.outside), LEAST_OFF_TRUNK_ML) if (piece & there).any()]


def _pieces(small: Volume, bone: np.ndarray, least_ml: float) -> list[np.ndarray]:
    """The pieces (bool) of at least so many ml that the ``bone`` (bool) of a ``reduced`` CT falls into, largest first."""
    least = least_ml * 1000.0 / small.geometry.voxel_mm3
    if np.count_nonzero(bone) < least:
        return []
    labels, count = ndimage.label(ndimage.binary_dilation(bone), np.ones((3, 3, 3)))
    size = np.bincount(labels[bone], minlength=count + 1)
    return [bone & (labels == number) for number in np.argsort(-size) if size[number] >= least]


def is_plate(small: Volume, piece: np.ndarray) -> bool:
    """True where a piece of bone (bool) is flat, and longer than any head or as long as the field of view: the top of a table."""
    at = places(piece)
    points = small.geometry.to_lps(at)
    axes = np.linalg.eigh(np.cov(points.T))[1]
    low, high = np.percentile(affine(points, axes.T), PLATE_PERCENTILES, axis=0)
    thickness, _, length = high - low
    along = 2 - int(np.argmax(np.abs(axes[:, 2] @ (small.geometry.ijk_to_lps[:3, :3] / small.geometry.spacing))))
    through = at[:, along].min() <= 1 and at[:, along].max() >= small.array.shape[along] - 2
    return bool(thickness < PLATE_MM and (length > LONGEST_HEAD_MM or through))


def is_limb(small: Volume, piece: np.ndarray) -> bool:
    """True where a piece of bone (bool) lies on few sides of any place and is thin or small: an arm, a rod, the rest of a head rest."""
    points = small.geometry.to_lps(places(piece))
    if sides_with_bone(points - _ball(points)) >= FACE_SHARE:
        return False
    axes = np.linalg.eigh(np.cov(points.T))[1]
    low, high = np.percentile(affine(points, axes.T), PLATE_PERCENTILES, axis=0)
    return bool((high - low)[1] < LIMB_MM or len(points) * small.geometry.voxel_mm3 < LEAST_FACE_ML * 1000.0)


def without_head(part: Volume, frame: FaceFrame) -> Volume:
    """A part of the ``reduced`` CT with air in place of the head at ``frame``."""
    ends = np.array([CRANIUM_CENTRE - CRANIUM_MM, CRANIUM_CENTRE + CRANIUM_MM, *FACE_BOX])
    corners = np.array(np.meshgrid(*np.stack([ends.min(0), ends.max(0)], axis=1), indexing="ij")).reshape(3, -1).T
    box = part.geometry.box_around(frame.to_lps(corners), HEAD_MARGIN_MM)
    head = part.crop(box)
    tissue = head.array > AIR_HU + 1.0
    tissue[tissue] = _in_head(frame.to_face(head.geometry.to_lps(places(tissue))))
    rest = part.array.astype(np.float32)
    rest[box.slices][tissue] = AIR_HU
    return part.with_array(rest)


def ringed_tissue(small: Volume, frame: FaceFrame) -> np.ndarray | None:
    """Centre (3,) in LPS mm of soft tissue that bone closes in slice by slice, as a cranium does, outside of the head at ``frame``."""
    axis = vertical_axis(small.geometry)
    hu = np.moveaxis(small.array, axis, 0)
    ringed = fill_holes(closing(hu > BONE_HU, 1)) & (hu > SOFT_HU[0]) & (hu < SOFT_HU[1])
    pieces = pieces_of(np.moveaxis(opening(ringed, 1), 0, axis))
    for number in np.flatnonzero(pieces.sizes * small.geometry.voxel_mm3 / 1000.0 >= RINGED_ML):
        points = small.geometry.to_lps(places(pieces.only(np.arange(pieces.count) == number)))
        if _in_head(frame.to_face(points)).mean() <= OWN_SHARE:
            return points.mean(0)
    return None


def _in_head(face: np.ndarray) -> np.ndarray:
    """True (N,) for points (N, 3) of the mean face in its cranium or face."""
    in_cranium = (((face - CRANIUM_CENTRE) / CRANIUM_MM) ** 2).sum(1) < 1.0
    return in_cranium | _in_box(face, FACE_BOX)


def _in_box(face: np.ndarray, box: np.ndarray) -> np.ndarray:
    return np.all((face > box[0]) & (face < box[1]), axis=1)


def second_skull(small: Volume, piece: np.ndarray) -> np.ndarray | None:
    """Centre (3,) in LPS mm of the skull that a piece of bone (bool) is; None where it is none."""
    points = small.geometry.to_lps(places(piece))
    centre = _ball(points)
    return centre if sides_with_bone(points - centre) >= SKULL_SHARE else None


def _ball(points: np.ndarray) -> np.ndarray:
    """Centre (3,) of the ball whose surface lies nearest to points (N, 3), by least squares on squared distances."""
    middle = points.mean(0)
    off = points - middle
    rows = np.hstack([2.0 * off, np.ones((len(off), 1))])
    return middle + np.linalg.lstsq(rows, (off**2).sum(1), rcond=None)[0][:3]


def sides_with_bone(offsets: np.ndarray) -> float:
    """Share of SIDES even directions in which one of the points, (N, 3) in mm from the centre, lies as far away as a skull."""
    step = np.arange(SIDES) + 0.5
    height, turn = 1.0 - 2.0 * step / SIDES, np.pi * (1.0 + 5.0**0.5) * step  # a Fibonacci lattice on the ball
    flat = np.sqrt(1.0 - height**2)
    sides = np.stack([flat * np.cos(turn), flat * np.sin(turn), height])
    length = np.linalg.norm(offsets, axis=1)
    near = (length > SKULL_MM[0]) & (length < SKULL_MM[1])
    if not near.any():
        return 0.0
    middle = np.median(length[near])
    near &= (length > ROUND[0] * middle) & (length < ROUND[1] * middle)
    return len(np.unique(np.argmax(affine(offsets[near], sides.T), axis=1))) / SIDES


def other_face(small: Volume, frame: FaceFrame, piece: np.ndarray, alive: Alive = idle) -> np.ndarray | None:
    """Origin (3,) in LPS mm of a head frame in which the landmark network sees a face around a piece of bone; None where it sees none.

    The first head is taken out before. Looking finely takes most of the time: the turns in which the coarse network sees most come first.
    """
    member = load_model().members[0]
    part = without_head(small.crop(small.geometry.box_around(small.geometry.to_lps(places(piece)), AROUND_MM)), frame)
    with ThreadPoolExecutor(processors()) as pool:
        looks = [pool.submit(turned_head, part, turn, member) for turn in TURNS]
        try:
            found = []
            for look in looks:
                alive()
                found.append(look.result())
        finally:
            pool.shutdown(cancel_futures=True)
    for head, _ in sorted(filter(None, found), key=lambda head: -head[1]):
        alive()
        if first_reading(part, head, member).mass.sum() >= FACE_SEEN:
            return head.origin
    return None


def _sentence(frame: FaceFrame, place: np.ndarray) -> str:
    off = frame.to_face(place)[0]
    if np.linalg.norm(off - CRANIUM_CENTRE) < HEADS_APART_MM:
        return "the skull lies elsewhere than the landmarks tell: check them in Slicer and give those that are wrong with --landmarks"
    words = (("to the right of", "to the left of"), ("behind", "in front of"), ("below", "above"))
    axis = int(np.argmax(np.abs(off)))
    where = words[axis][int(off[axis] > 0)]
    return (
        f"there is a second face in the field of view, {abs(off[axis]) / 10:.0f} cm {where} the one that is hidden: "
        "crop the CT so that it shows one head, and run it again"
    )
