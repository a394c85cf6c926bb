"""Segments from any file: .seg.nrrd and label maps, DICOM SEG, RTSTRUCT."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import pydicom
import pydicom.filereader

from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.segment import Segment
from .dicom_bounds import require_bounded
from .dicom_files import read_whole
from .dicom_seg import read_dicom_seg
from .formats.header import require_regular
from .images import image_extension
from .rtstruct import read_rtstruct
from .segments import read_segments

#: Three million points of 11 letters a number.
MOST_RTSTRUCT_BYTES = 1 << 27
_MODALITY = 0x00080060
SEG_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"


def read_any_segments(path: Path, ct: Geometry, frame_of_reference_uid: str = "", names: Sequence[str] | None = None) -> list[Segment]:
    """The segments of a file, whatever its kind.

    :param ct: the CT's grid, on which contours are filled; masks stay on their own grid.
    :param frame_of_reference_uid: of the CT, "" where it has none (image files).
    :param names: take only these, without regard to case (label values too in a label map).
    :raises InputError: see the readers; a folder, a file of no known kind; a name is not there.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the file of the segmentation.")
    if image_extension(path) is not None:
        return read_segments(path, names, ct)
    segments = _dicom_segments(path, ct, frame_of_reference_uid)
    if names is None:
        return segments
    wanted = {name.strip().casefold() for name in names}
    missing = wanted - {segment.name.casefold() for segment in segments}
    if missing:
        there = ", ".join(segment.name for segment in segments)
        raise InputError(f"{path.name} has no segment '{sorted(missing)[0]}'; there are: {there}.")
    return [segment for segment in segments if segment.name.casefold() in wanted]


def _dicom_segments(path: Path, ct: Geometry, frame_of_reference_uid: str) -> list[Segment]:
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
    if kind in SEG_CLASSES:
        return read_dicom_seg(path, dataset, frame_of_reference_uid)
    if kind == RTSTRUCT_CLASS:
        return read_rtstruct(dataset, path, ct, frame_of_reference_uid)
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
            head = pydicom.filereader.read_partial(file, stop_when=lambda tag, vr, length: tag > _MODALITY)
        return str(head.get("SOPClassUID", ""))
    except InputError:
        raise
    except Exception as error:  # pydicom raises whatever damaged bytes lead to
        raise _no_segmentation(path) from error
