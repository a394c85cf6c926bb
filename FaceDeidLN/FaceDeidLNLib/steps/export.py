"""A released result as a file: image file or DICOM, with its certificate, under the same conditions as on the command line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import slicer

from ..clearance import clear
from ..core.ahead import told_beside
from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.progress import Alive, Progress, alive_in, idle, silent
from ..core.volume import Volume
from ..header.options import KEEP
from ..header.policy import policy_named
from ..input.case import CtInput
from ..input.dicom import read_dicom_series
from ..input.images import image_extension
from ..mrml.nodes import volume_from_node
from ..mrml.since import require_as_judged
from ..mrml.sources import source_of
from ..mrml.verdicts import StoredVerdict, ct_of, leader_of, require_verdict
from ..output.header_mappings import keep_mappings
from ..output.representable import representable
from ..output.seen import digest
from ..output.signing import require_key
from ..release import Destination, write_released
from .keywords import callable_of, place_of, result_of, text, truth
from .released import telling_releases

#: What DICOM volumes loaded by Slicer carry: the instances, separated by blanks.
INSTANCES = "DICOM.instanceUIDs"
#: Slicer derives its grid from the same headers by another route: rounding only.
SAME_PLACE_MM = 0.01
#: What numbers of few digits add to rounding to a series' steps.
_ROUNDING_HU = 0.01


@dataclass(frozen=True)
class HeaderChoice:
    """What is done to DICOM headers: "keep", "basic", "research" (with options after commas), and the files of key and pseudonyms."""

    name: str = KEEP
    key: Path | None = None
    patients: Path | None = None


_KEEP = HeaderChoice()


def export_result(
    result: slicer.vtkMRMLScalarVolumeNode,
    path: Path,
    overwrite: bool = False,
    progress: Progress | None = None,
    header: HeaderChoice = _KEEP,
    signing_key: Path | None = None,
) -> None:
    """Write a released result: an image file by its extension, or a folder of DICOM files where it has no image file's extension.

    ``signing_key`` (PEM file) signs the certificate. Nothing is left of it where ``progress`` raises.

    :raises InputError: the result is not released, it, its CT or a segment was changed after it was verified, or the place, kind or header
        is refused.
    :raises OutputError: it could not be written, or something failed after it was, which is told.
    """
    path, progress = Path(path), progress or silent
    if image_extension(path) == path.name.lower():
        raise InputError(f"path {path} has no name before its ending: name a file such as result{path.name}.")
    as_dicom = is_folder(path)
    if not as_dicom and header.name != KEEP:
        raise InputError(f"A header is cleaned in DICOM only, and {path.name} has none: export as DICOM, or choose '{KEEP}'.")
    policy = policy_named(header.name, header.key, header.patients, (path,))
    require_key(signing_key)
    stored = require_released(result)
    require_as_judged(result, stored)
    if as_dicom and leader_of(result) is not None:
        raise InputError(f'"{result.GetName()}" follows a CT: export it as NRRD or NIfTI, or its whole study as DICOM.')
    ct_node = ct_of(result)
    if ct_node is None:
        raise InputError(f'The CT of "{result.GetName()}" is not in the scene any more: load it and apply again.')
    if as_dicom and not came_from_dicom(ct_node):
        raise InputError(f'{path} names no file (.nrrd, .nii.gz), and "{ct_node.GetName()}" was not loaded from DICOM: name one.')
    name, volume, ct = result.GetName(), volume_from_node(result), _original(ct_node, as_dicom)

    def written(tell: Progress) -> None:
        tell(0.05, "checking")
        checked = volume.with_array(volume.array.copy())  # a script may write into the node's own after they were looked at
        if digest(checked) != stored.digest:
            raise InputError(f'"{name}" was changed after it was verified: verify it again.')
        source = ct.read(alive_in(tell, 0.1, "reading the original"))
        cleared = clear(stored, _as_written(source, ct.values, checked), stored.content)
        place = Destination(path, overwrite, source.files, policy, signing_key)
        write_released(source, cleared, place, alive_in(tell, 0.5, "writing and reading back"))
        keep_mappings(policy, header.key)

    with telling_releases(path):
        told_beside(written, progress)


def is_folder(path: Path) -> bool:
    """Is a place one for a folder of DICOM files, and not for an image file? Points are no endings: a folder may be named after a UID."""
    return image_extension(path) is None


def export_asked(
    resultNode: slicer.vtkMRMLScalarVolumeNode,
    path: str | Path,
    overwrite: bool,
    progress: Progress | None,
    header: str,
    keyFile: str | Path,
    signingKey: str | Path,
) -> None:
    """As ``export_result``, of the module's keywords: InputError names the one whose value is of another kind."""
    place = place_of("path", path)
    if place is None:
        raise InputError("path is empty: name a file (.nrrd, .nii.gz), or a folder for DICOM.")
    choice = HeaderChoice(text("header", header), place_of("keyFile", keyFile))
    key, told = place_of("signingKey", signingKey), callable_of("progress", progress)
    export_result(result_of(resultNode), place, truth("overwrite", overwrite), told, choice, key)


