"""A case of a batch's work list as nodes: loaded with all that it was given and was found, and taken out again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer

from ..core.ahead import told_beside
from ..core.errors import FaceDeidError, InputError, OutputError
from ..core.landmarks import Landmarks
from ..core.progress import Progress, silent
from ..core.segment import BoxMask, Segment
from ..header.base import HeaderPolicy, KeepHeader
from ..header.policy import policy_named
from ..input.any_segments import read_any_segments
from ..input.calibration import for_a_node
from ..input.case import CtInput
from ..input.ct import read_values
from ..input.markups import read_curve_json, read_landmarks_json
from ..input.place import place_segments
from ..mrml.case import CaseNodes
from ..mrml.links import FOLLOWS, LEADER, ROLES, SELF, is_own, link, linked, references_of
from ..mrml.looks import largest_change
from ..mrml.nodes import add_ct, add_curve, add_landmarks, add_segmentation, landmarks_from_node, ras, segments_from_node
from ..mrml.protection import check
from ..mrml.removal import remove_nodes, with_display
from ..mrml.scene import SceneContext, nodes_of_class
from ..mrml.sources import remember_source
from ..mrml.verdicts import ct_of
from ..output.decisions import REJECT, Decision, add_decision, read_decisions
from ..output.own import Manner, is_made_of, why_not_own
from ..output.review_folder import LANDMARKS_FILE
from ..output.signing import public_text
from ..output.worklist import DECISIONS_ENDING, LIST_ENDING, WorkItem
from .export import HeaderChoice, is_folder


def list_of(results: Path) -> Path:
    """The work list of a batch's results folder; a path that is none is taken for the list itself.

    :raises InputError: there is none.
    """
    results = Path(results)
    path = results.with_name(results.name + LIST_ENDING) if results.is_dir() else results
    if not path.is_file():
        raise InputError(f"There is no work list {path}: run the batch, which writes it beside its results.")
    return path


def released(items: Sequence[WorkItem], progress: Progress = silent) -> frozenset[str]:
    """The cases that were released already, in an earlier session too, by their certificates: of which CT they were made the batch asks."""

    def looked_at(tell: Progress) -> frozenset[str]:
        found = set()
        for number, item in enumerate(items):
            tell(number / len(items), "looking at what was released")
            if _is_own(item):
                found.add(item.case)
        return frozenset(found)

    return told_beside(looked_at, progress)


def _is_own(item: WorkItem) -> bool:
    """Is what lies under a case's output the batch's release, by its certificate?"""
    try:
        return why_not_own(item.output, item.left, Manner(_policy(item), item.signed)) == ""
    except FaceDeidError:  # whoever wants to release it is told
        return False


def require_as_batch(item: WorkItem, signing_key: Path | None) -> HeaderChoice | None:
    """What the batch does to the headers of a case (None: its list does not say), which it would not take over with others.

    ``signing_key`` is what certificates are signed with here.

    :raises InputError: it cannot be released so here.
    """
    if item.signed and (signing_key is None or public_text(signing_key) != item.signed):
        raise InputError("The batch signs its certificates: check 'Sign certificates', and choose the batch's key.")
    policy = _policy(item)
    if policy is None:
        return None
    return HeaderChoice() if policy.options is None else HeaderChoice(item.header, item.key, item.patients)


def require_free(item: WorkItem, progress: Progress = silent) -> None:
    """Raises InputError where something lies under a case's output, and says whether the batch takes it over: by its own rule."""
    if not item.output.exists():
        return

    def is_released(tell: Progress) -> bool:
        tell(0.0, "looking at what was released")
        return _is_own(item) and is_made_of(item.ct, item.series, item.output, _policy(item))

    if told_beside(is_released, progress):
        raise InputError(f"{item.case} is released already: run the batch again, which takes over {item.output}.")
    raise InputError(f"{item.output} is there already and is not a release of this batch: take it away.")


def _policy(item: WorkItem) -> HeaderPolicy | None:
    """What the batch does to a case's headers; None where the list does not say. Raises InputError where it cannot be done here."""
    if not item.header:
        return None
    if not is_folder(item.output):  # only DICOM has headers
        return KeepHeader()
    if item.key is not None and not item.key.is_file():  # a new one would be made
        raise InputError(f"The batch cleans DICOM headers with the key {item.key}, which is not here: release its cases where the key is.")
    return policy_named(item.header, item.key, item.patients)


def rejected(worklist: Path) -> frozenset[str]:
    """The cases that do not leave, by what was decided last on each, in an earlier session or on the review page too.

    :raises InputError: what lies beside the list holds no decisions.
    """
    path = _decisions_of(worklist)
    decisions = read_decisions([path] if path.exists() else [])
    return frozenset(case for case, decision in decisions.items() if decision.decision == REJECT)


def reject(worklist: Path, item: WorkItem, remark: str) -> Path:
    """Write beside the work list that a case does not leave; the next run of the batch reads it. Returns the file.

    :raises InputError: it has left, or what is there holds no decisions. :raises OutputError: it cannot be written.
    """
    if item.output.exists() and _is_own(item):
        raise InputError(
            f"{item.case} is released already, which a rejection does not take back: take away {item.output}, and reject it then."
        )
    path = _decisions_of(worklist)
    try:
        add_decision(path, Decision(item.case, REJECT, remark))
    except OSError as problem:
        raise OutputError(f"{path} cannot be written ({problem.strerror}).") from problem
    return path


def _decisions_of(worklist: Path) -> Path:
    return worklist.with_name(worklist.name.removesuffix(LIST_ENDING) + DECISIONS_ENDING)


