"""Which of the DICOM images in a folder are the CT series that is meant, and which of its slices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from ..core.errors import InputError
from .dicom_doubled import doubled
from .dicom_files import told
from .dicom_geometry import is_even
from .dicom_header import ENHANCED, HeaderSlice, numbers, value_of
from .dicom_stacks import (
    DIFFERENCES,
    FEWEST_OF_STACK,
    are_at_one_place,
    beside_slices,
    directions_of,
    heights_of,
    lies_in_space,
    parts_by,
    told_of,
    without,
)

#: How many series a message lists at most.
_LISTED = 12
_CT_CLASSES = (CTImageStorage, *ENHANCED)


@dataclass(frozen=True, eq=False)
class Choice:
    """The slices that were chosen, and sentences about what was left out."""

    slices: list[HeaderSlice]
    notes: tuple[str, ...] = ()


def choose_series(found: Sequence[HeaderSlice], place: Path, series: str | None = None, single: Path | None = None) -> Choice:
    """The slices of the one CT series: of the one named by its UID, or of the one that a single file belongs to.

    Localizers and what is no CT slice (dose pages, screenshots) are left out. Slices that have a series each but are one stack
    are one series. Where one series holds several stacks, ``UID#2`` names the second.

    :raises InputError: nothing there, no CT, only scouts, several series or stacks (listed), an unknown series, two patients.
    """
    slices, notes = _ct_slices(found, place)
    groups = _joined(_by_series(slices))
    if series is None and single is not None:
        groups = {uid: items for uid, items in groups.items() if any(item.path == single for item in items)}
        if not groups:
            raise InputError(f"{single.name} is no slice of a CT series: give a CT slice or the folder of its series.")
    uid, _, stack = (series or "").partition("#")
    if series is not None and uid not in groups:
        raise InputError(f"{place} holds no CT series {uid}; there are: {_list(groups)}.")
    if series is None and len(groups) > 1:
        people = {_person(item) for items in groups.values() for item in items}
        of_whom = f" of {len(people)} patients" if len(people) > 1 else ""
        raise InputError(f"{place} holds {len(groups)} CT series{of_whom}: choose one with --series UID among {_list(groups)}.")
    uid = uid or next(iter(groups))
    _require_one_person(groups[uid], place)
    items, odd = _without_odd(groups[uid])
    return Choice(_one_stack(items, uid, stack, single), (*notes, *odd))


def stacks_of(items: list[HeaderSlice]) -> list[list[HeaderSlice]]:
    """The stacks of slices that one series holds (phases, kernels, directions), whole; one where nothing tells them apart."""
    parts = list(_stacks(items)[1].values())
    return parts if len(parts) == 1 else [stack for part in parts for stack in stacks_of(part)]


def image_kind(header: Dataset) -> str:
    """Whether an image was scanned or derived, and is a slice or made of slices: ImageType's first two values (PS3.3 C.7.6.1.1.2)."""
    return " ".join(str(value).upper() for value in _values(header.get("ImageType"))[:2])


def _without_odd(items: list[HeaderSlice]) -> tuple[list[HeaderSlice], tuple[str, ...]]:
    """A series without the few images that are no slices of it: pictures that were stored among them. And what is told."""
    kinds = parts_by(items, _kind)
    usual = max(kinds, key=lambda kind: (len(kinds[kind]), kind))
    few = [item for kind, part in kinds.items() if kind != usual and len(part) < FEWEST_OF_STACK for item in part]
    odd = {"of another kind (ImageType) than the slices of the series": few}
    odd |= beside_slices(without(items, few))
    left = [item for part in odd.values() for item in part]
    odd |= doubled(stacks_of(without(items, left)))
    left += [item for part in odd.values() for item in part]
    said = (f"{told([item.path for item in part])} {how} and left out" for how, part in odd.items() if part)
    return without(items, left), tuple(said)


def is_localizer(item: HeaderSlice) -> bool:
    """True for a scout: LOCALIZER among the values of ImageType (PS3.3 C.8.2.1.1.1)."""
    return any(str(value).upper() == "LOCALIZER" for value in _values(value_of(item.header, "ImageType")))