@dataclass(frozen=True, eq=False)
class _Original:
    """What a result was made of, as its node has it: it can be read without the scene. ``series`` is None for no DICOM."""

    values: Volume
    name: str
    path: Path
    series: str | None = None

    def read(self, alive: Alive = idle) -> CtInput:
        """The CT that tells how a result is written; raises as ``dicom_source``."""
        if self.series is None:
            return CtInput(self.values, self.path, "node")
        source = read_dicom_series(self.path, self.series or None, alive)
        _require_even(source)
        if not holds(source, in_order_of(source, self.values)):
            raise InputError(f'The DICOM files of "{self.name}" do not hold its voxels: export it as NRRD or NIfTI.')
        return source


def _original(ct: slicer.vtkMRMLScalarVolumeNode, as_dicom: bool) -> _Original:
    """Where a CT's node came from; raises InputError where it is to be a DICOM series and came from none."""
    path, series = _series_of(ct) if as_dicom else (_loaded_from(ct), None)
    return _Original(volume_from_node(ct), ct.GetName(), path, series)


def _as_written(ct: CtInput, before: Volume, result: Volume) -> Volume:
    """A result as its file holds it: in a series' order, with air for its padding."""
    if ct.kind != "dicom":
        return result
    result = in_order_of(ct, result)
    _require_padding_kept(ct, before, result)
    written = without_padding_of(ct, result)
    _require_storable(ct, written)
    return written


def _require_storable(ct: CtInput, result: Volume) -> None:
    """Raises InputError where a series can store a result only cut to its range of values, not merely rounded: nobody judged that."""
    stored = representable(ct, result)
    if stored is result:
        return
    least, most = min(how.slope for how in ct.stored), max(how.slope for how in ct.stored)
    off = float(np.abs(stored.array.astype(np.float64) - result.array).max())
    if off > max(abs(least), abs(most)) / 2 + _ROUNDING_HU:
        raise InputError(
            f"The DICOM files cannot hold all values of the result (they would be changed by up to {off:.0f} HU): export it as NRRD or "
            "NIfTI, or choose other values for the effect and apply again."
        )


def _require_padding_kept(ct: CtInput, before: Volume, volume: Volume) -> None:
    """Raises InputError where a result differs from its CT in what the series calls padding: DICOM keeps that as it was."""
    if ct.outside is None:
        return
    if not np.array_equal(volume.array[ct.outside], in_order_of(ct, before).array[ct.outside]):
        raise InputError("The new face reaches into what the DICOM files call padding, which they keep: export it as NRRD or NIfTI.")


def _require_even(ct: CtInput) -> None:
    """Raises InputError for slices at uneven places: what was judged here is the even grid between them, and not the slices."""
    if ct.stack is not None:
        raise InputError(
            "The slices of the series lie at uneven places, and a scene holds an even grid of them: export it as NRRD or NIfTI, or run "
            "'facedeidln deface' on the DICOM folder, which writes and judges every slice at its own place."
        )


def _loaded_from(ct: slicer.vtkMRMLScalarVolumeNode) -> Path:
    """The file that must not be overwritten: the one the CT came from; a name that no file has where there is none."""
    if source_of(ct) is not None:
        return source_of(ct)[0]
    storage = ct.GetStorageNode()
    return Path((storage.GetFileName() if storage is not None else None) or f"/{ct.GetID()} was not loaded from a file")


