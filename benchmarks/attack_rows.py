"""What the attack table attacks: rows of region, effect, kept levels and named nodes, and what each makes of a patient."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from FaceDeidLNLib.attack.controls import another_scan, cut_skin, smoothed_skin
from FaceDeidLNLib.attack.reversal import ALL_REVERSALS, Reversal, reversals_of
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.case.find import find_anatomy, find_face, find_landmarks, node_levels
from FaceDeidLNLib.case.records import Anatomy, Request
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import BoxMask, tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.base import Effect
from FaceDeidLNLib.effect.records import EFFECT_NAMES, PRESETS, record_of
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.face.polar import unit_vectors
from FaceDeidLNLib.face.segment import Face
from FaceDeidLNLib.face.styles import STYLES
from FaceDeidLNLib.input.ct import read_ct
from other_tools import DECODERS, OTHERS

#: Effects that every style is tried with: the one that hides best, and the simplest.
EVERYWHERE = ("reface", "mask")
#: What leaves the skin near its place, or most of the face as it is, is found by the few options that are quick to try: nobody asks what a
#: model would find in it.
EASILY_FOUND = ("blur", "drown", "scramble", "epidermis")
WHOLE_FACE = ("full", "full-hairline", "plane")
#: Node levels of a default run, and those that the default effect is tried with as well.
DEFAULT_LEVELS = "+".join(Parameters().levels)
EXTRA = ("none", "Ia+Ib+VIII")
#: Where nodes are planted: ranges of azimuth (either side) and elevation (degrees from between the ears).
NODE_PLACES = {"cheek": ((20, 50), (-20, 5)), "jaw": ((15, 45), (-35, -20)), "lip": ((0, 12), (-18, -8))}
#: Planted nodes: diameter, and how far their outermost point lies below the skin (mm).
NODE_MM, NODE_BELOW_MM = (6.0, 20.0), (1.0, 8.0)
#: Segmentations of the target volumes in pt_N_labels.nrrd.
TARGETS = (8, 9, 10)
#: Named nodes of a row: none, a planting, or the patient's own target volumes.
NODES = ("", "1 to 6 balls", "24 balls", "targets")


@dataclass(frozen=True, order=True)
class Variant:
    """What is attacked; a control has neither style nor levels. ``style`` may have "+ears" and "+lips" behind the name."""

    style: str
    effect: str
    levels: str = DEFAULT_LEVELS
    nodes: str = ""

    def parameters(self) -> Parameters:
        """The parameters of such a run; those of ``mask`` for what another tool does."""
        levels = () if self.levels == "none" else tuple(self.levels.split("+"))
        style, *parts = self.style.split("+")
        effect = self.effect if self.effect in EFFECT_NAMES else "mask"
        return Parameters(style=style, ears="ears" in parts, lips="lips" in parts, effect=effect, levels=levels)

    @property
    def made_by(self) -> Effect:
        """What makes the result."""
        return OTHERS[self.effect] if self.effect in OTHERS else EFFECTS[self.effect]

    @property
    def reversals(self) -> dict[str, Reversal]:
        """What undoes it, or tries to."""
        if self.effect in DECODERS:
            return {name: ALL_REVERSALS[name] for name in DECODERS[self.effect]}
        return reversals_of(self.effect) if self.effect in EFFECT_NAMES else {}

    @property
    def is_contested(self) -> bool:
        """It takes every option, and the model, to find somebody in it."""
        return self.style.split("+")[0] in WHOLE_FACE and self.effect not in EASILY_FOUND

    @property
    def is_random(self) -> bool:
        """Every run gives another result."""
        return self.effect in EFFECT_NAMES and record_of(self.effect).is_random


DEFAULT = Variant("full", Parameters().effect)


def every_variant() -> list[Variant]:
    """The default; its nodes and levels; ``full`` with every effect and what other tools do; every style with EVERYWHERE; every preset."""
    chosen = [Variant("full", effect, nodes=nodes) for effect in ("reface", "reface-veil") for nodes in NODES]
    chosen += [Variant("full", e) for e in (*EFFECT_NAMES, *OTHERS)]
    chosen += [Variant("full", DEFAULT.effect, levels) for levels in EXTRA] + [Variant("full+ears", DEFAULT.effect)]
    chosen += [Variant(s, e) for s in STYLES for e in EVERYWHERE]
    chosen += [Variant(preset.style + "+ears" * preset.ears, preset.effect) for preset in PRESETS.values()]
    return list(dict.fromkeys(chosen))


def marks(folder: Path, name: str) -> Landmarks:
    """The marks of one patient, made by hand."""
    places = json.loads((folder / "landmarks.json").read_text())["patients"][name]["landmarks"]
    return Landmarks({k: Landmark(k, np.array(v, dtype=float), 1.0, "user") for k, v in places.items() if v is not None})


@cache
def patient(folder: Path, name: str) -> tuple[Volume, Landmarks, Anatomy]:
    """CT, marks, and the anatomy at the marks."""
    ct = read_ct(folder / f"{name}_ct.nrrd").volume
    points = marks(folder, name)
    return ct, points, find_anatomy(ct, points)


def control_volumes(name: str, ct: Volume, anatomy: Anatomy) -> Iterator[tuple[str, Callable[[], Volume]]]:
    """What the attack must find, and how it is made."""
    number = int(name[3:])
    yield "before", lambda: another_scan(ct, face_window(anatomy.landmarks), np.random.default_rng(number))
    yield "cut 6 mm", lambda: cut_skin(ct, anatomy.depth, 6.0)
    yield "smoothed 10 mm", lambda: smoothed_skin(ct, anatomy.depth, 10.0)


def faces(folder: Path, name: str, ct: Volume, variants: Sequence[Variant]) -> Iterator[tuple[Variant, Face, Anatomy]]:
    """The face of every variant by the project's own landmarks. Raises FaceDeidError for a patient in whom it finds no face."""
    anatomy = find_anatomy(ct, find_landmarks(ct, None))
    for _, alike in groupby(sorted(variants, key=_place), key=_place):
        same = tuple(alike)
        request = Request(ct, parameters=same[0].parameters())
        levels = node_levels(request, anatomy)
        face = find_face(request, anatomy, (), levels)
        if same[0].nodes:
            named = named_nodes(same[0].nodes, folder, name, ct, face)
            face = find_face(request, anatomy, named, levels)
        for variant in same:
            yield variant, face, anatomy


