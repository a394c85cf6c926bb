"""From nodes to nodes: the pipeline run on what lies in a scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import slicer

from ..case.find import LOOKS_ANEW, Finder
from ..case.records import CaseResult, Request
from ..core.ahead import told_beside
from ..core.errors import InputError
from ..core.landmarks import Landmarks
from ..core.parameters import Parameters
from ..core.progress import Progress, alive_in, silent
from ..core.volume import Volume
from ..effect.base import seeded
from ..input.calibration import in_own_values
from ..input.case import CtInput
from ..input.plausible import require_ct
from ..mrml.as_made import is_by_hand, noted_drawing
from ..mrml.candidates import atlases, but_outlines, declined, guides_of, kept_of, not_chosen, unchecked, unchecked_by_name
from ..mrml.case import CaseMaterial, CaseNodes, add_case, material_of
from ..mrml.changed import remember_digest
from ..mrml.ct import ct_of_values
from ..mrml.links import link
from ..mrml.moved import moved_since
from ..mrml.nodes import (
    StoredSegment,
    curve_points_from_node,
    fill_landmarks,
    image_of,
    landmarks_from_node,
    read_stored,
    stored_segments,
    volume_from_node,
)
from ..mrml.protection import left_out
from ..mrml.scene import SceneContext
from ..mrml.since import DRAWINGS
from ..mrml.verdicts import StoredVerdict, record, remember_making, remember_place, verdict_on
from ..pipeline import deface
from ..release import as_stored
from .follow import add_followed, follow_images
from .words import in_keywords


@dataclass(frozen=True, eq=False)
class NodeRequest:
    """What is asked, in nodes: the CT, what to protect, what the user placed, and where the result goes (None: a new node).

    ``segment_ids`` chooses segments of ``protected`` (None: all); the face segment is the first one of ``face``.
    ``kept`` and ``skin`` are nodes of an earlier run that take the protected segments and the skin (None: new nodes).
    ``also`` are further images of the same head that get the same face. ``old`` has the curve and the face segment that nobody changed
    since they were made: they are made anew, into the same nodes. ``draft``: of a face segment's surface a draft will do for now.
    """

    ct: slicer.vtkMRMLScalarVolumeNode
    protected: slicer.vtkMRMLSegmentationNode | None = None
    segment_ids: Sequence[str] | None = None
    landmarks: slicer.vtkMRMLMarkupsFiducialNode | None = None
    curve: slicer.vtkMRMLMarkupsClosedCurveNode | None = None
    face: slicer.vtkMRMLSegmentationNode | None = None
    output: slicer.vtkMRMLScalarVolumeNode | None = None
    parameters: Parameters = field(default_factory=Parameters)
    accept_recognisable: bool = False
    kept: slicer.vtkMRMLSegmentationNode | None = None
    skin: slicer.vtkMRMLModelNode | None = None
    also: Sequence[slicer.vtkMRMLScalarVolumeNode] = ()
    old: CaseNodes = field(default_factory=CaseNodes)
    draft: bool = False


@dataclass(frozen=True, eq=False)
class NodeResult:
    """What came of it: ``verdict`` (PASS, REVIEW, FAIL) with reasons, the privacy class, and the nodes that were made.

    ``followed`` are the volumes made of further images, ``withheld`` says why others were not made.
    ``released`` is True where the result may leave: PASS, and the combination is tested or its risk was accepted.
    """

    verdict: str
    reasons: tuple[str, ...]
    privacy: str
    released: bool
    nodes: CaseNodes
    case: CaseResult
    stored: StoredVerdict | None = None
    followed: tuple[slicer.vtkMRMLScalarVolumeNode, ...] = ()
    withheld: tuple[str, ...] = ()


#: How much of the work is done when a case goes into the scene.
_IN_SCENE = 0.97


@dataclass(frozen=True, eq=False)
class _Given:
    """What nodes hold of a request, with no voxel looked at; ``values`` are the CT's own.

    ``silent`` are segments of segmentations that nobody chose, ``unchecked`` those of the chosen one.
    """

    values: Volume
    protected: Sequence[StoredSegment]
    guides: Sequence[StoredSegment]
    silent: Sequence[StoredSegment]
    unchecked: Sequence[StoredSegment]
    face: Sequence[StoredSegment]
    landmarks: Landmarks | None
    curve: np.ndarray | None


def request_from_nodes(asked: NodeRequest, progress: Progress = silent, finder: Finder | None = None) -> Request:
    """The pipeline's request in world LPS; a ``finder`` that remembers does not judge a CT again.

    :raises InputError: a node cannot be used; the message says which and why.
    :raises FaceDeidError: a node is under a non-linear transform.
    """
    if asked.output is not None and asked.output is asked.ct:
        raise InputError("The result would overwrite the CT: choose another output volume.")
    values, identifier, name = volume_from_node(asked.ct), asked.ct.GetID(), asked.ct.GetName()
    given = _given(asked, values)

    def judge() -> tuple[Volume, bool]:
        source = ct_of_values(values, identifier, by_hand=given.landmarks is not None)
        require_ct(source.volume, f'"{name}"', source.outside)
        return source.volume, source.calibration is not None

    def read(tell: Progress) -> Request:
        tell(0.0, "CT and segments")
        ct, calibrated = (finder or LOOKS_ANEW).judged(values, given.landmarks is not None, judge)
        return _request(given, ct, calibrated, asked.parameters)

    return told_beside(read, progress)


def _given(asked: NodeRequest, values: Volume) -> _Given:
    nodes = atlases(asked.ct, asked.protected, asked.face, asked.kept)
    taken = () if declined(asked.ct) else nodes
    return _Given(
        values,
        protected=_protected(asked, taken),
        guides=guides_from_nodes((asked.protected, *nodes)),
        silent=not_chosen(asked.ct, asked.protected, asked.face, asked.kept, *taken),
        unchecked=unchecked(asked.protected, asked.segment_ids),
        face=() if asked.face is None else _face_segment(asked.face),
        landmarks=landmarks_asked(asked),
        curve=None if asked.curve is None else curve_points_from_node(asked.curve)[0],
    )


def landmarks_asked(asked: NodeRequest) -> Landmarks | None:
    """The points of ``asked.landmarks``; only the user's where the CT was moved since the others were found, for these are found anew."""
    if asked.landmarks is None:
        return None
    points = landmarks_from_node(asked.landmarks)
    return points if moved_since(asked.landmarks, asked.ct) is None else placed_by_user(points)


