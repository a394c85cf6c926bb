"""DICOM files that are compressed as a whole (deflated): how much they become is found out before a reader unpacks them at once."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pydicom.filereader
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ..core.errors import InputError
from .formats.voxels import inflated_pieces

#: What the deflated files that belong together may become: twice the largest CT of short numbers that is read in one piece.
MOST_BYTES = 1 << 29
#: Before the file meta information, and before what its group length counts (PS3.10, 7.1).
_PREAMBLE_BYTES, _GROUP_LENGTH_BYTES = 132, 12
#: The file meta information, which names the transfer syntax, lies within so many bytes of the start.
_WINDOW_BYTES = 1 << 16


def require_bounded(path: Path, most: int = MOST_BYTES) -> int:
    """How many bytes a deflated DICOM file becomes; 0 for any other file. No more than a piece is held at a time.

    :raises InputError: it becomes more than ``most`` bytes, or cannot be unpacked.
    """
    with path.open("rb") as file:
        if DeflatedExplicitVRLittleEndian.encode() not in file.read(_WINDOW_BYTES):
            return 0
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return 0
        return _unpacked(path, _PREAMBLE_BYTES + _GROUP_LENGTH_BYTES + int(meta.FileMetaInformationGroupLength), most)
    except InputError:
        raise
    except Exception as error:  # pydicom and zlib raise whatever damaged bytes lead to
        raise InputError(
            f"{path.name} is compressed as a whole and cannot be unpacked: it is truncated or damaged, get it again."
        ) from error


def _unpacked(path: Path, start: int, most: int) -> int:
    length = 0
    with path.open("rb") as file:
        file.seek(start)
        for piece in inflated_pieces(file, -15):
            length += len(piece)
            if length > most:
                raise InputError(
                    f"{path.name} becomes larger than any such file when it is unpacked: get it again, or save it without compression."
                )
    return length
