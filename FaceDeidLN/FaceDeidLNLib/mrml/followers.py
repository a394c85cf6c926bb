"""Further images of the same head in a scene (PET, MR, a second CT): those that may get the face of a CT, and those that shall."""

from __future__ import annotations

import slicer

from .candidates import overlap
from .links import FOLLOWS
from .verdicts import images_of


def may_follow(ct: slicer.vtkMRMLScalarVolumeNode | None) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """The images of a CT's scene that lie where it lies: no label map, no colours, and no result of this module."""
    return (
        [] if ct is None or ct.GetScene() is None else [node for node in images_of(ct.GetScene()) if node is not ct and overlap(node, ct)]
    )


def followers(ct: slicer.vtkMRMLScalarVolumeNode | None) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """Those of them that shall get its face."""
    return [node for node in may_follow(ct) if follows(node, ct)]


def follows(image: slicer.vtkMRMLScalarVolumeNode, ct: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Shall an image get the face of a CT?"""
    return image.GetNodeReference(FOLLOWS) is ct


def let_follow(image: slicer.vtkMRMLScalarVolumeNode, ct: slicer.vtkMRMLScalarVolumeNode, wanted: bool) -> None:
    """Note whether an image shall get the face of a CT."""
    image.SetNodeReferenceID(FOLLOWS, ct.GetID() if wanted else None)
