"""Segmentations in the scene that may hold what must not change: found, so that none is passed over in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import slicer
from vtkmodules.vtkCommonCore import vtkMath

from ..core.segment import Segment
from ..core.volume import Volume
from ..input.names import GUIDING, KEPT, Role, is_outline
from ..input.patient import Patient
from .links import linked
from .nodes import StoredSegment, segment_roles, stored_segments
from .patients import patient_of
from .protection import checked_segments, was_asked
from .scene import nodes_of_class

#: What a segmentation of this module's own is called by the CT it belongs to.
_OWN = ("face", "kept")
#: Attribute of a segmentation that this module made, also after the CT has let it go.
_MADE_HERE = "FaceDeidLN.MadeHere"
#: Attribute of a CT where the user chose no segmentation: saved with the scene.
_DECLINED = "FaceDeidLN.ProtectsNothing"
#: Behind the name of a segment of a segmentation that is another CT's own.
OF_ANOTHER = " (of another CT)"
#: A segmentation with so many structures that are known by name or code is a program's or a planning system's: TotalSegmentator,
#: CADS, organs at risk. Who draws nodes by hand names them, or leaves "Segment_1".
_STRUCTURES = 8


def candidates(ct: slicer.vtkMRMLScalarVolumeNode | None) -> list[slicer.vtkMRMLSegmentationNode]:
    """The segmentations of a CT's scene that overlap it, but for those of this module, of another CT, or of another patient."""
    return [node for node in _drawn(ct) if not _others_with(node, ct) and not _is_another_patients(node, ct)]


def of_others(ct: slicer.vtkMRMLScalarVolumeNode | None) -> list[slicer.vtkMRMLSegmentationNode]:
    """As ``candidates``, those that are another CT's own: that may be a clone of this one, or show the same head.

    None where the user said of this CT that nothing of them is to be kept.
    """
    if ct is None or declined(ct):
        return []
    return [node for node in _drawn(ct) if _others_with(node, ct) and not _is_another_patients(node, ct)]


def of_other_patients(ct: slicer.vtkMRMLScalarVolumeNode | None) -> list[slicer.vtkMRMLSegmentationNode]:
    """As ``candidates``, those that lie there by chance: they belong to a patient with another ID."""
    return [node for node in _drawn(ct) if _is_another_patients(node, ct)]


def _drawn(ct: slicer.vtkMRMLScalarVolumeNode | None) -> list[slicer.vtkMRMLSegmentationNode]:
    """The segmentations of a CT's scene that overlap it and that this module did not make."""
    scene = None if ct is None else ct.GetScene()
    if scene is None:
        return []
    made = [linked(volume, role) for volume in nodes_of_class(scene, "vtkMRMLScalarVolumeNode") for role in _OWN]
    found = nodes_of_class(scene, "vtkMRMLSegmentationNode")
    return [node for node in found if not any(node is mine for mine in made) and not is_made_here(node) and overlap(node, ct)]


def _others_with(node: slicer.vtkMRMLSegmentationNode, ct: slicer.vtkMRMLScalarVolumeNode) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """The other CTs of the scene that a segmentation was chosen for; none where it was chosen for this one, or drawn on it, too."""
    if linked(ct, "protected") is node or _drawn_on(node) is ct:
        return []
    return [volume for volume in nodes_of_class(ct.GetScene(), "vtkMRMLScalarVolumeNode") if linked(volume, "protected") is node]


