"""Did the face change? Measured on the voxels of the two CTs along lines of sight, not on the masks that made the change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy.face_frame import FaceFrame
from ..core.ahead import shared_out
from ..core.geometry import Box
from ..core.landmarks import Landmark, Landmarks
from ..core.segment import box_of
from ..core.volume import Volume, linear, nearest
from ..face.polar import skin_distance, to_polar, unit_vectors
from ..face.segment import Face

#: Skin meets air half-way between fat (-100 HU) and air (-1000 HU), a little lower for coarse voxels.
SKIN_HU = -400.0
#: The surface is looked for this far (mm) in front of and behind where the skin was.
LOOK_MM = 30.0
LOOK_STEP_MM = 1.0
#: The outermost tissue voxel within this reach (mm) of the skin is skin: what stands further off is tube
#: or sheet, what lies deeper is seen through an open mouth.
SKIN_AHEAD_MM = 4.0
SKIN_BEHIND_MM = 4.0
#: So many half millimetres of tissue before a voxel hide it; a film does not.
FILM_STEPS = 4
#: Where none is within that reach, the skin was found too far out, and tissue this much further behind is skin.
FURTHER_BEHIND_MM = 4.0
#: Around a landmark, tissue joined to the skin is followed this far (mm) outwards: further than a nose was ever found too short.
JOINED_MM = 12.0
#: A line of sight whose skin moved less (mm) shows the same surface as before.
MOVED_MM = 1.0
#: Skin this close (mm) to a landmark belongs to its feature (half of a nose's breadth); round an uncertain landmark it
#: is looked at twice as far.
FEATURE_MM = 8.0
WIDE_MM = 16.0
#: A landmark less certain than this cannot vouch for what it covers.
MIN_CONFIDENCE = 0.5
#: Brighter than this is no skin: teeth between open lips, bite blocks, metal.
BRIGHT_HU = 300.0
#: Slices of the changed part that are laid onto the body's grid at a time: all of them are larger than a CT.
TOGETHER = 16
#: The lids lie this far (mm) in front of the eyeball's centre.
LIDS_MM = 14.0


@dataclass(frozen=True)
class Coverage:
    """What became of the face's skin.

    ``changed_share``: share of the skin inside the curve whose voxels changed; ``moved_share``: share that moved by
    1 mm or more or vanished; ``mean_displacement_mm`` over all of it (a vanished skin counts as 30 mm).
    ``features``: per landmark in view, the share of skin within 8 mm of it that changed.
    """

    changed_share: float
    moved_share: float
    mean_displacement_mm: float
    features: dict[str, float]


@dataclass(frozen=True, eq=False)
class Sight:
    """Lines of sight from the frame's origin: ``unit`` vectors (N, 3) in LPS and the ``distance`` (N,) in mm to the skin."""

    frame: FaceFrame
    unit: np.ndarray
    distance: np.ndarray

    def kji(self, volume: Volume, offsets: np.ndarray) -> np.ndarray:
        """Array positions (N, M, 3) in the volume at ``offsets`` (M,) mm in front of the skin."""
        points = self.frame.origin + self.unit[:, None, :] * (self.distance[:, None] + offsets[None])[..., None]
        return volume.geometry.to_kji(points)


def measure_coverage(original: Volume, result: Volume, changed: np.ndarray, face: Face, landmarks: Landmarks) -> Coverage:
    """Measure the change of the skin inside the curve and around each landmark that lies in the field of view."""
    unit = unit_vectors(face.frame, face.raster.directions()[face.inside])
    sight = Sight(face.frame, unit, face.skin[face.inside])
    seen = in_view(original, sight)
    if not seen.any():
        return Coverage(0.0, 0.0, 0.0, {})
    sight = Sight(face.frame, unit[seen], sight.distance[seen])
    shift = displacement(original, result, sight)
    known = [landmark for landmark in landmarks if landmark.position is not None]
    shares = shared_out(lambda landmark: feature_share(original, changed, face, landmark), known)
    features = {landmark.name: share for landmark, share in zip(known, shares, strict=True) if share is not None}
    hit = skin_changed(original, changed, sight)
    return Coverage(float(hit.mean()) if len(hit) else 0.0, float((shift >= MOVED_MM).mean()), float(shift.mean()), features)


