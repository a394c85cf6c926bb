"""Files and folders that appear under their name only when they are complete.

Work goes to a hidden sibling ``.facedeidln-<output>-<host>-<process>-<random>.partial<extension>`` and is renamed at the
end. Whatever goes wrong removes it; a killed process leaves it behind, and the next run for the same output
removes it once that process is dead. An old folder that is being replaced waits as ``...replaced`` for the two
renames, and comes back if the process dies between them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.errors import FaceDeidError, InputError, OutputError

#: Extensions that writers choose their format by, where it is not simply the last suffix.
_DOUBLE_EXTENSIONS = (".nii.gz", ".seg.nrrd", ".mrk.json")
#: What a folder may hold if it is to be replaced: nobody's other files are deleted with it.
_REPLACEABLE = (".dcm", ".certificate.json")


@contextlib.contextmanager
def released_file(path: Path, overwrite: bool = False, inputs: Sequence[Path] = ()) -> Iterator[Path]:
    """Give a temporary name to write one file to; rename it to ``path`` when the body ends without an exception.

    :param inputs: files and folders that the output must not touch.
    :raises InputError: ``path`` exists (and not ``overwrite``), is or lies inside an input, or cannot be made here.
    :raises OutputError: the file could not be written, for instance because the disk is full.
    """
    path = Path(path).absolute()
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file for the output.")
    _require_free(path, overwrite, inputs)
    partial = _sibling(path, "partial")
    try:
        with _as_output_error(path):
            yield partial
            _sync(partial)
            if not overwrite and path.exists():
                raise OutputError(f"{path} was made by somebody else in the meantime: nothing was written.")
            partial.replace(path)
            _sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def released_folder(path: Path, overwrite: bool = False, inputs: Sequence[Path] = ()) -> Iterator[Path]:
    """Give a temporary, empty folder; rename it to ``path`` when the body ends without an exception.

    ``overwrite`` replaces a folder that holds nothing but DICOM files and certificates.

    :raises InputError: as for :func:`released_file`; also where a folder to replace holds other files.
    :raises OutputError: the folder could not be written, for instance because the disk is full.
    """
    path = Path(path).absolute()
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file: name a folder for the output.")
    _require_free(path, overwrite or _is_empty(path), inputs)
    _require_replaceable(path)
    partial = _sibling(path, "partial")
    try:
        with _as_output_error(path):
            partial.mkdir()
            yield partial
            for file in [*sorted(partial.rglob("*")), partial]:
                _sync(file)
            _swap(partial, path, overwrite)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _swap(partial: Path, path: Path, overwrite: bool) -> None:
    """Put the complete folder in the place of the old one, which goes only then."""
    if path.exists() and not overwrite and not _is_empty(path):
        raise OutputError(f"{path} was made by somebody else in the meantime: nothing was written.")
    old = _sibling(path, "replaced")
    if path.exists():
        path.rename(old)
    try:
        partial.rename(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise
    _sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _require_free(path: Path, overwrite: bool, inputs: Sequence[Path]) -> None:
    """The output may be made here: the place is writable, free, and apart from every input."""
    for given in inputs:
        source, target = Path(given).resolve(), path.resolve()
        if source == target or source in target.parents or target in source.parents:
            raise InputError(f"The output {path} is, holds or lies inside the input {given}: choose another place.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {path.parent} cannot be made ({error.strerror}): choose another place.") from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"The folder {path.parent} is not writable: choose another place.")
    _clear_leftovers(path)
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists: choose another name or allow overwriting (--overwrite).")


def _require_replaceable(path: Path) -> None:
    if path.exists():
        other = [entry.name for entry in path.iterdir() if entry.is_dir() or not entry.name.endswith(_REPLACEABLE)]
        if other:
            raise InputError(f"{path} holds other files ({other[0]}) and is not replaced: choose another folder.")


def _is_empty(path: Path) -> bool:
    return path.is_dir() and next(path.iterdir(), None) is None


def _prefix(path: Path) -> str:
    """Start of the temporary names of one output on this host."""
    place = hashlib.blake2s(path.name.encode(), digest_size=4).hexdigest()
    host = hashlib.blake2s(socket.gethostname().encode(), digest_size=2).hexdigest()
    return f".facedeidln-{place}-{host}-"


def _sibling(path: Path, state: str) -> Path:
    """A new hidden name beside ``path``, with its extension so that writers know the format."""
    name = path.name.lower()
    extension = next((e for e in _DOUBLE_EXTENSIONS if name.endswith(e)), path.suffix)
    return path.parent / f"{_prefix(path)}{os.getpid()}-{secrets.token_hex(4)}.{state}{extension}"


def _clear_leftovers(path: Path) -> None:
    """Remove what killed runs for the same output left; bring back a folder that one was just replacing."""
    prefix = _prefix(path)
    for left in list(path.parent.glob(f"{prefix}*")):
        process = left.name[len(prefix) :].split("-")[0]
        if not process.isdigit() or _is_alive(int(process)):
            continue
        if ".replaced" in left.name and not path.exists():
            left.rename(path)
        elif left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    """True where a process of this number runs."""
    if sys.platform == "win32":  # os.kill would end it there
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, process)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def _as_output_error(path: Path) -> Iterator[None]:
    """Failures to write become one sentence."""
    try:
        yield
    except FaceDeidError:
        raise
    except OSError as error:
        raise OutputError(
            f"{path} could not be written ({error.strerror or error}): nothing is left of it; make room and try again."
        ) from error


def _sync(path: Path) -> None:
    """Have the disk hold what was written; folders cannot be synchronised everywhere."""
    if path.is_dir():
        if sys.platform == "win32":
            return
        handle = os.open(path, os.O_RDONLY)
    else:
        handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
