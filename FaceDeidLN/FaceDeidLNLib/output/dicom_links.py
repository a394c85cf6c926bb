"""Take out of a DICOM header what leads back to the images with the face: their UIDs wherever they stand, and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from ..input.dicom_files import as_stored
from .dicom_plain import leaves, tags_of, value_bytes

#: Sequences that name other images, series or earlier values of this one.
_REMOVED = tags_of(
    "SourceImageSequence",
    "SourceInstanceSequence",
    "ReferencedImageSequence",
    "ReferencedSeriesSequence",
    "ReferencedInstanceSequence",
    "ReferencedImageEvidenceSequence",
    "SourceImageEvidenceSequence",
    "DerivationImageSequence",
    "ConversionSourceAttributesSequence",
    "OriginalAttributesSequence",
    "ModifiedAttributesSequence",
    "ReferencedRawDataSequence",
    "RetrieveAETitle",
    "RetrieveLocationUID",
    "StorageMediaFileSetUID",
)
#: Inside a sequence these say which series or image is meant; a whole sequence with one of them goes.
_NAMES_IMAGES = frozenset({0x00080018, 0x0020000E})
#: At the top they name the image itself, its series, and the whole of which it is a part (PS3.3 C.7.6.16): they stay and get new values.
_OWN = _NAMES_IMAGES | tags_of("SOPInstanceUIDOfConcatenationSource")
_REFERENCED_CLASS, _REFERENCED_INSTANCE = 0x00081150, 0x00081155
#: Images and other composite instances (PS3.4 B.5); a reference to a study or a procedure step is none of them.
_STORAGE = b"1.2.840.10008.5.1.4.1.1."
#: UIDs that the standard defines name no instance.
_STANDARD = b"1.2.840.10008."
#: Dotted numbers of so many parts and characters are a UID and no version number, wherever they stand.
_UID = re.compile(rb"(?<![0-9.])[0-9]+(?:\.[0-9]+)+")
_UID_PARTS, _UID_LENGTH = 5, 16
_ADDRESS = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://")


def remove_links(dataset: Dataset, originals: frozenset[str]) -> None:
    """Remove from a plain header (see :mod:`.dicom_plain`), at every depth and in place, what leads to the source's images.

    :param originals: UIDs of the source's instances and series; an element that holds one of them goes, whatever it is. The
        header's own SOPInstanceUID and SeriesInstanceUID, and what a concatenation is a part of, stay: they get new values.
    """
    known = _as_bytes(originals)
    own = {tag: dataset.get_item(tag) for tag in _OWN if tag in dataset}
    _remove_references(dataset)
    for holder, tag, value in [*leaves(dataset)]:
        vr = as_stored(holder, tag).VR
        if not _may_lead_back(vr, value) or (holder is dataset and tag in own):
            continue
        if vr == "UR" or _holds_way_back(tag.is_private, value, known):
            del holder[tag]


def _remove_references(dataset: Dataset) -> None:
    for tag in _REMOVED & dataset.keys():
        del dataset[tag]
    for tag, element in list(dataset.items()):
        if element.VR != "SQ":
            continue
        if any(_names_image(item) for item in element.value or ()):
            del dataset[tag]
            continue
        for item in element.value or ():
            _remove_references(item)


def _names_image(item: Dataset) -> bool:
    if _NAMES_IMAGES & set(item.keys()):
        return True
    if _REFERENCED_INSTANCE not in item:
        return False
    kind = value_bytes(item.get_item(BaseTag(_REFERENCED_CLASS))) if _REFERENCED_CLASS in item else _STORAGE
    return kind.startswith(_STORAGE)


@lru_cache(maxsize=1)
def _as_bytes(originals: frozenset[str]) -> frozenset[bytes]:
    return frozenset(uid.encode() for uid in originals if uid)


def _may_lead_back(vr: str, value: bytes) -> bool:
    """False for what is no address, and holds neither one nor a UID."""
    return vr == "UR" or b"." in value or b"://" in value


@lru_cache(maxsize=4096)
def _holds_way_back(is_private: bool, value: bytes, known: frozenset[bytes]) -> bool:
    """True for an address, a private UID, and a value with a UID of the source in it; most values come with every slice."""
    if _ADDRESS.search(value) and not value.startswith(_STANDARD):
        return True
    for uid in (*_UID.findall(value), *_UID.findall(value.replace(b"\0", b""))):  # UTF-16 too
        if uid.startswith(_STANDARD):
            continue
        if any(start in known for start in _starts(uid)):
            return True
        if is_private and uid.count(b".") >= _UID_PARTS and len(uid) >= _UID_LENGTH:
            return True
    return False


def _starts(uid: bytes) -> Iterator[bytes]:
    """A dotted number, and it without its last parts: some programs count on from the UID of the source."""
    while uid:
        yield uid
        uid = uid.rpartition(b".")[0]
