"""Which segments of a segmentation are protected: the user's check marks, kept in the segments themselves."""

from __future__ import annotations

from collections.abc import Sequence

import slicer
from vtkmodules.vtkCommonCore import reference as by_reference

from ..input.names import KEPT, Role
from .nodes import segment_roles

#: Tag of a segment that the user checked or unchecked: saved with the segmentation, also in its file.
_TAG = "FaceDeidLN.protect"


def is_checked(node: slicer.vtkMRMLSegmentationNode, identifier: str, role: Role) -> bool:
    """Is the segment protected: as the user said, else by its role?"""
    said = by_reference("")
    if node.GetSegmentation().GetSegment(identifier).GetTag(_TAG, said):
        return str(said) == "1"
    return role in KEPT


def was_asked(node: slicer.vtkMRMLSegmentationNode, identifier: str) -> bool:
    """Did the user say himself whether the segment is protected?"""
    return node.GetSegmentation().GetSegment(identifier).GetTag(_TAG, by_reference(""))


def check(node: slicer.vtkMRMLSegmentationNode, identifier: str, checked: bool) -> None:
    """Remember what the user said of a segment."""
    node.GetSegmentation().GetSegment(identifier).SetTag(_TAG, "1" if checked else "0")


def checked_segments(node: slicer.vtkMRMLSegmentationNode) -> list[str]:
    """The ids of the protected segments."""
    return [identifier for identifier, (_, role) in segment_roles(node).items() if is_checked(node, identifier, role)]


def left_out(node: slicer.vtkMRMLSegmentationNode | None, identifiers: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the checked segments that are not among those asked for (None: all of them)."""
    if node is None or identifiers is None:
        return ()
    missed = [identifier for identifier in checked_segments(node) if identifier not in identifiers]
    return tuple(node.GetSegmentation().GetSegment(identifier).GetName() for identifier in missed)
