"""Attack 1: geometric re-identification of results against a gallery of skins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..case.find import find_anatomy
from ..core.errors import FaceDeidError, InputError
from ..core.landmarks import Landmarks
from ..core.volume import Volume
from .gallery import Gallery, distances, skin_field
from .reversal import Reversal
from .scores import Recognition, recognise
from .surfaces import FILTERS, LEVELS_HU, coarse, filtered, hits, sample_lines
from .window import Window, face_window


@dataclass(frozen=True)
class Battery:
    """Which filters and levels (HU) the attacker tries."""

    filters: tuple[str, ...]
    levels: tuple[int, ...]


#: Everything: 5 filters at 8 levels.
FULL = Battery(tuple(FILTERS), LEVELS_HU)
#: For the many variants: what of FULL won most often, and one level each for fat, muscle and bone.
CHEAP = Battery(("raw", "median 5 mm", "gauss 3 mm"), (-500, -200, 0, 50, 150))
#: Levels at which a volume whose effect was undone is looked at.
REVERSED_LEVELS_HU = (-500, -300, -50, 50)
NO_REVERSALS: Mapping[str, Reversal] = {}


@dataclass(frozen=True, eq=False)
class Probe:
    """What is attacked: the true name, a CT in HU, and the window of the *original's* marks."""

    name: str
    ct: Volume
    window: Window


@dataclass(eq=False)
class Trial:
    """The distances of all probes so far: rows per option, and the true columns."""

    gallery: Gallery
    battery: Battery
    own: list[int] = field(default_factory=list)
    rows: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, probe: Probe, reversals: Mapping[str, Reversal] = NO_REVERSALS) -> None:
        """Attack one more probe with every filter and level. Its name must be one of the gallery's."""
        self.add_rows(probe.name, probe_distances(probe, self.gallery, self.battery, reversals))

    def add_rows(self, name: str, rows: Mapping[str, np.ndarray]) -> None:
        """Take what ``probe_distances`` gave for the person ``name``."""
        self.own.append(self.gallery.names.index(name))
        for option, row in rows.items():
            self.rows.setdefault(option, []).append(row)

    def options(self) -> dict[str, np.ndarray]:
        """The matrices (P, G) of distances in mm by option."""
        return {name: np.array(rows) for name, rows in self.rows.items()}

    def columns(self) -> np.ndarray:
        """The true column (P,) of every probe."""
        return np.array(self.own)

    def result(self) -> Recognition:
        """What the attacker achieves."""
        return recognise(self.options(), self.columns())


def enrol(heads: Iterable[tuple[str, Volume, Landmarks]]) -> tuple[Gallery, dict[str, Window]]:
    """The gallery of the originals' skins and their windows from (name, CT in HU, hand-made marks).

    :raises InputError: the marks of one fix no face in its CT.
    """
    names, fields, windows = [], [], {}
    for name, ct, marks in heads:
        windows[name] = face_window(marks)
        try:
            fields.append(skin_field(find_anatomy(ct, marks).depth, windows[name]))
        except FaceDeidError as error:
            why = str(error).partition(":")[0]
            raise InputError(f"The face of {name} is not found ({why}): give its landmarks with --marks, or leave it out.") from error
        names.append(name)
    return Gallery(tuple(names), np.stack(fields)), windows


def probe_distances(
    probe: Probe, gallery: Gallery, battery: Battery, reversals: Mapping[str, Reversal] = NO_REVERSALS
) -> dict[str, np.ndarray]:
    """Distances (G,) in mm of one probe's surfaces to every skin, by "filter at level HU".

    Every one of ``reversals`` is undone first and then attacked, unfiltered, at REVERSED_LEVELS_HU.
    """
    small = coarse(probe.ct, probe.window)
    out = {}
    for name in battery.filters:
        lines = sample_lines(filtered(small, name), probe.window)
        for level in battery.levels:
            out[f"{name} at {level} HU"] = distances(hits(lines, level, probe.window), gallery)
    for name, undo in reversals.items():
        lines = sample_lines(undo(probe.ct, probe.window), probe.window)
        for level in REVERSED_LEVELS_HU:
            out[f"{name}, at {level} HU"] = distances(hits(lines, level, probe.window), gallery)
    return out
