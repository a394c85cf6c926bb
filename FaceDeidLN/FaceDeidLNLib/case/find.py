"""What is found in a CT: landmarks, skin, node levels, curve and face segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..anatomy.body import find_body
from ..anatomy.bone import bone_mask, metal_slices
from ..anatomy.face_frame import FaceFrame, fit_frame
from ..anatomy.grids import steps_of
from ..anatomy.jaw.hyoid import hyoid_doubts
from ..anatomy.jaw.mandible import Mandible, add_drawn_mandible, find_mandible
from ..anatomy.jaw.points import jaw_doubts, jaw_landmarks
from ..anatomy.landmark.detect import detect_landmarks
from ..anatomy.level.find import Ground, Level, find_ground, find_levels
from ..anatomy.outline import within_outline
from ..anatomy.second_face import second_face
from ..anatomy.skin import skin_depth
from ..core.ahead import awaited, made_beside
from ..core.errors import FaceNotFoundError
from ..core.geometry import Box, Geometry
from ..core.landmarks import Landmarks
from ..core.memory import give_back
from ..core.parameters import Parameters
from ..core.progress import Alive, idle
from ..core.segment import BoxMask, PackedMask, Segment, tight, united
from ..core.volume import Volume
from ..face.build import ears_in, strategy_face, with_ears, with_own_segment, with_skin_known
from ..face.curve import FaceCurve, draw_curve, follow_curve, with_islands
from ..face.jaw import below_jaw, bone_that_stays
from ..face.segment import Face, Outlook, layer_box, seen_within, solid_layer, spare, volumes_kept, without_islands
from ..face.sight import Sight
from ..face.staying import foremost
from ..face.styles import Region, Style, chosen_region, drawn_style
from ..input.place import place_segments
from ..verify.coverage import MIN_CONFIDENCE
from ..verify.layer import layer_doubts
from .records import Anatomy, Request

#: The landmarks in the middle of the eyes.
EYES = ("eye_left", "eye_right")
#: Gives a CT's body, which somebody looks for already; what it is called with is told that it is alive.
Body = Callable[[Alive], Volume]
#: The same for its mandible.
Jaw = Callable[[Alive], Mandible]
#: The box, in mm of the mean face (left, anterior, superior), in which the skin is looked at closely.
FACE_BOX_MM = np.array([(-105.0, -15.0, -125.0), (105.0, 165.0, 120.0)])
#: The lattice (mm) of the box in which bone is looked for.
WINDOW_MM = 8.0


@dataclass(frozen=True, eq=False)
class FaceBone:
    """Bone in and around the box of a face's region: all that was ``found``, and what ``stays`` as it lies below the skin."""

    found: BoxMask
    stays: BoxMask


class Finder:
    """Who looks for the anatomy in a CT: each time anew. Another one may remember, and must find the very same."""

    def judged(self, values: Volume, by_hand: bool, judge: Callable[[], tuple[Volume, bool]]) -> tuple[Volume, bool]:
        """What ``judge`` makes of a node's values: the CT in HU, and whether it was calibrated, which is done ``by_hand`` only."""
        return judge()

    def automatic(self, ct: Volume, alive: Alive = idle) -> Landmarks:
        """The landmarks found without help."""
        return detect_landmarks(ct, alive)

    def body(self, ct: Volume, alive: Alive = idle) -> Volume:
        """As ``find_body``."""
        return find_body(ct, alive=alive)

    def anatomy(
        self, ct: Volume, landmarks: Landmarks, alive: Alive = idle, guides: Sequence[Segment] = (), body: Body | None = None
    ) -> Anatomy:
        """As ``find_anatomy``; ``body`` gives the body where somebody looks for it already."""
        return find_anatomy(ct, landmarks, alive, guides, body or (lambda going: self.body(ct, going)))

    def mandible(self, request: Request, landmarks: Landmarks, alive: Alive = idle) -> Mandible | None:
        """The mandible that node levels are made around, which needs no skin; None where there are to be none."""
        if not request.parameters.levels:
            return None
        return find_mandible(request.ct, fit_frame(landmarks), (*request.guides, *request.protected), alive)

    def levels(self, request: Request, anatomy: Anatomy, alive: Alive = idle, jaw: Jaw | None = None) -> tuple[Level, ...]:
        """As ``node_levels``."""
        return node_levels(request, anatomy, alive, self, jaw)

    def ground(self, request: Request, anatomy: Anatomy, alive: Alive = idle, jaw: Jaw | None = None) -> Ground:
        """As ``level_ground``."""
        return level_ground(request, anatomy, alive, jaw)

    def curve(self, ct: Volume, anatomy: Anatomy, parameters: Parameters, control_lps: np.ndarray | None = None) -> FaceCurve:
        """As ``find_curve``."""
        return find_curve(ct, anatomy, parameters, control_lps)

    def sight(self, anatomy: Anatomy) -> Sight:
        """The skin as it is seen from inside the head."""
        return Sight(anatomy.frame, anatomy.depth)

    def seen(self, ct: Volume, anatomy: Anatomy, curve: FaceCurve) -> Outlook:
        """As ``seen_within``."""
        return seen_within(self.sight(anatomy), curve, ct.geometry)

    def layer(self, ct: Volume, anatomy: Anatomy, seen: Outlook, parameters: Parameters, alive: Alive = idle) -> Face:
        """As ``solid_layer``, of what was ``seen`` with this anatomy."""
        return solid_layer(seen, ct.geometry, parameters, alive)

    def bone(self, ct: Volume, anatomy: Anatomy, box: Box, bone_hu: float, layer: Callable[[], Face]) -> FaceBone:
        """As ``bone_of``."""
        return bone_of(ct, anatomy, box, bone_hu, layer)