def require_released(result: slicer.vtkMRMLScalarVolumeNode | None) -> StoredVerdict:
    """What was recorded of a result that may leave; raises InputError with the reason where it may not."""
    stored = require_verdict(result)
    if not stored.released:
        raise InputError(f"The result is not released, so it cannot be exported: {stored.refusal}.")
    return stored


def dicom_files(ct: slicer.vtkMRMLScalarVolumeNode | None, most: int | None = None) -> tuple[Path, ...]:
    """The DICOM files (the first ``most``) that a CT was loaded from; empty where it was not, or the database does not know them."""
    uids = "" if ct is None else ct.GetAttribute(INSTANCES) or ""
    database = getattr(slicer, "dicomDatabase", None)
    if not uids or database is None:
        return ()
    found = [database.fileForInstance(uid) for uid in uids.split()[:most]]
    return tuple(Path(name) for name in found) if all(name and Path(name).is_file() for name in found) else ()


def came_from_dicom(ct: slicer.vtkMRMLScalarVolumeNode | None) -> bool:
    """Is the series known that a CT was loaded from? Only then can its result become DICOM, and its study be planned."""
    return ct is not None and (bool(dicom_files(ct)) or source_folder(ct) is not None)


def source_folder(ct: slicer.vtkMRMLScalarVolumeNode) -> tuple[Path, str] | None:
    """The DICOM folder and the series that this project read a CT from."""
    source = source_of(ct)
    return source if source is not None and source[0].is_dir() else None


def dicom_source(ct: slicer.vtkMRMLScalarVolumeNode, alive: Alive = idle) -> CtInput:
    """The DICOM series that a CT's node was loaded from.

    :raises InputError: it was not loaded from DICOM, its slices are uneven, or the files do not hold the node's voxels.
    """
    return _original(ct, as_dicom=True).read(alive)


def _series_of(ct: slicer.vtkMRMLScalarVolumeNode) -> tuple[Path, str]:
    """Folder and series (empty: the only one) that a CT's node was loaded from; raises InputError where that was no DICOM."""
    files, read_here = dicom_files(ct), source_folder(ct)
    if files:
        folder = Path(os.path.commonpath([file.parent for file in files]))
        return folder, str(pydicom.dcmread(files[0], stop_before_pixels=True, specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID)
    if read_here is None:
        raise InputError(f'"{ct.GetName()}" was not loaded from DICOM: export it as NRRD or NIfTI.')
    return read_here


def holds(ct: CtInput, volume: Volume) -> bool:
    """Are a volume's voxels those of a series? Padding, which the series' reader takes for air, is as it was stored in a node."""
    return np.array_equal(ct.volume.array, without_padding_of(ct, volume).array)


def without_padding_of(ct: CtInput, volume: Volume) -> Volume:
    """A volume in a series' order with air where the series has padding."""
    if ct.outside is None:
        return volume
    array = volume.array.copy()
    array[ct.outside] = ct.volume.array[ct.outside]
    return volume.with_array(array)


def in_order_of(ct: CtInput, volume: Volume) -> Volume:
    """The volume's voxels in the series' own order and scalar type; raises InputError where it lies elsewhere or has fractions of HU."""
    grid = volume.geometry
    last_first = np.array(grid.ijk_to_lps)
    last_first[:3, 3] += (grid.shape[0] - 1) * last_first[:3, 2]
    last_first[:3, 2] *= -1.0
    for step, matrix in ((1, grid.ijk_to_lps), (-1, last_first)):
        if ct.volume.geometry.same_as(Geometry(grid.shape, matrix), SAME_PLACE_MM):
            values = volume.array[::step].astype(ct.volume.array.dtype)
            if values.dtype.kind in "iu" and not np.array_equal(values, volume.array[::step]):
                raise InputError("The DICOM files hold whole numbers, and the volume other values: export it as NRRD or NIfTI.")
            return Volume(values, ct.volume.geometry)
    raise InputError("The CT was moved or resampled after it was loaded from DICOM: export it as NRRD or NIfTI.")
