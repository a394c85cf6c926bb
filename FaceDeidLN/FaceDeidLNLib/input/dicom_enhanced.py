"""Enhanced (multi-frame) CT as slices: the functional groups of each frame as the header that a classic slice has."""

from __future__ import annotations

from collections import Counter

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from ..core.errors import InputError
from .dicom_files import as_stored
from .dicom_header import HeaderSlice

#: Functional group macro, its attribute, and the attribute of a classic slice that says the same (PS3.3 C.7.6.16.2, C.8.15.3).
_GROUPS = (
    ("PlanePositionSequence", "ImagePositionPatient", "ImagePositionPatient"),
    ("PlaneOrientationSequence", "ImageOrientationPatient", "ImageOrientationPatient"),
    ("PixelMeasuresSequence", "PixelSpacing", "PixelSpacing"),
    ("PixelMeasuresSequence", "SliceThickness", "SliceThickness"),
    ("PixelValueTransformationSequence", "RescaleSlope", "RescaleSlope"),
    ("PixelValueTransformationSequence", "RescaleIntercept", "RescaleIntercept"),
    ("PixelValueTransformationSequence", "RescaleType", "RescaleType"),
    ("CTImageFrameTypeSequence", "FrameType", "ImageType"),
    ("CTReconstructionSequence", "ConvolutionKernel", "ConvolutionKernel"),
    ("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase", "NominalPercentageOfCardiacPhase"),
    ("FrameContentSequence", "TemporalPositionIndex", "TemporalPositionIndex"),
    ("FrameContentSequence", "FrameAcquisitionNumber", "AcquisitionNumber"),
    ("FrameContentSequence", "StackID", "StackID"),
)
SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"


def frames_of(item: HeaderSlice) -> list[HeaderSlice]:
    """The frames of a CT file, each with a header like that of a classic slice; what is no CT stays one.

    :raises InputError: there are fewer or more functional groups than frames, or they cannot be read.
    """
    return split_frames(item) if item.header.get("Modality") == "CT" else [item]


def split_frames(item: HeaderSlice) -> list[HeaderSlice]:
    """The frames of a file of any modality; a classic slice is its own only frame.

    :raises InputError: there are fewer or more functional groups than frames, or they cannot be read.
    """
    header = item.header
    if PER_FRAME not in header and SHARED not in header:
        return [item]
    try:
        shared = next(iter(header.get(SHARED) or []), Dataset())
        groups = list(header.get(PER_FRAME) or [])
        count = int(header.get("NumberOfFrames") or 1)
        if len(groups) != count:
            raise InputError(f"{item.path.name} describes {len(groups)} of its {count} frames: it is damaged, get it again.")
        common = Dataset()
        common.file_meta = getattr(header, "file_meta", None)
        for tag in header.keys():  # noqa: SIM118 (a data set iterates over its elements)
            if as_stored(header, tag).VR != "SQ" and tag >> 16 != 0x5200:
                common[tag] = header[tag]
        return [HeaderSlice(item.path, _flat(common, shared, group), n, item.pixels) for n, group in enumerate(groups)]
    except InputError:
        raise
    except RecursionError as error:
        raise InputError(f"{item.path.name} nests its elements too deeply to be read: the header is damaged, get it again.") from error
    except Exception as error:  # pydicom raises whatever a damaged element led to
        raise InputError(f"The frames of {item.path.name} cannot be read: the header is damaged, get it again.") from error


def require_all_frames(chosen: list[HeaderSlice]) -> None:
    """Raises InputError where only some frames of a file were chosen: an object is written back whole."""
    counts = Counter(item.path for item in chosen)
    for item in chosen:
        if counts[item.path] < int(item.header.get("NumberOfFrames") or 1):
            raise InputError(
                f"{item.path.name} holds other frames beside the {counts[item.path]} chosen: export them as objects of their own."
            )


def _flat(common: Dataset, shared: Dataset, group: Dataset) -> Dataset:
    header = Dataset()
    header.file_meta = common.file_meta
    header.update(common)
    for macro, attribute, classic in _GROUPS:
        for holder in (group, shared):
            found = next(iter(holder.get(macro) or []), None)
            if found is not None and attribute in found:
                element = found[attribute]
                header.add_new(tag_for_keyword(classic), element.VR, element.value)  # the one that is there may be other headers' too
                break
    return header
