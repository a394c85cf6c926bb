"""Take out of a data set what may show the face beside what a family has judged: icons, overlays, nested, private and written pictures.

As in images (``output.dicom_clean``), an element is judged by what it can hold, in sum, and not by its value representation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ..input.dicom_files import PIXELS
from ..output.dicom_clean import MAX_ELEMENT, MAX_PUBLIC, REMOVED, REPEATING, SHORT, bound_private, keep_within

_BINARY = {"OB", "OW", "OF", "OD", "OL", "OV", "UN", "SQ", "UT", "UC"}
#: A private value no longer than this (characters) is a number, a name or a code, and no picture.
MOST_PRIVATE = 64
#: What a family judges itself, however long, besides contours: the frames of a dose and its histograms; points of graphics.
DOSE, GRAPHICS = frozenset({0x3004000C, 0x30040058}), frozenset({0x00700022})
#: Words of a language: no longer than this (characters), and letters more than digits and signs. Chinese and Japanese have no spaces: their
#: words go from one mark of punctuation to the next.
_LONGEST_WORD, _LEAST_LETTERS = 64, 0.6
_WORD = re.compile(r"[^\s\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+")


def remove_pictures(dataset: Dataset, judged: frozenset[int] = frozenset()) -> None:
    """Remove them at every depth, in place; pixel data goes too. Tags that the object's own family ``judged`` stay.

    Of all other values none is longer than MAX_ELEMENT, and those longer than SHORT have at most MAX_PUBLIC together.
    """
    remove_pictures_but_texts(dataset)
    long = [(size, holder, element.tag) for size, holder, element in _public(dataset, judged) if size > SHORT]
    for size, holder, tag in long:
        if size > MAX_ELEMENT:
            del holder[tag]
    keep_within(MAX_PUBLIC, [one for one in long if one[0] <= MAX_ELEMENT])


def remove_pictures_but_texts(dataset: Dataset) -> None:
    """As ``remove_pictures``; public values stay, for documents, which have long texts of their own: see ``is_written_picture``."""
    _remove(dataset)
    bound_private(dataset)


def is_written_picture(dataset: Dataset) -> bool:
    """True where a public value, or all longer than a UID or code together, are long enough for a picture.

    Points of graphics and texts of a language are none.
    """
    long = [size for size, _, one in _public(dataset, GRAPHICS | PIXELS) if size > SHORT + 1 and not _is_language(one)]
    return max(long, default=0) > MAX_ELEMENT or sum(long) > MAX_PUBLIC


def _is_language(element: DataElement) -> bool:
    if not isinstance(element.value, str):
        return False
    words = _WORD.findall(element.value)
    letters = sum(map(str.isalpha, element.value))
    return max(map(len, words), default=0) <= _LONGEST_WORD and letters >= _LEAST_LETTERS * sum(map(len, words))


def _public(dataset: Dataset, judged: frozenset[int]) -> Iterator[tuple[int, Dataset, DataElement]]:
    """Every public element at every depth that is not ``judged``: its size in bytes, what holds it, and itself."""
    for tag in list(dataset.keys()):
        element = dataset[tag]
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _public(item, judged)
        elif not tag.is_private and tag not in judged:
            yield _size(element), dataset, element


def _size(element: DataElement) -> int:
    if isinstance(element.value, bytes):
        return len(element.value)
    values = element.value if element.VM > 1 else [element.value]
    return sum(len(str(value).encode()) + 1 for value in values if value is not None)


def _remove(dataset: Dataset) -> None:
    for tag in REMOVED & dataset.keys():
        del dataset[tag]
    for tag in list(dataset.keys()):
        element = dataset[tag]
        private = tag.is_private and not tag.is_private_creator and (element.VR in _BINARY or len(str(element.value)) > MOST_PRIVATE)
        if tag.group & 0xFF01 in REPEATING or tag in PIXELS or private:
            del dataset[tag]
        elif element.VR == "SQ":
            for item in element.value or []:
                _remove(item)
