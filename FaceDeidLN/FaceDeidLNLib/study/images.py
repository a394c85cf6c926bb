"""Image series of other modalities: stored values to numbers and back, and the new values of what follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pydicom
import SimpleITK as sitk

from ..core.errors import InputError
from ..core.volume import Volume
from ..input.case import StoredSlice
from ..input.dicom_geometry import series_geometry
from ..input.dicom_header import HeaderSlice, require_numbers
from .instances import Instance
from .pictures import remove_pictures


@dataclass(frozen=True, eq=False)
class ImageSeries:
    """A series of single-frame images as one volume (float32, the modality's own numbers), slices in the order of k."""

    volume: Volume
    instances: tuple[Instance, ...]
    stored: tuple[StoredSlice, ...]
    values: tuple[np.ndarray, ...]


def read_series(instances: tuple[Instance, ...]) -> ImageSeries:
    """Read and place a series.

    :raises InputError: multi-frame, colour, uneven slices, pixels that cannot be decoded or written back unchanged.
    """
    if any(int(instance.header.get("NumberOfFrames") or 1) > 1 for instance in instances):
        raise InputError("multi-frame objects of this class are not supported")
    items = [HeaderSlice(instance.path, instance.header) for instance in instances]
    for item in items:
        require_numbers(item)
    placed = series_geometry(items)
    if placed.places is not None:
        raise InputError(placed.note or "its slices do not lie at equal distances")
    ordered, geometry = placed.slices, placed.geometry
    by_path = {instance.path: instance for instance in instances}
    own = tuple(by_path[item.path] for item in ordered)
    stored = tuple(_how(instance) for instance in own)
    values = tuple(_values(instance, how) for instance, how in zip(own, stored, strict=True))
    array = np.stack([plane * np.float32(how.slope) + np.float32(how.intercept) for plane, how in zip(values, stored, strict=True)])
    return ImageSeries(Volume(array.astype(np.float32), geometry), own, stored, values)


def _how(instance: Instance) -> StoredSlice:
    header = instance.header
    if int(header.get("SamplesPerPixel") or 1) != 1 or "ModalityLUTSequence" in header:
        raise InputError(f"{instance.path.name} is a colour image or has a look-up table")
    allocated = int(header.BitsAllocated)
    if allocated not in (8, 16):
        raise InputError(f"{instance.path.name} has {allocated} bits per voxel")
    slope, intercept = (float(header.get(name, default) or default) for name, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)))
    return StoredSlice(slope, intercept, allocated, int(header.get("BitsStored") or allocated), bool(header.get("PixelRepresentation")))


def _values(instance: Instance, how: StoredSlice) -> np.ndarray:
    """The stored values (j, i): by GDCM, whose rescaled numbers are turned back, and must lead to whole stored values."""
    try:
        image = sitk.GetArrayFromImage(sitk.ReadImage(str(instance.path), imageIO="GDCMImageIO"))
    except RuntimeError as error:
        raise InputError(f"{instance.path.name} cannot be decoded: the file is truncated or damaged") from error
    plane = image.reshape(int(instance.header.Rows), int(instance.header.Columns)).astype(np.float64)
    values = (plane - how.intercept) / how.slope
    if np.abs(values - np.rint(values)).max() > 0.02:
        raise InputError(f"{instance.path.name}: its stored values cannot be recovered")
    return np.rint(values).astype(np.int32)


def with_values(series: ImageSeries, index: int, mask: np.ndarray, values: np.ndarray, description: str) -> pydicom.Dataset:
    """The data set of slice ``index`` with new ``values`` (j, i) inside ``mask``; every other stored value is the very same."""
    how, plane = series.stored[index], series.values[index].copy()
    low, high = how.range
    plane[mask] = np.clip(np.rint((values[mask] - how.intercept) / how.slope), low, high).astype(np.int32)
    dataset = pydicom.dcmread(series.instances[index].path)
    remove_pictures(dataset)
    kept = [str(value) for value in dataset.get("ImageType") or []][1:]
    dataset.ImageType = ["DERIVED", *(kept or ["PRIMARY"])]
    dataset.DerivationDescription = description
    dataset.HighBit = how.bits_stored - 1
    pixels = plane.astype(("<i" if how.signed else "<u") + str(how.bits_allocated // 8)).tobytes()
    dataset.add_new(0x7FE00010, "OW", pixels + b"\0" * (len(pixels) % 2))
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return dataset
