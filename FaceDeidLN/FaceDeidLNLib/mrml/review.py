"""The review folder: everything a human needs to judge a case, and to mend it in Slicer. It contains the face."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import slicer
import vtk

from ..core.errors import OutputError
from ..core.private import OWNER_FOLDER, owner_only, write_private
from ..output.pictures import review_picture
from ..output.review_files import (
    CURVE_FILE,
    FACE_FILE,
    FIGURES_FILE,
    LANDMARKS_FILE,
    PICTURE_FILE,
    PROTECTED_FILE,
    README_FILE,
    README_FIRST_LINE,
    REVIEW_FILES,
    SCENE_FILE,
    is_review,
    require_review_folder,
)
from .case import CaseMaterial, CaseNodes, add_case
from .scene import SceneContext, new_context

_README = """{first_line}

It is the review material of one case: whoever has it can recognise the patient. Keep it where the original CT is kept,
and delete it when the review is done. What may be shared is the de-identified CT that was written elsewhere, and only
where its certificate says PASS.

Verdict  {title}

scene.mrb           all of the below, with the CT before and after: open it in 3D Slicer
landmarks.mrk.json  facial landmarks; correct them in Slicer and give the file back with --landmarks
curve.mrk.json      the closed curve around the face; correct it in Slicer and give it back with --curve
face.seg.nrrd       the face segment: the voxels that may change; give it back with --face-segment
protected.seg.nrrd  the protected segments and node levels on the CT's grid
review.png          skin and slices, before and after
figures.json        how much of the face's skin changed and by how much; the certificate tells it in classes only

A file that is not here was not made: the verdict says why.
"""


def write_review(folder: Path, material: CaseMaterial) -> list[Path]:
    """Write the review folder of a case and return the files written; files of an earlier review are replaced.

    Nobody but their owner can read them, whatever the umask is. The scene is built apart from any scene that is open.

    :raises InputError: the folder is no earlier review and holds files of these names.
    :raises OutputError: a file cannot be written.
    """
    folder = Path(folder).absolute()
    with owner_only(), _quiet():
        return _write_all(folder, material)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """VTK's remarks on single points of a curve that meet no skin are not for whoever started the work; errors still are."""
    before = vtk.vtkLogger.GetCurrentVerbosityCutoff()
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
    try:
        yield
    finally:
        vtk.vtkLogger.SetStderrVerbosity(before)


def _write_all(folder: Path, material: CaseMaterial) -> list[Path]:
    _make_ready(folder, material.title)
    context = new_context()
    nodes = add_case(context, material)
    written = [folder / README_FILE]
    for node, name in (
        (nodes.landmarks, LANDMARKS_FILE),
        (nodes.curve, CURVE_FILE),
        (nodes.face, FACE_FILE),
        (nodes.protected, PROTECTED_FILE),
    ):
        if node is not None:
            written.append(_write_node(node, folder / name))
    if material.figures is not None:
        write_private(folder / FIGURES_FILE, json.dumps(material.figures, indent=2) + "\n")
        written.append(folder / FIGURES_FILE)
    review_picture(material.ct, material.result, material.face, material.protected, folder / PICTURE_FILE, material.title)
    written += [folder / PICTURE_FILE, _write_scene(context, nodes, folder / SCENE_FILE)]
    return written


def _make_ready(folder: Path, title: str) -> None:
    """The folder, its owner's alone, with its warning first, and nothing of an earlier review.

    One that holds other files too keeps its mode, because they may be meant for others: the review's own files are private all the same.
    """
    require_review_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if is_review(folder) or not any(folder.iterdir()):
            folder.chmod(OWNER_FOLDER)
        for name in REVIEW_FILES:
            (folder / name).unlink(missing_ok=True)
        write_private(folder / README_FILE, _README.format(first_line=README_FIRST_LINE, title=title or "not judged"))
    except OSError as error:
        raise OutputError(f"The review folder {folder} cannot be written: {error.strerror}.") from error


def _write_node(node: slicer.vtkMRMLStorableNode, path: Path) -> Path:
    node.AddDefaultStorageNode()
    storage = node.GetStorageNode()
    storage.SetFileName(str(path))
    if not storage.WriteData(node) or not path.is_file():
        raise OutputError(f"{path} cannot be written: is the disk full?")
    return path


def _write_scene(context: SceneContext, nodes: CaseNodes, path: Path) -> Path:
    context.scene.SetRootDirectory(str(path.parent))
    if not context.scene.WriteToMRB(str(path)) or not path.is_file():
        path.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: is the disk full?")
    return path
