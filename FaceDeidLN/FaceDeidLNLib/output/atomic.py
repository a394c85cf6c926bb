"""Files and folders that appear under their name only when they are complete.

Work goes to a hidden folder beside the output, ``.facedeidln-<output>-<host>-<process>-<random>.partial``, that nobody but its owner
can look into, and is renamed from there at the end. Whatever goes wrong removes it, and so does the guard of a process that is killed
(``core.guard``); what is left where both are killed goes with the next run for the same output, which knows by its lock that nobody
works there. What is being replaced waits as ``...replaced`` for the renames, which ``...renames`` lists: if the process dies between
them, they are undone. The lock lets one run at a time write an output and its companion (the certificate), which get their names together:
companion first, so that an output is never beside a companion that is not its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..core.apart import first_that_reaches
from ..core.errors import FaceDeidError, InputError, OutputError
from ..core.guard import removed_with_us, taken_back_with_us
from .certificate import is_certified
from .held_folder import HeldFolder, held_folder
from .leftovers import clear_leftovers, remove, short, sibling
from .lock import sole_writer
from .to_disk import NOT_OFFERED, SYNCED_TOGETHER
from .to_disk import sync as _sync

#: What a folder may hold if it is to be replaced: nobody's other files are deleted with it.
_REPLACEABLE = (".dcm", ".certificate.json")


@dataclass(frozen=True)
class Companion:
    """A file that stands beside an output and vouches for it.

    ``write`` gets the complete output and the companion under their temporary names, when the output's name is known to be free.
    """

    path: Path
    write: Callable[[Path, Path], None]


@contextlib.contextmanager
def released_file(path: Path, overwrite: bool = False, inputs: Sequence[Path] = (), companion: Companion | None = None) -> Iterator[Path]:
    """Give a temporary name to write one file to; rename it to ``path`` when the body ends without an exception.

    :param inputs: files and folders that the output must not touch.
    :raises InputError: ``path`` exists (and not ``overwrite``), is or lies inside an input, or cannot be made here.
    :raises OutputError: the file could not be written, for instance because the disk is full.
    """
    path = Path(path).absolute()
    with _as_output_error(path):
        if path.is_dir():
            raise InputError(f"{path} is a folder: name a file for the output.")
    beside = None if companion is None else companion.path
    with _as_output_error(path), _place(path, overwrite, inputs, beside) as place, _partial(place) as partial:
        yield partial
        _sync(partial)
        if overwrite and companion is None:
            place.parent.require_unmoved()
            partial.replace(place.path)
        else:
            _publish(partial, place, overwrite, companion)
        _sync_folder_of(place)


@contextlib.contextmanager
def released_folder(path: Path, overwrite: bool = False, inputs: Sequence[Path] = (), companion: Companion | None = None) -> Iterator[Path]:
    """Give a temporary, empty folder; rename it to ``path`` when the body ends without an exception.

    ``overwrite`` replaces a folder that holds nothing but DICOM files and certificates, or is what the certificate beside it says.

    :raises InputError: as for :func:`released_file`; also where a folder to replace holds other files.
    :raises OutputError: the folder could not be written, for instance because the disk is full.
    """
    path = Path(path).absolute()
    with _as_output_error(path):
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file: name a folder for the output.")
    beside = None if companion is None else companion.path
    with _as_output_error(path), _place(path, overwrite, inputs, beside) as place:
        _require_replaceable(place.path)
        with _partial(place) as partial:
            partial.mkdir()
            yield partial
            with ThreadPoolExecutor(SYNCED_TOGETHER) as pool:  # the disk, not a processor, is waited for
                list(pool.map(_sync, sorted(partial.rglob("*"))))
            _sync(partial)
            _publish(partial, place, overwrite, companion)
            _sync_folder_of(place)


@contextlib.contextmanager
def released_together(places: Sequence[tuple[Path, Path]], overwrite: bool = False, inputs: Sequence[Path] = ()) -> Iterator[list[Path]]:
    """Give a hidden name for each of several outputs, and rename all when the body ends without an exception: all of them, or none.

    ``places``: each output and the certificate beside it. The body writes both, complete and checked, under the hidden name that it
    gets for the output and the certificate's own name beside that.

    :raises InputError: as for :func:`released_file`. :raises OutputError: one of them could not be written, or got no name.
    """
    with contextlib.ExitStack() as held:
        wanted = [Path(path).absolute() for path, _ in places]
        held.enter_context(_as_output_error(wanted[0]))
        # The last first: there renames that a killed run had begun are undone, before what waits beside others is taken for old.
        taken = [held.enter_context(_place(Path(path).absolute(), overwrite, inputs, Path(beside))) for path, beside in places[::-1]][::-1]
        hidden = [held.enter_context(_partial(place)) for place in taken]
        with _named_as_wanted(wanted, hidden):
            yield hidden
            names = []
            for place, partial in zip(taken, hidden, strict=True):
                _require_untaken(place.path, overwrite)
                place.parent.require_unmoved()
                names += [(place.beside, partial.with_name(place.beside.name)), (place.path, partial)]
            _rename_all(names, overwrite)
            for place in taken:
                _sync_folder_of(place)


@dataclass(frozen=True)
class _Place:
    """An output's folder, held, and the names of output and companion in that very folder, whatever its own name leads to by now."""

    parent: HeldFolder
    path: Path
    beside: Path | None


