"""Taking nodes out of a scene, in the one order that views survive.

A view's displayable manager follows a display node through the node that it displays. A display node that goes first leaves the
manager with nothing to follow, and Slicer crashes; so what is displayed goes before its display nodes, and storage nodes go last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import slicer
from vtkmodules.vtkCommonCore import vtkWeakReference

#: From the first to go to the last; a node of no other kind goes after those that are displayed.
_DISPLAYED, _OTHER, _DISPLAY, _STORAGE = range(4)
#: What the application makes for itself, also while a step is at work: its views with their cameras, and its tree of nodes.
_OF_THE_APPLICATION = ("vtkMRMLAbstractViewNode", "vtkMRMLCameraNode", "vtkMRMLSliceCompositeNode", "vtkMRMLSubjectHierarchyNode")


def node_ids(scene: slicer.vtkMRMLScene) -> set[str]:
    """The identifiers of all nodes of a scene."""
    return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}


def still_there(node: slicer.vtkMRMLNode) -> Callable[[], slicer.vtkMRMLNode | None]:
    """Gives a node as long as it is in its scene, later, without keeping it alive.

    By its identifier it cannot be known: a scene that is added to this one gets those of nodes that are gone.
    """
    scene, known = node.GetScene(), vtkWeakReference()
    known.Set(node)

    def there() -> slicer.vtkMRMLNode | None:
        found = known.Get()
        return found if found is not None and found.GetScene() is scene else None

    return there


def remove_nodes(scene: slicer.vtkMRMLScene, identifiers: Iterable[str | None]) -> None:
    """Take nodes out of a scene: what is displayed, then other nodes, display nodes and storage nodes; the youngest of a kind first.

    Identifiers without a node are passed over: a node may go together with another one. So are the nodes that the application
    keeps for itself, and the display nodes of a segmentation that stays.
    """
    wanted = {identifier for identifier in identifiers if identifier}
    here = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
    ordered = [(_rank(node), -place, node.GetID()) for place, node in enumerate(here) if node.GetID() in wanted]
    for _, _, identifier in sorted(ordered):
        node = scene.GetNodeByID(identifier)
        if node is not None and not _stays(node):
            scene.RemoveNode(node)


def remove_with_display(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode | None) -> None:
    """Take a node and the display and storage nodes of its own out of a scene; None is nothing to do."""
    if node is None or scene.GetNodeByID(node.GetID() or "") is not node:
        return
    remove_nodes(scene, with_display(node))


def with_display(node: slicer.vtkMRMLNode) -> list[str]:
    """The identifiers of a node and of the display and storage nodes of its own."""
    identifiers = [node.GetID()]
    if node.IsA("vtkMRMLDisplayableNode"):
        identifiers += [node.GetNthDisplayNodeID(n) for n in range(node.GetNumberOfDisplayNodes())]
    if node.IsA("vtkMRMLStorableNode"):
        identifiers += [node.GetNthStorageNodeID(n) for n in range(node.GetNumberOfStorageNodes())]
    return identifiers


@contextmanager
def scratch_nodes(scene: slicer.vtkMRMLScene) -> Iterator[None]:
    """Every node that is made inside leaves the scene at the end, whatever happens."""
    before = node_ids(scene)
    try:
        yield
    finally:
        remove_nodes(scene, node_ids(scene) - before)


def _stays(node: slicer.vtkMRMLNode) -> bool:
    """A view asks every display node that it has drawn a segmentation with for that segmentation, whatever else changes in it."""
    if node.GetSingletonTag() or any(node.IsA(kind) for kind in _OF_THE_APPLICATION):
        return True
    return node.IsA("vtkMRMLSegmentationDisplayNode") and node.GetDisplayableNode() is not None


def _rank(node: slicer.vtkMRMLNode) -> int:
    for kind, rank in (("vtkMRMLStorageNode", _STORAGE), ("vtkMRMLDisplayNode", _DISPLAY), ("vtkMRMLDisplayableNode", _DISPLAYED)):
        if node.IsA(kind):
            return rank
    return _OTHER
