"""Further objects of the synthetic study: multi-frame images, segmentations of all types, phases, a tilted CT, and what is withheld."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import highdicom
import numpy as np
import pydicom
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume, resample
from FaceDeidLNLib.phantom import Phantom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from scipy import ndimage
from synthetic_study import MR, PET, StudyFolder, coarse, write_whole_study

_LEGACY = {
    "CT": highdicom.legacy.LegacyConvertedEnhancedCTImage,
    "MR": highdicom.legacy.LegacyConvertedEnhancedMRImage,
    "PT": highdicom.legacy.LegacyConvertedEnhancedPETImage,
}
#: What highdicom wants to find in the headers of its sources.
_WANTED = {
    "StudyID": "1",
    "StudyTime": "120000",
    "PatientBirthDate": "",
    "PatientSex": "",
    "AccessionNumber": "",
    "ReferringPhysicianName": "",
    "Manufacturer": "maker",
    "SeriesNumber": "1",
    "SliceThickness": "3.0",
    "AcquisitionNumber": "1",
    "AcquisitionDate": "20200102",
    "AcquisitionTime": "120000",
    "ContentDate": "20200102",
    "ContentTime": "120000",
    "KVP": "120",
    "PatientPosition": "HFS",
    "PositionReferenceIndicator": "",
}
TILT_DEGREES = 15.0


def sources_of(paths: Sequence[Path]) -> list[Dataset]:
    """The data sets of a series with what highdicom asks of its sources."""
    datasets = [pydicom.dcmread(path) for path in paths]
    for dataset in datasets:
        for keyword, value in _WANTED.items():
            if keyword not in dataset:
                setattr(dataset, keyword, value)
    return datasets


def write_multiframe(paths: Sequence[Path], out: Path, description: str) -> None:
    """One multi-frame object, as archives convert them, in the place of a series of slices."""
    datasets = sources_of(paths)
    image = _LEGACY[datasets[0].Modality](datasets, generate_uid(prefix=None), 5, generate_uid(prefix=None), 1)
    image.SeriesDescription = description
    image.save_as(out)
    shutil.rmtree(paths[0].parent)


def write_segments(path: Path, ct: Sequence[Path], study: StudyFolder, kind: str, shrunk_mm: float = 0.0) -> None:
    """A segmentation object of the head, which may be shrunk, and a node: BINARY, FRACTIONAL with soft borders, or LABELMAP."""
    head, node = study.phantom.ct.array > -400, study.phantom.segment("LN cheek left").mask.array
    if shrunk_mm:
        head = ndimage.distance_transform_edt(head, sampling=study.phantom.ct.geometry.sampling) > shrunk_mm
    if kind == "LABELMAP":
        pixels = np.where(node, 2, head.astype(np.uint8)).astype(np.uint8)
    elif kind == "FRACTIONAL":
        pixels = np.stack([np.where(part > 0.05, part, 0.0) for part in (_soft(head), _soft(node))], axis=-1)
    else:
        pixels = np.stack([head, node], axis=-1).astype(np.uint8)
    code = highdicom.sr.CodedConcept("123037004", "SCT", "Anatomical structure")
    manual = highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
    described = [highdicom.seg.SegmentDescription(n, name, code, code, manual) for n, name in ((1, "Segment_1"), (2, "LN cheek"))]
    series, instance = generate_uid(prefix=None), generate_uid(prefix=None)
    more = {"series_description": f"Segments {kind.lower()}"}
    segmentation = highdicom.seg.Segmentation(
        sources_of(ct), pixels, kind, described, series, 9, instance, 1, "maker", "model", "1", "1", **more
    )
    segmentation.save_as(path)


def _soft(mask: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(mask.astype(np.float32), 0.7)


def tilted(ct: Volume) -> Volume:
    """The head as a gantry tilted by TILT_DEGREES shows it: slices of 5 mm whose places do not lie along their normal."""
    low, high = ct.geometry.corners().min(0), ct.geometry.corners().max(0)
    turn = np.radians(TILT_DEGREES)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = (3.4, 0, 0), (0, 3.4 * np.cos(turn), 3.4 * np.sin(turn))
    matrix[:3, 2], matrix[:3, 3] = (0, 0, 5.0), low
    size = high - low
    return resample(ct, Geometry((int(size[2] / 5), int(size[1] / 3.4 / np.cos(turn)), int(size[0] / 3.4)), matrix), fill=-1000.0)


def pet_of(ct: Volume, seed: int = 4) -> Volume:
    """A PET of a CT's grid: body at its own level and noise."""
    body = np.clip((ct.array + 400) / 20, 0, 40)
    return ct.with_array(np.maximum(10 * body + 8 * np.random.default_rng(seed).normal(0, 1.0, body.shape), 0))


