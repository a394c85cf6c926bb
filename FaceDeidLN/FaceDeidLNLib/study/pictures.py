"""Take out of a data set what may show the face beside what a family has judged: icons, overlays, nested and private pictures."""

from __future__ import annotations

from pydicom.dataset import Dataset

from ..input.dicom_files import PIXELS
from ..output.dicom_clean import REMOVED, REPEATING, bound_private

_BINARY = {"OB", "OW", "OF", "OD", "OL", "OV", "UN", "SQ", "UT", "UC"}
#: A private value no longer than this (characters) is a number, a name or a code, and no picture.
MOST_PRIVATE = 64


def remove_pictures(dataset: Dataset) -> None:
    """Remove them at every depth, in place; pixel data goes too. What a family judges itself (contours, points, matrices) stays."""
    _remove(dataset)
    bound_private(dataset)


def _remove(dataset: Dataset) -> None:
    for keyword in REMOVED:
        if keyword in dataset:
            delattr(dataset, keyword)
    for tag in list(dataset.keys()):
        element = dataset[tag]
        private = tag.is_private and not tag.is_private_creator and (element.VR in _BINARY or len(str(element.value)) > MOST_PRIVATE)
        if tag.group & 0xFF01 in REPEATING or tag in PIXELS or private:
            del dataset[tag]
        elif element.VR == "SQ":
            for item in element.value or []:
                _remove(item)
