"""The files of a review folder, and which folders they may be written to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..core.errors import InputError, OutputError
from ..core.plain_files import open_plain
from ..core.private import OWNER_FOLDER, make_private_folder, write_private
from .held_folder import HeldFolder, held_folder

SCENE_FILE = "scene.mrb"
LANDMARKS_FILE = "landmarks.mrk.json"
CURVE_FILE = "curve.mrk.json"
FACE_FILE = "face.seg.nrrd"
PROTECTED_FILE = "protected.seg.nrrd"
PICTURE_FILE = "review.png"
FIGURES_FILE = "figures.json"
SEEN_FILE = "seen.json"
BEFORE_FILE, AFTER_FILE = "before.png", "after.png"
README_FILE = "README.txt"
REVIEW_FILES = (
    SCENE_FILE,
    LANDMARKS_FILE,
    CURVE_FILE,
    FACE_FILE,
    PROTECTED_FILE,
    PICTURE_FILE,
    BEFORE_FILE,
    AFTER_FILE,
    FIGURES_FILE,
    SEEN_FILE,
    README_FILE,
)
#: First line of the README of every review folder, by which it is known again.
README_FIRST_LINE = "THIS FOLDER CONTAINS THE FACE. DO NOT SHARE IT."
_LONGEST_LINE = 200
_README = """{first_line}

It is the review material of one case: whoever has it can recognise the patient. Keep it where the original CT is kept,
and delete it when the review is done. What may be shared is the de-identified CT that was written elsewhere, and only
where its certificate says PASS, or REVIEW with a sign-off.

Verdict  {title}

scene.mrb           all of the below, with the CT before and after: open it in 3D Slicer
landmarks.mrk.json  facial landmarks; correct them in Slicer and give the file back with --landmarks
curve.mrk.json      the closed curve around the face; correct it in Slicer and give it back with --curve
face.seg.nrrd       the face segment: the voxels that may change; give it back with --face-segment
protected.seg.nrrd  the protected segments and node levels on the CT's grid
review.png          skin and slices, before and after
before.png          three of these views before, and after.png the same after: for a page of many cases
figures.json        how much of the face's skin changed and by how much; the certificate tells it in classes only
seen.json           which result this is: a sign-off (--sign-off) counts for it alone

A file that is not here was not made: the verdict says why.
"""


def require_no_file(folder: Path) -> None:
    """Raises InputError where a review folder, or a folder above it, has the name of a file."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if there.exists() and not there.is_dir():
        raise InputError(f"{there} is a file, so no review can be written there: name another --qa folder.")


def require_review_folder(folder: Path, inputs: Sequence[Path] = ()) -> None:
    """Review files may be written (and older ones replaced) here: the folder is an earlier review's, or has none of the names.

    :param inputs: files that are read; none of them is replaced, a landmark file mended by a person least of all.
    :raises InputError: otherwise.
    """
    require_no_file(folder)
    replaced = {(folder / name).resolve() for name in REVIEW_FILES}
    for given in inputs:
        if given.resolve() in replaced:
            raise InputError(f"{given} is read for this case and would be replaced by the review in {folder}: name another --qa folder.")
    there = [name for name in REVIEW_FILES if (folder / name).exists()]
    if there and not is_review(folder):
        raise InputError(f"{folder} holds a {there[0]} that is not of an earlier review and not replaced: name another --qa folder.")


def is_review(folder: Path) -> bool:
    """The folder holds an earlier review."""
    try:
        with open_plain(folder / README_FILE) as file:
            return file.readline(_LONGEST_LINE).decode(errors="replace").strip() == README_FIRST_LINE
    except OSError:
        return False


def make_review_folder(folder: Path, title: str) -> None:
    """The folder, its owner's alone, with its warning first, and nothing of an earlier review.

    One that holds other files too keeps its mode, because they may be meant for others: the review's own files are private all the same.
    """
    try:
        make_private_folder(folder)
        with held_folder(folder) as held:
            _begin(held, title)
    except OSError as error:
        raise OutputError(f"The review folder {folder} cannot be written: {error.strerror}.") from error


def _begin(held: HeldFolder, title: str) -> None:
    place = held.place
    try:
        require_review_folder(place)
    except InputError as error:
        raise InputError(held.named(str(error))) from error
    if is_review(place) or not any(place.iterdir()):
        place.chmod(OWNER_FOLDER)
    for name in REVIEW_FILES:
        (place / name).unlink(missing_ok=True)
    write_private(place / README_FILE, _README.format(first_line=README_FIRST_LINE, title=title or "not judged"))
