"""Packed files and archives, by how they begin: what is in them is not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..core.errors import InputError
from .images import image_extension

#: How packed files begin: gzip, compress, zip (and what is one: .docx, .mrb), bzip2, xz, lzip, 7-zip, RAR, Zstandard, LZ4.
_PACKED = (
    b"\x1f\x8b",
    b"\x1f\x9d",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"BZh",
    b"\xfd7zXZ\0",
    b"LZIP",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
)
#: What archives hold at a place of their own: tar (POSIX, GNU), and the image of a disc (ISO 9660).
_ARCHIVES = ((257, b"ustar"), (32769, b"CD001"))
#: The marks lie within so many bytes.
_HEAD = 1 << 16


def is_packed(raw: bytes) -> bool:
    """True for the first bytes of a packed file or an archive."""
    return raw.startswith(_PACKED) or any(raw[at : at + len(mark)] == mark for at, mark in _ARCHIVES)


def packed_apart(paths: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Those of files that are packed, and the others; an image file (.nii.gz) is what it is, and packed is none that cannot be read."""
    packed = tuple(path for path in paths if image_extension(path) is None and is_packed(_head(path)))
    return packed, tuple(path for path in paths if path not in packed)


def require_unpacked(folder: Path, others: Sequence[Path]) -> None:
    """Of a folder without DICOM, whose files are ``others``, something is packed. Raises InputError."""
    if packed := packed_apart(others)[0]:
        from .dicom_files import told  # image files do without pydicom

        raise InputError(f"{folder} holds no DICOM file, and {told(packed)} packed: unpack it, and give the folder.")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