#: Who remembers nothing.
LOOKS_ANEW = Finder()


def find_landmarks(ct: Volume, user: Landmarks | None, alive: Alive = idle, guides: Sequence[Segment] = ()) -> Landmarks:
    """The automatic landmarks, overruled by the user's and those of a mandible among the ``guides``: see ``combined``."""
    return combined(ct, detect_landmarks(ct, alive), user, guides)


def combined(ct: Volume, automatic: Landmarks, given: Landmarks | None, guides: Sequence[Segment] = ()) -> Landmarks:
    """The automatic landmarks, overruled by the given ones; of those that no person placed, the jaw's by a mandible among the ``guides``.

    Given ones that came from a mandible are made anew, and count themselves only where that mandible is not there any more.
    """
    given = Landmarks() if given is None else given
    derived = {point.name: point for point in given if point.source == "derived"}
    others = Landmarks({name: point for name, point in given.points.items() if name not in derived})
    found = jaw_landmarks(ct, automatic.overruled_by(others), guides)
    gone = {name: p for name, p in derived.items() if name not in found.points or found.points[name].source != "derived"}
    return found.overruled_by(Landmarks(gone))


def find_anatomy(
    ct: Volume, landmarks: Landmarks, alive: Alive = idle, guides: Sequence[Segment] = (), body: Body | None = None
) -> Anatomy:
    """Body, head frame and skin around the face, the body within the outlines among the ``guides``.

    ``body`` gives what ``find_body`` does, which no landmark changes. Raises FaceNotFoundError where the landmarks fix no head.
    """
    frame = fit_frame(landmarks)
    with made_beside(lambda going: second_face(ct, frame, going)) as second:  # only this thread tells that it is alive
        outlined = within_outline(ct, find_body(ct, alive=alive) if body is None else body(alive), guides, frame)
        doubts = (*jaw_doubts(ct, landmarks, guides), *hyoid_doubts(frame, guides), *outlined.doubts)
        alive()
        depth = skin_depth(ct, outlined.body, face_bounds(frame), alive=alive)
        unhidden = (*awaited(second, alive), *layer_doubts(ct, frame, depth, shows_eyes(ct, landmarks)))
    return Anatomy(outlined.body, landmarks, frame, depth, (*unhidden, *doubts), outlined.dropped_mm3 > 0, unhidden)


def shows_eyes(ct: Volume, landmarks: Landmarks) -> bool:
    """Both eyes are known with some certainty, and in view."""
    places = [landmarks.position(name) for name in EYES if landmarks.confidence(name) >= MIN_CONFIDENCE]
    seen = [place for place in places if place is not None]
    return len(seen) == len(EYES) and bool(ct.geometry.holds(ct.geometry.to_kji(np.array(seen))).all())


