"""Names of files that the libraries can be given."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import InputError


def require_text(name: str | Path) -> None:
    """Refuse a name whose bytes are no text in the encoding of the system (from an archive of another system, mostly).

    Python carries such bytes along as surrogates (PEP 383); ITK ends the whole program at them.

    :raises InputError: the name, with escapes for those bytes.
    """
    text = str(name)
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        readable = text.encode("utf-8", "backslashreplace").decode("utf-8")
        raise InputError(f"The name {readable} holds bytes that are no text here: rename the file or folder.")


def is_called_index(path: Path) -> bool:
    """True for the name of the index of a medium (PS3.3 F.3), which no instance has."""
    return path.name.upper() == "DICOMDIR"


def require_no_index(path: Path) -> None:
    """A path is not the index of a medium (PS3.3 F.3), which lists images and is none.

    :raises InputError: it is.
    """
    if is_called_index(path) and path.is_file():
        raise InputError(f"{path} is the index of a medium and no image: give the folder that it lies in, or the folder of one series.")
