"""Segments: between masks and vtkMRMLSegmentationNode."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import slicer
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.util.vtkConstants import VTK_UNSIGNED_CHAR
from vtkmodules.vtkCommonCore import reference as by_reference
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from ..core.errors import FaceDeidError, InputError
from ..core.geometry import Geometry
from ..core.segment import BoxMask, Segment
from ..core.volume import Volume
from ..input.names import Role, role_of
from .matrices import array_from_matrix, local_ras_from_world, matrix_from_array, share_parent, world_lps_from_local
from .scene import SceneContext

Color = tuple[float, float, float]
FACE_COLOR: Color = (1.0, 0.69, 0.18)
PROTECTED_COLOR: Color = (0.35, 0.87, 0.47)
_BINARY = "Binary labelmap"
_SURFACE = "Closed surface"
#: Of vtkBinaryLabelmapToClosedSurfaceConversionRule: by vtkSurfaceNets3D, smoothed by itself, in a fifth of the time of the default.
_SURFACE_NETS = {"Conversion method": "1", "SurfaceNets smoothing": "1"}
#: The segmented property type in Slicer's terminology entry: context~category~TYPE~modifier~...
_TYPE = re.compile(r"[^~]*~[^~]*~([^~^]+)\^([^~^]+)\^([^~^]*)")
#: Tag of a segment that holds its terminology entry (vtkSegment::GetTerminologyEntryTagName is no part of every release).
_TERMINOLOGY_TAG = "TerminologyEntry"


def add_segmentation(
    context: SceneContext,
    masks: Sequence[BoxMask],
    geometry: Geometry,
    name: str,
    colors: Mapping[str, Color] | None = None,
    reference: slicer.vtkMRMLVolumeNode | None = None,
) -> slicer.vtkMRMLSegmentationNode:
    """A new vtkMRMLSegmentationNode with one segment per mask; masks may overlap and may be empty.

    ``geometry`` is the grid of the masks in world LPS; ``colors`` (0..1) are looked up by the mask's name, protected
    segments' green otherwise. ``reference`` is the CT's node: its grid becomes the segmentation's reference geometry,
    and the segmentation gets its parent transform.
    """
    node = context.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.SetSourceRepresentationToBinaryLabelmap()
    for parameter, value in _SURFACE_NETS.items():
        node.GetSegmentation().SetConversionParameter(parameter, value)
    fill_segmentation(node, masks, geometry, colors, reference)
    node.CreateDefaultDisplayNodes()
    return node


def fill_segmentation(
    node: slicer.vtkMRMLSegmentationNode,
    masks: Sequence[BoxMask],
    geometry: Geometry,
    colors: Mapping[str, Color] | None = None,
    reference: slicer.vtkMRMLVolumeNode | None = None,
) -> None:
    """Replace all segments of an existing node as ``add_segmentation`` makes them; a segment of the same name keeps its id."""
    if reference is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
        share_parent(node, reference)
    segmentation = node.GetSegmentation()
    shown = segmentation.ContainsRepresentation(_SURFACE)
    known = {segmentation.GetSegment(i).GetName(): i for i in segmentation.GetSegmentIDs()}
    segmentation.RemoveAllSegments()
    for mask in masks:
        color = (colors or {}).get(mask.name, PROTECTED_COLOR)
        image = _oriented_image(mask, local_ras_from_world(reference, geometry.ijk_to_lps))
        _add_segment(node, mask.name, image, color, known.get(mask.name, ""))
    if shown:
        node.CreateClosedSurfaceRepresentation()


def add_segments(node: slicer.vtkMRMLSegmentationNode, masks: Sequence[BoxMask], geometry: Geometry, origin: str) -> None:
    """Add masks on the grid ``geometry`` (world LPS) to a segmentation whose own segments stay; ``origin`` tells those of one name apart.

    :raises FaceDeidError: the segmentation does not take voxels.
    """
    segmentation, ijk_to_ras = node.GetSegmentation(), local_ras_from_world(node, geometry.ijk_to_lps)
    for mask in masks:
        before = list(segmentation.GetSegmentIDs())
        taken = {segmentation.GetSegment(identifier).GetName() for identifier in before}
        name = f"{mask.name} ({origin})" if mask.name in taken else mask.name
        _add_segment(node, name, _oriented_image(mask, ijk_to_ras), PROTECTED_COLOR, "")
        if len(segmentation.GetSegmentIDs()) == len(before):
            raise FaceDeidError(f'"{node.GetName()}" takes no voxels: choose another segmentation, or none, for the nodes to keep.')


def _add_segment(
    node: slicer.vtkMRMLSegmentationNode, name: str, image: slicer.vtkOrientedImageData, color: Color, identifier: str
) -> None:
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(*color)
    segment.AddRepresentation(_BINARY, image)
    node.GetSegmentation().AddSegment(segment, identifier)


def _oriented_image(mask: BoxMask, ijk_to_ras: np.ndarray) -> slicer.vtkOrientedImageData:
    """The mask as an oriented image whose extent is the mask's box on the CT's grid."""
    image = slicer.vtkOrientedImageData()
    extent = [v for start, stop in zip(mask.box.start[::-1], mask.box.stop[::-1], strict=True) for v in (start, stop - 1)]
    image.SetExtent(extent if mask.array.size else [0, -1, 0, -1, 0, -1])
    image.AllocateScalars(VTK_UNSIGNED_CHAR, 1)
    if mask.array.size:
        vtk_to_numpy(image.GetPointData().GetScalars()).reshape(mask.array.shape)[...] = mask.array
    image.SetGeometryFromImageToWorldMatrix(matrix_from_array(ijk_to_ras))
    return image


def segments_from_node(node: slicer.vtkMRMLSegmentationNode, ids: Sequence[str] | None = None) -> list[Segment]:
    """The segments of a vtkMRMLSegmentationNode on their own grid in world LPS: all, or those with the given ids.

    Closed surfaces are voxelised by Slicer's converter; the node itself is not changed.

    :raises InputError: no such segment id.
    :raises FaceDeidError: a parent transform is not linear, or a segment cannot be converted to voxels.
    """
    segmentation = node.GetSegmentation()
    known = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    missing = [i for i in ids or () if i not in known]
    if missing:
        raise InputError(f'"{node.GetName()}" has no segment "{missing[0]}"; it has: {", ".join(known) or "none"}.')
    source = segmentation if segmentation.ContainsRepresentation(_BINARY) or not known else _voxelised(node)
    return [_segment(node, source.GetSegment(i)) for i in (known if ids is None else ids)]


def _voxelised(node: slicer.vtkMRMLSegmentationNode) -> slicer.vtkSegmentation:
    copy = slicer.vtkSegmentation()
    copy.DeepCopy(node.GetSegmentation())
    if not copy.CreateRepresentation(_BINARY):
        raise FaceDeidError(f'The segments of "{node.GetName()}" cannot be converted to voxels: create a binary labelmap first.')
    return copy


def _segment(node: slicer.vtkMRMLSegmentationNode, segment: slicer.vtkSegment) -> Segment:
    image = segment.GetRepresentation(_BINARY)
    extent = image.GetExtent() if image is not None else (0, -1) * 3
    if any(high < low for low, high in zip(extent[::2], extent[1::2], strict=True)):
        nothing = Geometry((1, 1, 1), world_lps_from_local(node, np.eye(4)))
        return Segment(
            segment.GetName(), Volume(np.zeros((1, 1, 1), dtype=bool), nothing), f"segment:{node.GetName()}", terminology_code(segment)
        )
    shape = tuple(high - low + 1 for low, high in zip(extent[-2::-2], extent[::-2], strict=True))
    labels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    matrix = vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    ijk_to_ras = array_from_matrix(matrix)
    ijk_to_ras[:3, 3] += ijk_to_ras[:3, :3] @ np.asarray(extent[::2], dtype=float)
    mask = Volume(labels == segment.GetLabelValue(), Geometry(shape, world_lps_from_local(node, ijk_to_ras)))
    return Segment(segment.GetName(), mask, f"segment:{node.GetName()}", terminology_code(segment))


def terminology_code(segment: slicer.vtkSegment) -> str:
    """Scheme, value and meaning of a segment's type ("SCT:59441001 Lymph node"); empty where it has none."""
    entry = by_reference("")
    found = _TYPE.match(str(entry)) if segment.GetTag(_TERMINOLOGY_TAG, entry) else None
    return "" if found is None else f"{found[1]}:{found[2]} {found[3]}"


def segment_roles(node: slicer.vtkMRMLSegmentationNode) -> dict[str, tuple[str, Role]]:
    """Name and role of every segment, by its id, in the segmentation's order."""
    segmentation = node.GetSegmentation()
    segments = {identifier: segmentation.GetSegment(identifier) for identifier in segmentation.GetSegmentIDs()}
    return {i: (segment.GetName(), role_of(segment.GetName(), terminology_code(segment))) for i, segment in segments.items()}
