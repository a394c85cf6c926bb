"""DICOM files that cannot be read in full: of the series that is meant they stop the work, of another one they are told."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.datadict import tag_for_keyword

from ..core.errors import InputError

_SERIES = tag_for_keyword("SeriesInstanceUID")


@dataclass(frozen=True, eq=False)
class Damaged:
    """A file, what is wrong with it, and what its header still says: modality, UIDs of series and study, empty where it does not."""

    path: Path
    error: InputError
    series: str = ""
    modality: str = ""
    study: str = ""


def damaged(path: Path, error: InputError) -> Damaged:
    """What a damaged file still says of itself.

    A UID counts only where an element follows it: one that was cut would be another series' UID.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is damaged is known
            header = pydicom.dcmread(path, stop_before_pixels=True)
            if any(tag > _SERIES for tag in header.keys()):  # noqa: SIM118 (a data set iterates over its elements)
                said = (str(header.get(keyword, "")) for keyword in ("SeriesInstanceUID", "Modality", "StudyInstanceUID"))
                return Damaged(path, error, *said)
    except Exception:  # pydicom raises whatever damaged bytes led to: the file says nothing
        return Damaged(path, error)
    return Damaged(path, error)


def reasons_of(files: Sequence[Damaged]) -> dict[str, int]:
    """Why files cannot be read, each reason once, told of the first of them, and how many it counts for."""
    names: dict[str, list[str]] = {}
    for file in files:
        of_any = re.sub(rf"(?<!\S){re.escape(file.path.name)}(?![^\s,])", "\0", str(file.error), count=1)  # it may be a word of the reason
        names.setdefault(of_any, []).append(file.path.name)
    return {text.replace("\0", found[0] + ", ..." * (len(found) > 1)): len(found) for text, found in names.items()}


def require_others(files: Sequence[Damaged], chosen: Collection[str], there: Collection[str]) -> list[Path]:
    """Those damaged files that belong to another series than the chosen ones: of another modality, or of a series that is there too.

    :raises InputError: one may be of a chosen series.
    """
    for file in files:
        another_modality = file.modality not in ("", "CT")
        another_series = file.series in there and file.series not in chosen
        if file.series in chosen or not (another_modality or another_series):
            raise file.error
    return [file.path for file in files]
