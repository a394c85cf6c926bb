"""Undo of the module's own steps: what a step changed is put back, what it made is taken out of the scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import slicer

from .as_made import drawn, is_drawing, is_drawn_since
from .links import SKIN_PREFIX, references_of
from .removal import node_ids, remove_nodes, still_there, with_display

#: Steps that can be undone, one after the other.
DEPTH = 20
#: Puts back what was chosen, but where what is chosen now stays.
Choices = Callable[[Sequence[slicer.vtkMRMLNode]], None]


class UndoStack:
    """The last steps in one scene."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], list[str]]]] = []

    @property
    def label(self) -> str:
        """What would be undone; empty where there is nothing."""
        return self._steps[-1][0] if self._steps else ""

    def clear(self) -> None:
        """Forget all steps: the scene was closed."""
        self._steps.clear()

    def undo(self) -> tuple[str, list[str]]:
        """Undo the last step; its label, empty where there is none, and the names of the nodes that were drawn in since and stay."""
        if not self._steps:
            return "", []
        label, restore = self._steps.pop()
        return label, restore()

    @contextmanager
    def step(
        self,
        label: str,
        scene: slicer.vtkMRMLScene,
        nodes: Sequence[slicer.vtkMRMLNode | None],
        restore_choices: Choices,
        goes_on: Sequence[slicer.vtkMRMLNode] = (),
    ) -> Iterator[None]:
        """Everything done inside is one step that may change ``nodes`` and add others; ``goes_on`` as ``all_or_nothing``.

        ``restore_choices`` puts back what the panel had chosen, but for the nodes that it is given. A step that raises is undone at once.
        """
        with all_or_nothing(scene, nodes, restore_choices, goes_on) as restore:
            yield
        self._steps = [*self._steps, (label, restore)][-DEPTH:]


@contextmanager
def all_or_nothing(
    scene: slicer.vtkMRMLScene,
    nodes: Sequence[slicer.vtkMRMLNode | None],
    restore_choices: Choices = lambda stay: None,
    goes_on: Sequence[slicer.vtkMRMLNode] = (),
) -> Iterator[Callable[[], list[str]]]:
    """What is done inside, which may change ``nodes`` and add others, is undone at once where it raises.

    Gives a function that undoes it later: changed nodes get their content back, ``restore_choices`` is called, and nodes
    that were added leave the scene. What a person has drawn in since stays as it is, and chosen: its names are returned. In ``goes_on``,
    some of ``nodes``, a person draws within the step itself, and that is undone. Where the scene was closed meanwhile, nothing is touched.
    """
    before = node_ids(scene)
    made: list[Callable[[], slicer.vtkMRMLNode | None]] = []
    contents = [(still_there(node), _content(node)) for node in nodes if node is not None]
    left: list[tuple[Callable[[], slicer.vtkMRMLNode | None], str]] = []
    closed: list[bool] = []
    tag = scene.AddObserver(scene.StartCloseEvent, lambda caller, event: closed.append(True))

    def restore() -> list[str]:
        if closed:  # nothing of that scene is left, and in the next one identifiers begin anew
            return []
        stays = [node for there, then in left if (node := there()) is not None and is_drawn_since(node, then)]
        for there, put_back in contents:
            if not any(there() is node for node in stays):
                put_back()
        restore_choices(stays)
        kept = {identifier for node in stays for identifier in with_display(node)}
        nodes = [node for node in (there() for there in made) if node is not None and node.GetID() not in kept]
        remove_nodes(scene, [*(node.GetID() for node in nodes), *_made_to_look_at(scene, nodes)])
        return [node.GetName() for node in stays]

    def note_made() -> None:
        made.extend(still_there(scene.GetNodeByID(identifier)) for identifier in node_ids(scene) - before)

    try:
        yield restore
    except BaseException:
        note_made()
        restore()
        raise
    finally:
        scene.RemoveObserver(tag)
    note_made()
    changed = (there for there, _ in contents if not any(there() is node for node in goes_on))
    left.extend((there, drawn(node)) for there in (*changed, *made) if (node := there()) is not None and is_drawing(node))


def _made_to_look_at(scene: slicer.vtkMRMLScene, nodes: Sequence[slicer.vtkMRMLNode]) -> list[str]:
    """The skins that were made of some nodes later on, in no step: without the volume they show nothing that is there."""
    found = []
    for node in nodes:
        for role, skin in references_of(node).items():
            if role.startswith(SKIN_PREFIX) and scene.GetNodeByID(skin) is not None:
                found += with_display(scene.GetNodeByID(skin))
    return found


def _content(node: slicer.vtkMRMLNode) -> Callable[[], None]:
    """A function that gives the node and its display nodes what they have now; a node that is gone by then stays gone.

    Beside the content that is the name, the parent transform, and the references to other nodes of the project's own.
    """
    shown = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())] if node.IsA("vtkMRMLDisplayableNode") else []
    parts = [_own_content(part) for part in (node, *shown) if part is not None]

    def put_back() -> None:
        for part in parts:
            part()

    return put_back


def _own_content(node: slicer.vtkMRMLNode) -> Callable[[], None]:
    """A volume's voxels and a model's points are shared and not copied (20 steps on a large CT would take gigabytes).

    A step gives such a node another image or surface and never writes into the one that is there.
    """
    same, name = still_there(node), node.GetName()
    deep = not (node.IsA("vtkMRMLVolumeNode") or node.IsA("vtkMRMLModelNode"))
    copy = node.CreateNodeInstance()
    copy.CopyContent(node, deep)
    parent = _known(node.GetParentTransformNode() if node.IsA("vtkMRMLTransformableNode") else None)
    references = {role: _known(node.GetNodeReference(role)) for role in references_of(node)}

    def put_back() -> None:
        there = same()
        if there is None:
            return
        there.CopyContent(copy, deep)
        there.SetName(name)
        if there.IsA("vtkMRMLTransformableNode"):
            there.SetAndObserveTransformNodeID(parent())
        for role in {*references, *references_of(there)}:
            there.SetNodeReferenceID(role, references[role]() if role in references else None)

    return put_back


def _known(node: slicer.vtkMRMLNode | None) -> Callable[[], str | None]:
    """Gives the identifier of a node as long as it is there, later; None for none."""
    there = (lambda: None) if node is None else still_there(node)
    return lambda: None if there() is None else there().GetID()
