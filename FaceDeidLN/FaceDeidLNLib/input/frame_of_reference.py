"""Do a segmentation and the CT lie in the same frame of reference?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..core.errors import InputError


def require_same_frame(path: Path, uids: Sequence[str], ct_uid: str) -> None:
    """Refuse a DICOM segmentation whose frames of reference ``uids`` do not hold the CT's; an unknown CT UID ("") is not compared.

    :raises InputError: none of them is the CT's; the message names both.
    """
    known = [uid for uid in uids if uid]
    if ct_uid and ct_uid not in known:
        raise InputError(
            f"{path.name} lies in the frame of reference {', '.join(known) or '(none)'} and the CT in {ct_uid}: it belongs to another "
            "scan, give the segmentation of this CT or register it first; where it was drawn on this CT all the same (some programs write "
            "a frame of reference of their own), load both in Slicer, look whether it lies right, and save it as .seg.nrrd."
        )
