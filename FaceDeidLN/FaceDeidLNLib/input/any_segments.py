"""Segments from any file: .seg.nrrd and label maps, DICOM SEG, RTSTRUCT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.segment import Segment
from .images import image_extension
from .names import no_segment
from .segments import read_segments

if TYPE_CHECKING:
    from .slice_planes import SlicePlane


def read_any_segments(
    path: Path,
    ct: Geometry,
    frame_of_reference_uid: str = "",
    names: Sequence[str] | None = None,
    planes: Mapping[str, SlicePlane] | None = None,
) -> list[Segment]:
    """The segments of a file, whatever its kind.

    :param ct: the CT's grid, on which contours are filled; masks stay on their own grid.
    :param frame_of_reference_uid: of the CT, "" where it has none (image files).
    :param names: take only these, without regard to case (label values too in a label map).
    :param planes: of the CT's slices, by SOP instance UID: a structure set with a frame of reference of its own counts where each of its
        contours names one of these and lies in it.
    :raises InputError: see the readers; a folder, a file of no known kind; a name is not there.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the file of the segmentation.")
    if image_extension(path) is not None:
        return read_segments(path, names, ct)
    from .dicom_segments import dicom_segments  # image files do without pydicom

    segments = dicom_segments(path, ct, frame_of_reference_uid, planes or {})
    if names is None:
        return segments
    wanted = {name.strip().casefold() for name in names}
    missing = wanted - {segment.name.casefold() for segment in segments}
    if missing:
        raise no_segment(f"{path.name} has", sorted(missing)[0], [segment.name for segment in segments])
    return [segment for segment in segments if segment.name.casefold() in wanted]
