"""Which cases a batch has: from a folder, or from a CSV with one row per case."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from ... import __version__
from ...core.below import Entry, below, is_folder, links_below
from ...core.cells import as_cell
from ...core.errors import InputError
from ...core.private import write_private
from ...input.file_names import is_called_index
from ...input.images import image_extension, image_files
from .table import FILE_COLUMNS, rows_of

#: Bytes of a file's name, so that the certificate's beside it, which is longer, fits the 255 of most disks.
LONGEST_NAME = 235
_SEGMENTATION = (".seg.nrrd", ".seg.nhdr")
#: Of the list of what each case has read.
INPUTS_COLUMNS = ("case", "input", "files")
#: The commands that do a case.
DEFACE, STUDY = "deface", "study"
#: Shared words that only a study knows.
_OF_STUDIES = ("--one", "--withhold-doubtful")
#: Folders that a batch keeps beside its own: what was refused, and earlier releases.
QUARANTINE, SUPERSEDED = BESIDE = ("-quarantine", "-superseded")
#: What a batch writes into its folder beside the outputs.
_OWN_FILES = re.compile(r"(results|report)(-\d+-of-\d+)?\.(csv|html)|\..*", re.IGNORECASE)
#: What it writes beside the cases' folders of review material.
_OWN_PAGE = re.compile(r"review(-\d+-of-\d+)?\.html", re.IGNORECASE)


@dataclass(frozen=True)
class Case:
    """One case: its name, what is read, the output (relative to the batch's folder) and what only this case is told.

    ``command`` is what does it: ``deface`` for one CT, ``study`` for a whole study; ``sign_off`` what a person said of the last result.
    """

    name: str
    input: Path
    output: str
    files: tuple[tuple[str, Path], ...] = ()
    options: tuple[str, ...] = ()
    command: str = DEFACE
    sign_off: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """What follows ``deface INPUT OUTPUT`` for this case alone."""
        return [word for flag, path in self.files for word in (flag, str(path))] + list(self.options)

    def shared(self, words: Iterable[str]) -> list[str]:
        """Of the words that all cases of a batch share, those that this case's command knows."""
        return [word for word in words if self.command == STUDY or word not in _OF_STUDIES]

    def input_key(self) -> str:
        """A short hash that changes with the names, sizes and times of what is read."""
        return _hash([_stamp(path) for path in (self.input, *(path for _, path in self.files))])

    def options_key(self, shared: Iterable[str]) -> str:
        """A short hash that changes with the options and the program's version."""
        return _hash([__version__, self.command, self.arguments_by_name(), list(shared)])

    def without_paths(self, text: str, out_dir: Path) -> str:
        """A text without the paths and file names of what is read, which may hold patients' names, and without that of the results."""
        known = {self.input: "[input]", **{path: f"[{flag.removeprefix('--')}]" for flag, path in self.files}, out_dir: "[results]"}
        spelled = {str(form): word for path, word in known.items() for form in (path, path.absolute(), os.path.realpath(path))}
        spelled |= {str(path.absolute().parent): "[folder]" for path, word in known.items() if word != "[results]"}
        spelled |= {path.name: word for path, word in known.items() if path.name != Path(self.output).name and word != "[results]"}
        if is_folder(self.input):
            spelled |= {entry.path.name: "[file]" for entry in below(self.input)}
        for form in sorted(filter(_is_telling, spelled), key=len, reverse=True):
            plain = re.escape(form)
            if spelled[form] == "[results]":  # a folder called "out" is no part of "output"
                plain = rf"(?<!\w){plain}(?!\w)"
            text = re.sub(plain, lambda found: spelled[found[0]], text)
        return text

    def arguments_by_name(self) -> list[str]:
        """As ``arguments``, with file names only, so that moved data are still the same data."""
        return [word for flag, path in self.files for word in (flag, path.name)] + list(self.options)


def _hash(told: object) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _is_telling(text: str) -> bool:
    """Long enough to be a name, and no part of many words."""
    return len(text) > 2


def write_inputs(cases: list[Case], path: Path) -> None:
    """What was read for each case, in a file of its owner alone, apart from the results: paths often hold patients' names.

    :raises OSError: it cannot be written.
    """
    lines = io.StringIO()
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(INPUTS_COLUMNS)
    rows = ((case.name, str(case.input.absolute()), ";".join(str(path.absolute()) for _, path in case.files)) for case in cases)
    table.writerows([as_cell(text) for text in row] for row in rows)
    write_private(path, lines.getvalue())


def _stamp(path: Path) -> list[object]:
    """Of each file below a folder, or of a file, its name, size and time; why it cannot be told where it cannot."""
    if is_folder(path):
        return [_told(entry) for entry in sorted(below(path), key=lambda entry: entry.path) if entry.is_file or entry.problem]
    try:
        return [_told(Entry(path, path.stat()))]
    except FileNotFoundError:
        return []
    except OSError as error:
        return [[path.name, str(error.strerror)]]


def _told(entry: Entry) -> list[object]:
    state = entry.state
    return [entry.path.name, entry.problem] if state is None else [entry.path.name, state.st_size, state.st_mtime_ns]


def find_cases(inputs: Path, out_dir: Path, studies: bool = False, with_links: bool = True) -> list[Case]:
    """The cases of a folder (each image file, each subfolder that holds DICOM) or of a CSV; whole ``studies``, or single CTs.

    Raises InputError where there is none, where two would be written to the same place, or where an output is, holds or lies inside
    an input or, ``with_links``, what a link below an input leads to.
    """
    if inputs.is_dir():
        cases = [Case(_name(path.name), path, path.name) for path in _entries(inputs.resolve(), out_dir.resolve())]
    elif inputs.is_file():
        cases = list(_from_csv(inputs))
    else:
        raise InputError(f"There is no folder or CSV file {inputs}.")
    if not cases:
        missing = "no image file and no folder with DICOM files" if inputs.is_dir() else "give it a line for each, below the columns' names"
        raise InputError(f"{inputs} holds no case: {missing}.")
    places = Counter(_on_any_disk(case.name) for case in cases)
    for name, alike in Counter(case.name for case in cases).items():
        if (count := places[_on_any_disk(name)]) > 1:
            where = "" if count == alike else " on disks that do not tell capitals apart"
            raise InputError(f"{inputs}: {count} cases would be written to {name}.*{where}; name different outputs in a CSV.")
    _require_own_places(cases, inputs)
    _require_apart(cases, out_dir, with_links)
    return [_study(case) for case in cases] if studies else cases


def cases_now(inputs: Path, out_dir: Path, studies: bool = False) -> list[Case]:
    """As ``find_cases`` for a folder that something else writes into: empty where nothing has come yet.

    It is asked often, so that the links below an input are left to the case itself, which refuses them too.
    """
    if not any(_entries(inputs.resolve(), out_dir.resolve())):
        return []
    return find_cases(inputs, out_dir, studies, with_links=False)


def _study(case: Case) -> Case:
    """A folder as a whole study; an image file stays the one CT that it is, and so does what is not there, which its case refuses.

    Raises InputError where a study is told something that only a single CT can be told.
    """
    if not case.input.is_dir():
        return case
    told = [flag for flag, _ in case.files if flag not in ("--nodes", "--protect")] + [flag for flag in case.options if flag == "--series"]
    if told:
        raise InputError(f"{case.name}: {told[0]} is for one CT, and --studies takes whole studies: leave that column empty.")
    return replace(case, command=STUDY)


def _require_apart(cases: list[Case], out_dir: Path, with_links: bool) -> None:
    """No output is, holds or lies inside anything that a case reads."""
    given = [path for case in cases for path in (case.input, *(file for _, file in case.files))]
    links = [link for path in given for link in links_below(path)] if with_links else []
    read = {Path(os.path.realpath(part)) for part in (*(part for path in given for part in image_files(path)), *links)}
    around = {folder for path in read for folder in path.parents}
    for case in cases:
        output = (out_dir / case.output).resolve()
        if output in read or output in around or not read.isdisjoint(output.parents):
            raise InputError(f"The output {out_dir / case.output} is, holds or lies inside an input: name another place.")


def _require_own_places(cases: list[Case], inputs: Path) -> None:
    """No output is called like what the batch itself writes, and none lies inside another's."""
    names = {case.name: case for case in cases}
    for case in cases:
        parts = PurePosixPath(case.output).parts
        if _OWN_FILES.fullmatch(parts[0]) or _OWN_PAGE.fullmatch(PurePosixPath(case.name).parts[0]):
            raise InputError(
                f"{inputs}: an output cannot be called {parts[0]}, as what the batch itself writes: name another one in a CSV."
            )
        for folder in PurePosixPath(case.name).parents:
            if (around := names.get(str(folder))) is not None:
                raise InputError(f"{inputs}: the output {case.output} would lie inside {around.output}: name different places in a CSV.")


def _name(output: str) -> str:
    """What a case is called after its output; bytes that are no text are spelled."""
    return _stem(output).encode(errors="backslashreplace").decode()


def _on_any_disk(name: str) -> str:
    """A name as disks know it that tell neither capitals nor the two ways to write an umlaut apart: releases travel to them."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _stem(name: str) -> str:
    return name[: len(name) - len(image_extension(Path(name)) or "")]


def left_out_of(folder: Path, cases: list[Case], out_dir: Path) -> list[str]:
    """What lies in a folder of inputs and is no case: segmentations (only a CSV can tell whose), other files, folders without DICOM."""
    taken, out_dir = {case.input for case in cases}, out_dir.resolve()
    if not folder.is_dir() or folder.resolve() in taken:
        return []
    there = [path for path in folder.resolve().iterdir() if not path.name.startswith(".") and not _is_of_batch(path, out_dir)]
    rest = [path for path in there if path not in taken]
    voxels = {part for path in there for part in image_files(path)[1:]} if rest else set()
    return sorted(path.name for path in rest if path not in voxels)


def is_segmentation(path: Path) -> bool:
    """A file that Slicer names as a segmentation."""
    return path.name.lower().endswith(_SEGMENTATION)


def _entries(folder: Path, out_dir: Path) -> Iterator[Path]:
    if any(_is_dicom(path) for path in folder.iterdir() if path.is_file() and not is_called_index(path)):
        yield folder
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or is_segmentation(path) or _is_of_batch(path, out_dir):
            continue
        if (path.is_file() and image_extension(path)) or holds_dicom(path):
            yield path


def _is_of_batch(path: Path, out_dir: Path) -> bool:
    """The folder of results, or what the batch keeps beside it."""
    return path == out_dir or (path.parent == out_dir.parent and path.name in [out_dir.name + ending for ending in BESIDE])


def holds_dicom(path: Path) -> bool:
    """A folder with at least one DICOM file, at any depth, or with what nobody can look at: whoever does the case says so."""
    return is_folder(path) and any(_may_be_dicom(entry) for entry in below(path))


def _may_be_dicom(entry: Entry) -> bool:
    try:
        return entry.is_unseen or (entry.is_file and _is_dicom(entry.path))
    except InputError:  # it cannot be opened
        return True


def _is_dicom(path: Path) -> bool:
    from ...input.dicom_files import is_dicom

    if image_extension(path):
        return False
    if path.suffix.lower() == ".dcm":
        return True
    return is_dicom(path)


def _from_csv(path: Path) -> Iterator[Case]:
    return (_case_of_row(path.resolve().parent, row) for row in rows_of(path))


def _at_home(name: str) -> Path:
    """A path, with the folder that a shell takes ``~`` for."""
    try:
        return Path(name).expanduser()
    except RuntimeError:  # nobody of that name has one
        return Path(name)


def _case_of_row(folder: Path, row: dict[str, str]) -> Case:
    source = (folder / _at_home(row["input"])).resolve()
    output = PurePosixPath(row.get("output") or source.name)
    there = PureWindowsPath(output)  # so that a table means the same everywhere
    if output.is_absolute() or there.drive or there.root or ".." in there.parts or not output.name:
        raise InputError(f"The output {output} does not lie inside the batch's output folder: name it relative to that folder.")
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in output.parts):
        raise InputError(f"The output {str(output)[:40]}... has a name longer than disks take: name it in {LONGEST_NAME} bytes or less.")
    named = [(flag, name.strip()) for column, flag in FILE_COLUMNS.items() for name in row.get(column, "").split(";")]
    files = [(flag, folder / _at_home(name)) for flag, name in named if name]
    options = [("--node-segments", row.get("node_segments", "").replace(";", ",")), ("--series", row.get("series", ""))]
    told = tuple(word for flag, value in options if value for word in (flag, value))
    return Case(_name(str(output)), source, str(output), tuple(files), told)
