"""Which of the DICOM images in a folder are the CT series that is meant."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import InputError
from .dicom_header import HeaderSlice, numbers

#: How many series a message lists at most.
_LISTED = 12


def choose_series(found: list[HeaderSlice], folder: Path, series: str | None = None) -> list[HeaderSlice]:
    """The slices of the one CT series (of the one named by its UID), localizer images left out.

    :raises InputError: nothing there, no CT, only scouts, several series (listed), an unknown series, two patients.
    """
    if not found:
        raise InputError(f"{folder} holds no DICOM file: give the folder of a CT series or an image file.")
    images = [s for s in found if s.header.get("Modality") == "CT" and "Rows" in s.header]
    if not images:
        kinds = ", ".join(sorted({str(s.header.get("Modality", "unknown")) for s in found}))
        raise InputError(f"{folder} holds no CT images but {kinds}: give the folder of a CT series.")
    groups: dict[str, list[HeaderSlice]] = {}
    for item in images:
        if not is_localizer(item):
            groups.setdefault(str(item.header.get("SeriesInstanceUID", "")), []).append(item)
    if not groups:
        raise InputError(f"{folder} holds only scout (localizer) images: give the axial series.")
    if series is not None and series not in groups:
        raise InputError(f"{folder} holds no CT series {series}; there are: {_list(groups)}.")
    if series is None and len(groups) > 1:
        patients = {_patient(s) for items in groups.values() for s in items}
        of_whom = f" of {len(patients)} patients" if len(patients) > 1 else ""
        raise InputError(f"{folder} holds {len(groups)} CT series{of_whom}: choose one with --series UID among {_list(groups)}.")
    chosen = groups[series] if series is not None else next(iter(groups.values()))
    if len({_patient(s) for s in chosen}) > 1:
        raise InputError(f"{folder} holds slices of two patients under one series UID: separate them first.")
    return _classic(chosen)


def is_localizer(item: HeaderSlice) -> bool:
    """True for a scout: LOCALIZER among the values of ImageType (PS3.3 C.8.2.1.1.1)."""
    return any(str(value).upper() == "LOCALIZER" for value in _values(item.header.get("ImageType")))


def _classic(chosen: list[HeaderSlice]) -> list[HeaderSlice]:
    """The series unless it is multi-frame."""
    for item in chosen:
        if max(numbers(item, "NumberOfFrames"), default=1.0) > 1:
            raise InputError(
                f"{item.path.name} is an enhanced (multi-frame) CT, which is not supported: export it as single-frame CT images or NRRD."
            )
    return chosen


def _patient(item: HeaderSlice) -> tuple[str, str]:
    return str(item.header.get("PatientID", "")), str(item.header.get("PatientName", ""))


def _values(value: object) -> list[object]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _list(groups: dict[str, list[HeaderSlice]]) -> str:
    """UID, description and number of slices of each series."""
    lines = [
        f"{uid} ('{items[0].header.get('SeriesDescription', '')}', {len(items)} slices)" for uid, items in list(groups.items())[:_LISTED]
    ]
    more = len(groups) - _LISTED
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")
