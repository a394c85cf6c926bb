"""What the images of one series have in common, and which of them are no slices of its stacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from .dicom_geometry import SAME_PLACE_MM
from .dicom_header import HeaderSlice, numbers, value_of

#: Fewer slices than this are no stack of their own but odd ones out.
FEWEST_OF_STACK = 3
#: Direction cosines that differ by more are those of another plane.
TURNED = 0.1
#: Those that differ by less are of one stack, as some write them with few digits; two acquisitions of a neck may differ by some degrees.
ONE_DIRECTION = 0.005
#: The first corner of a slice lies so near (mm) to the line on which those of its stack lie.
BESIDE_MM = 5.0
#: What may tell the stacks of one series apart, the most telling first.
DIFFERENCES = (
    "RescaleType",
    "ConvolutionKernel",
    "NominalPercentageOfCardiacPhase",
    "TemporalPositionIndex",
    "TemporalPositionIdentifier",
    "ContrastBolusAgent",
    "ImageType",
    "FilterType",
    "SliceThickness",
    "ReconstructionDiameter",
    "KVP",
    "SeriesDescription",
    "SeriesNumber",
    "StackID",
    "AcquisitionNumber",
    "TriggerTime",
    "AcquisitionTime",
    "SeriesTime",
    "AcquisitionDateTime",
    "ContentTime",
)


def parts_by(items: Sequence[HeaderSlice], value: Callable[[HeaderSlice], str]) -> dict[str, list[HeaderSlice]]:
    """The images by what ``value`` tells of them, in the order of what it tells."""
    parts: dict[str, list[HeaderSlice]] = {}
    for item in items:
        parts.setdefault(value(item), []).append(item)
    return dict(sorted(parts.items()))


def told_of(keyword: str) -> Callable[[HeaderSlice], str]:
    """Tells what stands in a tag of an image's header."""
    return lambda item: str(item.header.get(keyword, ""))


def without(items: Sequence[HeaderSlice], left: Sequence[HeaderSlice]) -> list[HeaderSlice]:
    """The images that are none of those left out."""
    known = {id(item) for item in left}
    return [item for item in items if id(item) not in known]


def lies_in_space(item: HeaderSlice) -> bool:
    """True for a grey image whose header tells where its pixels lie."""
    grey = value_of(item.header, "SamplesPerPixel", 1) == 1
    return grey and all(value_of(item.header, keyword) for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))


def heights_of(items: Sequence[HeaderSlice]) -> list[float]:
    """Where slices lie along their normal, in mm; of those without a place, nothing."""
    placed = [item for item in items if lies_in_space(item)]
    if not placed:
        return []
    rows = np.array(numbers(placed[0], "ImageOrientationPatient"))
    if rows.size != 6:
        return []
    normal = np.cross(rows[:3], rows[3:])
    positions = [np.array(numbers(item, "ImagePositionPatient")) for item in placed]
    return [float(position @ normal) for position in positions if position.size == 3]


def are_at_one_place(items: Sequence[HeaderSlice]) -> bool:
    """True where two of the slices lie at the same place along their normal."""
    return any(after - before < SAME_PLACE_MM for before, after in pairwise(sorted(heights_of(items))))


def directions_of(items: Sequence[HeaderSlice]) -> Callable[[HeaderSlice], str]:
    """Tells of each of the images the direction of its stack: those that differ by less than ONE_DIRECTION have one."""
    first: dict[tuple[float, ...], tuple[float, ...]] = {}
    for item in items:
        own = numbers(item, "ImageOrientationPatient")
        if own not in first:
            first[own] = next((other for other in first.values() if _is_near(own, other)), own)
    return lambda item: _told(first[numbers(item, "ImageOrientationPatient")])


def _is_near(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return len(one) == len(other) and all(abs(a - b) < ONE_DIRECTION for a, b in zip(one, other, strict=True))


@lru_cache(maxsize=16)
def _told(direction: tuple[float, ...]) -> str:
    """Most slices have the same."""
    return " ".join(f"{part + 0.0:.3f}" for part in np.round(direction, 3))


def beside_slices(items: Sequence[HeaderSlice]) -> dict[str, list[HeaderSlice]]:
    """The few images of a series that are no slices of its stacks, by what they are."""
    found = {"in colour or at no place in space": pages(items)}
    return found | {"in another plane than the slices of the series": strays(items)}


def pages(items: Sequence[HeaderSlice]) -> list[HeaderSlice]:
    """The few images that lie nowhere, or are in colour, though the others are slices: pages of the console (dose, protocol, screen)."""
    few = [item for item in items if _lies_nowhere(item) or value_of(item.header, "SamplesPerPixel") == 3]
    return few if len(few) < FEWEST_OF_STACK <= sum(map(lies_in_space, items)) else []


def _lies_nowhere(item: HeaderSlice) -> bool:
    """Neither a place nor a direction: a slice that lost one of them to damage has the other."""
    groups = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "ImagePositionPatient", "ImageOrientationPatient")
    return not any(value_of(item.header, keyword) for keyword in groups)


def strays(items: Sequence[HeaderSlice]) -> list[HeaderSlice]:
    """The few images that lie in another plane than every stack of their series, and at no place of their slices.

    Scanners store a picture that shows where a reformat's slices lie as the first image of its series.
    """
    placed = [item for item in items if lies_in_space(item) and _is_whole(item)]
    parts = list(parts_by(placed, directions_of(placed)).values())
    stacks = [_Stack.of(part) for part in parts if len(part) >= FEWEST_OF_STACK]
    few = [item for part in parts if stacks and len(part) < FEWEST_OF_STACK for item in part]
    return [item for item in few if all(stack.is_strange(item) for stack in stacks)]


def _is_whole(item: HeaderSlice) -> bool:
    return len(numbers(item, "ImageOrientationPatient")) == 6 and len(numbers(item, "ImagePositionPatient")) == 3


@dataclass(frozen=True, eq=False)
class _Stack:
    """The direction of slices, and the first corners (3,) in mm of two of them."""

    direction: tuple[float, ...]
    first: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, slices: Sequence[HeaderSlice]) -> _Stack:
        places = np.array([numbers(item, "ImagePositionPatient") for item in slices])
        away = np.linalg.norm(places - places[0], axis=1)
        return cls(numbers(slices[0], "ImageOrientationPatient"), places[0], places[np.argmax(away)])

    def is_strange(self, item: HeaderSlice) -> bool:
        """Turned, and begun beside the line on which the slices begin: one on it is a slice whose header is damaged."""
        direction, place = (np.array(numbers(item, keyword)) for keyword in ("ImageOrientationPatient", "ImagePositionPatient"))
        way = (self.last - self.first) / max(np.linalg.norm(self.last - self.first), SAME_PLACE_MM)
        beside = np.linalg.norm(np.cross(place - self.first, way))
        return bool(np.abs(direction - self.direction).max() > TURNED and beside > BESIDE_MM)
