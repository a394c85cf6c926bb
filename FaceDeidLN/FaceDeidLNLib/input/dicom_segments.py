"""Segments from DICOM files: SEG and RTSTRUCT."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import pydicom
import pydicom.filereader
from pydicom.dataset import Dataset

from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.segment import Segment
from .dicom_bounds import require_bounded
from .dicom_files import read_whole
from .dicom_seg import read_dicom_seg
from .formats.header import require_regular
from .images import image_extension
from .rtstruct import frames_of_rtstruct, read_rtstruct, require_drawn
from .slice_planes import OWN_FRAME, SlicePlane, is_drawn_on

#: Three million points of 11 letters a number.
MOST_RTSTRUCT_BYTES = 1 << 27
_MODALITY = 0x00080060
SEG_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"


def dicom_segments(path: Path, ct: Geometry, frame_of_reference_uid: str, planes: Mapping[str, SlicePlane]) -> list[Segment]:
    """All segments of a file that is no image file; ``read_any_segments`` tells what is what.

    :raises InputError: it is no DICOM SEG or RTSTRUCT, or one that cannot be read.
    """
    kind, dataset = _read(path)
    if kind in SEG_CLASSES:
        return read_dicom_seg(path, dataset, ct, frame_of_reference_uid)
    is_here = _is_drawn_on(dataset, path, frame_of_reference_uid, planes)
    return read_rtstruct(dataset, path, ct, "" if is_here else frame_of_reference_uid)


def drawn_on(path: Path, frame_of_reference_uid: str, planes: Mapping[str, SlicePlane]) -> bool:
    """True for a structure set with a frame of reference of its own whose contours name a CT's slices and lie in them.

    :param planes: of the CT's slices, by SOP instance UID.
    :raises InputError: it is no DICOM SEG or RTSTRUCT, or one that cannot be read.
    """
    kind, dataset = _read(path)
    return kind == RTSTRUCT_CLASS and _is_drawn_on(dataset, path, frame_of_reference_uid, planes)


def own_frame_notes(files: Iterable[Path], frame_of_reference_uid: str, planes: Mapping[str, SlicePlane]) -> tuple[str, ...]:
    """A sentence for each of the files that ``drawn_on`` is true for."""
    dicom = [path for path in files if image_extension(path) is None] if planes else []
    return tuple(f"{path.name} has {OWN_FRAME}" for path in dicom if drawn_on(path, frame_of_reference_uid, planes))


def frames_named(path: Path) -> frozenset[str]:
    """UIDs of the frames of reference in which the segments of a DICOM file lie.

    :raises InputError: it is no DICOM SEG or RTSTRUCT, or one that cannot be read.
    """
    kind, dataset = _read(path)
    if kind in SEG_CLASSES:
        return frozenset(filter(None, (str(dataset.get("FrameOfReferenceUID", "")),)))
    try:
        return frames_of_rtstruct(dataset)
    except Exception as error:  # pydicom raises whatever a damaged element led to
        raise _not_whole(path, error) from error


def _is_drawn_on(dataset: Dataset, path: Path, frame_of_reference_uid: str, planes: Mapping[str, SlicePlane]) -> bool:
    require_drawn(dataset, path)
    try:
        return is_drawn_on(dataset, frame_of_reference_uid, planes)
    except Exception as error:  # likewise
        raise _not_whole(path, error) from error


def _not_whole(path: Path, error: Exception) -> InputError:
    return InputError(f"{path.name} is no whole structure set ({error}): export it again, or give a .seg.nrrd.")


def _read(path: Path) -> tuple[str, Dataset]:
    """The SOP class of a segmentation, and all before its pixels. Raises InputError for any other file, and a damaged one."""
    require_regular(path)
    kind = _kind(path)
    if kind == RTSTRUCT_CLASS and path.stat().st_size > MOST_RTSTRUCT_BYTES:
        size = f"{path.stat().st_size / 2**20:.0f} MB"
        raise InputError(f"{path.name} is larger than any structure set of one CT ({size}): export the structures of this CT alone.")
    if read_whole(path) is None:
        raise _no_segmentation(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    if kind in SEG_CLASSES or kind == RTSTRUCT_CLASS:
        return kind, dataset
    raise InputError(f"{path.name} is a DICOM {dataset.get('Modality', 'file')} and no segmentation: give a DICOM SEG or an RTSTRUCT.")


def _no_segmentation(path: Path) -> InputError:
    return InputError(f"{path.name} is neither an image file nor DICOM: give a .seg.nrrd, a label map, a DICOM SEG or an RTSTRUCT.")


def _kind(path: Path) -> str:
    """The SOP class of a DICOM file, of which no more than the beginning is read.

    :raises InputError: no DICOM, or compressed as a whole (deflated) and larger than any segmentation when it is unpacked.
    """
    try:
        require_bounded(path)
        with path.open("rb") as file:
            head = pydicom.filereader.read_partial(file, stop_when=lambda tag, vr, length: tag > _MODALITY, force=True)
        return str(head.get("SOPClassUID", ""))
    except InputError:
        raise
    except Exception as error:  # pydicom raises whatever damaged bytes lead to
        raise _no_segmentation(path) from error