def face_bounds(frame: FaceFrame) -> np.ndarray:
    """Lowest and highest LPS coordinates (2, 3; mm) of FACE_BOX_MM, in which skin is looked for."""
    corners = frame.to_lps(np.array([[x, y, z] for x in FACE_BOX_MM[:, 0] for y in FACE_BOX_MM[:, 1] for z in FACE_BOX_MM[:, 2]]))
    return np.array([corners.min(0), corners.max(0)])


def level_ground(request: Request, anatomy: Anatomy, alive: Alive = idle, jaw: Jaw | None = None) -> Ground:
    """What the node levels are made from; ``jaw`` gives the mandible where somebody looks for it already."""
    segments = (*request.guides, *request.protected)
    return find_ground(request.ct, anatomy.body, anatomy.frame, segments, alive, None if jaw is None else jaw(alive))


def node_levels(
    request: Request, anatomy: Anatomy, alive: Alive = idle, finder: Finder | None = None, jaw: Jaw | None = None
) -> tuple[Level, ...]:
    """The node levels that are to stay as they are; ``jaw`` as ``level_ground``."""
    segments, parameters = (*request.guides, *request.protected), request.parameters
    if not parameters.levels:
        return ()
    ground = (finder or LOOKS_ANEW).ground(request, anatomy, alive, jaw)
    return find_levels(ground, request.ct, parameters.levels, segments, parameters.superficial_mm, alive, anatomy.landmarks)


@dataclass(frozen=True, eq=False)
class WholeFace:
    """A face of which nothing was taken out yet, ears included; its region without them, and the bone in it that stays."""

    face: Face
    main: BoxMask
    bone: BoxMask


def whole_face(request: Request, anatomy: Anatomy, alive: Alive = idle, finder: Finder = LOOKS_ANEW) -> WholeFace:
    """The region with its ears, or the user's own segment. Raises InputError where region and curve do not fit."""
    ct, parameters = request.ct, request.parameters
    chosen = chosen_region(parameters)
    main, bone = region_of(request, anatomy, chosen, alive, finder)
    alive()
    face = with_ears(main, chosen.ears, ct, anatomy.body, FACE_BOX_MM, parameters)
    if request.face_segment is not None:
        face = with_own_segment(face, place_segments([request.face_segment], ct.geometry)[0], ct.geometry)
        bone = replace(bone, array=np.zeros_like(bone.array))
    if request.face_segment is not None or not len(face.curve.path):
        face = with_skin_known(face, ct, anatomy.body)
    return WholeFace(face, main.region, bone)


def find_face(
    request: Request,
    anatomy: Anatomy,
    protected: Sequence[BoxMask],
    levels: Sequence[Level] = (),
    alive: Alive = idle,
    finder: Finder = LOOKS_ANEW,
) -> Face:
    """The face segment: the region, or the user's own segment, without bone, protected segments and node levels.

    Raises InputError where region and curve do not fit; whether the effect fits is asked where one is applied.
    """
    return spared_face(request, whole_face(request, anatomy, alive, finder), protected, levels)


def spared_face(request: Request, whole: WholeFace, protected: Sequence[BoxMask], levels: Sequence[Level]) -> Face:
    """The face less what stays. The margin is kept around the protected segments only: a level already ends below the skin.

    :raises FaceNotFoundError: nothing is left of it.
    """
    ct, parameters, face = request.ct, request.parameters, whole.face
    region, margin = face.region, parameters.protect_margin_mm
    stays = (whole.bone, *(level.mask for level in below_ears(levels, face)))
    segment = spare(region, stays, protected, ct.geometry, margin)
    kept, kept_ml = 0, (0.0, 0.0)
    if protected:
        changed = spare(region, stays, (), ct.geometry, margin).array
        kept, kept_ml = volumes_kept(face, ct.geometry, np.greater(changed, segment.array, out=changed))
    segment = tight(segment.name, segment.array, segment.box.start)
    if not segment.voxels:
        raise FaceNotFoundError("nothing of the face segment is left once bone and protected segments are taken out")
    around = spare(face.apron, (region,), protected, ct.geometry, margin)
    apron = tight("Apron", around.array, around.box.start)
    segment = united(segment.name, (segment, apron))
    ears = ears_in(face, segment, whole.main)
    staying = foremost(replace(face, segment=segment), ct)
    face = replace(face, segment=segment, apron=PackedMask.of(apron), ears=ears, kept=kept, kept_ml=kept_ml, staying=staying)
    return replace(face, region=PackedMask.of(region))


