"""A scene as plain facts, node by node, so that two moments of it can be compared."""

from __future__ import annotations

import hashlib

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

_KINDS = (
    "vtkMRMLScalarVolumeNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLMarkupsNode",
    "vtkMRMLModelNode",
    "vtkMRMLTextNode",
    "vtkMRMLDisplayNode",
)


def _hash(array):
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=8).hexdigest()


def _volume(node):
    image = node.GetImageData()
    return None if image is None else (image.GetDimensions(), _hash(vtk_to_numpy(image.GetPointData().GetScalars())))


def _segments(node):
    segmentation, found = node.GetSegmentation(), []
    for identifier in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(identifier)
        image = segment.GetRepresentation("Binary labelmap")
        empty = image is None or image.GetNumberOfPoints() == 0 or image.GetPointData().GetScalars() is None
        voxels = None if empty else _hash(vtk_to_numpy(image.GetPointData().GetScalars()) == segment.GetLabelValue())
        found.append((identifier, segment.GetName(), voxels))
    return found


def _points(node):
    found = []
    for index in range(node.GetNumberOfControlPoints()):
        place = [0.0, 0.0, 0.0]
        node.GetNthControlPointPosition(index, place)
        words = (node.GetNthControlPointLabel(index), node.GetNthControlPointDescription(index), node.GetNthControlPointLocked(index))
        found.append((*words, node.GetNthControlPointPositionStatus(index), tuple(np.round(place, 3))))
    return found


def _content(node):
    if node.IsA("vtkMRMLScalarVolumeNode"):
        return _volume(node)
    if node.IsA("vtkMRMLSegmentationNode"):
        return _segments(node)
    if node.IsA("vtkMRMLMarkupsNode"):
        return _points(node)
    if node.IsA("vtkMRMLModelNode"):
        return None if node.GetPolyData() is None else node.GetPolyData().GetNumberOfPoints()
    return node.GetText() if node.IsA("vtkMRMLTextNode") else None


def _own(node):
    """The references and attributes of this project's own."""
    roles = [node.GetNthNodeReferenceRole(n) for n in range(node.GetNumberOfNodeReferenceRoles())]
    references = {role: node.GetNodeReferenceID(role) for role in roles if role.startswith("FaceDeidLN.") and node.GetNodeReferenceID(role)}
    names = [name for name in node.GetAttributeNames() if name.startswith("FaceDeidLN.")]
    return references, {name: node.GetAttribute(name) for name in names}


def snapshot():
    """Name, content and own links of every node that a step may make or change, by its id."""
    nodes = [slicer.mrmlScene.GetNthNode(n) for n in range(slicer.mrmlScene.GetNumberOfNodes())]
    wanted = [node for node in nodes if any(node.IsA(kind) for kind in _KINDS)]
    return {node.GetID(): (node.GetName(), _content(node), *_own(node)) for node in wanted}


def voxels_of(node):
    """A copy of a volume's voxels."""
    return slicer.util.arrayFromVolume(node).copy()
