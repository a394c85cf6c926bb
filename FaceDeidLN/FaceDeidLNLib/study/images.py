"""Image series of other modalities: stored values to numbers and back, and the new values of what follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from ..core.errors import InputError
from ..core.progress import idle
from ..core.volume import Volume
from ..input.case import StoredSlice
from ..input.dicom_enhanced import split_frames
from ..input.dicom_geometry import series_geometry
from ..input.dicom_header import HeaderSlice, require_numbers
from ..input.dicom_pixels import read_stored
from ..input.plausible import require_grid
from ..output.dicom import set_pixels
from ..output.dicom_clean import remove_pictures
from ..output.dicom_header import source_header, unmark_clean
from ..output.dicom_plain import PlainHeaders
from .instances import Instance

#: A frame: its file, and its number in it.
Frame = tuple[Path, int]


@dataclass(frozen=True, eq=False)
class ImageStack:
    """Frames at equal distances as one volume (float32, the modality's own numbers), in the order of k."""

    volume: Volume
    frames: tuple[Frame, ...]
    stored: tuple[StoredSlice, ...]
    values: tuple[np.ndarray, ...]

    def stored_with(self, changed: np.ndarray, new: np.ndarray) -> Iterator[tuple[Frame, np.ndarray]]:
        """Stored values (j, i) of each frame with ``new`` ones where ``changed`` (both k, j, i); all others are the very same."""
        for k, (frame, how) in enumerate(zip(self.frames, self.stored, strict=True)):
            plane = self.values[k].copy()
            plane[changed[k]] = how.to_stored(new[k][changed[k]])
            yield frame, plane


def read_stacks(instances: Sequence[Instance]) -> list[ImageStack]:
    """The stacks of a series of classic or multi-frame images: echoes, phases and weightings at the same places are one each.

    :raises InputError: colour, uneven slices, pixels that cannot be decoded or written back unchanged.
    """
    items = [frame for instance in instances for frame in split_frames(HeaderSlice(instance.path, instance.header))]
    groups: dict[int, list[HeaderSlice]] = defaultdict(list)
    there: dict[tuple[float, ...], int] = defaultdict(int)
    for item in sorted(items, key=lambda one: int(one.header.get("InstanceNumber") or 0)):
        require_numbers(item)
        place = tuple(round(float(value), 2) for value in item.header.ImagePositionPatient)
        groups[there[place]].append(item)
        there[place] += 1
    return [_stack(group) for group in groups.values()]


def values_of(instance: Instance) -> np.ndarray:
    """The stored values (frame, j, i) of an image, decoded. Raises InputError where they cannot be, or are no grey values."""
    frames = split_frames(HeaderSlice(instance.path, instance.header))
    return np.stack(list(read_stored(frames, [_how(frame) for frame in frames], idle)))


def _stack(items: list[HeaderSlice]) -> ImageStack:
    placed = series_geometry(items)
    if placed.places is not None:
        least, most = float(placed.gaps_mm.min()), float(placed.gaps_mm.max())
        raise InputError(f"its slices lie {least:.3g} to {most:.3g} mm apart: one may be missing, get the series again")
    require_grid(placed.geometry, f"the series of {items[0].path.name}")
    stored = tuple(_how(item) for item in placed.slices)
    values = tuple(read_stored(placed.slices, stored, idle))
    array = np.empty((len(values), *values[0].shape), dtype=np.float32)
    for scaled, plane, how in zip(array, values, stored, strict=True):
        scaled[:] = plane.astype(np.int32) * np.float32(how.slope) + np.float32(how.intercept)
    frames = tuple((item.path, item.frame) for item in placed.slices)
    return ImageStack(Volume(array, placed.geometry), frames, stored, values)


def _how(item: HeaderSlice) -> StoredSlice:
    header = item.header
    if int(header.get("SamplesPerPixel") or 1) != 1 or "ModalityLUTSequence" in header:
        raise InputError(f"{item.path.name} is a colour image or has a look-up table")
    allocated = int(header.BitsAllocated)
    if allocated not in (8, 16):
        raise InputError(f"{item.path.name} has {allocated} bits per voxel")
    slope, intercept = (float(header.get(name, default) or default) for name, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)))
    return StoredSlice(slope, intercept, allocated, int(header.get("BitsStored") or allocated), bool(header.get("PixelRepresentation")))


def plain_image(instance: Instance, headers: PlainHeaders | None = None) -> pydicom.Dataset:
    """The header of an image without anything that may hold a picture, and without pixels; ``headers`` know others of its series."""
    dataset = source_header(instance.path, headers)
    remove_pictures(dataset)
    return dataset


def with_planes(
    instance: Instance, planes: Sequence[np.ndarray], how: StoredSlice, description: str, headers: PlainHeaders | None = None
) -> pydicom.Dataset:
    """The data set of an instance with the stored values (j, i) of its frames; ``headers`` as in ``plain_image``."""
    dataset = plain_image(instance, headers)
    unmark_clean(dataset)
    kept = [str(value) for value in dataset.get("ImageType") or []][1:]
    dataset.ImageType = ["DERIVED", *(kept or ["PRIMARY"])]
    dataset.DerivationDescription = description
    set_pixels(dataset, how, np.stack(planes))
    return dataset
