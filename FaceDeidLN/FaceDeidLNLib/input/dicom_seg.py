"""DICOM Segmentation objects (SEG), read with highdicom."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError
from ..core.geometry import Box, Geometry
from ..core.segment import Segment, tight
from ..core.volume import Volume
from .frame_of_reference import require_same_frame
from .names import one_line
from .seg_frames import LaidFrames, shown_segments
from .segments import require_few

if TYPE_CHECKING:
    from pydicom import Dataset

#: A fractional segment counts from this share of its largest value on.
FRACTION = 0.5
#: All frames of a segmentation together have no more voxels: several structures on a large CT.
MOST_VOXELS = 1 << 32


def read_dicom_seg(path: Path, header: Dataset, ct: Geometry, frame_of_reference_uid: str = "") -> list[Segment]:
    """The segments of a DICOM SEG (binary, fractional or label map), each on its own grid in LPS mm.

    :param header: of the same file, without its pixels.
    :param ct: the CT's grid, on which frames are laid that are no box (tilted gantry, uneven slices).
    :param frame_of_reference_uid: of the CT; "" where it is not known (image files), and then nothing is compared.
    :raises InputError: highdicom is missing or too old, the object lies in another frame of reference (both UIDs are
        named), or its frames are no regular volume and do not lie on the CT's pixels.
    """
    highdicom = _highdicom()
    _require_room(header, path)
    try:
        seg = highdicom.seg.segread(path)
    except Exception as error:  # highdicom and pydicom raise whatever a damaged element led to
        raise InputError(f"{path.name} cannot be read as a DICOM SEG ({error}): get it again or give a .seg.nrrd.") from error
    require_same_frame(path, [str(seg.get("FrameOfReferenceUID") or "")], frame_of_reference_uid)
    segments = []
    require_few(len(seg.segment_numbers), path.name)
    _require_described(seg, path)
    laid, labels = cache(lambda: LaidFrames.of(seg, ct)), cache(lambda: seg.get_volume(combine_segments=True, allow_missing_positions=True))
    for number in seg.segment_numbers:
        try:
            description = seg.get_segment_description(number)
            name, code = one_line(str(description.segment_label)), _code(description)
        except Exception as error:  # likewise
            raise InputError(f"{path.name} does not describe its segment {number} ({error}): get it again or give a .seg.nrrd.") from error
        segments.append(Segment(name, _mask(seg, number, path, laid, labels), f"file:{path.name}", code))
    return segments


def _require_described(seg: Dataset, path: Path) -> None:
    """Refuse a SEG of no segment, or that shows more than it describes, so that a part of it would be left out."""
    try:
        others = sorted(shown_segments(seg) - {int(number) for number in seg.segment_numbers})
    except Exception as error:  # highdicom and pydicom raise whatever a damaged element led to
        raise InputError(f"{path.name} is no whole DICOM SEG ({error}): get it again or give a .seg.nrrd.") from error
    if others or not len(seg.segment_numbers):
        told = f"does not describe its segment {others[0]}" if others else "describes no segment"
        raise InputError(f"{path.name} {told}: get it again or give a .seg.nrrd.")


def _require_room(header: Dataset, path: Path) -> None:
    """Refuse what is larger than a segmentation of a CT, or than its own file can hold."""
    try:
        voxels = int(header.NumberOfFrames) * int(header.Rows) * int(header.Columns)
        bits, syntax = int(header.BitsAllocated), header.file_meta.TransferSyntaxUID
        compressed = syntax.is_compressed or syntax.is_deflated
    except Exception as error:  # highdicom and pydicom raise whatever a damaged element led to
        raise InputError(f"{path.name} cannot be read as a DICOM SEG ({error}): get it again or give a .seg.nrrd.") from error
    if not 0 < voxels <= MOST_VOXELS or (not compressed and voxels * bits // 8 > path.stat().st_size):
        raise InputError(f"{path.name} says that it holds {voxels} voxels, which it cannot: get it again or give a .seg.nrrd.")


def _highdicom():  # noqa: ANN202 - the module itself
    """The highdicom module.

    :raises InputError: it is not installed, or the pydicom that is here is too old for it (Slicer before 5.12).
    """
    try:
        import highdicom
        import highdicom.seg
    except ImportError as error:
        import pydicom

        old = int(pydicom.__version__.split(".")[0]) < 3
        what = (
            f"pydicom {pydicom.__version__} is too old for it: 3D Slicer before 5.12 cannot read DICOM SEG here"
            if old
            else "install it with: pip install highdicom"
        )
        raise InputError(f"DICOM SEG needs the package highdicom; {what}. Or save the segments as a .seg.nrrd.") from error
    return highdicom


def _mask(seg: Dataset, number: int, path: Path, laid: Callable[[], LaidFrames], labels: Callable[[], Any]) -> Volume:
    """One segment on the grid of the SEG's own frames, else on the CT's; frames left out because they are empty count as empty.

    ``labels`` gives all of a label map: of its segments alone highdicom (0.28) keeps no number over 255.
    """
    try:
        if str(seg.SegmentationType) == "LABELMAP":
            volume = labels()
            mask = np.asarray(volume.array) == number
        else:
            volume = seg.get_volume(segment_numbers=[number], rescale_fractional=True, allow_missing_positions=True)
            mask = np.asarray(volume.array)[..., 0] >= FRACTION
    except Exception as error:  # highdicom and pydicom raise whatever a damaged element led to
        try:
            return _cropped(laid().mask(number, FRACTION), laid().ct)
        except Exception as other:  # likewise
            raise InputError(
                f"The frames of {path.name} are no regular volume ({error}), and cannot be laid on the CT's slices ({other}), so its "
                "segments cannot be placed: give a .seg.nrrd."
            ) from error
    matrix = np.eye(4)
    # highdicom's affine takes (frame, row, column), ours (i, j, k) = (column, row, frame).
    matrix[:3, :3] = volume.affine[:3, [2, 1, 0]]
    matrix[:3, 3] = volume.affine[:3, 3]
    return _cropped(mask, Geometry(mask.shape, matrix))


def _cropped(mask: np.ndarray, geometry: Geometry) -> Volume:
    """The part of a mask that is set; one voxel of an empty one."""
    own = tight("", mask)
    box = own.box if own.voxels else Box((0, 0, 0), (1, 1, 1))
    return Volume(mask[box.slices].copy(), geometry.crop(box))


def _code(description: Dataset) -> str:
    """The segmented property type as "SCT:59441001 Lymph node"."""
    item = description.segmented_property_type
    return f"{item.scheme_designator}:{item.value} {item.meaning}"
