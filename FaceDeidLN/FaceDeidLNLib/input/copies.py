"""Files of one SOP Instance UID in a folder: of the same elements ("IM0001 (1).dcm", exported twice) are one slice, others are refused."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from pathlib import Path

import pydicom

from ..core.errors import InputError
from .dicom_header import HeaderSlice


def without_copies(items: Sequence[HeaderSlice], keep: Path | None = None) -> tuple[list[HeaderSlice], tuple[Path, ...]]:
    """The files without those that hold what another one does, and these; ``keep`` is none of them.

    Two files of one instance that differ both stay: which of them is right is not known here.
    """
    first: dict[str, HeaderSlice] = {}
    kept, copies = [], []
    for item in sorted(items, key=lambda item: item.path != keep):  # a stable sort: the others stay in their order
        uid = str(item.header.get("SOPInstanceUID", ""))
        if uid and uid in first and are_same(first[uid].path, item.path):
            copies.append(item.path)
            continue
        first.setdefault(uid, item)
        kept.append(item)
    return kept, tuple(copies)


def are_same(one: Path, other: Path) -> bool:
    """True where two files are the same to the byte, or differ in the group of elements alone that tells how a file was written."""
    if filecmp.cmp(one, other, shallow=False):
        return True
    try:
        first, second = pydicom.dcmread(one), pydicom.dcmread(other)
        return bool(first.file_meta.TransferSyntaxUID == second.file_meta.TransferSyntaxUID and first == second)
    except Exception:  # what cannot be compared is not known to be the same
        return False


def require_own_uids(items: Sequence[HeaderSlice]) -> None:
    """No two files of a series have the same SOP Instance UID: an archive would keep one slice of those that are released.

    :raises InputError: two have; files without one are told elsewhere.
    """
    first: dict[str, Path] = {}
    for item in items:
        uid = str(item.header.get("SOPInstanceUID") or "")
        if uid and first.setdefault(uid, item.path) != item.path:
            raise InputError(
                f"{first[uid].name} and {item.path.name} have the same SOP Instance UID: an archive would keep one of the two, so give "
                "each file a UID of its own first."
            )
