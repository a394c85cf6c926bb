"""All attacks on one result, and the figures of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from ..core.volume import Volume
from .battery import NO_REVERSALS, Battery, Probe, Trial
from .controls import another_scan
from .gallery import Gallery
from .leftovers import Leftovers, leftovers
from .linkage import bone_distances
from .portraits import CHEAP_SITTING, Sitting
from .rendered import Recogniser, RenderedAttack, Sightings, attack_rendered, look
from .residue import Residue, residue
from .reversal import Reversal, in_place, recovered_mm
from .scores import probe_auc, ranks
from .window import Window

#: What is recovered by a reversal is looked at as a photographer would.
RECOVERED_SITTING = Sitting(("raw",), (-300,), ("front", "left 30", "right 30", "from above", "from below"))


@dataclass(frozen=True, eq=False)
class Target:
    """A result and its original: name, both CTs in HU, where their files are, and the window of the original's marks."""

    name: str
    original: Volume
    result: Volume
    original_path: Path
    result_path: Path
    window: Window


@dataclass(frozen=True, eq=False)
class Findings:
    """What the attacks other than the first found on one result.

    ``recovered_mm``: mean distance of the recovered skin to the true one, by reversal ("as it is" without any).
    ``residue`` is None where the result lies on another grid, ``rendered`` where there is no recogniser. ``bone_mm`` (G,):
    distances of the bone of *another scan* of the result to every head's bone.
    """

    name: str
    recovered_mm: Mapping[str, float]
    residue: Residue | None
    leftovers: Leftovers
    rendered: RenderedAttack | None
    bone_mm: np.ndarray


@dataclass(frozen=True, eq=False)
class Eye:
    """Who looks at pictures, the faces of the originals by name, and what is drawn of a result and of what is recovered from it."""

    recogniser: Recogniser
    known: Mapping[str, Sightings]
    sitting: Sitting = CHEAP_SITTING
    recovered: Sitting = RECOVERED_SITTING


@dataclass(eq=False)
class Study:
    """Attacks on many results. ``bones``: the gallery's fields by linkage.bone_field, in the order of ``skins``."""

    skins: Gallery
    bones: Gallery
    battery: Battery
    reversals: Mapping[str, Reversal] = field(default_factory=lambda: NO_REVERSALS)
    eye: Eye | None = None
    findings: list[Findings] = field(default_factory=list)
    trial: Trial = field(init=False)

    def __post_init__(self) -> None:
        self.trial = Trial(self.skins, self.battery)

    def add(self, target: Target) -> Findings:
        """Make every attack on one more result; its name must be one of the gallery's."""
        own = self.skins.names.index(target.name)
        undone = {name: undo(target.result, target.window) for name, undo in self.reversals.items()}
        given = {name: partial(_given, volume) for name, volume in undone.items()}
        self.trial.add(Probe(target.name, target.result, target.window), given)
        same_grid = target.original.geometry.same_as(target.result.geometry)
        found = Findings(
            target.name,
            {n: recovered_mm(v, target.window, self.skins.fields[own]) for n, v in {"as it is": target.result, **undone}.items()},
            residue(target.original, target.result, target.window) if same_grid else None,
            leftovers(target.original_path, target.result_path, target.result),
            None if self.eye is None else self._rendered(self.eye, target, list(undone.values())),
            bone_distances(another_scan(target.result, target.window, np.random.default_rng(own)), target.window, self.bones),
        )
        self.findings.append(found)
        return found

    def _rendered(self, eye: Eye, target: Target, undone: Sequence[Volume]) -> RenderedAttack:
        seen = [look(target.result, target.window, eye.recogniser, eye.sitting)]
        seen += [look(in_place(v, target.result), target.window, eye.recogniser, eye.recovered) for v in undone]
        others = [sightings for name, sightings in eye.known.items() if name != target.name]
        return attack_rendered(seen, eye.known[target.name], others)

    def linkage(self) -> dict[str, float]:
        """Rank-1 (share) and AUC of linkage by bone: out of scope, for the record."""
        matrix, own = np.array([found.bone_mm for found in self.findings]), self.trial.columns()
        return {"rank1": float((ranks(matrix, own) < 1.5).mean()), "auc": probe_auc(matrix, own)}


def _given(volume: Volume, _ct: Volume, _window: Window) -> Volume:
    """A reversal that was done before."""
    return volume