def _ct_slices(found: Sequence[HeaderSlice], place: Path) -> tuple[list[HeaderSlice], tuple[str, ...]]:
    """The CT slices by SOP class; where none has a CT's class, what lies in space and is grey. And what was left out."""
    if not found:
        raise InputError(f"{place} holds no DICOM file: give the folder of a CT series or an image file.")
    images = [s for s in found if value_of(s.header, "Modality") == "CT" and "Rows" in s.header]
    if not images:
        found_kinds = {str(s.header.get("Modality", "unknown")) for s in found}
        kinds = ", ".join(sorted("CT objects without rows of pixels" if kind == "CT" else kind for kind in found_kinds))
        raise InputError(f"{place} holds no CT images but {kinds}: give the folder of a CT series.")
    of_class = [s for s in images if value_of(s.header, "SOPClassUID") in _CT_CLASSES]
    candidates = of_class or [s for s in images if lies_in_space(s)] or images
    slices = [s for s in candidates if not is_localizer(s)]
    if not slices:
        raise InputError(f"{place} holds only scout (localizer) images: give the axial series.")
    kept = {item.path for item in slices}
    left = {item.path: item for item in images if item.path not in kept}
    others = {item.path: item for item in found if item.path not in kept and item.path not in left}
    notes = [f"{told(list(left))} no CT slice and left out{_described(left.values())}"] if left else []
    if others:
        kinds = ", ".join(sorted({str(item.header.get("Modality") or "unknown") for item in others.values()}))
        notes.append(f"{told(list(others))} no CT and left out ({kinds}); the command study takes all objects of a study")
    return slices, tuple(notes)


def _described(items: Sequence[HeaderSlice]) -> str:
    names = sorted({str(item.header.get("SeriesDescription") or "") for item in items} - {""})
    return f": {', '.join(names[:_LISTED])}" if names else ""


def _by_series(slices: Sequence[HeaderSlice]) -> dict[str, list[HeaderSlice]]:
    groups: dict[str, list[HeaderSlice]] = {}
    for item in slices:
        groups.setdefault(str(value_of(item.header, "SeriesInstanceUID", "")), []).append(item)
    return groups


def _joined(groups: dict[str, list[HeaderSlice]]) -> dict[str, list[HeaderSlice]]:
    """Groups of single slices that are one stack, as some consoles export it, under the UID of the first; else as they are."""
    if len(groups) < FEWEST_OF_STACK or any(len(items) > 1 for items in groups.values()):
        return groups
    joined = _alike([item for (item,) in groups.values()])
    if any(map(_overlap, joined)):
        return groups
    return {str(items[0].header.get("SeriesInstanceUID", "")): items for items in joined}


def _alike(slices: Sequence[HeaderSlice]) -> list[list[HeaderSlice]]:
    """Slices that have a series each, by what all slices of a stack have in common."""
    joined: dict[tuple[str, ...], list[HeaderSlice]] = {}
    direction = directions_of(slices)
    for item in slices:
        keys = ("StudyInstanceUID", "FrameOfReferenceUID", "SeriesDescription", "ConvolutionKernel", "Rows", "Columns")
        joined.setdefault((*(str(item.header.get(key, "")) for key in keys), direction(item)), []).append(item)
    return list(joined.values())


def stacks_of_single(slices: Sequence[HeaderSlice], fewest: int) -> list[list[HeaderSlice]]:
    """The stacks of ``fewest`` slices and more of one frame of reference among slices that have a series each."""
    placed = [item for item in slices if item.header.get("FrameOfReferenceUID") and lies_in_space(item) and not is_localizer(item)]
    return [items for items in _alike(placed) if len(items) >= fewest and not _overlap(items)]


def _person(item: HeaderSlice) -> str:
    """Who it is: the ID, and without one the name."""
    return str(value_of(item.header, "PatientID") or "").strip() or _name(item)


def _name(item: HeaderSlice) -> str:
    return plain_name(str(value_of(item.header, "PatientName") or ""))


def plain_name(name: str) -> str:
    """A person's name without what says nothing: empty components at the end (PS3.5 6.2), case and blanks."""
    groups = name.casefold().split("=")
    return "=".join("^".join(" ".join(part.split()) for part in group.split("^")).rstrip("^") for group in groups).rstrip("=")


def _require_one_person(items: Sequence[HeaderSlice], place: Path) -> None:
    if len({_person(item) for item in items}) > 1:
        raise InputError(f"{place} holds slices of two patients under one series UID: separate them first.")
    if len({_name(item) for item in items}) > 1:
        raise InputError(f"{place} holds slices of one PatientID under two names: if it is one patient, give them one name.")


