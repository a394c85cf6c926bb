"""Segments as Slicer's segmentation file (.seg.nrrd)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..core.errors import OutputError
from ..core.segment import BoxMask
from ..core.volume import Volume
from .atomic import released_file
from .images import COMPRESSION_LEVEL, sitk_image

#: Colours (0..1) that are told apart on CT grey, taken in turn.
_COLORS = ((0.35, 0.87, 0.47), (0.95, 0.80, 0.25), (0.35, 0.65, 0.95), (0.90, 0.45, 0.75))


def write_segments(path: Path, masks: Sequence[BoxMask], ct: Volume, overwrite: bool = False) -> None:
    """Write masks that lie on the CT's grid and do not overlap, with names, as one layer (Slicer's file format 1.0).

    :raises ValueError: two masks overlap, or there are more than 255.
    :raises InputError: the place is taken. :raises OutputError: it could not be written.
    """
    if len(masks) > np.iinfo(np.uint8).max:
        raise ValueError(f"{len(masks)} segments do not fit into one layer of bytes")
    labels = np.zeros(ct.array.shape, dtype=np.uint8)
    for number, mask in enumerate(masks, start=1):
        inside = labels[mask.box.slices]
        if inside[mask.array].any():
            raise ValueError(f"the segment '{mask.name}' overlaps another one")
        inside[mask.array] = number
    image = sitk_image(ct.with_array(labels))
    for key, value in _keys(masks).items():
        image.SetMetaData(key, value)
    with released_file(path, overwrite) as partial:
        try:
            sitk.WriteImage(image, str(partial), useCompression=True, compressionLevel=COMPRESSION_LEVEL)
        except RuntimeError as error:
            raise OutputError(f"{path} could not be written (is the disk full?).") from error


def _keys(masks: Sequence[BoxMask]) -> dict[str, str]:
    """The keys that vtkMRMLSegmentationStorageNode reads."""
    keys = {
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    for number, mask in enumerate(masks):
        ends = [f"{start} {stop - 1}" for start, stop in zip(mask.box.start[::-1], mask.box.stop[::-1], strict=True)]
        color = " ".join(str(part) for part in _COLORS[number % len(_COLORS)])
        told = {
            "ID": f"Segment_{number + 1}",
            "Name": mask.name,
            "LabelValue": number + 1,
            "Layer": 0,
            "Extent": " ".join(ends),
            "Color": color,
        }
        keys |= {f"Segment{number}_{key}": str(value) for key, value in told.items()}
    return keys