def placed_by_user(landmarks: Landmarks | None) -> Landmarks | None:
    """What the user placed, moved or locked: all that detecting again must not change."""
    if landmarks is None:
        return None
    return Landmarks({p.name: p for p in landmarks if p.source == "user" and p.position is not None})


def _request(given: _Given, ct: Volume, calibrated: bool, parameters: Parameters) -> Request:
    groups = (given.protected, given.guides, given.silent, given.unchecked, given.face)
    read = iter(read_stored([segment for group in groups for segment in group]))
    protected, guides, silent_ones, not_checked, face = (tuple(islice(read, len(group))) for group in groups)
    return Request(
        ct=ct,
        protected=protected,
        landmarks=given.landmarks,
        curve=given.curve,
        face_segment=face[0] if face else None,
        parameters=parameters,
        guides=guides,
        left_out=(*silent_ones, *but_outlines(not_checked, ct)),
        calibrated=calibrated,
    )


def source_of(asked: NodeRequest, request: Request) -> Callable[[], CtInput]:
    """Makes the CT of a request with what takes results back to its node's own values, without the scene.

    Only values that were no HU are measured again.
    """
    values, identifier = volume_from_node(asked.ct), asked.ct.GetID()
    return lambda: ct_of_values(values, identifier, by_hand=request.calibrated)


def guides_from_nodes(nodes: Sequence[slicer.vtkMRMLSegmentationNode | None]) -> tuple[StoredSegment, ...]:
    """The guides of segmentations, one for each name; the first that has it counts."""
    return tuple({guide.name: guide for node in reversed(nodes) for guide in guides_of(node)}.values())


def _protected(asked: NodeRequest, taken: Sequence[slicer.vtkMRMLSegmentationNode]) -> tuple[StoredSegment, ...]:
    """The segments asked for and the nodes and glands of the atlases that are ``taken``."""
    asked_for = () if asked.protected is None else tuple(stored_segments(asked.protected, asked.segment_ids))
    return (*asked_for, *(segment for node in taken for segment in stored_segments(node, kept_of(node))))


def _face_segment(node: slicer.vtkMRMLSegmentationNode) -> list[StoredSegment]:
    segments = stored_segments(node)
    if not segments:
        raise InputError(f'"{node.GetName()}" has no segment: draw the face or choose no segmentation.')
    return segments[:1]


