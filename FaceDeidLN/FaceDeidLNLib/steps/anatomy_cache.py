"""What was found in a CT a moment ago, so that a step that is done again does not look for it again."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ..anatomy.bone import metal_slices
from ..anatomy.jaw.mandible import Mandible
from ..anatomy.level.find import Ground, Level
from ..case.find import Body, FaceBone, Finder, Jaw, bone_window, combined
from ..case.records import Anatomy, Request
from ..core.ahead import shared_out
from ..core.geometry import Box
from ..core.landmarks import Landmarks
from ..core.parameters import Parameters
from ..core.progress import Alive, idle
from ..core.segment import NOTHING, PackedMask, Segment
from ..core.volume import Volume
from ..face.curve import FaceCurve
from ..face.segment import Face, Outlook
from ..face.sight import Sight

Found = TypeVar("Found")
#: How many CTs are remembered: body and skin of one take some ten megabytes.
_CTS = 3
#: So many regions of one CT are remembered, as lengths go back and forth: the bone of one takes some five megabytes,
#: and what is seen within a curve as many.
_TRIED = 4
#: So many coarse grids around a head are remembered, whose points' directions take five megabytes: a dragged point seldom needs another.
_GRIDS = 2
#: Mandible and skin of one CT take twelve megabytes, and only other segments ask for others.
_GROUNDS = 1
#: So many bytes of a CT are hashed at a time.
_PART = 1 << 24


class AnatomyCache(Finder):
    """What was found in the last few CTs, from whether they are HU to the bone in a face; it depends on nothing but what its key holds."""

    def __init__(self) -> None:
        self._kept: dict[tuple, object] = {}
        self._by_anatomy: weakref.WeakKeyDictionary[Anatomy, dict[tuple, object]] = weakref.WeakKeyDictionary()
        self._keys: weakref.WeakKeyDictionary[Volume, tuple] = weakref.WeakKeyDictionary()

    def clear(self) -> None:
        """Forget everything: the scene was closed."""
        self._kept.clear()
        self._by_anatomy.clear()

    def judged(self, values: Volume, by_hand: bool, judge: Callable[[], tuple[Volume, bool]]) -> tuple[Volume, bool]:
        """The CT of a node's values; of those that were found to be HU as they are no more is looked at than whether they are the same."""
        key = ("judged", self._ct_key(values), by_hand)
        if key in self._kept:
            return values, False
        ct, calibrated = judge()
        if ct is values:
            self._once(key, lambda: calibrated)
        return ct, calibrated

    def automatic(self, ct: Volume, alive: Alive = idle) -> Landmarks:
        """The landmarks found without help."""
        return self._once(("landmarks", self._ct_key(ct)), lambda: super(AnatomyCache, self).automatic(ct, alive))

    def landmarks(self, ct: Volume, given: Landmarks | None, alive: Alive = idle, guides: Sequence[Segment] = ()) -> Landmarks:
        """As ``case.find.find_landmarks``."""
        return combined(ct, self.automatic(ct, alive), given, guides)

    def body(self, ct: Volume, alive: Alive = idle) -> Volume:
        """The body, which is the same wherever the landmarks are."""
        return self._once(("body", self._ct_key(ct)), lambda: super(AnatomyCache, self).body(ct, alive))

    def anatomy(
        self, ct: Volume, landmarks: Landmarks, alive: Alive = idle, guides: Sequence[Segment] = (), body: Body | None = None
    ) -> Anatomy:
        """Body, frame and skin."""
        key = ("anatomy", self._ct_key(ct), _landmark_key(landmarks), _segments_key(guides))
        return self._once(key, lambda: super(AnatomyCache, self).anatomy(ct, landmarks, alive, guides, body))

    def mandible(self, request: Request, landmarks: Landmarks, alive: Alive = idle) -> Mandible | None:
        """The mandible, whatever levels are asked for."""
        if not request.parameters.levels:
            return None
        key = ("mandible", self._ct_key(request.ct), _landmark_key(landmarks), _segments_key((*request.guides, *request.protected)))
        return self._once(key, lambda: super(AnatomyCache, self).mandible(request, landmarks, alive))

    def levels(self, request: Request, anatomy: Anatomy, alive: Alive = idle, jaw: Jaw | None = None) -> tuple[Level, ...]:
        """The node levels."""
        named = _segments_key((*request.guides, *request.protected))
        parameters = (request.parameters.levels, request.parameters.superficial_mm)
        key = ("levels", self._ct_key(request.ct), _landmark_key(anatomy.landmarks), named, parameters)
        return self._once(key, lambda: super(AnatomyCache, self).levels(request, anatomy, alive, jaw))

    def ground(self, request: Request, anatomy: Anatomy, alive: Alive = idle, jaw: Jaw | None = None) -> Ground:
        """What the node levels are made from, which lengths do not change."""
        jaw = jaw or (lambda going: self.mandible(request, anatomy.landmarks, going))
        named = _segments_key((*request.guides, *request.protected))
        key = ("ground", self._ct_key(request.ct), _landmark_key(anatomy.landmarks), named)
        return self._of_anatomy(anatomy, key, lambda: super(AnatomyCache, self).ground(request, anatomy, alive, jaw), _GROUNDS)

    def curve(self, ct: Volume, anatomy: Anatomy, parameters: Parameters, control_lps: np.ndarray | None = None) -> FaceCurve:
        """The style's own curve, or the one through a user's points."""
        kind, points = ("curve", None) if control_lps is None else ("user's curve", np.asarray(control_lps, dtype=float).tobytes())
        key = (kind, self._ct_key(ct), points, parameters.style, parameters.ears, parameters.lips)
        return self._of_anatomy(anatomy, key, lambda: super(AnatomyCache, self).curve(ct, anatomy, parameters, control_lps))

    def sight(self, anatomy: Anatomy) -> Sight:
        """The skin as it was seen so far."""
        return self._of_anatomy(anatomy, ("sight",), lambda: Sight(anatomy.frame, anatomy.depth, _GRIDS))

    def seen(self, ct: Volume, anatomy: Anatomy, curve: FaceCurve) -> Outlook:
        """What no length changes of a face within a curve."""

        def look() -> tuple[Outlook, PackedMask]:
            seen = super(AnatomyCache, self).seen(ct, anatomy, curve)
            return replace(seen, face=replace(seen.face, apron=NOTHING)), PackedMask.of(seen.face.apron)

        seen, apron = self._of_anatomy(anatomy, ("seen", self._ct_key(ct), _curve_key(curve)), look)
        return replace(seen, face=replace(seen.face, curve=curve, apron=apron.unpacked()))

    def layer(self, ct: Volume, anatomy: Anatomy, seen: Outlook, parameters: Parameters, alive: Alive = idle) -> Face:
        """The layer within a curve, which no length changes but its own two."""
        key = ("layer", self._ct_key(ct), _curve_key(seen.face.curve), parameters.depth_mm, parameters.outside_mm)

        def look() -> PackedMask:
            return PackedMask.of(super(AnatomyCache, self).layer(ct, anatomy, seen, parameters, alive).region)

        region = self._of_anatomy(anatomy, key, look).unpacked()
        return replace(seen.face, segment=region, region=region)

    def bone(self, ct: Volume, anatomy: Anatomy, box: Box, bone_hu: float, layer: Callable[[], Face]) -> FaceBone:
        """The bone in the window around a region."""
        key = ("bone", self._ct_key(ct), bone_window(box, ct.geometry), metal_slices(ct, box).tobytes(), bone_hu)

        def look() -> tuple[PackedMask, PackedMask]:
            bone = super(AnatomyCache, self).bone(ct, anatomy, box, bone_hu, layer)
            return PackedMask.of(bone.found), PackedMask.of(bone.stays)

        return FaceBone(*(part.unpacked() for part in self._of_anatomy(anatomy, key, look)))

    def _of_anatomy(self, anatomy: Anatomy, key: tuple, work: Callable[[], Found], most: int = _TRIED) -> Found:
        """What was found with this very anatomy."""
        return _once(self._by_anatomy.setdefault(anatomy, {}), key, most, work)

    def _ct_key(self, ct: Volume) -> tuple:
        """Place and voxels. A volume of read-only voxels is what one step read of a node, and its voxels are looked at once."""
        if ct.array.flags.writeable:
            return _ct_key(ct)
        if ct not in self._keys:
            self._keys[ct] = _ct_key(ct)
        return self._keys[ct]

    def _once(self, key: tuple, work: Callable[[], Found]) -> Found:
        return _once(self._kept, key, _CTS, work)


