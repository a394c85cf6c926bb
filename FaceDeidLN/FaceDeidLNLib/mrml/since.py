"""What is other now than a verdict has judged it: a result of which that is so does not leave, and is not signed off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import slicer

from ..core.errors import InputError
from .as_made import drawn, is_noted_drawing
from .changed import is_changed
from .judged import Kept, kept_now, moment_of, not_judged, place_of, silent_now
from .links import linked
from .verdicts import StoredVerdict, ct_of, leader_of, read_verdict

EDITED = '"{name}" was edited or moved since. Put it back, verify again, or press Apply.'
ADDED = "Drawn, changed, moved, checked or taken away, and not judged so: {names}. Verify again, or press Apply."
#: What a verdict goes by and a person draws, by its roles.
DRAWINGS = {"landmarks": "landmarks", "curve": "face curve", "face": "face segment"}


@dataclass(frozen=True)
class Since:
    """``edited`` are the names of CTs, ``added`` those of what is to stay or was drawn, and is not as it was judged."""

    edited: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def text(self, translated: Callable[[str], str] = str) -> str:
        """One sentence on each kind; empty where everything is as it was judged."""
        edited = [translated(EDITED).format(name=name) for name in self.edited]
        return " ".join([*edited, *([translated(ADDED).format(names=", ".join(self.added))] if self.added else [])])


class Looked:
    """What was not judged, found once for each moment in which it and the verdict are.

    Before a person everything that is checked was to be judged; a script may have left some of it out, which is ``excused`` to it.
    """

    def __init__(self, excused: bool = False) -> None:
        self._excused = excused
        self._found: tuple[Any, tuple[str, ...]] = (None, ())
        self._drawn: tuple[Any, tuple[str, ...]] = (None, ())

    def added(self, stored: StoredVerdict, kept: list[Kept], silent: list[Kept]) -> tuple[str, ...]:
        """The names of what is ``kept`` now, or would be asked for, and the verdict has not judged as it is."""
        moment = stored.segments, stored.silent, stored.left_out, moment_of(kept), moment_of(silent)
        if moment != self._found[0]:
            excused = stored.left_out if self._excused else ()
            left = set(excused) - {one["name"] for one in stored.segments or ()}  # one name may be of both
            doubted = [] if stored.silent is None else not_judged(silent, [*(stored.segments or ()), *stored.silent])
            self._found = moment, (*(name for name in _not_judged(kept, stored) if name not in left), *doubted)
        return self._found[1]

    def drawn(
        self, stored: StoredVerdict, ct: slicer.vtkMRMLScalarVolumeNode, drawings: Mapping[str, slicer.vtkMRMLNode]
    ) -> tuple[str, ...]:
        """The names of the drawings of a CT that a person has changed, or moved on it, since the verdict."""
        moment = stored.drawings, ct.GetID(), place_of(ct), [moment_of_drawing(node) for node in drawings.values()]
        if moment != self._drawn[0]:
            changed = (node for role, node in drawings.items() if not is_noted_drawing(node, ct, stored.drawings[role]))
            self._drawn = moment, tuple(node.GetName() for node in changed)
        return self._drawn[1]


def since(result: slicer.vtkMRMLScalarVolumeNode, stored: StoredVerdict, looked: Looked | None = None) -> Since:
    """What a result's verdict has judged in another state; of what follows a CT, the CT's verdict, too.

    What the CT's own segmentation has checked now is to stay, but for what a script left out when it asked for the verdict, unless it
    is ``looked`` at for a person. A drawing that was found without one is found again: that alone may be taken away.

    :raises InputError: what it follows has no certificate that can be read.
    """
    ct, leader = ct_of(result), leader_of(result)
    decided = None if leader is None else read_verdict(leader)
    before = Since() if decided is None else since(leader, decided, looked)
    if ct is None:
        return before
    edited = (ct.GetName(),) if stored.ct and is_changed(ct, stored.ct) else ()
    added: tuple[str, ...] = ()
    if leader is None:
        looked, drawings = looked or Looked(excused=True), {role: linked(ct, role) for role in DRAWINGS if role in stored.drawings}
        kept = kept_now(ct, linked(ct, "protected"), linked(ct, "face"))
        added = looked.added(stored, kept, silent_now(ct, kept, linked(ct, "face")))
        added += looked.drawn(stored, ct, {role: node for role, node in drawings.items() if node is not None})
        added += tuple(DRAWINGS[role] for role in stored.by_hand if drawings.get(role) is None)
    return Since((*before.edited, *edited), (*before.added, *added))


def require_as_judged(result: slicer.vtkMRMLScalarVolumeNode, stored: StoredVerdict) -> None:
    """Raises InputError where something is other now than the verdict has judged it."""
    said = since(result, stored).text()
    if said:
        raise InputError(said)


def moment_of_drawing(node: slicer.vtkMRMLNode) -> tuple[Any, ...]:
    """What tells a drawing from that of another moment, with no voxel looked at."""
    if node.IsA("vtkMRMLSegmentationNode"):
        segmentation = node.GetSegmentation()
        return moment_of([(node, [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())])])
    return node.GetID(), node.GetName(), place_of(node), drawn(node)


def _not_judged(kept: list[Kept], stored: StoredVerdict) -> list[str]:
    """By their voxels and places; by their names alone where a scene of before does not tell more."""
    if stored.segments is not None:
        return not_judged(kept, stored.segments)
    judged = {item["name"] for item in stored.facts["protected"]}
    named = [node.GetSegmentation().GetSegment(identifier).GetName() for node, names in kept for identifier in names]
    return [name for name in named if name not in judged]
