"""Take out of a DICOM header what may show the face beside the pixel data, judged by what it could hold.

No list of value representations: whatever is long enough for a picture goes, and so do many values that are long enough together.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from ..input.dicom_files import PIXELS
from .dicom_plain import leaves, tags_of, value_bytes

#: What private elements may hold together, in bytes: less than 32 x 32 grey values.
MAX_PRIVATE = 1000
#: What one element of the standard may hold: the longest short text (ST).
MAX_ELEMENT = 1024
#: What long elements of the standard, and those in sequences, may hold together: a few texts, and less than 64 x 64 grey values.
MAX_PUBLIC = 4000
#: No longer than this is a name or a code (LO): counted only where there can be any number of them, in sequences.
SHORT = 64
#: What the functional groups of one frame may hold, in bytes.
MAX_FRAME = 4000
#: Icons show the slice, documents and curves may; signatures and the value range speak of the old voxels.
REMOVED = tags_of(
    "IconImageSequence",
    "EncapsulatedDocument",
    "WaveformSequence",
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "DigitalSignaturesSequence",
    "MACParametersSequence",
    "EncryptedAttributesSequence",
)
#: Overlays, curves, audio (PS3.6, repeating groups).
REPEATING = (0x5000, 0x6000)
#: The functional groups of an enhanced image: as many items as frames, so each is judged by itself (PS3.3 C.7.6.16).
SHARED_GROUPS, FRAME_GROUPS = 0x52009229, 0x52009230


#: Tag, representation and length of every element of a data set, or instead of the length the shapes of its items; and the place of an
#: element: the tags of the sequences that lead there, each with the number of the item, and its own tag.
Shape = tuple[tuple[int, str, "int | tuple[Shape, ...]"], ...]
Place = tuple[int, ...]


def remove_pictures(dataset: Dataset) -> None:
    """Remove from a plain header (see :mod:`.dicom_plain`) what may hold a picture, at every depth, in place.

    No value is looked at, so that headers of one shape, as the slices of a series have, are judged once.
    """
    for *way, tag in _places_of_pictures(_shape(dataset)):
        holder = dataset
        for sequence, number in zip(way[::2], way[1::2], strict=True):
            holder = holder[BaseTag(sequence)].value[number]
        del holder[BaseTag(tag)]


def _shape(dataset: Dataset) -> Shape:
    return tuple(
        (int(tag), element.VR, tuple(map(_shape, element.value or ())) if element.VR == "SQ" else len(value_bytes(element)))
        for tag, element in dataset.items()
    )


@lru_cache(maxsize=16)
def _places_of_pictures(shape: Shape) -> tuple[Place, ...]:
    """Where a header of this shape may hold a picture."""
    blank = _of_shape(shape)
    _remove_from(blank)
    return tuple(_missing(shape, blank))


def _of_shape(shape: Shape) -> Dataset:
    """A data set of this shape that is filled with zeros."""
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for number, vr, held in shape:
        tag = BaseTag(number)
        if isinstance(held, int):
            elements[tag] = RawDataElement(tag, vr, held, bytes(held), 0, False, True)
        else:
            elements[tag] = DataElement(tag, vr, Sequence([_of_shape(item) for item in held]))
    return Dataset(elements)


def _missing(shape: Shape, dataset: Dataset, way: Place = ()) -> Iterator[Place]:
    """The places of a shape that a data set has no more."""
    for tag, _, held in shape:
        if BaseTag(tag) not in dataset:
            yield (*way, tag)
        elif not isinstance(held, int):
            for number, (item, there) in enumerate(zip(held, dataset[BaseTag(tag)].value, strict=True)):
                yield from _missing(item, there, (*way, tag, number))


def _remove_from(dataset: Dataset) -> None:
    _remove_named(dataset)
    frames = [item for tag in (SHARED_GROUPS, FRAME_GROUPS) if tag in dataset for item in dataset[tag].value or ()]
    for holder, tag, value in [*leaves(dataset)]:
        if len(value) > MAX_ELEMENT:
            del holder[tag]
    for item in frames:
        keep_within(MAX_FRAME, [(size, item, tag) for tag, size in _sizes(item)])
    bound_private(dataset)
    rest = [(_room(dataset, tag, size), dataset, tag) for tag, size in _sizes(dataset) if tag not in (SHARED_GROUPS, FRAME_GROUPS)]
    keep_within(MAX_PUBLIC, rest)


def bound_private(dataset: Dataset) -> None:
    """Keep of the private elements of a plain header, at every depth, no more than MAX_PRIVATE bytes together, in place.

    So with those that the standard does not know, and so with the names of makers, of which none stays without an element.
    """
    keep_within(MAX_PRIVATE, _private(dataset))
    creators = list(_creators(dataset))
    keep_within(MAX_PRIVATE, creators)
    for _, holder, creator in creators:
        block = [tag for tag in [*holder.keys()] if tag.group == creator.group and tag.element >> 8 == creator.element]
        if creator not in holder:
            for tag in block:
                del holder[tag]
        elif not block:
            del holder[creator]


def _remove_named(dataset: Dataset) -> None:
    for tag in REMOVED & dataset.keys():
        del dataset[tag]
    for tag, element in list(dataset.items()):
        if tag.group & 0xFF01 in REPEATING or tag in PIXELS:
            del dataset[tag]
        elif element.VR == "SQ":
            if tag.is_private and any(PIXELS & set(item.keys()) for item in element.value or ()):
                del dataset[tag]
                continue
            for item in element.value or ():
                _remove_named(item)


def keep_within(limit: int, found: list[tuple[int, Dataset, BaseTag]]) -> None:
    """Of elements with their sizes, keep the smallest ones that stay within the limit together."""
    held = 0
    for size, holder, tag in sorted(found, key=lambda one: (one[0], int(one[2]))):
        held += size
        if held > limit and size:
            del holder[tag]


def _sizes(dataset: Dataset) -> Iterator[tuple[BaseTag, int]]:
    for tag, element in list(dataset.items()):
        yield tag, _size(element)


def _size(element: DataElement | RawDataElement) -> int:
    """The bytes of an element; of a sequence, those of all values in it."""
    if element.VR != "SQ":
        return len(value_bytes(element))
    return sum(len(value) for item in element.value or () for _, _, value in leaves(item))


def _room(dataset: Dataset, tag: BaseTag, size: int) -> int:
    """What counts against the limit: a sequence, which can hold any number of values, and a long value."""
    return size if dataset.get_item(tag).VR == "SQ" or size > SHORT else 0


def _private(dataset: Dataset) -> list[tuple[int, Dataset, BaseTag]]:
    """The private elements at every depth, those in a private sequence counted with it; names of makers count elsewhere."""
    found = []
    for tag, size in _sizes(dataset):
        if tag.is_private or not _is_known(tag):
            if not tag.is_private_creator or size > SHORT:
                found.append((size, dataset, tag))
        elif dataset.get_item(tag).VR == "SQ":
            for item in dataset[tag].value or ():
                found.extend(_private(item))
    return found


def _creators(dataset: Dataset) -> Iterator[tuple[int, Dataset, BaseTag]]:
    """The names of makers of private elements, outside of private sequences."""
    for tag, size in _sizes(dataset):
        if tag.is_private_creator:
            yield size, dataset, tag
        elif not tag.is_private and dataset.get_item(tag).VR == "SQ":
            for item in dataset[tag].value or ():
                yield from _creators(item)


def _is_known(tag: BaseTag) -> bool:
    """True for an element of the standard (PS3.6)."""
    try:
        return bool(dictionary_VR(tag))
    except KeyError:
        return False