def _once(kept: dict[tuple, object], key: tuple, most: int, work: Callable[[], Found]) -> Found:
    """What is kept by a key, or else what ``work`` gives; of a kind (the key's first part) so many are kept at most."""
    if key not in kept:
        of_kind = [other for other in list(kept) if other[0] == key[0]]  # another thread may keep something of another kind meanwhile
        for other in of_kind[: max(0, len(of_kind) - most + 1)]:
            del kept[other]
        kept[key] = work()
    return kept[key]


def _ct_key(ct: Volume) -> tuple:
    """Place and voxels: any edit of the CT gives another key."""
    data = np.ascontiguousarray(ct.array).reshape(-1).view(np.uint8)
    parts = [data[start : start + _PART] for start in range(0, len(data), _PART)]
    voxels = tuple(shared_out(lambda part: hashlib.sha256(part).digest(), parts))  # hashing lets other threads run
    return (ct.array.shape, ct.array.dtype.str, ct.geometry.ijk_to_lps.tobytes(), voxels)


def _segments_key(segments: Sequence[Segment]) -> tuple:
    """Names, places and voxels: an edited segment gives another key."""
    keys = []
    for segment in segments:
        voxels = hashlib.blake2b(np.ascontiguousarray(segment.mask.array).data, digest_size=16).digest()
        keys.append((segment.name, segment.code, segment.mask.array.shape, segment.mask.geometry.ijk_to_lps.tobytes(), voxels))
    return tuple(keys)


def _curve_key(curve: FaceCurve) -> tuple:
    lines = (curve.control, curve.outline, *curve.islands)
    return curve.run_out, tuple((line.shape, line.tobytes()) for line in lines)


def _landmark_key(landmarks: Landmarks | None) -> tuple:
    points = () if landmarks is None else landmarks
    return tuple((p.name, None if p.position is None else tuple(np.round(p.position, 4)), p.confidence, p.source) for p in points)
