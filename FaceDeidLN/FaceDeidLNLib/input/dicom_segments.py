"""Segments from DICOM files: SEG and RTSTRUCT."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
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
from .rtstruct import frames_of_rtstruct, read_rtstruct, require_drawn
from .slice_planes import OWN_FRAME, SlicePlane, is_drawn_on, is_segmented_on

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
    is_here = _is_drawn_on(kind, dataset, path, frame_of_reference_uid, planes)
    read = read_dicom_seg if kind in SEG_CLASSES else _read_structures
    segments = read(path, dataset, ct, "" if is_here else frame_of_reference_uid)
    return [replace(segment, note=f"{path.name} has {OWN_FRAME}") for segment in segments] if is_here else segments


def _read_structures(path: Path, dataset: Dataset, ct: Geometry, frame_of_reference_uid: str) -> list[Segment]:
    return read_rtstruct(dataset, path, ct, frame_of_reference_uid)


def drawn_on(path: Path, places: Mapping[str, Mapping[str, SlicePlane]]) -> frozenset[str]:
    """Those of several frames of reference on whose slices a file with one of its own is drawn: it names them and lies in them.

    :param places: the planes of their CTs' slices, by SOP instance UID.
    :raises InputError: it is no DICOM SEG or RTSTRUCT, or one that cannot be read.
    """
    kind, dataset = _read(path)
    return frozenset(uid for uid, planes in places.items() if _is_drawn_on(kind, dataset, path, uid, planes))


def frames_of_file(path: Path, frames: Iterable[str], where: Callable[[str], tuple[str, Mapping[str, SlicePlane]]]) -> frozenset[str]:
    """Those of several frames of reference that a DICOM file of segments names; else those on whose slices it is drawn.

    :param where: gives the UID of one and the planes of its CTs' slices, as ``drawn_on`` has them.
    :raises InputError: it is no DICOM SEG or RTSTRUCT, or one that cannot be read.
    """
    kind, dataset = _read(path)
    named = _frames_named(kind, dataset, path)
    return named.intersection(frames) or frozenset(frame for frame in frames if _is_drawn_on(kind, dataset, path, *where(frame)))


def _frames_named(kind: str, dataset: Dataset, path: Path) -> frozenset[str]:
    """UIDs of the frames of reference in which the segments lie."""
    if kind in SEG_CLASSES:
        return frozenset(filter(None, (str(dataset.get("FrameOfReferenceUID", "")),)))
    try:
        return frames_of_rtstruct(dataset)
    except Exception as error:  # pydicom raises whatever a damaged element led to
        raise _not_whole(path, error) from error


def _is_drawn_on(kind: str, dataset: Dataset, path: Path, frame_of_reference_uid: str, planes: Mapping[str, SlicePlane]) -> bool:
    if kind in SEG_CLASSES:
        try:
            return is_segmented_on(dataset, frame_of_reference_uid, planes)
        except Exception:  # it does not tell where it lies, and whoever reads it says so
            return False
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
