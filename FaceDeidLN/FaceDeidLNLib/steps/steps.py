"""The steps of the work one by one, on nodes: each can be looked at, corrected and done again alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import slicer
from vtkmodules.vtkCommonDataModel import vtkImageData

from ..anatomy.skin import skin_surface, snap_to_skin
from ..case.find import find_curve, find_face
from ..case.privacy import privacy_as_run, privacy_of
from ..case.records import Anatomy, CaseResult, Request
from ..core.ahead import told_beside
from ..core.errors import Cancelled, FaceNotFoundError, InputError
from ..core.landmarks import LANDMARK_NAMES, Landmarks
from ..core.progress import Progress, alive_in, silent
from ..core.volume import Volume
from ..effect.base import apply_effect
from ..effect.choices import require_fit
from ..effect.registry import effect_named
from ..face.segment import Face
from ..input.calibration import as_worked_on, in_own_values
from ..input.place import place_segments
from ..mrml.as_made import note_as_made, same_points
from ..mrml.case import put_curve, put_face, require_face
from ..mrml.links import link, linked
from ..mrml.nodes import (
    add_ct,
    add_landmarks,
    add_skin_model,
    curve_points_from_node,
    fill_ct,
    fill_curve,
    fill_landmarks,
    fill_skin,
    image_of,
    nearest_on_surface,
    volume_from_node,
)
from ..mrml.scene import SceneContext
from ..mrml.undo import all_or_nothing
from ..mrml.verdicts import (
    mark,
    privacy_as_made,
    remember_making,
    remember_place,
    require_no_follower,
    require_output,
    require_place,
    with_certificate,
)
from ..output.seen import digest
from ..pipeline import examine
from ..programs.engines import Engines, cut_by_curve, mask_volume, wrapped_anatomy
from ..release import judged_with_padding
from ..verify.privacy import RECOGNISABLE, is_tested
from .anatomy_cache import AnatomyCache
from .follow import followed_before, require_images
from .process import NodeRequest, NodeResult, placed_by_user, process_nodes, put_into_scene, request_from_nodes, source_of

BUILT_IN = Engines()


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps in one scene; ``cache`` keeps what is found in a CT between them.

    Every step takes the request, the engines (those that it has no use for are not looked at) and the progress.
    """

    context: SceneContext
    cache: AnatomyCache

    def landmarks(self, asked: NodeRequest, engines: Engines = BUILT_IN, progress: Progress = silent) -> slicer.vtkMRMLMarkupsFiducialNode:
        """Find the landmarks: into ``asked.landmarks``, whose points moved or locked by the user stay, or a new node."""
        request = self._without_protected(replace(asked, curve=None, face=None), progress)

        def found_by(tell: Progress) -> Landmarks:
            tell(0.05, "landmarks")
            alive = alive_in(tell, 0.05, "landmarks")
            return self.cache.landmarks(request.ct, placed_by_user(request.landmarks), alive, request.guides)

        found = told_beside(found_by, progress)
        progress(0.95, "landmarks")
        _require_there(asked.landmarks)
        node = asked.landmarks
        if node is None:
            node = add_landmarks(self.context, found, f"{asked.ct.GetName()} landmarks", asked.ct)
        else:
            fill_landmarks(node, found, asked.ct)
        node.SetFixedNumberOfControlPoints(True)
        link(asked.ct, "landmarks", node)
        return node

    def curve(self, asked: NodeRequest, engines: Engines = BUILT_IN, progress: Progress = silent) -> slicer.vtkMRMLMarkupsClosedCurveNode:
        """Draw the style's curve on the skin: into ``asked.curve`` or a new node, with the skin as its constraint."""
        request = self._without_protected(replace(asked, curve=None, face=None), progress)
        anatomy = told_beside(lambda tell: self._anatomy(request, tell), progress)
        if engines.wrap:
            progress(0.5, "Wrap Solidify")
            anatomy = wrapped_anatomy(self.context, anatomy, alive_in(progress, 0.5, "Wrap Solidify"))
        progress(0.7, "face curve")
        control = find_curve(request.ct, anatomy, request.parameters).control
        _require_there(asked.curve, asked.skin)
        skin = self._skin(asked, anatomy)
        node = put_curve(self.context, control, asked.ct, skin, asked.curve, renewable=not engines.wrap)
        link(asked.ct, "curve", node)
        return node

    def face(self, asked: NodeRequest, engines: Engines = BUILT_IN, progress: Progress = silent) -> slicer.vtkMRMLSegmentationNode:
        """Make the face segment from curve and skin: into the first segment of ``asked.face`` or a new node."""
        require_face(asked.face or asked.old.face, asked.protected, linked(asked.ct, "kept"))
        request, face = self._face(replace(asked, face=None), engines, progress)
        _require_there(asked.face, asked.old.face, asked.old.curve)
        given, renewable = asked.face or asked.old.face, not (engines.wrap or engines.cut)
        node = put_face(self.context, face.segment, request.ct.geometry, asked.ct, given, renewable, asked.draft)
        if asked.old.curve is not None and len(face.curve.control):
            fill_curve(asked.old.curve, face.curve.control)
            note_as_made(asked.old.curve, asked.ct)
        link(asked.ct, "face", node)
        return node

    def effect(self, asked: NodeRequest, engines: Engines = BUILT_IN, progress: Progress = silent) -> slicer.vtkMRMLScalarVolumeNode:
        """Hide the face inside the face segment: into ``asked.output`` or a new volume, which is NOT RELEASED until it is verified."""
        require_fit(asked.parameters.style, asked.parameters.effect)
        require_output(asked.output, asked.ct)
        request, face = self._face(asked, engines, progress)
        progress(0.7, "effect")
        parameters, source = request.parameters, source_of(asked, request)
        masked = mask_volume(self.context, request.ct, face, parameters) if engines.mask else None

        def made(tell: Progress) -> tuple[Volume, vtkImageData, str]:
            result = in_own_values(source(), _hidden(request, face, tell) if masked is None else masked)
            return result, image_of(result), digest(result)

        result, image, seen = told_beside(made, progress)
        _require_there(asked.output)
        node = asked.output
        if node is None:
            node = add_ct(self.context, result, "result", asked.ct, image)
        else:
            fill_ct(node, result, asked.ct, image)
        mark(node, asked.ct.GetName(), False, f"{parameters.style} {parameters.effect}")
        privacy = privacy_of(request) if engines == BUILT_IN else RECOGNISABLE
        if is_tested(privacy):
            privacy = privacy_as_run(privacy, parameters, self.cache.automatic(request.ct), self._anatomy(request, progress), face)
        remember_making(node, seen, parameters, privacy)
        remember_place(node, request.ct.geometry)
        link(asked.ct, "result", node)
        return node

    def verify(self, asked: NodeRequest, engines: Engines = BUILT_IN, progress: Progress = silent) -> NodeResult:
        """Judge the volume ``asked.output``, whoever made it, against the CT; its certificate, name and links are set."""
        if asked.output is None:
            raise InputError("There is no result to verify: apply an effect first, or choose its volume.")
        require_no_follower(asked.output)
        require_fit(asked.parameters.style, asked.parameters.effect)  # the certificate names both
        request = self._drawn_by_user_if_any(request_from_nodes(asked, progress, self.cache), progress)
        values, source = volume_from_node(asked.output), source_of(asked, request)
        require_place(asked.output, request.ct.geometry)
        seen = told_beside(lambda tell: _seen(values, tell), progress)
        privacy = privacy_as_made(asked.output, seen, request.parameters, privacy_of(request))

        def examined(tell: Progress) -> CaseResult:
            result = values.with_array(values.array.copy())  # its node is filled anew
            return judged_with_padding(source(), examine(request, as_worked_on(source(), result), privacy, tell, self.cache))

        case = told_beside(examined, progress)
        if case.face is None:
            raise FaceNotFoundError("; ".join(case.reasons))
        _require_there(asked.output)  # else another one would be made, which nobody asked for
        with all_or_nothing(self.context.scene, _changed_by(asked)):
            return put_into_scene(self.context, asked, request, case, progress)

    def snap(self, asked: NodeRequest, progress: Progress = silent) -> None:
        """Put the control points of ``asked.curve`` onto the skin, where a drag in a slice view has left it.

        That is the curve's own skin model, which a scene file brings back; without one the skin is looked for in the CT.

        :raises InputError: there is no curve.
        """
        if asked.curve is None:
            raise InputError("There is no curve to put onto the skin: give it as curve.")
        skin = asked.curve.GetSurfaceConstraintNode()
        if skin is not None and skin.GetPolyData() is not None and skin.GetPolyData().GetNumberOfPoints():
            fill_curve(asked.curve, nearest_on_surface(skin, curve_points_from_node(asked.curve)[0]))
            return
        request = self._without_protected(replace(asked, face=None), progress)
        snapped = snap_to_skin(self._anatomy(request, progress).depth, request.curve)
        _require_there(asked.curve)
        fill_curve(asked.curve, snapped)

    def all(self, asked: NodeRequest, engines: Engines, progress: Progress = silent) -> NodeResult:
        """Everything: the pipeline as it is, or effect and verification with other engines than the built-in ones.

        Where an exception is raised, by the work or by ``progress``, the scene is as it was.
        """
        require_output(asked.output, asked.ct)
        require_images(asked.also, asked.ct)
        if asked.also and engines != BUILT_IN:
            raise InputError("Further images follow what the built-in engines make: choose those, or let no image follow.")
        with all_or_nothing(self.context.scene, [*_changed_by(asked), *followed_before(asked.also)]):
            if engines == BUILT_IN:
                request = self._drawn_by_user_if_any(request_from_nodes(asked, progress, self.cache), progress)
                return process_nodes(self.context, asked, progress, request, self.cache)
            made_face = asked.face or (self.face(asked, engines, progress) if engines.wrap or engines.cut else None)
            asked = replace(asked, face=made_face)
            return self.verify(replace(asked, output=self.effect(asked, engines, progress)), engines, progress)

    def drawn_by_user(self, request: Request, progress: Progress = silent) -> Request:
        """The request without a curve or face segment that nobody changed: those that would be made now are the same.

        That is looked at also where the rest of the request was never tested: what nobody drew must not stand among the causes.
        """
        request = self._own_curve(request, progress)
        alone = replace(request, face_segment=None)
        if request.face_segment is None:
            return request
        given = place_segments([request.face_segment], request.ct.geometry)[0]
        made = self._made_face(alone, self._anatomy(request, progress), progress).segment
        same = made.voxels == given.voxels and np.array_equal(made.array, given.inside(made.box))
        return alone if same else request

    def _drawn_by_user_if_any(self, request: Request, progress: Progress) -> Request:
        """As ``drawn_by_user``; where no face is found the request itself, and whoever makes it finds that out."""
        try:
            return told_beside(lambda tell: self.drawn_by_user(request, tell), progress)
        except FaceNotFoundError:
            return request

    def _own_curve(self, request: Request, progress: Progress) -> Request:
        """The request without a curve that is the style's own."""
        if request.curve is None:
            return request
        drawn = self.cache.curve(request.ct, self._anatomy(request, progress), request.parameters).control
        return replace(request, curve=None) if same_points(drawn, request.curve) else request

    def _made_face(self, request: Request, anatomy: Anatomy, progress: Progress) -> Face:
        progress(0.4, "node levels")
        levels = self.cache.levels(request, anatomy, alive_in(progress, 0.4, "node levels"))
        progress(0.65, "face segment")
        protected = place_segments(request.protected, request.ct.geometry)
        return find_face(request, anatomy, protected, levels, alive_in(progress, 0.65, "face segment"), self.cache)

    def _anatomy(self, request: Request, progress: Progress) -> Anatomy:
        progress(0.05, "landmarks")
        landmarks = request.landmarks
        known = landmarks is not None and set(LANDMARK_NAMES) <= set(landmarks.points)
        if not known or request.guides:  # else there is none left to look for
            landmarks = self.cache.landmarks(request.ct, landmarks, alive_in(progress, 0.05, "landmarks"), request.guides)
        progress(0.3, "skin")
        return self.cache.anatomy(request.ct, landmarks, alive_in(progress, 0.3, "skin"), request.guides)

    def _face(self, asked: NodeRequest, engines: Engines, progress: Progress) -> tuple[Request, Face]:
        """The request as ``drawn_by_user`` and its face: only one that is made anew knows what protected segments keep of it."""
        request = self._drawn_by_user_if_any(request_from_nodes(asked, progress, self.cache), progress)
        anatomy = told_beside(lambda tell: self._anatomy(request, tell), progress)
        if engines.wrap and request.face_segment is None:
            progress(0.5, "Wrap Solidify")
            anatomy = wrapped_anatomy(self.context, anatomy, alive_in(progress, 0.5, "Wrap Solidify"))
        if engines.cut and request.face_segment is None:
            progress(0.6, "Curve cut")
            curve = find_curve(request.ct, anatomy, request.parameters, request.curve)
            request = replace(request, face_segment=cut_by_curve(self.context, request, anatomy, curve.control))
        return request, told_beside(lambda tell: self._made_face(request, anatomy, tell), progress)

    def _without_protected(self, asked: NodeRequest, progress: Progress) -> Request:
        """The request of a step that protects nothing; jaw and outline among the segments guide it as they guide the later ones."""
        return replace(request_from_nodes(asked, progress, self.cache), protected=(), left_out=())

    def _skin(self, asked: NodeRequest, anatomy: Anatomy) -> slicer.vtkMRMLModelNode:
        surface, node = skin_surface(anatomy.depth), asked.skin
        if node is None:
            node = add_skin_model(self.context, surface, f"{asked.ct.GetName()} skin", asked.ct)
            node.SetDisplayVisibility(False)
        else:
            fill_skin(node, surface)
        link(asked.ct, "skin", node)
        return node


def _changed_by(asked: NodeRequest) -> list[slicer.vtkMRMLNode | None]:
    """The nodes that are there and take what is made now."""
    return [*with_certificate(asked.output), asked.kept, asked.skin, asked.landmarks, asked.old.curve, asked.old.face]


def _require_there(*nodes: slicer.vtkMRMLNode | None) -> None:
    """Raises Cancelled where somebody took a node that is to be filled out of the scene meanwhile: the work is not wanted any more."""
    if any(node is not None and node.GetScene() is None for node in nodes):
        raise Cancelled("What was to be filled left the scene.")


def _hidden(request: Request, face: Face, tell: Progress) -> Volume:
    """The CT after its effect."""
    tell(0.7, "effect")
    return apply_effect(effect_named(request.parameters.effect), request.ct, face, request.parameters)


def _seen(result: Volume, tell: Progress) -> str:
    """The hash of a result's voxels and place."""
    tell(0.0, "result")
    return digest(result)