def region_of(request: Request, anatomy: Anatomy, chosen: Region, alive: Alive = idle, finder: Finder = LOOKS_ANEW) -> tuple[Face, BoxMask]:
    """The face before anything is taken out, without ears, and the bone in it that stays: none for a strategy."""
    ct, parameters = request.ct, request.parameters
    if not isinstance(chosen, Style) and request.curve is None:
        face = strategy_face(chosen, ct, anatomy.body, anatomy.frame, anatomy.depth, parameters)
        return face, replace(face.region, array=np.zeros_like(face.region.array))
    own = request.curve is None
    seen = finder.seen(ct, anatomy, finder.curve(ct, anatomy, parameters, request.curve))
    box = layer_box(seen.face, ct.geometry, parameters)
    with made_beside(lambda going: finder.layer(ct, anatomy, seen, parameters, going)) as layer:
        known = finder.bone(ct, anatomy, box, parameters.bone_hu, lambda: awaited(layer, alive))
        face = awaited(layer, alive)
    give_back()  # the node levels are found beside this, and both need room at once
    bone = without_islands(face, ct.geometry, known.stays.inside(face.region.box))
    if own:
        jaw = known.found.inside(face.region.box)
        add_drawn_mandible(jaw, request.guides, ct.geometry, face.region.box)
        bone |= below_jaw(face, ct.geometry, jaw, anatomy.landmarks)
    return face, replace(face.region, array=bone)


def bone_of(ct: Volume, anatomy: Anatomy, box: Box, bone_hu: float, layer: Callable[[], Face]) -> FaceBone:
    """The bone in ``bone_window`` of the ``box`` of a region, which ``layer`` gives. Nothing of it depends on the curve, nor on a length,
    but by that window and the slices with metal: what lies beyond the region says nothing of its streaks.
    """
    window = bone_window(box, ct.geometry)
    found = bone_mask(ct, window, bone_hu, anatomy.body, metal_slices(ct, box))
    give_back()
    stays = bone_that_stays(layer(), ct, window, found, anatomy.landmarks)
    return FaceBone(BoxMask("Bone", window, found), BoxMask("Bone", window, stays))


def bone_window(box: Box, grid: Geometry) -> Box:
    """The box in which the bone of a region is looked for: its sides lie on a lattice of WINDOW_MM, or at the ends of the grid.

    So it stays the same while curve and lengths are tried, and so does the bone.
    """
    step = np.array([steps_of(WINDOW_MM, sampling) for sampling in grid.sampling])
    start = np.array(box.start) // step * step
    stop = np.minimum(-(-np.array(box.stop) // step) * step, grid.shape)
    return Box(tuple(int(v) for v in start), tuple(int(v) for v in stop))


def find_curve(ct: Volume, anatomy: Anatomy, parameters: Parameters, control_lps: np.ndarray | None = None) -> FaceCurve:
    """The closed curve on the skin: through the user's control points (N, 3) in LPS mm, or the style's own; and the style's islands.

    Raises InputError where the region is not drawn by a curve.
    """
    style = drawn_style(parameters)
    if control_lps is not None:
        curve = follow_curve(control_lps, anatomy.frame, anatomy.depth, ct.geometry)
    else:
        curve = draw_curve(style, anatomy.frame, anatomy.depth, ct.geometry)
    return with_islands(curve, style, anatomy.frame)


def below_ears(levels: Sequence[Level], face: Face) -> tuple[Level, ...]:
    """The node levels without the auricles that are to be hidden: an ear is no part of the level below it."""
    if not face.ears:
        return tuple(levels)
    return tuple(_without(level, face) for level in levels)


def _without(level: Level, face: Face) -> Level:
    array = level.mask.array.copy()
    for ear in face.ears:
        array &= ~ear.auricle.inside(level.mask.box)
    rest = int(np.count_nonzero(array))
    if rest == level.mask.voxels:
        return level
    return replace(level, mask=replace(level.mask, array=array), volume_ml=level.volume_ml * rest / level.mask.voxels)
