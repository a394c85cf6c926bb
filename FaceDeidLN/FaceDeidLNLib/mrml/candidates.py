"""Segmentations in the scene that may hold what must not change: found, so that none is passed over in silence."""

from __future__ import annotations

import slicer
import vtk

from ..core.segment import Segment
from ..input.names import KEPT, Role
from .links import linked
from .nodes import segment_roles, segments_from_node
from .protection import was_asked

#: What a segmentation of this module's own is called by the CT it belongs to.
_OWN = ("face", "kept")
#: Attribute of a CT where the user chose no segmentation: saved with the scene.
_DECLINED = "FaceDeidLN.ProtectsNothing"


def candidates(ct: slicer.vtkMRMLScalarVolumeNode | None) -> list[slicer.vtkMRMLSegmentationNode]:
    """The segmentations of a CT's scene that overlap it, without those that this module made or that are another CT's own."""
    scene = None if ct is None else ct.GetScene()
    if scene is None:
        return []
    volumes = [
        scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode") for n in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))
    ]
    own = [linked(volume, role) for volume in volumes for role in _OWN]
    own += [
        linked(volume, "protected") for volume in volumes if volume is not ct and linked(volume, "protected") is not linked(ct, "protected")
    ]
    found = [scene.GetNthNodeByClass(n, "vtkMRMLSegmentationNode") for n in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"))]
    return [node for node in found if not any(node is mine for mine in own) and _overlap(node, ct)]


def declined(ct: slicer.vtkMRMLScalarVolumeNode, said: bool | None = None) -> bool:
    """Has the user chosen to protect no segmentation of a CT? ``said`` notes that he did or did not."""
    if said is not None:
        ct.SetAttribute(_DECLINED, "1" if said else None)
    return ct.GetAttribute(_DECLINED) is not None


def likely(ct: slicer.vtkMRMLScalarVolumeNode | None) -> slicer.vtkMRMLSegmentationNode | None:
    """The one segmentation that is meant for a CT: the only one, or the only one with lymph nodes; None where that is not clear."""
    found = candidates(ct)
    if len(found) > 1:
        found = [node for node in found if any(role is Role.NODE for _, role in segment_roles(node).values())]
    return found[0] if len(found) == 1 else None


def not_chosen(ct: slicer.vtkMRMLScalarVolumeNode, *chosen: slicer.vtkMRMLSegmentationNode | None) -> tuple[Segment, ...]:
    """Segments of the scene that would be kept by their name and are not, because nobody chose their segmentation.

    Those of which the user said himself whether they are kept are not among them.
    """
    return tuple(segment for node in candidates(ct) if not any(node is mine for mine in chosen) for segment in _silent(node))


def _silent(node: slicer.vtkMRMLSegmentationNode) -> list[Segment]:
    wanted = [i for i, (_, role) in segment_roles(node).items() if role in KEPT and not was_asked(node, i)]
    return segments_from_node(node, wanted)


def _overlap(first: slicer.vtkMRMLDisplayableNode, second: slicer.vtkMRMLDisplayableNode) -> bool:
    """Do the boxes of two nodes in world RAS share some space?"""
    boxes = []
    for node in (first, second):
        bounds = [0.0, -1.0] * 3
        node.GetRASBounds(bounds)
        boxes.append(bounds)
    if not all(vtk.vtkMath.AreBoundsInitialized(bounds) for bounds in boxes):
        return False
    return all(boxes[0][a] <= boxes[1][a + 1] and boxes[1][a] <= boxes[0][a + 1] for a in (0, 2, 4))
