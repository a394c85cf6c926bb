"""References inside a released study are closed: none leads to an instance that was not released."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import VR

from ..header.iod import REQUIRED_REFERENCES
from ..input.dicom_files import as_stored

#: A study is referenced by its own UID under this retired class (PS3.3 C.8.8.5, RT Referenced Study Sequence).
_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
#: Representations (PS3.5 6.2) of values that hold no items; unknown ones may.
_NO_SEQUENCES = frozenset(vr.value for vr in VR) - {"SQ", "UN"}
#: Sequences of presentation states (PS3.3 C.10.4, C.10.5, C.11.8) whose items are for the images that they name, or for all where they
#: name none.
_FOR_SOME_IMAGES = frozenset({"GraphicAnnotationSequence", "DisplayedAreaSelectionSequence", "SoftcopyVOILUTSequence"})


def close_references(dataset: Dataset, released: frozenset[str]) -> tuple[str, ...]:
    """Take out every item that refers to an instance not in ``released``; returns the sequences whose item the standard requires.

    Sequences that become empty go too. UIDs are those of the released study.
    """
    left: list[str] = []
    _close(dataset, released, left)
    return tuple(left)


def _close(dataset: Dataset, released: frozenset[str], left: list[str]) -> None:
    for element in list(sequences_in(dataset)):
        if not element.value:
            continue
        items = list(element.value)
        for_some = [item for item in items if element.keyword in _FOR_SOME_IMAGES and "ReferencedImageSequence" in item]
        for item in items:
            _close(item, released, left)
        gone = {id(item) for item in for_some if "ReferencedImageSequence" not in item}  # each would be for all images now
        kept = [item for item in items if not (id(item) in gone or _leads_away(item, released) or _is_hollow(item))]
        if len(kept) == len(items):
            continue
        if element.keyword in REQUIRED_REFERENCES and not kept:
            left.append(element.keyword)
        elif kept:
            element.value = kept
        else:
            del dataset[element.tag]


def _leads_away(item: Dataset, released: frozenset[str]) -> bool:
    uid = item.get("ReferencedSOPInstanceUID")
    if not uid or str(item.get("ReferencedSOPClassUID", "")) == _STUDY_CLASS:
        return False
    return str(uid) not in released


def _is_hollow(item: Dataset) -> bool:
    """True for an item that only led to instances (by series or study), and now leads to none; SR content included."""
    keys = {element.keyword for element in item}
    if item.get("ValueType") in ("IMAGE", "COMPOSITE", "WAVEFORM") and "ReferencedSOPSequence" not in keys:
        return True
    return bool(keys) and keys <= {"SeriesInstanceUID", "StudyInstanceUID", "RetrieveAETitle", "StorageMediaFileSetID"}


def references_of(dataset: Dataset) -> Iterator[str]:
    """Every instance UID that a data set refers to, at any depth; studies left out."""
    for element in sequences_in(dataset):
        for item in element.value or []:
            if str(item.get("ReferencedSOPClassUID", "")) != _STUDY_CLASS and item.get("ReferencedSOPInstanceUID"):
                yield str(item.ReferencedSOPInstanceUID)
            yield from references_of(item)


def sequences_in(dataset: Dataset) -> Iterator[DataElement]:
    """The sequences of a data set; what was not decoded and is none stays so."""
    for tag in list(dataset.keys()):
        item = as_stored(dataset, tag)
        if item.is_raw and item.VR in _NO_SEQUENCES:
            continue
        if (element := dataset[tag]).VR == "SQ":
            yield element


def frame_of(header: Dataset) -> str:
    """The frame of reference of a data set, or the first one that it refers to."""
    own = header.get("FrameOfReferenceUID")
    if not own:
        items = header.get("ReferencedFrameOfReferenceSequence") or []
        own = next((item.get("FrameOfReferenceUID") for item in items), "")
    return str(own or "")


def every_item(dataset: Dataset) -> Iterator[Dataset]:
    """A data set and every item in it, at any depth."""
    yield dataset
    for element in sequences_in(dataset):
        for item in element.value or []:
            yield from every_item(item)