def load_item(context: SceneContext, item: WorkItem, progress: Progress = silent) -> CaseNodes:
    """A case's CT with its segments, landmarks, curve and face segment, linked to the CT; nothing is added where it raises.

    Curve and face segment are those that the batch was given: else Apply makes them anew, the curve on a skin that it stays on.

    :raises InputError: a file cannot be read or does not fit; the message says which.
    """
    read = told_beside(lambda tell: _read_item(item, tell), progress)
    progress(0.9, "scene")
    node = add_ct(context, for_a_node(read.ct), item.case)
    remember_source(node, item.ct, item.series)
    geometry, name = read.ct.volume.geometry, item.case
    nodes = CaseNodes(
        ct=node,
        face=None if not read.face else add_segmentation(context, read.face, geometry, f"{name} face", None, node),
        protected=None if not read.masks else add_segmentation(context, read.masks, geometry, f"{name} segments", None, node),
        landmarks=None if read.landmarks is None else add_landmarks(context, read.landmarks, f"{name} landmarks", node),
        curve=None if read.curve is None else add_curve(context, read.curve, f"{name} face curve", node),
    )
    _check(nodes.protected, read.wanted)
    for role in ("protected", "landmarks", "curve", "face"):
        link(node, role, getattr(nodes, role))
    return nodes


@dataclass(frozen=True, eq=False)
class _Files:
    """What the files of a case hold, masks on the CT's grid; ``wanted`` are the names of those that were asked for."""

    ct: CtInput
    masks: Sequence[BoxMask]
    wanted: set[str]
    face: Sequence[BoxMask] | None
    landmarks: Landmarks | None
    curve: np.ndarray | None


def _read_item(item: WorkItem, tell: Progress) -> _Files:
    """The files of a case, read without the scene."""
    tell(0.05, "reading the CT")
    ct = read_values(item.ct, item.series or None)
    tell(0.5, "reading the segments")
    segments, wanted = _segments(item, ct)
    masks = place_segments(segments, ct.volume.geometry)
    face = None if item.face_segment is None else place_segments(_read(item.face_segment, ct)[:1], ct.volume.geometry)
    return _Files(ct, masks, wanted, face, _landmarks(item), None if item.curve is None else read_curve_json(item.curve))


def unload(context: SceneContext, ct: slicer.vtkMRMLScalarVolumeNode | None) -> None:
    """Take a CT out of the scene with all that belongs to it: its own nodes, its results, their certificates and skins."""
    if ct is None or ct.GetScene() is not context.scene:
        return
    roots = [ct, *(volume for volume in nodes_of_class(context.scene, "vtkMRMLScalarVolumeNode") if ct_of(volume) is ct)]
    nodes = [*roots, *(linked(ct, role) for role in ROLES)]
    theirs = [references_of(root) for root in roots if is_own(root)]
    nodes += [context.scene.GetNodeByID(one) for root in theirs for role, one in root.items() if role not in (FOLLOWS, LEADER, SELF)]
    remove_nodes(context.scene, [identifier for node in nodes if node is not None for identifier in with_display(node)])


def doubt_place(
    reasons: str,
    landmarks: slicer.vtkMRMLMarkupsFiducialNode | None,
    segmentations: Sequence[slicer.vtkMRMLSegmentationNode | None],
    result: slicer.vtkMRMLScalarVolumeNode | None,
    progress: Progress = silent,
) -> np.ndarray | None:
    """World RAS mm (3,) of what a verdict's reasons speak of: a landmark, a segment, else where the result changed most."""
    words = reasons.casefold().replace("_", " ")
    for landmark in () if landmarks is None else landmarks_from_node(landmarks):
        if landmark.position is not None and re.search(rf"\b{re.escape(landmark.name.replace('_', ' '))}\b", words):
            return ras(landmark.position)[0]
    for node in filter(None, segmentations):
        for segment in segments_from_node(node):
            if segment.mask.array.any() and f"'{segment.name.casefold().replace('_', ' ')}'" in words:
                return ras(segment.mask.geometry.to_lps(np.argwhere(segment.mask.array)).mean(0))[0]
    ct = None if result is None else ct_of(result)
    try:
        return None if ct is None else largest_change(ct, result, progress)
    except InputError:
        return None


def _segments(item: WorkItem, ct: CtInput) -> tuple[list[Segment], set[str]]:
    """All segments of a case's files, and the names of those that were asked for by name or as files to protect."""
    nodes = [segment for path in item.nodes for segment in _read(path, ct)]
    protect = [segment for path in item.protect for segment in _read(path, ct)]
    return [*nodes, *protect], {*item.node_segments, *(segment.name for segment in protect)}


def _read(path: Path, ct: CtInput) -> list[Segment]:
    return read_any_segments(path, ct.volume.geometry, ct.frame_of_reference_uid, planes=ct.planes)


def _check(node: slicer.vtkMRMLSegmentationNode | None, wanted: set[str]) -> None:
    """Check what the batch was asked to keep by name; the rest is checked by its name, as everywhere."""
    segmentation = None if node is None else node.GetSegmentation()
    for identifier in () if segmentation is None else segmentation.GetSegmentIDs():
        if segmentation.GetSegment(identifier).GetName() in wanted:
            check(node, identifier, True)


def _landmarks(item: WorkItem) -> Landmarks | None:
    """Those that a person gave, else those that the batch found: they help to mend a case in which no face was found."""
    found = None if item.review is None else item.review / LANDMARKS_FILE
    path = item.landmarks or (found if found is not None and found.is_file() else None)
    return None if path is None else read_landmarks_json(path)