def _place(variant: Variant) -> tuple[str, str, str]:
    return variant.levels, variant.style, variant.nodes


def named_nodes(plan: str, folder: Path, name: str, ct: Volume, face: Face) -> list[BoxMask]:
    """The protected segments of a row; ``face`` is that without any. None where a patient has no target volume."""
    if plan == "targets":
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{name}_labels.nrrd")))
        return [tight(f"target {number}", labels == number) for number in TARGETS if (labels == number).any()]
    random = np.random.default_rng([int(name[3:]), 900])
    count = int(random.integers(1, 7)) if plan == "1 to 6 balls" else int(plan.split()[0])
    nodes: list[BoxMask] = []
    while len(nodes) < count:
        nodes += planted(f"node {len(nodes) + 1}", ct, face, random)
    return nodes


def planted(name: str, ct: Volume, face: Face, random: np.random.Generator) -> list[BoxMask]:
    """A ball somewhere in cheek, jaw or lip; nothing where it lies between the voxels' centres."""
    (least, most), height = NODE_PLACES[list(NODE_PLACES)[random.integers(len(NODE_PLACES))]]
    direction = np.array([[random.choice([-1, 1]) * random.uniform(least, most), random.uniform(*height)]])
    radius, below = random.uniform(*NODE_MM) / 2, random.uniform(*NODE_BELOW_MM)
    skin = face.raster.sample(face.skin, direction)[0]
    middle = face.frame.origin + unit_vectors(face.frame, direction)[0] * (skin - below - radius)
    box = ct.geometry.box_around(middle[None], margin_mm=radius + 4.0)
    grid = ct.geometry.crop(box)
    away = np.linalg.norm(grid.to_lps(np.indices(grid.shape).reshape(3, -1).T) - middle, axis=1)
    ball = tight(name, (away <= radius).reshape(grid.shape), box.start)
    return [ball] if ball.voxels else []
