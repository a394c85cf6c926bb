"""The files of a review folder, and which folders they may be written to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..core.errors import InputError

SCENE_FILE = "scene.mrb"
LANDMARKS_FILE = "landmarks.mrk.json"
CURVE_FILE = "curve.mrk.json"
FACE_FILE = "face.seg.nrrd"
PROTECTED_FILE = "protected.seg.nrrd"
PICTURE_FILE = "review.png"
FIGURES_FILE = "figures.json"
README_FILE = "README.txt"
REVIEW_FILES = (SCENE_FILE, LANDMARKS_FILE, CURVE_FILE, FACE_FILE, PROTECTED_FILE, PICTURE_FILE, FIGURES_FILE, README_FILE)
#: First line of the README of every review folder, by which it is known again.
README_FIRST_LINE = "THIS FOLDER CONTAINS THE FACE. DO NOT SHARE IT."


def require_review_folder(folder: Path, inputs: Sequence[Path] = ()) -> None:
    """Review files may be written (and older ones replaced) here: the folder is an earlier review's, or has none of the names.

    :param inputs: files that are read; none of them is replaced, a landmark file mended by a person least of all.
    :raises InputError: otherwise.
    """
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
        with (folder / README_FILE).open(encoding="utf-8", errors="replace") as lines:
            return lines.readline().strip() == README_FIRST_LINE
    except OSError:
        return False