@contextlib.contextmanager
def _partial(place: _Place, name: str = "") -> Iterator[Path]:
    """A free name, with the output's extension, in a hidden folder of its owner alone, which goes at the end or with this process."""
    wanted = place.path.with_name(name or place.path.name)
    hidden = sibling(wanted, "partial")
    with removed_with_us(place.parent.path / hidden.name):
        try:
            hidden.mkdir(mode=0o700)
            place.parent.require_unmoved()
            yield hidden / wanted.name
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
            place.parent.remove(hidden.name)


def _publish(partial: Path, place: _Place, overwrite: bool, companion: Companion | None) -> None:
    """Give the complete output its name, and its companion before it; what they replace goes only then, or comes back."""
    _require_untaken(place.path, overwrite)
    place.parent.require_unmoved()
    if companion is None:
        _rename_all([(place.path, partial)], overwrite)
        return
    with _partial(place, place.beside.name) as beside:
        companion.write(partial, beside)
        _sync(beside)
        place.parent.require_unmoved()
        _rename_all([(place.beside, beside), (place.path, partial)], overwrite)


def _rename_all(names: Sequence[tuple[Path, Path]], overwrite: bool) -> None:
    """Rename each second path to its first, the output last; all of them, or none."""
    path, partial = names[-1]
    aside = [(place, sibling(place, "replaced")) for place, _ in names]
    with _noted(names, aside):
        try:
            _require_untaken(path, overwrite)
            for place, old in aside:
                if place.exists():
                    place.rename(old)
            for place, new in names:
                _rename_to_free(new, place)
        except BaseException:
            if not _is_published(partial, path):
                _take_back(names, aside)
            raise
        finally:
            if _is_published(partial, path):
                for _, old in aside:
                    remove(old)


