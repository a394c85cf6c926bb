"""The whole road with one damaged file: the command line's exit code is 0, 2 or 3, and with 0 the output passes an independent check."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pydicom
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.output.certificate import is_certified
from FaceDeidLNLib.output.markups import write_curve_json, write_landmarks_json
from FaceDeidLNLib.output.segments import write_segments
from FaceDeidLNLib.phantom import Phantom, make_phantom
from FaceDeidLNLib.pipeline import deface
from fuzz_mutations import cells_changed, elements_changed, inside_gzip, json_changed, lines_changed, packed_voxels_changed
from fuzz_targets import Target
from image_corpus import independently
from synthetic_study import StudyFolder, write_segmentation, write_structures
from written import write_volume

#: Voxels around a landmark that must not all be as they were.
AROUND = 3
FACE = ("pronasale", "sellion", "eye_left", "eye_right")
WORDS = ("--accept-recognisable", "--overwrite", "--quiet")


@lru_cache(maxsize=1)
def coarse_phantom() -> Phantom:
    """A phantom of few voxels."""
    return make_phantom((3.0, 3.0, 3.0), seed=3)


def make_case(folder: Path, ct: str, damaged: str, words: tuple[str, ...]) -> Path:
    """The phantom's CT and every file that a case may be given, in a folder; ``damaged`` is the one that is changed."""
    phantom = coarse_phantom()
    study = StudyFolder(folder, phantom)
    slices = study.series(phantom.ct, "dicom", "Head")
    for name in ("ct.nrrd", "ct.nii.gz", "ct.mha"):
        write_volume(phantom.ct, folder / name)
    write_structures(folder / "rs.dcm", slices[0], study)
    write_segmentation(folder / "seg.dcm", slices, study)
    labels = np.zeros(phantom.ct.array.shape, dtype=np.uint8)
    for number, node in enumerate(phantom.nodes, start=1):
        labels[node.mask.array] = number
    write_volume(phantom.ct.with_array(labels), folder / "nodes.nrrd")
    write_segments(folder / "nodes.seg.nrrd", place_segments(phantom.nodes, phantom.ct.geometry), phantom.ct)
    write_landmarks_json(folder / "marks.mrk.json", phantom.landmarks)
    (folder / "cases.csv").write_text("input,nodes,output\nct.nrrd,nodes.seg.nrrd,one.nrrd\n")
    if damaged == "curve.mrk.json":  # the points that a review gives; without its scene, whose library is not counted in the limits
        face = deface(Request(phantom.ct, protected=phantom.nodes)).face
        write_curve_json(folder / damaged, face.curve.control)
    (folder / "words.json").write_text(json.dumps([ct, *words]))
    return slices[len(slices) // 2] if damaged == "dicom" else folder / damaged


def run_case(path: Path) -> None:
    """De-identify: an output only with exit code 0, and then one whose face changed and whose nodes did not."""
    folder = path.parent if (path.parent / "words.json").exists() else path.parent.parent
    ct, *words = json.loads((folder / "words.json").read_text())
    source = folder / ct
    out = folder / ("out" if source.is_dir() else f"out{''.join(source.suffixes)}")
    given = [str(folder / word) if (folder / word).exists() else word for word in words]
    code = main(["deface", str(source), str(out), *given, *WORDS])
    try:
        _require_sound(code, source, out, "nodes.nrrd" in words and path.name != "nodes.nrrd")
    finally:
        shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)


def run_batch(path: Path) -> None:
    """A batch of a damaged table: what it releases is sound."""
    out = path.parent / "results"
    code = main(["batch", str(path), str(out), *WORDS])
    assert code in (0, 2, 3), f"exit code {code}: {sys.stderr.getvalue()[-500:]}"
    for output in out.rglob("*.nrrd"):
        assert is_certified(output), f"{output.name} has no certificate"
    shutil.rmtree(out, ignore_errors=True)


def _require_sound(code: int, source: Path, out: Path, with_nodes: bool) -> None:
    assert code in (0, 2, 3), f"exit code {code}: {sys.stderr.getvalue()[-500:]}"
    assert out.exists() == (code == 0), "an output without exit code 0, or none with it"
    if code:
        return
    before, after = _values(source), _values(out)
    assert before.shape == after.shape, "another shape"
    if with_nodes:
        kept = independently(source.parent / "nodes.nrrd")[0] > 0
        assert np.array_equal(before[kept], after[kept]), "a node changed"
    phantom = coarse_phantom()
    if before.shape != phantom.ct.array.shape:
        return
    changed = Volume(before != after, phantom.ct.geometry)
    for name in FACE:
        k, j, i = np.rint(changed.geometry.to_kji(phantom.landmarks.position(name))[0]).astype(int)
        around = tuple(slice(at - AROUND, at + AROUND + 1) for at in (k, j, i))
        assert changed.array[around].any(), f"{name} is still there"


def _values(path: Path) -> np.ndarray:
    """Values (k, j, i) by another reader; of DICOM the stored ones, in the order of the slices' places."""
    if not path.is_dir():
        return independently(path)[0]
    slices = [pydicom.dcmread(file) for file in path.iterdir()]
    return np.stack([one.pixel_array for one in sorted(slices, key=lambda one: float(one.ImagePositionPatient[2]))])


def road(name: str, ct: str, damaged: str, change: Callable, words: tuple[str, ...], read: Callable[[Path], None] = run_case) -> Target:
    """A whole road whose file ``damaged`` is changed."""
    return Target(f"whole road: {name}", partial(make_case, ct=ct, damaged=damaged, words=words), read, change)


WHOLE_ROADS = (
    road("NRRD", "ct.nrrd", "ct.nrrd", lines_changed, ("--nodes", "nodes.nrrd")),
    road("NRRD voxels", "ct.nrrd", "ct.nrrd", packed_voxels_changed, ("--nodes", "nodes.nrrd")),
    road("NIfTI", "ct.nii.gz", "ct.nii.gz", inside_gzip, ("--nodes", "nodes.nrrd")),
    road("MetaImage", "ct.mha", "ct.mha", lines_changed, ("--nodes", "nodes.nrrd")),
    road("DICOM", "dicom", "dicom", elements_changed, ()),
    road("label map", "ct.nrrd", "nodes.nrrd", packed_voxels_changed, ("--nodes", "nodes.nrrd")),
    road(".seg.nrrd", "ct.nrrd", "nodes.seg.nrrd", packed_voxels_changed, ("--nodes", "nodes.seg.nrrd")),
    road("RTSTRUCT", "dicom", "rs.dcm", elements_changed, ("--nodes", "rs.dcm", "--node-segments", "LN cheek")),
    road("DICOM SEG", "dicom", "seg.dcm", elements_changed, ("--nodes", "seg.dcm", "--node-segments", "LN cheek")),
    road("landmarks", "ct.nrrd", "marks.mrk.json", json_changed, ("--nodes", "nodes.nrrd", "--landmarks", "marks.mrk.json")),
    road("curve", "ct.nrrd", "curve.mrk.json", json_changed, ("--nodes", "nodes.nrrd", "--curve", "curve.mrk.json")),
    road("CSV", "ct.nrrd", "cases.csv", cells_changed, (), run_batch),
)
