"""Segmentations that are stored in several files (concatenations, PS3.3 C.7.6.16.2.2.4): a part alone holds a part of each segment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import InputError
from .images import image_extension

_TAGS = ["ConcatenationUID", "InConcatenationNumber", "InConcatenationTotalNumber"]


def require_all_parts(files: Sequence[Path]) -> None:
    """What is cut into several files was given with all of them.

    :raises InputError: parts are missing, so that the rest of a segment would not be protected.
    """
    parts: dict[str, list[tuple[Path, int, int]]] = defaultdict(list)
    for path in files:
        if image_extension(path) is None and (told := _part(path)):
            parts[told[0]].append((path, *told[1:]))
    for found in parts.values():
        if not any(count for _, _, count in found):
            raise InputError(f"{found[0][0].name} is a part of a segmentation, and does not say of how many: give the whole as .seg.nrrd.")
        numbers, total = {number for _, number, _ in found}, max(max(number, count) for _, number, count in found)
        if missing := sorted(set(range(1, total + 1)) - numbers):
            lost = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
            raise InputError(f"{found[0][0].name} is one of {total} parts of a segmentation: give the others too (missing: {lost}).")


def _part(path: Path) -> tuple[str, int, int] | None:
    """Of a part of a concatenation its UID, its number and how many there are; None of anything else, which its reader judges."""
    import pydicom  # image files do without

    from .dicom_bounds import require_bounded

    try:
        require_bounded(path)
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
        uid, number = str(header.get("ConcatenationUID") or ""), int(header.get("InConcatenationNumber") or 0)
        return (uid, number, int(header.get("InConcatenationTotalNumber") or 0)) if uid and 0 < number < 1 << 16 else None
    except Exception:  # whatever it is, its reader says so
        return None