def skin_changed(
    original: Volume, changed: np.ndarray, sight: Sight, joined_mm: float = 0.0, filled: np.ndarray | None = None
) -> np.ndarray:
    """Whether the outermost tissue voxel on each line of sight changed; lines that meet no skin are left out.

    Tissue that goes on without a gap from there, up to ``joined_mm`` further out, is looked at too: the skin itself may lie
    further in front than it was found. With a result's HU, ``filled``, a voxel counts too that has 2 mm of tissue before it there.
    """
    kji = np.rint(sight.kji(original, np.arange(SKIN_AHEAD_MM + joined_mm, -SKIN_BEHIND_MM - FURTHER_BEHIND_MM, -0.5))).astype(int)
    kji = np.clip(kji, 0, np.array(original.array.shape) - 1)
    hu = original.array[tuple(np.moveaxis(kji, -1, 0))]
    line, start = np.arange(len(kji)), round(joined_mm / 0.5)
    outermost = start + np.argmax(hu[:, start:] > SKIN_HU, axis=1)
    joined = np.cumprod(hu[:, :start][:, ::-1] > SKIN_HU, axis=1).sum(1)
    outermost -= np.where(outermost == start, joined, 0).astype(int)
    skin = (hu[line, outermost] > SKIN_HU) & (hu[line, outermost] < BRIGHT_HU)
    kji, outermost = kji[skin], kji[line, outermost][skin]
    hidden = changed[tuple(outermost.T)]
    if filled is None:
        return hidden
    first = np.argmax((kji == outermost[:, None]).all(axis=2), axis=1)
    steps = np.maximum(first[:, None] - np.arange(1, FILM_STEPS + 1), 0)
    before = filled[tuple(np.moveaxis(kji[np.arange(len(kji))[:, None], steps], -1, 0))] > SKIN_HU
    return hidden | ((first >= FILM_STEPS) & before.all(axis=1))


def feature_share(original: Volume, changed: np.ndarray, face: Face, landmark: Landmark, filled: np.ndarray | None = None) -> float | None:
    """Share of the skin around a landmark's skin point that changed (``filled`` as ``skin_changed``); None where that is out of view.

    Nothing that could be looked at, though it is in view, counts as nothing changed. Around means within FEATURE_MM,
    and within WIDE_MM where the landmark is uncertain.
    """
    centre, _ = to_polar(face.frame, skin_before(landmark, face.frame))
    radius = FEATURE_MM if landmark.confidence >= MIN_CONFIDENCE else WIDE_MM
    fine = np.arange(-12.0, 12.01, 1.0)
    around = centre[0] + np.stack(np.meshgrid(fine, fine), axis=-1).reshape(-1, 2)
    sight = Sight(face.frame, unit_vectors(face.frame, around), skin_distance(face.depth, face.frame, around))
    points = sight.unit * sight.distance[:, None]
    near = np.linalg.norm(points - points[len(around) // 2], axis=1) <= radius
    near &= in_view(original, sight)
    hit = skin_changed(original, changed, Sight(face.frame, sight.unit[near], sight.distance[near]), JOINED_MM, filled)
    if not near.any():
        return 0.0 if np.isnan(sight.distance).all() else None
    return float(hit.mean()) if len(hit) else 0.0


def skin_before(landmark: Landmark, frame: FaceFrame) -> np.ndarray:
    """A point (3,) in LPS mm on the line of sight to the skin that shows a landmark: for an eyeball, the lids in front of it."""
    ahead = LIDS_MM * frame.scale * frame.axes[:, 1] if landmark.name.startswith("eye_") else 0.0
    return landmark.position + ahead


def in_view(volume: Volume, sight: Sight) -> np.ndarray:
    """True (N,) for lines of sight whose skin is known and lies in the field of view."""
    return volume.geometry.holds(sight.kji(volume, np.zeros(1))[:, 0])


def displacement(original: Volume, result: Volume, sight: Sight) -> np.ndarray:
    """How far (mm, (N,)) the outermost crossing of SKIN_HU moved along each line of sight; vanished skin moved LOOK_MM."""
    offsets = np.arange(LOOK_MM, -LOOK_MM - 0.1, -LOOK_STEP_MM)
    kji = sight.kji(original, offsets)
    low = np.clip(np.floor(kji.min((0, 1))).astype(int), 0, np.array(original.array.shape) - 1)
    high = np.maximum(np.ceil(kji.max((0, 1))).astype(int) + 2, low + 1)
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))

    def place(volume: Volume) -> np.ndarray:
        tissue = linear(volume.array[window], kji - low) > SKIN_HU
        return np.where(tissue.any(1), offsets[np.argmax(tissue, axis=1)], -LOOK_MM)

    before, after = shared_out(place, (original, result))
    return np.abs(before - after)


def share_of_body(changed: np.ndarray, ct: Volume, body: Volume) -> float:
    """Volume of the changed voxels (bool, the CT's grid) that lie in the body (bool, its own grid) over the body's volume."""
    box = box_of(changed)
    if 0 in box.shape:
        return 0.0

    def count(first: int) -> int:
        slab = Box((first, *box.start[1:]), (min(first + TOGETHER, box.stop[0]), *box.stop[1:]))
        return int(np.count_nonzero(nearest(body, ct.geometry.crop(slab), False) & changed[slab.slices]))

    voxels = sum(shared_out(count, range(box.start[0], box.stop[0], TOGETHER)))
    return float(voxels * ct.geometry.voxel_mm3 / (np.count_nonzero(body.array) * body.geometry.voxel_mm3))
