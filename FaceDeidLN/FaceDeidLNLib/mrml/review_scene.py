"""The review folder: everything a human needs to judge a case, and to mend it in Slicer. It contains the face."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import slicer
from vtkmodules.vtkCommonCore import vtkLogger, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

from ..core.ahead import awaited, made_beside
from ..core.errors import OutputError
from ..core.guard import removed_with_us
from ..core.private import OWNER_FILE, OWNER_FOLDER, write_private
from ..core.progress import idle
from ..core.volume import Volume
from ..output.held_folder import HeldFolder, held_folder
from ..output.panels import Drawn, Shown, draw, shown
from ..output.pictures import review_picture
from ..output.review_folder import (
    AFTER_FILE,
    BEFORE_FILE,
    CURVE_FILE,
    FACE_FILE,
    FIGURES_FILE,
    LANDMARKS_FILE,
    PICTURE_FILE,
    PROTECTED_FILE,
    README_FILE,
    SCENE_FILE,
    make_review_folder,
)
from .bundle import fill_bundle, one_voxel_like
from .candidates import made_here
from .case import CaseMaterial, CaseNodes, add_case
from .links import link
from .nodes import add_skin_model, fill_skin
from .protection import check
from .scene import SceneContext, new_context
from .volumes import add_ct, shared_image_of


def write_review(folder: Path, material: CaseMaterial, drawn: Future[Drawn] | None = None) -> list[Path]:
    """Write the review folder of a case and return the files written; files of an earlier review are replaced.

    Nobody but their owner can read them, whatever the umask is. The scene is built apart from any scene that is open.
    ``drawn``: the material's pictures, which somebody draws already.

    :raises InputError: the folder is no earlier review and holds files of these names.
    :raises OutputError: a file cannot be written.
    """
    folder = Path(folder).absolute()
    begun = contextlib.nullcontext(drawn) if drawn is not None else made_beside(lambda alive: draw(_pictured(material), alive))
    with _quiet(), begun as drawing:
        return _write_all(folder, material, drawing)


def _pictured(material: CaseMaterial) -> Shown:
    return shown(material.ct, material.result, material.face, material.protected)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """VTK's remarks on single points of a curve that meet no skin are not for whoever started the work; errors still are."""
    before = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    try:
        yield
    finally:
        vtkLogger.SetStderrVerbosity(before)


def _write_all(folder: Path, material: CaseMaterial, drawn: Future[Drawn]) -> list[Path]:
    """Everything is written in a hidden folder of its owner alone, in the review folder itself whatever its name leads to meanwhile.

    What MRML packs on the way, which holds the face, goes whatever happens, and with a process that is killed.
    """
    make_review_folder(folder, material.title)
    try:
        with held_folder(folder) as held, _hidden(held) as hidden:
            return [folder / name for name in (README_FILE, *_written(held, hidden, material, drawn))]
    except OSError as error:
        raise OutputError(f"The review folder {folder} cannot be written: {error.strerror or error}.") from error


def _written(held: HeldFolder, hidden: Path, material: CaseMaterial, drawn: Future[Drawn]) -> list[str]:
    try:
        names = [path.name for path in _write_into(hidden, material, drawn) if path.exists()]
        held.require_unmoved()
    except OutputError as error:
        raise OutputError(held.named(str(error).replace(f"{hidden}/", f"{held.place}/"))) from error
    for name in names:
        (hidden / name).chmod(OWNER_FILE)  # a mask (umask) for the time of this work would hold for other threads, too
        (hidden / name).replace(held.place / name)
    return names


@contextlib.contextmanager
def _hidden(held: HeldFolder) -> Iterator[Path]:
    name = f".{secrets.token_hex(8)}.partial"
    with removed_with_us(held.path / name):
        try:
            (held.place / name).mkdir(mode=OWNER_FOLDER)
            yield held.place / name
        finally:
            shutil.rmtree(held.place / name, ignore_errors=True)
            held.remove(name)


def _write_into(folder: Path, material: CaseMaterial, drawn: Future[Drawn]) -> list[Path]:
    """The files of a review, some of which may not be there."""
    own, volumes = _write_small(folder, material)
    scene, whole, masks = folder / SCENE_FILE, folder / f"_{SCENE_FILE}", {file.name for file in own} & {FACE_FILE, PROTECTED_FILE}
    with made_beside(lambda alive: fill_bundle(scene, whole, volumes, masks, alive)) as filled:
        review_picture(drawn.result(), folder / PICTURE_FILE, material.title)
        awaited(filled, idle)
    _unpack(whole, own)
    scene.unlink()  # else ext4 writes all of a file to the disk that takes another's name
    whole.replace(scene)
    written = [scene, *own]
    if material.figures is not None:
        write_private(folder / FIGURES_FILE, json.dumps(material.figures, indent=2) + "\n")
        written.append(folder / FIGURES_FILE)
    return [*written, folder / BEFORE_FILE, folder / AFTER_FILE, folder / PICTURE_FILE]


