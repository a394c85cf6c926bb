"""Slices of a CT series that are there twice: sent again under another UID, or scanned at one place to watch a contrast agent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from .dicom_geometry import SAME_PLACE_MM
from .dicom_header import HeaderSlice, numbers, value_of
from .dicom_pixels import pixel_bytes
from .dicom_stacks import DIFFERENCES, FEWEST_OF_STACK, are_at_one_place, heights_of, lies_in_space, parts_by, told_of, without

#: What two files with the same bytes of pixels have in common where they show the same values.
_SHOWN = (
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PhotometricInterpretation",
    "RescaleSlope",
    "RescaleIntercept",
    "PixelPaddingValue",
    "PixelSpacing",
    "ImageOrientationPatient",
)


def doubled(stacks: Sequence[Sequence[HeaderSlice]]) -> dict[str, list[HeaderSlice]]:
    """The slices at the place of another one that are no stack of their own, by what they are: the same values under another UID, or a
    few that one element of their headers tells from the stack. None of a stack that still has two slices at one place without them.
    """
    again, watched = [], []
    for stack in filter(are_at_one_place, stacks):
        same = _sent_again(stack)
        if same and not are_at_one_place(without(stack, same)):
            again += same
        else:
            watched += _watched(stack)
    return {"the same slice as another one, sent again": again, "at the place of another slice, which is of the stack": watched}


def _sent_again(stack: Sequence[HeaderSlice]) -> list[HeaderSlice]:
    """Of slices that lie at one place and show the same values all but the first."""
    return [item for place in _places(stack) for n, item in enumerate(place) if any(_show_same(item, other) for other in place[:n])]


def _places(items: Sequence[HeaderSlice]) -> Iterator[list[HeaderSlice]]:
    """The slices of each height, in their order; those without a place are of none."""
    placed = [item for item in items if lies_in_space(item)]
    heights = np.array(heights_of(placed))
    if len(heights) != len(placed):
        return
    order = np.argsort(heights, kind="stable")
    ends = [0, *(n for n, (one, other) in enumerate(pairwise(heights[order]), start=1) if other - one >= SAME_PLACE_MM), len(order)]
    for begin, end in pairwise(ends):
        yield [placed[n] for n in sorted(order[begin:end])]


def _show_same(one: HeaderSlice, other: HeaderSlice) -> bool:
    """True where two instances of one frame lie at the same place and show the same values, both stored in the same way."""
    if _uid(one) == _uid(other):
        return False
    places = [np.array(numbers(item, "ImagePositionPatient")) for item in (one, other)]
    if places[0].size != places[1].size or np.abs(places[0] - places[1]).max() >= SAME_PLACE_MM:
        return False
    alike = all(value_of(one.header, keyword) == value_of(other.header, keyword) for keyword in _SHOWN)
    if not alike or any(int(value_of(item.header, "NumberOfFrames") or 1) != 1 for item in (one, other)):
        return False
    try:
        syntaxes = {str(item.header.file_meta.TransferSyntaxUID) for item in (one, other)}
        return len(syntaxes) == 1 and pixel_bytes(one) == pixel_bytes(other) != b""
    except Exception:  # what cannot be compared is not known to be the same
        return False


def _watched(stack: Sequence[HeaderSlice]) -> list[HeaderSlice]:
    """The images of fewer places than a stack has that lie where slices do, by the first element that tells them from the slices."""
    for keyword in DIFFERENCES:
        parts = list(parts_by(stack, told_of(keyword)).values())
        whole = [part for part in parts if len(list(_places(part))) >= FEWEST_OF_STACK]
        slices = {id(item) for part in whole for item in part}
        if len(whole) == len(parts) or any(map(are_at_one_place, whole)):
            continue
        both = [place for place in _places(stack) if any(id(item) in slices for item in place)]
        few = [item for place in both for item in place if id(item) not in slices]
        own = {_uid(item) for item in few}.isdisjoint(map(_uid, without(stack, few)))
        if few and own and (len(whole) > 1 or not are_at_one_place(without(stack, few))):
            return few
    return []


def _uid(item: HeaderSlice) -> str:
    return str(value_of(item.header, "SOPInstanceUID") or "")
