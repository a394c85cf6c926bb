"""Segments: between masks and vtkMRMLSegmentationNode."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import slicer
from scipy import ndimage
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.util.vtkConstants import VTK_UNSIGNED_CHAR
from vtkmodules.vtkCommonCore import reference as by_reference
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from ..core.errors import FaceDeidError, InputError
from ..core.geometry import Box, Geometry
from ..core.segment import BoxMask, Segment, box_of
from ..core.volume import Volume
from ..input.names import Role, role_of
from .draft import draft_surface, is_draft
from .matrices import array_from_matrix, local_ras_from_world, matrix_from_array, share_parent, world_lps_from_local
from .scene import SceneContext, nodes_of_class

Color = tuple[float, float, float]
FACE_COLOR: Color = (1.0, 0.69, 0.18)
PROTECTED_COLOR: Color = (0.35, 0.87, 0.47)
_BINARY = "Binary labelmap"
_SURFACE = "Closed surface"
_SEGMENTATION = "vtkMRMLSegmentationNode"
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
    node = context.scene.AddNewNodeByClass(_SEGMENTATION, name)
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
    draft: bool = False,
    first: bool = False,
) -> None:
    """Replace all segments of an existing node as ``add_segmentation`` makes them; a segment of the same name keeps its id.

    With ``first`` one mask takes the place of the first segment, and those behind it stay.
    Where their surfaces were there, they are there again: a ``draft`` of them, until ``draw_surface`` is called, or the whole ones.
    """
    if reference is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
        share_parent(node, reference)
    segmentation = node.GetSegmentation()
    shown = segmentation.ContainsRepresentation(_SURFACE)
    replaced = segmentation.GetSegmentIDs()[: 1 if first else None]
    known = {segmentation.GetSegment(i).GetName(): i for i in replaced}
    with _told_once(node):  # by itself: what is put under an old segment's id is a new one, and seen
        for identifier in replaced:
            segmentation.RemoveSegment(identifier)
    ijk_to_ras = local_ras_from_world(reference, geometry.ijk_to_lps)
    with _told_once(node):
        for mask in masks:
            color = (colors or {}).get(mask.name, PROTECTED_COLOR)
            surface = draft_surface(mask, geometry, ijk_to_ras) if shown and draft else None
            _add_segment(node, mask.name, _oriented_image(mask, ijk_to_ras), color, known.pop(mask.name, ""), surface)
        if first:
            segmentation.SetSegmentIndex(segmentation.GetSegmentIDs()[-1], 0)
    if shown:
        with _told_once(node):
            node.CreateClosedSurfaceRepresentation()


@contextmanager
def _told_once(node: slicer.vtkMRMLNode) -> Iterator[None]:
    """Who looks at a node hears once, at the end, of what is done within: for each segment the application would look through all."""
    before = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(before)


def drafts(scene: slicer.vtkMRMLScene) -> tuple[slicer.vtkMRMLSegmentationNode, ...]:
    """The segmentations of a scene with a surface that is a draft."""
    return tuple(node for node in nodes_of_class(scene, _SEGMENTATION) if _has_draft(node.GetSegmentation()))


def _has_draft(segmentation: slicer.vtkSegmentation | None) -> bool:
    """Whether a surface is a draft and can be made anew: not where somebody made it what all else is made from."""
    if segmentation is None or segmentation.GetSourceRepresentationName() == _SURFACE:
        return False
    return any(is_draft(segmentation.GetSegment(name).GetRepresentation(_SURFACE)) for name in segmentation.GetSegmentIDs())


def draw_surface(node: slicer.vtkMRMLSegmentationNode) -> None:
    """Make the closed surfaces of a segmentation anew, where it has any."""
    if node.GetSegmentation().ContainsRepresentation(_SURFACE):
        with _told_once(node):
            node.GetSegmentation().CreateRepresentation(_SURFACE, True)


def add_segments(node: slicer.vtkMRMLSegmentationNode, masks: Sequence[BoxMask], geometry: Geometry, origin: str) -> None:
    """Add masks on the grid ``geometry`` (world LPS) to a segmentation whose own segments stay; ``origin`` tells those of one name apart.

    :raises FaceDeidError: the segmentation does not take voxels.
    """
    segmentation, ijk_to_ras = node.GetSegmentation(), local_ras_from_world(node, geometry.ijk_to_lps)
    with _told_once(node):
        for mask in masks:
            before = list(segmentation.GetSegmentIDs())
            taken = {segmentation.GetSegment(identifier).GetName() for identifier in before}
            name = f"{mask.name} ({origin})" if mask.name in taken else mask.name
            _add_segment(node, name, _oriented_image(mask, ijk_to_ras), PROTECTED_COLOR, "")
            if len(segmentation.GetSegmentIDs()) == len(before):
                raise FaceDeidError(f'"{node.GetName()}" takes no voxels: choose another segmentation, or none, for the nodes to keep.')


def _add_segment(
    node: slicer.vtkMRMLSegmentationNode,
    name: str,
    image: slicer.vtkOrientedImageData,
    color: Color,
    identifier: str,
    surface: vtkPolyData | None = None,
) -> None:
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(*color)
    segment.AddRepresentation(_BINARY, image)
    if surface is not None:
        segment.AddRepresentation(_SURFACE, surface)
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


@dataclass(frozen=True, eq=False)
class StoredSegment:
    """A segment as its node holds it, of which ``read_stored`` makes a mask without the scene.

    ``labels`` (k, j, i) is the node's own memory on the grid ``geometry`` (world LPS), often one array for all segments; the voxels of
    this one have the value ``label``.
    """

    name: str
    origin: str
    code: str
    labels: np.ndarray
    label: int
    geometry: Geometry


def segments_from_node(node: slicer.vtkMRMLSegmentationNode, ids: Sequence[str] | None = None) -> list[Segment]:
    """The segments of a vtkMRMLSegmentationNode on their own grid in world LPS: all, or those with the given ids.

    Each is cropped to the box that holds it, as those of a file are. Raises as ``stored_segments``.
    """
    return read_stored(stored_segments(node, ids))


def stored_segments(node: slicer.vtkMRMLSegmentationNode, ids: Sequence[str] | None = None) -> list[StoredSegment]:
    """The segments of a node, all or those with the given ids, with no voxel looked at.

    Closed surfaces are voxelised by Slicer's converter; the node itself is not changed.

    :raises InputError: no such segment id.
    :raises FaceDeidError: a parent transform is not linear, or a segment cannot be converted to voxels.
    """
    segmentation = node.GetSegmentation()
    known = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    missing = [i for i in ids or () if i not in known]
    if missing:
        there = ", ".join(f"{i} ({segmentation.GetSegment(i).GetName()})" for i in known)
        raise InputError(f'"{node.GetName()}" has no segment "{missing[0]}"; its IDs are: {there or "none"}.')
    source = segmentation if segmentation.ContainsRepresentation(_BINARY) or not known else _voxelised(node)
    return [_stored(node, source.GetSegment(i)) for i in (known if ids is None else ids)]


def _voxelised(node: slicer.vtkMRMLSegmentationNode) -> slicer.vtkSegmentation:
    copy = slicer.vtkSegmentation()
    copy.DeepCopy(node.GetSegmentation())
    if not copy.CreateRepresentation(_BINARY):
        raise FaceDeidError(f'The segments of "{node.GetName()}" cannot be converted to voxels: create a binary labelmap first.')
    return copy


def _stored(node: slicer.vtkMRMLSegmentationNode, segment: slicer.vtkSegment) -> StoredSegment:
    told = segment.GetName(), f"segment:{node.GetName()}", terminology_code(segment)
    image = segment.GetRepresentation(_BINARY)
    extent = image.GetExtent() if image is not None else (0, -1) * 3
    if any(high < low for low, high in zip(extent[::2], extent[1::2], strict=True)):
        nothing = Geometry((1, 1, 1), world_lps_from_local(node, np.eye(4)))
        return StoredSegment(*told, np.zeros((1, 1, 1), dtype=np.uint8), 1, nothing)
    shape = tuple(high - low + 1 for low, high in zip(extent[-2::-2], extent[::-2], strict=True))
    labels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    matrix = vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    ijk_to_ras = array_from_matrix(matrix)
    ijk_to_ras[:3, 3] += ijk_to_ras[:3, :3] @ np.asarray(extent[::2], dtype=float)
    return StoredSegment(*told, labels, int(segment.GetLabelValue()), Geometry(shape, world_lps_from_local(node, ijk_to_ras)))


def read_stored(stored: Sequence[StoredSegment]) -> list[Segment]:
    """The masks of segments, each in the box that holds it.

    Labels that many segments share are looked through once, and what is asked for twice is one mask.
    """
    places = [(one.labels.__array_interface__["data"][0], one.labels.shape, one.geometry.ijk_to_lps.tobytes()) for one in stored]
    shared = Counter(memory for memory, _ in {(memory, one.label) for memory, one in zip(places, stored, strict=True)})
    boxes: dict[tuple, list] = {}
    masks: dict[tuple, Volume] = {}
    segments = []
    for memory, one in zip(places, stored, strict=True):
        key = (memory, one.label)
        if key not in masks and shared[memory] == 1:
            masks[key] = _mask_alone(one)
        elif key not in masks:
            if memory not in boxes:
                boxes[memory] = ndimage.find_objects(one.labels if one.labels.dtype.kind in "iu" else one.labels.astype(np.int32))
            masks[key] = _mask_in(one, boxes[memory])
        segments.append(Segment(one.name, masks[key], one.origin, one.code))
    return segments


def _mask_alone(one: StoredSegment) -> Volume:
    """As ``_mask_in`` where one label is asked for: its box is found faster without the others'."""
    mask = one.labels == one.label
    box = box_of(mask)
    if not all(box.shape):
        box = Box((0, 0, 0), (1, 1, 1))  # of an empty one: one voxel that is not set
    return Volume(mask[box.slices].copy(), one.geometry.crop(box))


def _mask_in(one: StoredSegment, boxes: list) -> Volume:
    found = boxes[one.label - 1] if 0 < one.label <= len(boxes) else None
    slices = found or (slice(0, 1),) * 3  # of an empty one: one voxel that is not set
    box = Box(tuple(s.start for s in slices), tuple(s.stop for s in slices))
    return Volume(one.labels[slices] == one.label, one.geometry.crop(box))


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