def process_nodes(
    context: SceneContext, asked: NodeRequest, progress: Progress = silent, request: Request | None = None, finder: Finder | None = None
) -> NodeResult:
    """Hide the face of the CT in a node, and put everything that was found and made into the scene.

    ``request`` is what was made of ``asked`` already (None: made here), ``finder`` who looks for the anatomy. Where ``progress`` raises
    as ``put_into_scene``; else nothing is added when an exception is raised. Raises what ``request_from_nodes`` and the pipeline raise.
    """
    request = request or request_from_nodes(asked, progress)
    if asked.also:
        request = replace(request, parameters=seeded(request.parameters))  # they share one surface
    source = source_of(asked, request)
    case = told_beside(lambda tell: as_stored(source(), deface(request, tell, finder)), progress)
    made, withheld = follow_images(asked.also, case, request.protected, asked.accept_recognisable, progress)
    done = put_into_scene(context, asked, request, case, progress)
    if done.stored is not None:
        remember_making(done.nodes.result, done.stored.digest, request.parameters, done.privacy)
        remember_place(done.nodes.result, request.ct.geometry)
    followed = tuple(add_followed(context, pair, done.nodes.result) for pair in made)
    return replace(done, followed=followed, withheld=tuple(map(in_keywords, withheld)))


def _still_there(asked: NodeRequest) -> NodeRequest:
    """What is asked without the nodes that somebody took out of the scene meanwhile: others are made in their place."""

    def there(node: slicer.vtkMRMLNode | None) -> slicer.vtkMRMLNode | None:
        return None if node is None or node.GetScene() is None else node

    kept = {name: there(getattr(asked, name)) for name in ("protected", "landmarks", "curve", "face", "output", "kept", "skin")}
    return replace(asked, **kept, old=CaseNodes(curve=there(asked.old.curve), face=there(asked.old.face)))


def _passed_over(asked: NodeRequest) -> tuple[StoredSegment, ...]:
    """What is not kept by its name and was not doubted, as the segments to keep are a choice of the user's own."""
    node, ids = asked.protected, asked.segment_ids
    if node is None or ids is None or unchecked(node, ids):
        return ()
    return tuple(stored_segments(node, [identifier for identifier in unchecked_by_name(node) if identifier not in ids]))


def put_into_scene(
    context: SceneContext, asked: NodeRequest, request: Request, case: CaseResult, progress: Progress = silent
) -> NodeResult:
    """The nodes of a case, its certificate beside its result in the CT's own values, and both linked to the CT.

    Where ``progress`` raises, some of it may be in the scene already: who calls this takes it out again (``all_or_nothing``).
    """
    source, values, left = source_of(asked, request), volume_from_node(asked.ct), left_out(asked.protected, asked.segment_ids)
    passed_over = _passed_over(asked)

    def shown(tell: Progress) -> tuple[StoredVerdict | None, CaseMaterial]:
        tell(_IN_SCENE, "certificate")
        own = case if case.result is None else replace(case, result=in_own_values(source(), case.result))
        judged = values, request.protected, (*request.left_out, *read_stored(passed_over)), left
        stored = None if own.result is None else verdict_on(own, asked.accept_recognisable, *judged)
        material = material_of(request.ct, own, stored is not None and stored.released)
        return stored, replace(material, image=None if own.result is None else image_of(own.result))

    stored, material = told_beside(shown, progress)
    released, asked = stored is not None and stored.released, _still_there(asked)
    given = CaseNodes(asked.ct, asked.output, asked.face, asked.kept, asked.landmarks, asked.curve, asked.skin)
    if asked.landmarks is not None and case.landmarks is not None and moved_since(asked.landmarks, asked.ct) is not None:
        fill_landmarks(asked.landmarks, case.landmarks, asked.ct)
    nodes = add_case(context, material, given, asked.old, alive_in(progress, _IN_SCENE, "scene"))
    if asked.old.curve is not None and nodes.curve is None:  # the region has none any more
        asked.old.curve.SetDisplayVisibility(False)
    if nodes.result is not None:
        remember_digest(nodes.result, stored.digest)
        remember_digest(asked.ct, stored.ct)
        drawn = {role: node for role in DRAWINGS if (node := getattr(nodes, role)) is not None}
        by_hand = tuple(role for role, node in drawn.items() if is_by_hand(node, asked.ct))
        stored = replace(stored, drawings={role: noted_drawing(node, asked.ct) for role, node in drawn.items()}, by_hand=by_hand)
        record(context, nodes.result, asked.ct, stored)
    link(asked.ct, "protected", asked.protected)
    for role in ("landmarks", "curve", "face", "skin", "result"):
        link(asked.ct, role, getattr(nodes, role))
    link(asked.ct, "kept", nodes.protected)
    reasons = tuple(map(in_keywords, case.reasons))
    return NodeResult(case.verdict.value, reasons, case.privacy, released, nodes, case, stored)
