"""Second copies of one DICOM file in a folder ("IM0001 (1).dcm"): the same instance to the byte is one slice."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from pathlib import Path

from .dicom_header import HeaderSlice


def without_copies(items: Sequence[HeaderSlice], keep: Path | None = None) -> tuple[list[HeaderSlice], tuple[Path, ...]]:
    """The files without those that are another one to the byte, and these; ``keep`` is none of them.

    Two files of one instance that differ both stay: which of them is right is not known here.
    """
    first: dict[str, HeaderSlice] = {}
    kept, copies = [], []
    for item in sorted(items, key=lambda item: item.path != keep):  # a stable sort: the others stay in their order
        uid = str(item.header.get("SOPInstanceUID", ""))
        if uid and uid in first and filecmp.cmp(first[uid].path, item.path, shallow=False):
            copies.append(item.path)
            continue
        first.setdefault(uid, item)
        kept.append(item)
    return kept, tuple(copies)
