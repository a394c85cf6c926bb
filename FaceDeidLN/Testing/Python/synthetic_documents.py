"""The rest of the synthetic study: other frames of reference, enhanced images, documents made by highdicom, and what never leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid
from synthetic_objects import mr_of, noisy, pet_of, sources_of, write_every_object
from synthetic_study import MR, PET, StudyFolder, _object, coarse, write_registration

MAKER = {"manufacturer": "maker", "manufacturer_model_name": "model", "software_versions": "1", "device_serial_number": "1"}
#: By the modality: the class of true multi-frame images, and slope and intercept of what they store.
ENHANCED = {"CT": ("2.1", 1.0, -1024.0), "MR": ("4.1", 0.5, 0.0), "PT": ("130", 0.5, 0.0)}
#: From the CT's to the second frame of reference, in which the same head was scanned once more (mm).
SECOND_MM = (12.0, 20.0, -35.0)
#: What becomes of each of these objects, by its description.
OUTCOMES = {
    "Second scan": "deface",
    "Chest": "withhold",
    "MR without registration": "withhold",
    "CT enhanced": "follow",
    "MR enhanced": "follow",
    "PT enhanced": "follow",
    "MIP": "withhold",
    "PET MIP": "withhold",
    "Not rigid": "withhold",
    "Deformable": "withhold",
    "Window": "keep",
    "Tracing": "withhold",
    "Overlay": "withhold",
    "Key": "keep",
    "Dose report": "keep",
    "Measurements": "keep",
    "Drawn report": "withhold",
    "Capture": "withhold",
    "PDF": "withhold",
    "Mesh": "withhold",
    "ECG": "withhold",
    "Plan": "withhold",
}
#: What is planned for two of them, until the voxels tell that no face is in their frames of reference.
PLANNED = {**OUTCOMES, "Chest": "deface", "MR without registration": "follow"}


def write_the_rest(folder: Path, study: StudyFolder) -> StudyFolder:
    """Write them all into a study that has a CT in ``folder / "ct"``; returns the second frame of reference."""
    ct = sorted((folder / "ct").iterdir())
    second = StudyFolder(folder, study.phantom, study.study)
    second.series(_shifted(noisy(study.phantom.ct, 31, 20.0), SECOND_MM), "second", "Second scan")
    StudyFolder(folder, study.phantom, study.study).series(chest(), "chest", "Chest")
    StudyFolder(folder, study.phantom, study.study).series(
        mr_of(coarse(study.phantom.ct, 5.0)), "mr-alone", "MR without registration", 0.0, **MR
    )
    images = {"CT": noisy(study.phantom.ct, 32), "MR": mr_of(coarse(study.phantom.ct, 4.0)), "PT": pet_of(coarse(study.phantom.ct, 5.0))}
    for modality, image in images.items():
        write_enhanced(folder / f"true-{modality}.dcm", ct[0], image, modality)
    write_projections(folder, study)
    write_registrations(folder, ct[0], study)
    write_states(folder, ct)
    write_reports(folder, ct)
    write_pictures(folder, ct[0])
    return second


def write_all(folder: Path, phantom: Any) -> tuple[StudyFolder, StudyFolder]:
    """A study of every row of the table of outcomes, and its second frame of reference."""
    study = write_every_object(folder, phantom)
    return study, write_the_rest(folder, study)


def _shifted(volume: Volume, shift_mm: Sequence[float]) -> Volume:
    matrix = volume.geometry.ijk_to_lps.copy()
    matrix[:3, 3] += shift_mm
    return Volume(volume.array, Geometry(volume.array.shape, matrix))


def chest() -> Volume:
    """A CT of a trunk: no head is in it."""
    j, i = np.mgrid[:48, :64]
    body = ((i - 32) / 26) ** 2 + ((j - 24) / 17) ** 2 < 1
    lungs = (((np.abs(i - 32) - 12) / 8) ** 2 + ((j - 24) / 11) ** 2) < 1
    hu = np.where(lungs, -850.0, np.where(body, 40.0, -1000.0))
    noise = np.random.default_rng(41).normal(0, 15, (30, 48, 64))
    matrix = np.diag([7.0, 7.0, 8.0, 1.0])
    matrix[:3, 3] = (-224.0, -168.0, -700.0)
    return Volume((hu[None] + noise).astype(np.float32), Geometry((30, 48, 64), matrix))


def write_enhanced(path: Path, like: Path, image: Volume, modality: str) -> None:
    """One object of an enhanced class as a scanner writes it: geometry and scaling in functional groups, the flavour VOLUME."""
    root, slope, intercept = ENHANCED[modality]
    dataset = _object(like, f"1.2.840.10008.5.1.4.1.1.{root}", modality, f"{modality} enhanced")
    matrix, spacing = image.geometry.ijk_to_lps, image.geometry.spacing
    stored = np.clip(np.rint((image.array - intercept) / slope), 0, 65535).astype("<u2")
    shared, plane, measures, scale, kind = (Dataset() for _ in range(5))
    plane.ImageOrientationPatient = [f"{value:.8f}" for value in (matrix[:3, :2] / spacing[:2]).T.ravel()]
    measures.PixelSpacing, measures.SliceThickness = [spacing[1], spacing[0]], spacing[2]
    scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = str(slope), str(intercept), "HU" if modality == "CT" else "US"
    kind.FrameType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    kind.VolumetricProperties, kind.VolumeBasedCalculationTechnique = "VOLUME", "NONE"
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence, shared.PixelValueTransformationSequence = [plane], [measures], [scale]
    setattr(shared, {"CT": "CTImageFrameTypeSequence", "MR": "MRImageFrameTypeSequence", "PT": "PETFrameTypeSequence"}[modality], [kind])
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], []
    for k in range(len(stored)):
        group, position, content = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [f"{value:.5f}" for value in matrix[:3, 3] + k * matrix[:3, 2]]
        content.StackID, content.InStackPositionNumber = "1", k + 1
        group.PlanePositionSequence, group.FrameContentSequence = [position], [content]
        dataset.PerFrameFunctionalGroupsSequence.append(group)
    dataset.ImageType, dataset.VolumetricProperties = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "VOLUME"
    dataset.NumberOfFrames, (dataset.Rows, dataset.Columns) = len(stored), stored.shape[1:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.InstanceNumber = 15, 1
    dataset.add_new(0x7FE00010, "OW", stored.tobytes())
    dataset.save_as(path, enforce_file_format=True)


def write_projections(folder: Path, study: StudyFolder) -> None:
    """Maximum intensity projections of CT and PET around the head."""
    ct = study.phantom.ct
    views = np.stack([np.rot90(ct.array, turn, axes=(1, 2)).max(axis=1)[::-1, :60] for turn in range(4)])
    flat = Volume(np.broadcast_to(views, views.shape).astype(np.float32), Geometry(views.shape, np.diag([3.6, 4.0, 5.0, 1.0])))
    study.series(flat, "mip", "MIP", ImageType=["DERIVED", "SECONDARY", "AXIAL", "MIP"])
    study.series(pet_of(flat), "pet-mip", "PET MIP", 0.0, SeriesType=["WHOLE BODY", "REPROJECTION"], **PET)


def write_registrations(folder: Path, ct: Path, study: StudyFolder) -> None:
    """A registration that scales, and a deformable one."""
    write_registration(folder / "affine.dcm", ct, study, StudyFolder(folder, study.phantom, study.study))
    affine = pydicom.dcmread(folder / "affine.dcm")
    affine.SeriesDescription = "Not rigid"
    matrix = affine.RegistrationSequence[0].MatrixRegistrationSequence[0].MatrixSequence[0]
    matrix.FrameOfReferenceTransformationMatrixType = "AFFINE"
    matrix.FrameOfReferenceTransformationMatrix = [1.1, 0, 0, 0, 0, 1.1, 0, 0, 0, 0, 1.1, 0, 0, 0, 0, 1]
    affine.save_as(folder / "affine.dcm")
    bent = _object(ct, "1.2.840.10008.5.1.4.1.1.66.3", "REG", "Deformable")
    item, grid = Dataset(), Dataset()
    grid.ImageOrientationPatient, grid.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-100, -130, -140]
    grid.GridDimensions, grid.GridResolution = [8, 8, 8], [30.0, 30.0, 30.0]
    grid.VectorGridData = np.zeros((8, 8, 8, 3), dtype="<f4").tobytes()
    item.SourceFrameOfReferenceUID, item.DeformableRegistrationGridSequence = study.frame, [grid]
    bent.DeformableRegistrationSequence = [item]
    bent.save_as(folder / "bent.dcm", enforce_file_format=True)


def write_states(folder: Path, ct: Sequence[Path]) -> None:
    """Presentation states: a window, the profile traced with many points, an overlay; and key objects."""
    sources = sources_of(ct)
    window = [highdicom.pr.SoftcopyVOILUTTransformation(window_center=40.0, window_width=400.0)]
    _state(sources, "Window", voi_lut_transformations=window).save_as(folder / "window.dcm")
    middle = sources[len(sources) // 2]
    column = middle.Columns // 2
    points = np.column_stack([np.full(120, float(column)), np.linspace(1, middle.Rows - 1, 120)])
    layer = highdicom.pr.GraphicLayer("L", order=1)
    kind = highdicom.pr.GraphicTypeValues.POLYLINE
    drawn = [highdicom.pr.GraphicObject(kind, points, highdicom.pr.AnnotationUnitsValues.PIXEL)]
    tracing = highdicom.pr.GraphicAnnotation([middle], layer, graphic_objects=drawn)
    _state(sources, "Tracing", graphic_annotations=[tracing], graphic_layers=[layer]).save_as(folder / "tracing.dcm")
    overlay = _state(sources, "Overlay", voi_lut_transformations=window)
    overlay.add_new(0x60000010, "US", 64)
    overlay.add_new(0x60000011, "US", 64)
    overlay.add_new(0x60003000, "OW", bytes(512))
    overlay.save_as(folder / "overlay.dcm")
    title = codes.DCM.OfInterest
    content = highdicom.ko.KeyObjectSelection(title, [middle])
    key = highdicom.ko.KeyObjectSelectionDocument(sources, content, generate_uid(prefix=None), 70, generate_uid(prefix=None), 1)
    key.SeriesDescription = "Key"
    key.save_as(folder / "key.dcm")


def _state(sources: Sequence[Dataset], description: str, **content: Any) -> Dataset:
    series, instance = generate_uid(prefix=None), generate_uid(prefix=None)
    state = highdicom.pr.GrayscaleSoftcopyPresentationState(sources, series, 60, instance, 1, content_label="STATE", **MAKER, **content)
    state.SeriesDescription = description
    return state


def write_reports(folder: Path, ct: Sequence[Path]) -> None:
    """A measurement report (TID 1500) of one region, the same with a contour of many points, and a dose report (TID 10011)."""
    sources = sources_of(ct)
    for name, points in (("Measurements", 12), ("Drawn report", 200)):
        _report(sources, points, name).save_as(folder / f"{name.split()[0].lower()}.dcm")
    write_dose_report(folder / "dose-report.dcm", ct[0])


def _report(sources: Sequence[Dataset], points: int, description: str) -> Dataset:
    middle = sources[len(sources) // 2]
    turn = np.linspace(0, 2 * np.pi, points)
    centre = np.array(middle.ImagePositionPatient, dtype=float) + (120, 90, 0)
    ring = centre + np.column_stack([20 * np.cos(turn), 20 * np.sin(turn), np.zeros(points)])
    ring[-1] = ring[0]
    region = highdicom.sr.ImageRegion3D(highdicom.sr.GraphicTypeValues3D.POLYGON, ring, middle.FrameOfReferenceUID)
    group = highdicom.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=highdicom.sr.TrackingIdentifier(uid=generate_uid(prefix=None), identifier="node"),
        referenced_region=region,
        measurements=[highdicom.sr.Measurement(codes.SCT.Diameter, 12.0, codes.UCUM.Millimeter)],
    )
    observer = highdicom.sr.ObserverContext(
        observer_type=codes.DCM.Person, observer_identifying_attributes=highdicom.sr.PersonObserverIdentifyingAttributes("Reader^A")
    )
    content = highdicom.sr.MeasurementReport(
        highdicom.sr.ObservationContext(observer_person_context=observer), codes.LN.CTUnspecifiedBodyRegion, imaging_measurements=[group]
    )
    report = highdicom.sr.Comprehensive3DSR(sources, content[0], generate_uid(prefix=None), 80, generate_uid(prefix=None), 1, "maker")
    report.SeriesDescription = description
    return report


def write_dose_report(path: Path, ct: Path) -> None:
    """An X-ray radiation dose report: a container and two numbers."""
    dataset = _object(ct, "1.2.840.10008.5.1.4.1.1.88.67", "SR", "Dose report")
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ConceptNameCodeSequence = [_code("113701", "DCM", "X-Ray Radiation Dose Report")]
    items = (("113830", "Mean CTDIvol", "mGy", "41.2"), ("113838", "DLP", "mGy.cm", "812.0"))
    dataset.ContentSequence = [_number(*item) for item in items]
    dataset.save_as(path, enforce_file_format=True)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _number(value: str, meaning: str, unit: str, number: str) -> Dataset:
    item, measured = Dataset(), Dataset()
    item.RelationshipType, item.ValueType, item.ConceptNameCodeSequence = "CONTAINS", "NUM", [_code(value, "DCM", meaning)]
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = number, [_code(unit, "UCUM", unit)]
    item.MeasuredValueSequence = [measured]
    return item


def write_pictures(folder: Path, ct: Path) -> None:
    """A capture by highdicom, a document, a surface mesh, an ECG and a plan."""
    like = pydicom.dcmread(ct, stop_before_pixels=True)
    face = np.random.default_rng(3).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    uids = {name: generate_uid(prefix=None) for name in ("series_instance_uid", "sop_instance_uid")}
    capture = highdicom.sc.SCImage(
        face, "RGB", 8, "PATIENT", like.StudyInstanceUID, series_number=90, instance_number=1, manufacturer="maker",
        patient_id=like.PatientID, patient_name=like.PatientName, patient_orientation=("L", "P"), **uids,
    )  # fmt: skip
    capture.SeriesDescription = "Capture"
    capture.save_as(folder / "capture.dcm")
    parts: tuple[tuple[str, str, str, Callable[[Dataset], None]], ...] = (
        ("104.1", "DOC", "PDF", _as_pdf),
        ("66.5", "SEG", "Mesh", _as_mesh),
        ("9.1.1", "ECG", "ECG", _as_ecg),
        ("481.5", "RTPLAN", "Plan", lambda dataset: setattr(dataset, "RTPlanLabel", "PLAN")),
    )
    for root, modality, description, change in parts:
        dataset = _object(ct, f"1.2.840.10008.5.1.4.1.1.{root}", modality, description)
        change(dataset)
        dataset.save_as(folder / f"{description.lower()}.dcm", enforce_file_format=True)


def _as_pdf(dataset: Dataset) -> None:
    dataset.MIMETypeOfEncapsulatedDocument, dataset.EncapsulatedDocument = "application/pdf", b"%PDF-1.4 a page of the face"


def _as_mesh(dataset: Dataset) -> None:
    surface, points = Dataset(), Dataset()
    points.NumberOfSurfacePoints, points.PointCoordinatesData = 4, np.zeros(12, dtype="<f4").tobytes()
    surface.SurfacePointsSequence = [points]
    dataset.SurfaceSequence = [surface]


def _as_ecg(dataset: Dataset) -> None:
    wave = Dataset()
    wave.WaveformBitsAllocated, wave.WaveformSampleInterpretation = 16, "SS"
    wave.NumberOfWaveformChannels, wave.NumberOfWaveformSamples = 1, 4
    wave.add_new(0x54001010, "OW", bytes(8))
    dataset.WaveformSequence = [wave]