def _is_another_patients(node: slicer.vtkMRMLSegmentationNode, ct: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Has the patient of a segmentation, or of all CTs that it was chosen for, another ID? False where one of them is not known."""
    patient, own = patient_of(ct), patient_of(node)
    whose = {own} if own else {patient_of(other) for other in _others_with(node, ct)}
    return bool(patient and whose) and not whose & {patient, ""}


def made_here(node: slicer.vtkMRMLSegmentationNode, made: bool = True) -> slicer.vtkMRMLSegmentationNode:
    """Note that this module made a segmentation, and nobody drew it to be kept; not ``made``: that it holds what somebody drew."""
    node.SetAttribute(_MADE_HERE, "1" if made else None)
    return node


def is_made_here(node: slicer.vtkMRMLSegmentationNode) -> bool:
    """Did this module make a segmentation?"""
    return bool(node.GetAttribute(_MADE_HERE))


def declined(ct: slicer.vtkMRMLScalarVolumeNode, said: bool | None = None) -> bool:
    """Has the user chosen to protect no segmentation of a CT? ``said`` notes that he did or did not."""
    if said is not None:
        ct.SetAttribute(_DECLINED, "1" if said else None)
    return ct.GetAttribute(_DECLINED) is not None


def is_atlas(node: slicer.vtkMRMLSegmentationNode) -> bool:
    """Does a segmentation hold many known structures, more than are not known, as programs make it?"""
    roles = [role for _, role in segment_roles(node).values()]
    known = sum(role not in (Role.NODE, Role.UNKNOWN) for role in roles)
    return known >= max(_STRUCTURES, roles.count(Role.UNKNOWN))


def atlases(ct: slicer.vtkMRMLScalarVolumeNode, *chosen: slicer.vtkMRMLSegmentationNode | None) -> list[slicer.vtkMRMLSegmentationNode]:
    """The candidates that are atlases and were not chosen: they guide, and their nodes and glands are kept, without being asked for."""
    return [node for node in candidates(ct) if is_atlas(node) and not any(node is mine for mine in chosen)]


def kept_of(node: slicer.vtkMRMLSegmentationNode) -> list[str]:
    """The segments of an atlas that stay: those that are checked."""
    return checked_segments(node)


def guides_of(node: slicer.vtkMRMLSegmentationNode | None) -> tuple[StoredSegment, ...]:
    """Mandible, hyoid, salivary glands and outline of a segmentation, protected or not: they help to find levels, landmarks and skin."""
    if node is None:
        return ()
    wanted = [identifier for identifier, (_, role) in segment_roles(node).items() if role in GUIDING]
    return tuple(stored_segments(node, wanted))


def likely(ct: slicer.vtkMRMLScalarVolumeNode | None) -> slicer.vtkMRMLSegmentationNode | None:
    """The one segmentation that is meant for a CT, an atlas where there is nothing else; None where that is not clear.

    That is the only one, or the only one with lymph nodes.
    """
    everything = [node for node in candidates(ct) if not _passed_over_by_another(node, ct)]
    found = [node for node in everything if not is_atlas(node)] or everything
    if len(found) > 1:
        found = [node for node in found if any(role is Role.NODE for _, role in segment_roles(node).values())]
    return found[0] if len(found) == 1 else None


def _drawn_on(node: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLNode | None:
    """The volume on whose grid a segmentation was drawn, where Slicer knows that."""
    return node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())


def _passed_over_by_another(node: slicer.vtkMRMLSegmentationNode, ct: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """May a segmentation be meant for another CT, which it overlaps and for which another one was chosen?

    Chosen for this CT without a word, it would not be asked for there any more.
    """
    others = [volume for volume in nodes_of_class(ct.GetScene(), "vtkMRMLScalarVolumeNode") if volume is not ct]
    return _drawn_on(node) is not ct and any(linked(other, "protected") not in (None, node) and overlap(node, other) for other in others)


def not_chosen(
    ct: slicer.vtkMRMLScalarVolumeNode | None,
    protected: slicer.vtkMRMLSegmentationNode | None,
    *chosen: slicer.vtkMRMLSegmentationNode | None,
) -> tuple[StoredSegment, ...]:
    """Segments of the scene that would be kept by their name and are not, because nobody chose their segmentation.

    Those of which the user said himself whether they are kept are not among them. Where nothing is ``protected``, what was chosen for
    another CT is, under a name that says so.
    """
    found = [segment for node, names in unasked(ct, protected, *chosen) for segment in stored_segments(node, names)]
    others = [segment for node, names in unasked_of_others(ct, protected) for segment in stored_segments(node, names)]
    return (*found, *(replace(segment, name=f"{segment.name}{OF_ANOTHER}") for segment in others))


def unasked(
    ct: slicer.vtkMRMLScalarVolumeNode | None, *chosen: slicer.vtkMRMLSegmentationNode | None
) -> list[tuple[slicer.vtkMRMLSegmentationNode, list[str]]]:
    """The candidates that were not ``chosen``, and those of their segments that would be kept by their name and nobody was asked for."""
    return [(node, _silent(node)) for node in candidates(ct) if not any(node is one for one in chosen)]


def unasked_of_others(
    ct: slicer.vtkMRMLScalarVolumeNode | None, protected: slicer.vtkMRMLSegmentationNode | None
) -> list[tuple[slicer.vtkMRMLSegmentationNode, list[str]]]:
    """As ``unasked``, of the segmentations that are another CT's own; none where something is ``protected``."""
    return [(node, _silent(node)) for node in of_others(ct)] if protected is None else []


def unchecked(node: slicer.vtkMRMLSegmentationNode | None, segment_ids: Sequence[str] | None) -> tuple[StoredSegment, ...]:
    """Segments of the chosen segmentation that are not kept by their name alone, without a word of the user.

    Not those of an atlas; and none where ``segment_ids`` are a choice of the user's own. ``but_outlines`` takes out one that goes
    around the patient.
    """
    if node is None or segment_ids is None or sorted(segment_ids) != sorted(checked_segments(node)):
        return ()
    return tuple(stored_segments(node, unchecked_by_name(node)))


def unchecked_by_name(node: slicer.vtkMRMLSegmentationNode) -> list[str]:
    """The segments of a segmentation that no user checked or unchecked and that are not kept by their name; none of an atlas."""
    if is_atlas(node):
        return []
    return [i for i, (_, role) in segment_roles(node).items() if role not in KEPT and not was_asked(node, i)]


def but_outlines(segments: Sequence[Segment], ct: Volume) -> tuple[Segment, ...]:
    """The segments that are no outline of the patient of a CT."""
    patient = Patient(ct)
    return tuple(segment for segment in segments if not (is_outline(segment) and patient.is_outlined_by(segment)))


def _silent(node: slicer.vtkMRMLSegmentationNode) -> list[str]:
    return [i for i, (_, role) in segment_roles(node).items() if role in KEPT and not was_asked(node, i)]


def overlap(first: slicer.vtkMRMLDisplayableNode, second: slicer.vtkMRMLDisplayableNode) -> bool:
    """Do the boxes of two nodes in world RAS share some space?"""
    boxes = []
    for node in (first, second):
        bounds = [0.0, -1.0] * 3
        node.GetRASBounds(bounds)
        boxes.append(bounds)
    if not all(vtkMath.AreBoundsInitialized(bounds) for bounds in boxes):
        return False
    return all(boxes[0][a] <= boxes[1][a + 1] and boxes[1][a] <= boxes[0][a + 1] for a in (0, 2, 4))