def _one_stack(items: list[HeaderSlice], uid: str, stack: str, single: Path | None) -> list[HeaderSlice]:
    """The series, or the stack of it that is named by its number or holds the single file.

    :raises InputError: there are several and none is named, or not the one that is.
    """
    difference, stacks = _stacks(items)
    if len(stacks) == 1 and stack in ("", "1"):
        return items
    if stack:
        if not stack.isdecimal() or not 1 <= int(stack) <= len(stacks):
            raise InputError(f"The series {uid} has no stack {stack} but {len(stacks)}: {_stack_list(uid, stacks)}.")
        return next(_one_stack(part, uid, "", single) for n, part in enumerate(stacks.values(), start=1) if n == int(stack))
    for part in stacks.values():
        if single is not None and any(item.path == single for item in part):
            return _one_stack(part, uid, "", single)
    first, *rest = ({item.path for item in part} for part in stacks.values())
    if both := sorted(first.intersection(*rest)):
        raise InputError(
            f"{both[0].name} holds {len(stacks)} stacks of slices that differ in {difference}: export each as an object of its own."
        )
    raise InputError(
        f"The series holds {len(stacks)} stacks of slices that differ in {difference}: choose one with --series UID#NUMBER among "
        f"{_stack_list(uid, stacks)}."
    )


def _stacks(items: list[HeaderSlice]) -> tuple[str, dict[str, list[HeaderSlice]]]:
    """The stacks of a series by the value of what they differ in; one where it is one stack, or where nothing tells them apart."""
    overlap = _overlap(items)
    kind = () if overlap else (("kind (ImageType)", _kind),)
    for difference, value in (("direction", directions_of(items)), ("size", _size), *kind):
        parts = parts_by(items, value)
        if len(parts) > 1 and min(map(len, parts.values())) >= FEWEST_OF_STACK:
            return difference, parts
    if overlap:
        for keyword in DIFFERENCES:
            parts = parts_by(items, told_of(keyword))
            if len(parts) > 1 and min(map(len, parts.values())) >= FEWEST_OF_STACK and not any(map(_overlap, parts.values())):
                return keyword, parts
    return "", {"": items}


def _kind(item: HeaderSlice) -> str:
    return image_kind(item.header)


def _size(item: HeaderSlice) -> str:
    return _size_told(*(str(value_of(item.header, side)) for side in ("Rows", "Columns")), numbers(item, "PixelSpacing"))


@lru_cache(maxsize=16)
def _size_told(rows: str, columns: str, spacing: tuple[float, ...]) -> str:
    return f"{rows} x {columns} pixels of {' x '.join(f'{part:.3g}' for part in spacing)} mm"


def _overlap(items: Sequence[HeaderSlice]) -> bool:
    """Two slices lie at the same place, or stacks of different reconstruction lie in each other."""
    return are_at_one_place(items) or _interleaved(items)


def _interleaved(items: Sequence[HeaderSlice]) -> bool:
    """Stacks of another kernel lie in each other, or of another thickness, each of which is even and both together are not.

    Thinner slices in the midst of thicker ones are one stack, which has a hole without them.
    """
    if _lie_in_each_other(parts_by(items, told_of("ConvolutionKernel")).values()):
        return True
    parts = parts_by(items, told_of("SliceThickness")).values()
    whole = len(parts) > 1 and min(map(len, parts)) >= FEWEST_OF_STACK and all(map(_are_even, parts))
    return whole and not _are_even(items) and _lie_in_each_other(parts)


def _lie_in_each_other(parts: Iterable[list[HeaderSlice]]) -> bool:
    ends = sorted((min(heights), max(heights)) for heights in map(heights_of, parts) if heights)
    return any(after[0] < before[1] for before, after in pairwise(ends))


def _are_even(items: Sequence[HeaderSlice]) -> bool:
    heights = np.sort(heights_of(items))
    return len(heights) > 1 and is_even(heights)


def _values(value: object) -> list[object]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _list(groups: dict[str, list[HeaderSlice]]) -> str:
    """UID, description and number of slices of each series."""
    lines = [
        f"{uid} ('{items[0].header.get('SeriesDescription', '')}', {len(items)} slices)" for uid, items in list(groups.items())[:_LISTED]
    ]
    more = len(groups) - _LISTED
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")


def _stack_list(uid: str, stacks: dict[str, list[HeaderSlice]]) -> str:
    lines = [f"{uid}#{n} ({value or 'none'}, {len(items)} slices)" for n, (value, items) in enumerate(stacks.items(), start=1)]
    return "; ".join(lines[:_LISTED]) + (f"; and {len(lines) - _LISTED} more" if len(lines) > _LISTED else "")
