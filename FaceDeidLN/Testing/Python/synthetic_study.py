"""One study of the synthetic head with every family of objects, as scanners and planning systems write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from contourpy import contour_generator
from dicom_series import Series, write_series
from FaceDeidLNLib import pipeline
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.skin import skin_depth
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Box, Geometry
from FaceDeidLNLib.core.volume import Volume, canonical_grid, resample
from FaceDeidLNLib.phantom import Phantom, make_phantom
from FaceDeidLNLib.study import ct as ct_family
from FaceDeidLNLib.study import decide_ct
from FaceDeidLNLib.study.hidden import HiddenFace
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

#: Coarser than the phantom of other tests: a study holds many series.
STUDY_SPACING_MM = (3.6, 3.4, 4.0)


@lru_cache(maxsize=1)
def study_phantom() -> Phantom:
    """The head of synthetic studies; the same object for all tests."""
    return make_phantom(STUDY_SPACING_MM, seed=1)


def remembered(patch: pytest.MonkeyPatch) -> None:
    """The same CT with the same parameters is de-identified, and looked at for landmarks, once in all tests of a process."""
    for module, name in ((pipeline, "deface"), (ct_family, "deface"), (ct_family, "detect_landmarks"), (decide_ct, "detect_landmarks")):
        patch.setattr(module, name, _remembering(getattr(module, name), _KNOWN.setdefault(name, {})))
    patch.setattr(HiddenFace, "of", staticmethod(_remembering_hidden(HiddenFace.of)))


#: What was found of which CT.
_KNOWN: dict[str, dict[tuple[object, ...], Any]] = {}


def _remembering_hidden(function: Callable[..., HiddenFace]) -> Callable[..., HiddenFace]:
    known = _KNOWN.setdefault("hidden", {})

    def remember(state: Any, protected: Any, random: Any) -> HiddenFace:
        if id(state) not in known:
            known[id(state)] = (state, function(state, protected, random))  # the state stays, so that nothing else gets its number
        return known[id(state)][1]

    return remember


def _remembering(function: Callable[..., Any], known: dict[tuple[object, ...], Any]) -> Callable[..., Any]:
    def remember(asked: Any, *more: object, **rest: object) -> Any:
        volume = asked.ct if isinstance(asked, Request) else asked
        more_asked = (asked.parameters, len(asked.protected)) if isinstance(asked, Request) else ()
        key = (volume.array.tobytes(), str(volume.array.dtype), volume.geometry.ijk_to_lps.tobytes(), *more_asked)
        if key not in known:
            known[key] = function(asked, *more, **rest)
        return known[key]

    return remember


@dataclass
class StudyFolder:
    """Where a synthetic study lies, and the UIDs its objects share."""

    folder: Path
    phantom: Phantom
    study: str = field(default_factory=lambda: generate_uid(prefix=None))
    frame: str = field(default_factory=lambda: generate_uid(prefix=None))

    def series(self, volume: Volume, name: str, description: str, intercept: float = -1024.0, **tags: object) -> list[Path]:
        """A CT (or, by tags, another) series of a volume in HU."""
        matrix = volume.geometry.ijk_to_lps
        spacing = volume.geometry.spacing
        series = Series(
            np.maximum(np.rint(volume.array - intercept), 0).astype(np.int32),
            intercept=intercept,
            rows=(matrix[:3, :2] / spacing[:2]).T,
            step=matrix[:3, 2],
            origin=matrix[:3, 3],
            spacing=(spacing[1], spacing[0]),
            study=self.study,
            frame=self.frame,
            tags={"SeriesDescription": description, **tags},
        )
        return write_series(self.folder / name, series, shuffle_seed=None)

    def coronal(self) -> Volume:
        """The head reformatted in coronal slices of 4.5 mm."""
        ct = self.phantom.ct
        low, high = ct.geometry.corners().min(0), ct.geometry.corners().max(0)
        matrix = np.eye(4)
        matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = (3.4, 0, 0), (0, 0, -3.4), (0, 4.5, 0)
        matrix[:3, 3] = low[0], low[1], high[2]
        size = (int((high - low)[1] / 4.5), int((high - low)[2] / 3.4), int((high - low)[0] / 3.4))
        return resample(ct, type(ct.geometry)(size, matrix))


def write_ct_study(folder: Path, phantom: Phantom) -> StudyFolder:
    """A thin CT, another kernel of it, a coronal reformat, a scout, a secondary capture and an object of an unknown class."""
    study = StudyFolder(folder, phantom)
    thin = study.series(phantom.ct, "a", "Head thin")
    noise = np.random.default_rng(3).normal(0, 40, phantom.ct.array.shape)
    study.series(phantom.ct.with_array(np.clip(phantom.ct.array + noise, -1024, 3000)), "b", "Head sharp")
    study.series(study.coronal(), "c", "Head coronal", ImageType=["DERIVED", "PRIMARY", "MPR"])
    study.series(_few(phantom.ct), "d", "Scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    for name, sop_class in (("sc", "1.2.840.10008.5.1.4.1.1.7"), ("unknown", "1.2.840.10008.5.1.4.1.1.999")):
        dataset = pydicom.dcmread(thin[0])
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
        dataset.SOPInstanceUID, dataset.SeriesInstanceUID = generate_uid(prefix=None), generate_uid(prefix=None)
        dataset.save_as(folder / f"{name}.dcm")
    return study


def _few(ct: Volume) -> Volume:
    return ct.crop(Box((0, 0, 0), (2, *ct.array.shape[1:])))


def write_whole_study(folder: Path, phantom: Phantom) -> StudyFolder:
    """A CT and one object of every other family: PET, MR of another frame with its registration, RT and segmentation objects, documents."""
    study = StudyFolder(folder, phantom)
    ct = study.series(phantom.ct, "ct", "Head")
    pet = coarse(phantom.ct, 4.0)
    body = np.clip((pet.array + 400) / 20, 0, 40)
    noise = np.random.default_rng(4).normal(0, 1.0, body.shape)
    study.series(pet.with_array(np.maximum(10 * body + 8 * noise, 0)), "pet", "PET", 0.0, **PET)
    other = StudyFolder(folder, phantom, study.study)
    mr = coarse(phantom.ct, 3.0)
    matrix = np.eye(4)
    matrix[:3, 3] = SHIFT_MM
    mr = Volume(
        np.where(mr.array > -400, 300.0, 20.0) + np.random.default_rng(5).normal(0, 10, mr.array.shape),
        Geometry(mr.array.shape, matrix @ mr.geometry.ijk_to_lps),
    )
    other.series(mr, "mr", "T1", 0.0, **MR)
    write_registration(folder / "reg.dcm", ct[0], study, other)
    write_structures(folder / "rtstruct.dcm", ct[0], study)
    write_dose(folder / "dose.dcm", ct[0], study)
    write_segmentation(folder / "seg.dcm", ct, study)
    write_key_objects(folder / "ko.dcm", ct[0], study)
    return study


PET = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.128", "Modality": "PT"}
MR = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}
#: From the CT's to the MR's frame of reference.
SHIFT_MM = (5.0, -7.0, 11.0)


def coarse(ct: Volume, spacing: float) -> Volume:
    """The CT on an isotropic grid."""
    return resample(ct, canonical_grid(ct.geometry.corners(), spacing))


def _object(source: Path, sop_class: str, modality: str, description: str) -> Dataset:
    like = pydicom.dcmread(source, stop_before_pixels=True)
    dataset = Dataset()
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "StudyDate"):
        setattr(dataset, keyword, getattr(like, keyword))
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.SeriesInstanceUID = sop_class, generate_uid(prefix=None), generate_uid(prefix=None)
    dataset.Modality, dataset.SeriesDescription = modality, description
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = sop_class, dataset.SOPInstanceUID
    return dataset


def _reference(path: Path) -> Dataset:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    return item


def write_registration(path: Path, ct: Path, study: StudyFolder, other: StudyFolder) -> None:
    """A rigid registration of the MR's frame of reference to the CT's."""
    dataset = _object(ct, "1.2.840.10008.5.1.4.1.1.66.1", "REG", "MR to CT")
    matrix = np.eye(4)
    matrix[:3, 3] = -np.array(SHIFT_MM)
    one, part, item = Dataset(), Dataset(), Dataset()
    one.FrameOfReferenceTransformationMatrix = [float(value) for value in matrix.ravel()]
    one.FrameOfReferenceTransformationMatrixType = "RIGID"
    part.MatrixSequence, item.MatrixRegistrationSequence = [one], [part]
    item.FrameOfReferenceUID = other.frame
    dataset.RegistrationSequence = [item]
    dataset.save_as(path, enforce_file_format=True)


def write_structures(path: Path, ct: Path, study: StudyFolder) -> None:
    """EXTERNAL, a structure called Structure 7 that follows the skin 3 mm deep, and a node."""
    dataset = _object(ct, "1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", "Contours")
    volume = study.phantom.ct
    body = find_body(volume)
    depth = skin_depth(volume, body, np.array([volume.geometry.corners().min(0), volume.geometry.corners().max(0)]), 2.0)
    on_ct = resample(depth, volume.geometry, fill=-20.0).array
    masks = {"BODY": on_ct > 0, "Structure 7": on_ct > 3, "LN cheek": study.phantom.segment("LN cheek left").mask.array}
    dataset.StructureSetROISequence, dataset.ROIContourSequence, dataset.RTROIObservationsSequence = [], [], []
    for number, (name, mask) in enumerate(masks.items(), start=1):
        roi, drawn, seen = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, study.frame
        drawn.ReferencedROINumber = seen.ReferencedROINumber = seen.ObservationNumber = number
        drawn.ContourSequence = list(_contours(mask, volume))
        seen.RTROIInterpretedType = "EXTERNAL" if name == "BODY" else "ORGAN"
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(drawn)
        dataset.RTROIObservationsSequence.append(seen)
    frame = Dataset()
    frame.FrameOfReferenceUID = study.frame
    dataset.ReferencedFrameOfReferenceSequence = [frame]
    dataset.save_as(path, enforce_file_format=True)


def _contours(mask: np.ndarray, volume: Volume) -> Iterator[Dataset]:
    for k in np.flatnonzero(mask.any(axis=(1, 2)))[::3]:
        figure = contour_generator(z=mask[k].astype(float)).lines(0.5)
        for line in figure:
            points = volume.geometry.to_lps(np.column_stack([np.full(len(line), k), line[:, 1], line[:, 0]]))
            item = Dataset()
            item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
            item.ContourData = [f"{value:.2f}" for value in points.ravel()]
            yield item


def write_dose(path: Path, ct: Path, study: StudyFolder) -> None:
    """A dose that ends at the skin, as planning systems compute it."""
    dataset = _object(ct, "1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE", "Dose")
    grid = coarse(study.phantom.ct, 3.0)
    values = np.where(grid.array > -400, 20000 + 50 * np.arange(grid.array.shape[0])[:, None, None], 0).astype("<u4")
    dataset.Rows, dataset.Columns = values.shape[1:]
    dataset.NumberOfFrames, dataset.PixelSpacing = len(values), [3.0, 3.0]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [f"{value:.4f}" for value in grid.geometry.ijk_to_lps[:3, 3]]
    dataset.GridFrameOffsetVector = [3.0 * n for n in range(len(values))]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 32
    dataset.HighBit, dataset.PixelRepresentation = 31, 0
    dataset.DoseUnits, dataset.DoseType, dataset.DoseSummationType, dataset.DoseGridScaling = "GY", "PHYSICAL", "PLAN", "0.001"
    dataset.add_new(0x7FE00010, "OW", values.tobytes())
    dataset.save_as(path, enforce_file_format=True)


def write_segmentation(path: Path, ct: list[Path], study: StudyFolder) -> None:
    """A binary SEG by highdicom: the head, and a node."""
    volume = study.phantom.ct
    masks = np.stack([volume.array > -400, study.phantom.segment("LN cheek left").mask.array], axis=-1).astype(np.uint8)
    code = highdicom.sr.CodedConcept("123037004", "SCT", "Anatomical structure")
    described = [
        highdicom.seg.SegmentDescription(number, name, code, code, highdicom.seg.SegmentAlgorithmTypeValues.MANUAL)
        for number, name in ((1, "Segment_1"), (2, "LN cheek"))
    ]
    sources = [pydicom.dcmread(file) for file in ct]
    for source in sources:
        for keyword in ("StudyID", "StudyTime", "PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName"):
            setattr(source, keyword, "")
        source.SliceThickness = "3.0"
    seg = highdicom.seg.Segmentation(
        sources,
        masks,
        highdicom.seg.SegmentationTypeValues.BINARY,
        described,
        generate_uid(prefix=None),
        9,
        generate_uid(prefix=None),
        1,
        "maker",
        "model",
        "1",
        "1",
        series_description="Segments",
    )
    seg.save_as(path)


def write_key_objects(path: Path, ct: Path, study: StudyFolder) -> None:
    """A key object selection of one CT slice."""
    dataset = _object(ct, "1.2.840.10008.5.1.4.1.1.88.59", "KO", "Key images")
    series, whole, item = Dataset(), Dataset(), Dataset()
    series.ReferencedSOPSequence = [_reference(ct)]
    series.SeriesInstanceUID = pydicom.dcmread(ct).SeriesInstanceUID
    whole.ReferencedSeriesSequence, whole.StudyInstanceUID = [series], study.study
    item.ValueType, item.RelationshipType, item.ReferencedSOPSequence = "IMAGE", "CONTAINS", [_reference(ct)]
    dataset.CurrentRequestedProcedureEvidenceSequence, dataset.ContentSequence = [whole], [item]
    dataset.save_as(path, enforce_file_format=True)