def _write_small(folder: Path, material: CaseMaterial) -> tuple[list[Path], dict[str, np.ndarray]]:
    """Write the scene with a voxel of each volume, and forget it; returns what is to be unpacked, and the volumes by their files."""
    context = new_context()
    nodes = _add_to(context, material)
    for node in filter(None, (nodes.face, nodes.protected)):
        node.AddDefaultStorageNode()
        node.GetStorageNode().SetCropToMinimumExtent(True)  # else each is as large as the CT
        node.GetStorageNode().SetUseCompression(False)  # which is done beside the pictures
    volumes = _with_one_voxel(folder, ((nodes.ct, material.ct), (nodes.result, material.result)))
    own = _named(folder, nodes)
    _write_scene(context, folder / SCENE_FILE)
    if nodes.protected is not None:
        _emptied(nodes.protected.GetSegmentation())
    return own, volumes


def _emptied(segmentation: slicer.vtkSegmentation) -> None:
    """Take the voxels from segments that go: else each is cut out of those with which it shares them before it goes."""
    for identifier in segmentation.GetSegmentIDs():
        segmentation.GetSegment(identifier).RemoveAllRepresentations()


def _named(folder: Path, nodes: CaseNodes) -> list[Path]:
    """Have the nodes that can be given back stored under the names by which they are known; returns their files."""
    return [
        folder / name
        for node, name in (
            (nodes.landmarks, LANDMARKS_FILE),
            (nodes.curve, CURVE_FILE),
            (nodes.face, FACE_FILE),
            (nodes.protected, PROTECTED_FILE),
        )
        if node is not None and _stored_as(node, folder / name)
    ]


def _with_one_voxel(folder: Path, volumes: Sequence[tuple[slicer.vtkMRMLScalarVolumeNode | None, Volume | None]]) -> dict[str, np.ndarray]:
    """Leave volume nodes one voxel each to be written; returns what their files, by name, are to hold.

    While MRML writes and packs voxels nothing else is at work, and each of them is read and written three times.
    """
    arrays = {}
    for node, volume in volumes:
        if node is not None:
            file = folder / f"{node.GetName()}.nrrd"
            _stored_as(node, file)
            node.GetStorageNode().SetUseCompression(False)  # the noise of a CT halves at best, for more time than all else here takes
            node.SetAndObserveImageData(one_voxel_like(volume.array))
            arrays[file.name] = volume.array
    return arrays


def _add_to(context: SceneContext, material: CaseMaterial) -> CaseNodes:
    """The case in a scene that only lives while it is written: its volumes are the material's own memory, not copies of it.

    The skin comes last and in silence: the curve, whose file holds its control points alone, would look for its way on it.
    """
    ct = add_ct(context, material.ct, "CT", image=shared_image_of(material.ct))
    skin = None if material.skin is None else add_skin_model(context, _triangle(), f"{ct.GetName()} skin", ct)
    result = None if material.result is None else shared_image_of(material.result)
    nodes = add_case(context, replace(material, image=result, skin=None), CaseNodes(ct=ct, skin=skin))
    if skin is not None:
        skin.DisableModifiedEventOn()
        fill_skin(skin, material.skin)
    _to_be_mended(nodes, material.levels)
    return nodes


def _to_be_mended(nodes: CaseNodes, levels: int) -> None:
    """Let the module's panel take up what the scene holds, as if it was made there: a point that is moved counts, and the nodes stay.

    Of the protected segments the last ``levels`` are node levels, which are found anew.
    """
    for role in ("landmarks", "curve", "face", "skin"):
        link(nodes.ct, role, getattr(nodes, role))
    identifiers = () if nodes.protected is None else nodes.protected.GetSegmentation().GetSegmentIDs()
    drawn = len(identifiers) - levels
    link(nodes.ct, "protected" if drawn > 0 else "kept", nodes.protected)
    if drawn > 0:
        made_here(nodes.protected, False)
        for place, identifier in enumerate(identifiers):
            check(nodes.protected, identifier, place < drawn)


def _triangle() -> vtkPolyData:
    """The least surface."""
    points, corners, surface = vtkPoints(), vtkCellArray(), vtkPolyData()
    for place in ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)):
        points.InsertNextPoint(place)
    corners.InsertNextCell(3, (0, 1, 2))
    surface.SetPoints(points)
    surface.SetPolys(corners)
    return surface


def _stored_as(node: slicer.vtkMRMLStorableNode, path: Path) -> bool:
    """Give a node's file its name, which it keeps in the scene's bundle."""
    if node.GetStorageNode() is None:
        node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName(str(path))
    return True


def _unpack(scene: Path, files: Sequence[Path]) -> None:
    """The files of these names that were packed into a scene, beside it: writing a segmentation once more takes long."""
    with zipfile.ZipFile(scene) as bundle:
        packed = {PurePosixPath(name).name: name for name in bundle.namelist()}
        for file in files:
            if file.name not in packed:
                raise OutputError(f"{file} cannot be written: is the disk full?")
            file.write_bytes(bundle.read(packed[file.name]))


def _write_scene(context: SceneContext, path: Path) -> Path:
    context.scene.SetRootDirectory(str(path.parent))
    if not context.scene.WriteToMRB(str(path)) or not path.is_file():
        raise OutputError(f"{path} cannot be written: is the disk full?")
    return path
