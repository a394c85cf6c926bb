"""Segmentations that lie beside a CT and fit it: mentioned where nobody named them, so that no drawn node goes unnoticed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom

from ..core.errors import InputError
from .any_segments import RTSTRUCT_CLASS, SEG_CLASSES, read_any_segments
from .case import CtInput
from .place import place_segments

#: So many other files of a folder are looked into; a folder with more is an archive, and not one case.
_MOST_FILES = 40
_SEG_NRRD = ".seg.nrrd"


def segments_beside(ct: CtInput, given: Sequence[Path]) -> tuple[str, ...]:
    """A sentence for each ``.seg.nrrd``, DICOM SEG or RTSTRUCT that stands beside the CT, overlaps it, and is not among the ``given``."""
    known = {path.resolve() for path in (*given, *ct.files)}
    folders = (ct.path, ct.path.parent) if ct.path.is_dir() else (ct.path.parent,)
    found = [path for folder in folders for path in _segmentations(folder, known)]
    return tuple(
        f"{path.name} lies beside the CT and fits it, and nothing in it is protected: give it with --nodes or --protect"
        for path in dict.fromkeys(found)
        if _fits(path, ct)
    )


def _segmentations(folder: Path, known: set[Path]) -> list[Path]:
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and path.resolve() not in known)
    except OSError:
        return []
    named = [path for path in files if path.name.lower().endswith(_SEG_NRRD)]
    others = [path for path in files if path.suffix.lower() in (".dcm", "")][:_MOST_FILES]
    return named[:_MOST_FILES] + [path for path in others if _is_dicom_segmentation(path)]


def _is_dicom_segmentation(path: Path) -> bool:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    except Exception:  # whatever it is, it is no segmentation that could be given
        return False
    return str(header.get("SOPClassUID", "")) in (*SEG_CLASSES, RTSTRUCT_CLASS)


def _fits(path: Path, ct: CtInput) -> bool:
    """Can it be read for this CT, and does one of its segments overlap it?"""
    try:
        segments = read_any_segments(path, ct.volume.geometry, ct.frame_of_reference_uid)
    except InputError:
        return False
    for segment in segments:
        try:
            place_segments([segment], ct.volume.geometry)
        except InputError:
            continue
        return True
    return False
