"""Segmentations that lie beside a CT and fit it: mentioned where nobody named them, so that no drawn node goes unnoticed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from .any_segments import read_any_segments
from .case import CtInput
from .place import place_segments

if TYPE_CHECKING:
    from .dicom_bounds import Room

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
    named, others = [], []
    try:
        for path in _candidates(folder, known):
            kind = named if path.name.lower().endswith(_SEG_NRRD) else others
            kind += [path] * (len(kind) < _MOST_FILES)
    except OSError:
        return []
    if not others:
        return named
    from .dicom_bounds import Room

    room = Room(len(others))
    return named + [path for path in others if _is_dicom_segmentation(path, room)]


def _candidates(folder: Path, known: set[Path]) -> Iterator[Path]:
    """The files by the order of their names that are named as segmentations are; of all others no more than the name is looked at."""
    real = folder.resolve()
    with os.scandir(folder) as there:
        fitting = [entry for entry in there if entry.name.lower().endswith((_SEG_NRRD, ".dcm")) or "." not in entry.name]
    for entry in sorted(fitting, key=lambda one: one.name):
        own = Path(entry.path).resolve() if entry.is_symlink() else real / entry.name
        if own not in known and entry.is_file():
            yield Path(entry.path)


def _is_dicom_segmentation(path: Path, room: Room) -> bool:
    import pydicom  # not needed where nothing lies beside the CT

    from .dicom_segments import RTSTRUCT_CLASS, SEG_CLASSES

    try:
        room.require(path)
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    except Exception:  # whatever it is, it is no segmentation that could be given
        return False
    return str(header.get("SOPClassUID", "")) in (*SEG_CLASSES, RTSTRUCT_CLASS)


def _fits(path: Path, ct: CtInput) -> bool:
    """Can it be read for this CT, and does one of its segments overlap it?"""
    try:
        segments = read_any_segments(path, ct.volume.geometry, ct.frame_of_reference_uid, planes=ct.planes)
    except InputError:
        return False
    for segment in segments:
        try:
            place_segments([segment], ct.volume.geometry)
        except InputError:
            continue
        return True
    return False