def mr_of(ct: Volume, seed: int = 5) -> Volume:
    """An MR of a CT's grid."""
    return ct.with_array(np.where(ct.array > -400, 300.0, 20.0) + np.random.default_rng(seed).normal(0, 10, ct.array.shape))


def noisy(ct: Volume, seed: int, deviation: float = 40.0) -> Volume:
    """Another reconstruction of a CT."""
    noise = np.random.default_rng(seed).normal(0, deviation, ct.array.shape)
    return ct.with_array(np.clip(ct.array + noise, -1024, 3000))


def write_phases(study: StudyFolder, description: str, phases: int = 2) -> None:
    """A 4D CT: one series whose slices lie at the same places once per phase."""
    uid = generate_uid(prefix=None)
    for phase in range(phases):
        more = {"TemporalPositionIdentifier": phase + 1, "SeriesInstanceUID": uid}
        study.series(noisy(study.phantom.ct, 20 + phase, 20.0), f"phase{phase}", description, **more)


def write_every_object(folder: Path, phantom: Phantom) -> StudyFolder:
    """A study with at least one object of every row of the table of outcomes."""
    study = write_whole_study(folder, phantom)
    ct = sorted((folder / "ct").iterdir())
    study.series(noisy(phantom.ct, 3), "sharp", "Head sharp")
    derived = {"ImageType": ["DERIVED", "PRIMARY", "MPR"]}
    study.series(study.coronal(), "coronal", "Head coronal", **derived)
    study.series(tilted(phantom.ct), "tilted", "Head tilted", **derived)
    write_phases(study, "Head 4D")
    write_multiframe(study.series(noisy(phantom.ct, 6), "enhanced", "", **derived), folder / "enhanced.dcm", "Head multi-frame")
    write_multiframe(study.series(pet_of(coarse(phantom.ct, 4.0), 8), "p", "", 0.0, **PET), folder / "pet.dcm", "PET multi-frame")
    write_multiframe(study.series(mr_of(coarse(phantom.ct, 3.0), 9), "m", "", 0.0, **MR), folder / "mr.dcm", "MR multi-frame")
    for kind in ("FRACTIONAL", "LABELMAP"):
        write_segments(folder / f"seg-{kind.lower()}.dcm", ct, study, kind)
    write_withheld(folder, ct[0])
    return study


#: By the name of the object: SOP class below 1.2.840.10008.5.1.4.1.1, modality and image type.
WITHHELD = {
    "Scout": ("2", "CT", ["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    "Secondary capture": ("7", "OT", ["DERIVED", "SECONDARY"]),
    "Rendering": ("2", "CT", ["DERIVED", "SECONDARY", "VOLUME RENDERING"]),
    "Deformable registration": ("66.3", "REG", None),
    "Surface": ("66.5", "SEG", None),
    "Report as PDF": ("104.1", "DOC", None),
    "Waveform": ("9.1.1", "ECG", None),
    "Unknown": ("999", "OT", None),
}


def write_withheld(folder: Path, like: Path) -> None:
    """One object of each kind that never leaves; for the plan their headers count."""
    for number, (name, (root, modality, kinds)) in enumerate(WITHHELD.items()):
        dataset = pydicom.dcmread(like)
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = f"1.2.840.10008.5.1.4.1.1.{root}"
        dataset.SOPInstanceUID, dataset.SeriesInstanceUID = generate_uid(prefix=None), generate_uid(prefix=None)
        dataset.SeriesDescription, dataset.Modality = name, modality
        if kinds is not None:
            dataset.ImageType = kinds
        dataset.save_as(folder / f"withheld{number}.dcm")
