"""Undo of the module's own steps: what a step changed is put back, what it made is taken out of the scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import slicer

#: Steps that can be undone, one after the other.
DEPTH = 20


class UndoStack:
    """The last steps in one scene."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], None]]] = []

    @property
    def label(self) -> str:
        """What would be undone; empty where there is nothing."""
        return self._steps[-1][0] if self._steps else ""

    def clear(self) -> None:
        """Forget all steps: the scene was closed."""
        self._steps.clear()

    def undo(self) -> str:
        """Undo the last step and return its label; empty where there is none."""
        if not self._steps:
            return ""
        label, restore = self._steps.pop()
        restore()
        return label

    @contextmanager
    def step(
        self, label: str, scene: slicer.vtkMRMLScene, nodes: Sequence[slicer.vtkMRMLNode | None], restore_choices: Callable[[], None]
    ) -> Iterator[None]:
        """Everything done inside is one step that may change ``nodes`` and add others.

        ``restore_choices`` puts back what the panel had chosen. A step that raises is undone at once.
        """
        before = _ids(scene)
        contents = [_content(node) for node in nodes if node is not None]

        def restore() -> None:
            for put_back in contents:
                put_back()
            restore_choices()
            for identifier in made:
                node = scene.GetNodeByID(identifier)
                if node is not None:
                    scene.RemoveNode(node)

        made: set[str] = set()
        try:
            yield
        except BaseException:
            made = _ids(scene) - before
            restore()
            raise
        made = _ids(scene) - before
        self._steps = [*self._steps, (label, restore)][-DEPTH:]


def _ids(scene: slicer.vtkMRMLScene) -> set[str]:
    return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}


def _content(node: slicer.vtkMRMLNode) -> Callable[[], None]:
    """A function that gives the node the content back that it has now; a node that is gone by then stays gone.

    A volume's voxels are shared and not copied (20 steps on a large CT would take gigabytes): a step gives a volume another
    image and never writes into the one that is there.
    """
    scene, identifier = node.GetScene(), node.GetID()
    copy = node.CreateNodeInstance()
    copy.CopyContent(node, not node.IsA("vtkMRMLVolumeNode"))
    name = node.GetName()

    def put_back() -> None:
        there = scene.GetNodeByID(identifier)
        if there is not None:
            there.CopyContent(copy, not there.IsA("vtkMRMLVolumeNode"))
            there.SetName(name)

    return put_back
