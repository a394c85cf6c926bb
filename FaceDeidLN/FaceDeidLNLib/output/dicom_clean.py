"""Take out of a DICOM header what may show the face beside the pixel data."""

from __future__ import annotations

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

#: Private binary values longer than this (bytes) may be a picture: 32 x 32 grey values are.
MAX_PRIVATE_BINARY = 1000
_BINARY = {"OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW"}
#: Icons show the slice; signatures and the value range speak of the old voxels; references and addresses lead to the face.
_REMOVED = (
    "IconImageSequence",
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "DigitalSignaturesSequence",
    "MACParametersSequence",
    "SourceImageSequence",
    "ReferencedImageEvidenceSequence",
    "SourceImageEvidenceSequence",
    "ReferencedImageSequence",
    "ReferencedInstanceSequence",
    "ReferencedSeriesSequence",
    "OriginalAttributesSequence",
    "PixelDataProviderURL",
    "RetrieveURL",
    "EncapsulatedDocument",
)
_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}


def remove_pictures(dataset: Dataset) -> None:
    """Remove icons, overlays, private pictures, nested pixel data and values that no longer hold, at every depth, in place."""
    for keyword in _REMOVED:
        if keyword in dataset:
            delattr(dataset, keyword)
    for tag in list(dataset.keys()):
        is_overlay = tag.group & 0xFF01 in (0x5000, 0x6000)  # and curves, which are retired
        if is_overlay or tag in _PIXELS or (tag.is_private and _may_be_picture(dataset[tag])):
            del dataset[tag]
        elif dataset[tag].VR == "SQ":
            for item in dataset[tag].value or []:
                remove_pictures(item)


def _may_be_picture(element: DataElement) -> bool:
    """True for a private element that may hold an image: long binary values, or a sequence with pixel data."""
    if element.VR == "SQ":
        return any(tag in _PIXELS for item in element.value or [] for tag in item.keys())  # noqa: SIM118 (a data set iterates over its elements)
    return element.VR in _BINARY and len(element.value or b"") > MAX_PRIVATE_BINARY
