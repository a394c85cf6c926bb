"""Where an output goes, and a look at that place before any work is done; what is written later checks it once more."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core.apart import first_that_reaches
from ..core.errors import InputError
from ..header.base import HeaderPolicy, KeepHeader


@dataclass(frozen=True)
class Destination:
    """Where a release goes: the output, whether something there may be replaced, and what must not be touched.

    ``header`` is what is done to DICOM headers on the way; ``signing_key`` (PEM file) signs the certificate.
    """

    output: Path
    overwrite: bool = False
    inputs: tuple[Path, ...] = ()
    header: HeaderPolicy = field(default_factory=KeepHeader)
    signing_key: Path | None = None


def require_destination(path: Path, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
    """An output can be written here: the name is free (or may be replaced), apart from the inputs, and the folder writable.

    Nothing is made or changed. Folders that are missing on the way are made when the output is written.

    :raises InputError: where it cannot; the message says why.
    """
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path} is a link that leads nowhere: remove it, or name another output.")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already: name another output, or give --overwrite.")
    target = path.resolve()
    given = first_that_reaches(inputs, path)
    if given is not None:
        raise InputError(f"The output {path} is, holds or lies inside {given}: name another place.")
    require_writable_folder(next(folder for folder in target.parents if folder.exists()))


def require_writable_folder(folder: Path) -> None:
    """Something can be written into an existing folder; tried, because permissions alone do not tell.

    :raises InputError: where it cannot.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is a file, so nothing can be written into it: name another place.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        raise InputError(f"The folder {folder} is not writable ({problem.strerror}): name another place.") from problem


def make_folder(folder: Path) -> None:
    """Make a folder (and those above it) unless it is there, and see that something can be written into it.

    :raises InputError: where that cannot be done.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InputError(f"The folder {folder} cannot be made ({problem.strerror}): name another place.") from problem
    require_writable_folder(folder)
