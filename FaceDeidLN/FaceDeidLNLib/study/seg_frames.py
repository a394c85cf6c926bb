"""The frames of a segmentation object: which segment each of them shows, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from pydicom.dataset import Dataset

from ..core.geometry import Geometry
from ..core.segment import places
from .family import DoubtError
from .grids import moved, require_sound_grid

#: At so many of its values a fractional segment is looked at.
MOST_VALUES = 8


@dataclass(frozen=True, eq=False)
class Frames:
    """The pixels (frame, row, column) of a segmentation object, and what its header says of them.

    ``numbers``: the segment that each frame shows, 0 in a label map (``is_map``), whose frames may show any; ``names``: by number, those
    that are described; ``matrix`` (4, 4) takes the object's LPS mm to the face's. Grids and edges are kept once they were asked for.
    """

    pixels: np.ndarray
    numbers: np.ndarray
    names: dict[int, str]
    dataset: Dataset
    matrix: np.ndarray
    _grids: dict[int, Geometry] = field(default_factory=dict)
    _edges: dict[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: Dataset, matrix: np.ndarray) -> Frames:
        """Of a whole object, whose pixels may be written to.

        :raises DoubtError: a frame does not say which segment it shows.
        """
        pixels = dataset.pixel_array
        pixels = np.require(pixels.reshape((-1, *pixels.shape[-2:])), requirements="CW")
        is_map = dataset.get("SegmentationType") == "LABELMAP"
        numbers = [0] * len(pixels) if is_map else [_number_of(dataset, index) for index in range(len(pixels))]
        names = {int(item.SegmentNumber): str(item.get("SegmentLabel") or "") for item in dataset.SegmentSequence}
        return cls(pixels, np.array(numbers, dtype=int), names, dataset, matrix)

    @property
    def is_map(self) -> bool:
        """True for a label map."""
        return self.dataset.get("SegmentationType") == "LABELMAP"

    @property
    def labels(self) -> list[int]:
        """The segments' numbers, the background of a label map left out."""
        return sorted(number for number in self.names if number or not self.is_map)

    def shown(self) -> set[int]:
        """The numbers of all that has a pixel, described or not; without the background."""
        if self.is_map:
            return set(map(int, np.unique(self.pixels))) - {0}
        return {int(number) for number in np.unique(self.numbers) if any(self.pixels[index].any() for index in self.of_label(number))}

    def of_label(self, label: int) -> np.ndarray:
        """Those frames that may show a segment."""
        return np.flatnonzero((self.numbers == label) | self.is_map)

    def mask(self, index: int, label: int, above: float = 0.0) -> np.ndarray:
        """Bool of a frame ``of_label``: where it shows the segment, a fractional one with values ``above`` this."""
        return self.pixels[index] == label if self.is_map else self.pixels[index] > above

    def grid(self, index: int) -> Geometry:
        """The grid of one frame, in the face's LPS mm.

        :raises DoubtError: its place is not told.
        """
        if index not in self._grids:
            self._grids[index] = moved(_grid_of(self.dataset, index), self.matrix)
        return self._grids[index]

    def points(self, label: int) -> np.ndarray:
        """LPS mm (N, 3), in the face's frame, of the pixels of a segment."""
        return self._stacked((index, self.mask(index, label)) for index in self.of_label(label))

    def edge(self, label: int) -> np.ndarray:
        """LPS mm (N, 3) of those at the edge of a segment."""
        if label not in self._edges:
            self._edges[label] = self._edge_above(label, 0.0)
        return self._edges[label]

    def surfaces(self, label: int) -> Iterator[np.ndarray]:
        """The edges (N, 3) of a segment, of a fractional one at several of its values: it may end at one and show the skin at another."""
        values = self._values(label) if self.dataset.get("SegmentationType") == "FRACTIONAL" else np.zeros(0)
        yield self.edge(label)
        for value in values[values > 0]:
            yield self._edge_above(label, float(value))

    def _values(self, label: int) -> np.ndarray:
        """Some of the values (N,) of a segment, but for the highest."""
        own = [np.unique(self.pixels[index]) for index in self.of_label(label)]
        values = np.unique(np.concatenate(own))[:-1] if own else np.zeros(0)
        return values[np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_VALUES)).astype(int))]

    def changed(self, label: int) -> None:
        """A segment's pixels were written to."""
        self._edges.pop(label, None)

    def _edge_above(self, label: int, above: float) -> np.ndarray:
        return self._stacked((index, _edge(self.mask(index, label, above))) for index in self.of_label(label))

    def _stacked(self, masks: Iterable[tuple[int, np.ndarray]]) -> np.ndarray:
        """LPS mm (N, 3) of what is set in masks (bool) of frames."""
        parts = [self.grid(index).to_lps(places(mask[None])) for index, mask in masks if mask.any()]
        return np.vstack(parts) if parts else np.zeros((0, 3))


def _number_of(dataset: Dataset, index: int) -> int:
    own, shared = dataset.PerFrameFunctionalGroupsSequence[index], dataset.SharedFunctionalGroupsSequence[0]
    item = (own.get("SegmentIdentificationSequence") or shared.get("SegmentIdentificationSequence") or [None])[0]
    if item is None:
        raise DoubtError("a frame does not say which segment it shows")
    return int(item.ReferencedSegmentNumber)


def _grid_of(dataset: Dataset, index: int) -> Geometry:
    """The grid of one frame in the object's own LPS mm."""
    own, shared = dataset.PerFrameFunctionalGroupsSequence[index], dataset.SharedFunctionalGroupsSequence[0]

    def macro(keyword: str) -> Dataset:
        found = own.get(keyword) or shared.get(keyword)
        if not found:
            raise DoubtError(f"a frame has no {keyword}: nobody knows where it lies")
        return found[0]

    rows = np.array(macro("PlaneOrientationSequence").ImageOrientationPatient, dtype=float).reshape(2, 3)
    spacing = [float(value) for value in macro("PixelMeasuresSequence").PixelSpacing]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = rows[0] * spacing[1], rows[1] * spacing[0]
    affine[:3, 2] = np.cross(rows[0], rows[1])
    affine[:3, 3] = np.array(macro("PlanePositionSequence").ImagePositionPatient, dtype=float)
    grid = Geometry((1, int(dataset.Rows), int(dataset.Columns)), affine)
    require_sound_grid("a frame", grid, rows)
    return grid


def _edge(mask: np.ndarray) -> np.ndarray:
    """Bool of a frame: the pixels of a mask that have one beside them that is not of it. Most segments fill a small part of a frame."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return mask
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    padded = np.pad(mask[box], 1)
    inner = padded[1:-1, :-2] & padded[1:-1, 2:] & padded[:-2, 1:-1] & padded[2:, 1:-1]
    edge = np.zeros_like(mask)
    edge[box] = mask[box] & ~inner
    return edge