@contextlib.contextmanager
def _noted(names: Sequence[tuple[Path, Path]], aside: Sequence[tuple[Path, Path]]) -> Iterator[None]:
    """While this lasts, a file beside the last output lists the renames: the guard, or the next run, undoes them if we are killed."""
    steps = [[_lasting(place), new.lstat().st_ino, _lasting(old)] for (place, new), (_, old) in zip(names, aside, strict=True)]
    renames = Path(_lasting(sibling(names[-1][0], "renames")))
    try:
        with os.fdopen(os.open(renames, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(steps))
            file.flush()
            os.fsync(file.fileno())
        with taken_back_with_us(renames):
            yield
    finally:
        renames.unlink(missing_ok=True)


def _lasting(path: Path) -> str:
    """The name of a path that other processes know too: a held folder's other name is this one's alone."""
    return str(path.parent.resolve() / path.name)


def _require_untaken(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite and not _is_empty(path):
        raise OutputError(f"{path} was made by somebody else in the meantime: nothing was written.")


def _rename_to_free(partial: Path, path: Path) -> None:
    """Rename without replacing: a file that appeared under the name since it was looked at stays."""
    try:
        if not partial.is_dir():
            os.link(partial, path)
            return
    except FileExistsError as error:
        raise OutputError(f"{path} was made by somebody else in the meantime: nothing was written.") from error
    except OSError as error:
        if error.errno not in NOT_OFFERED:
            raise
    _require_untaken(path, overwrite=False)
    partial.rename(path)


def _is_published(partial: Path, path: Path) -> bool:
    """The output has its name; asked of the disk, because a signal may come between any two steps."""
    return path.exists() and (not partial.exists() or partial.samefile(path))


def _take_back(names: Sequence[tuple[Path, Path]], aside: Sequence[tuple[Path, Path]]) -> None:
    """Remove what was there already, and bring back what was to be replaced."""
    for place, new in names[:-1]:
        if _is_published(new, place):
            remove(place)
    for place, old in reversed(aside):
        if old.exists() and not place.exists():
            old.rename(place)


@contextlib.contextmanager
def _place(path: Path, overwrite: bool, inputs: Sequence[Path], companion: Path | None) -> Iterator[_Place]:
    """The place of an output: writable, apart from every input, free, and nobody else's while this lasts.

    Its folder is held from here on: a link that is put in the way later leads nothing elsewhere.
    """
    _require_apart(path, inputs)
    with contextlib.ExitStack() as held:
        parent = held.enter_context(held_folder(path.parent))
        held.enter_context(_named_by(parent))
        at = parent.place / path.name
        _require_apart(at, inputs)
        beside = None if companion is None else parent.place / companion.name
        subjects = [at] if beside is None else [beside, at]
        are_locked = [held.enter_context(sole_writer(_lock_of(subject), path)) for subject in subjects]
        clear_leftovers(at, beside, all(are_locked))
        if at.exists() and not overwrite and not _is_empty(at):
            raise InputError(f"{path} exists: choose another name or allow overwriting (--overwrite).")
        yield _Place(parent, at, beside)


@contextlib.contextmanager
def _named_by(parent: HeldFolder) -> Iterator[None]:
    """What goes wrong tells of a held folder by its own name."""
    try:
        yield
    except (InputError, OutputError) as error:
        if parent.named(str(error)) == str(error):
            raise
        raise type(error)(parent.named(str(error))) from error


def _lock_of(path: Path) -> Path:
    return path.parent / f".facedeidln-{short(path.name, 4)}.lock"


def _require_apart(path: Path, inputs: Sequence[Path]) -> None:
    given = first_that_reaches(map(Path, inputs), path)
    if given is not None:
        raise InputError(f"The output {path} is, holds or lies inside the input {given}: choose another place.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {path.parent} cannot be made ({error.strerror}): choose another place.") from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"The folder {path.parent} is not writable: choose another place.")


def _require_replaceable(path: Path) -> None:
    if path.exists():
        other = [entry.name for entry in path.iterdir() if entry.is_dir() or not entry.name.endswith(_REPLACEABLE)]
        if other and not is_certified(path):
            raise InputError(f"{path} holds other files ({other[0]}) and is not replaced: choose another folder.")


def _is_empty(path: Path) -> bool:
    return path.is_dir() and next(path.iterdir(), None) is None


@contextlib.contextmanager
def _named_as_wanted(paths: Sequence[Path], hidden: Sequence[Path]) -> Iterator[None]:
    """What goes wrong tells of the outputs by the names that somebody gave them."""
    try:
        yield
    except (InputError, OutputError) as error:
        text = str(error)
        for path, name in zip(paths, hidden, strict=True):
            text = text.replace(str(name), str(path))
        raise type(error)(text) from error


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


def _sync_folder_of(place: _Place) -> None:
    """Have the disk hold the names of an output that is there already, and say so where it fails."""
    try:
        _sync(place.parent.place)
    except OSError as error:
        raise OutputError(
            f"{place.path} was written and checked, but the disk did not confirm it ({error.strerror or error}): check the disk, then "
            "verify it."
        ) from error
