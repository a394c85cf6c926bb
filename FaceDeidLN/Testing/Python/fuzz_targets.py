"""Every kind of file that the project reads: how a whole one is made, and how it is read beside an independent reader."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk
from dicom_series import Series, head, stored_head, write_series
from FaceDeidLNLib.commands.batches.cases import find_cases
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.any_segments import read_any_segments
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.markups import read_curve_json, read_landmarks_json
from FaceDeidLNLib.output.certificate import is_certified
from fuzz_mutations import (
    bytes_changed,
    cells_changed,
    elements_changed,
    inside_gzip,
    json_changed,
    lines_changed,
    packed_voxels_changed,
    values_changed,
)
from image_corpus import UNITS, Recipe, independently, write_recipe
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

MATRIX = np.array([[0.5, 0, 0, -10], [0, 0.75, 0, 20], [0, 0, 2.5, -30], [0, 0, 0, 1]])
HU = head().astype(np.int16)
CT = Volume(HU, Geometry(HU.shape, MATRIX))


@dataclass(frozen=True)
class Target:
    """One kind of file: how a whole one is made in a folder, and how it is read; reading asserts what an independent reader says."""

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    change: Callable[[bytes, random.Random], bytes] = bytes_changed


_CHANGES = {
    "nrrd": lines_changed,
    "nrrd gzip": packed_voxels_changed,
    "nhdr": lines_changed,
    "nii.gz": inside_gzip,
    "mha": lines_changed,
    "mha packed": packed_voxels_changed,
    "mhd": lines_changed,
}


def image_target(kind: str) -> Target:
    """A CT of a format; what is read must be what an independent reader finds in the same bytes, where that can read them."""

    def make(folder: Path) -> Path:
        return write_recipe(Recipe(kind, "i2", "RAS", "mm", "none"), CT, folder)[0]

    def read(path: Path) -> None:
        found = read_ct(path).volume
        try:
            values, matrix = independently(path)
        except Exception:  # damaged for the other reader too, in its own way
            return
        if kind == "mha packed" and b"\nCompressedDataSize = " not in path.read_bytes()[:1000]:
            return  # without it ITK gives whatever stands in its memory
        units = np.abs(np.linalg.det(found.geometry.ijk_to_lps[:3, :3]) / np.linalg.det(matrix[:3, :3])) ** (1 / 3)
        assert values.shape == found.array.shape, "another shape than an independent reader's"
        assert np.array_equal(values, found.array, equal_nan=True), "other values than an independent reader's"
        assert np.isclose(units, list(UNITS.values()) + [10.0], rtol=1e-3).any(), "another size than an independent reader's"

    return Target(kind, make, read, _CHANGES.get(kind, values_changed))


def make_segments(folder: Path) -> Path:
    """A .seg.nrrd of two layers."""
    layers = np.zeros((*HU.shape, 2), dtype=np.uint8)
    layers[4:8, 6:12, 8:14, 0] = 1
    layers[5:9, 6:12, 8:14, 1] = 2
    image = sitk.GetImageFromArray(layers, isVector=True)
    image.SetSpacing((0.5, 0.75, 2.5))
    image.SetOrigin((-10, 20, -30))
    for number, (name, label) in enumerate((("LN Ia", "1"), ("Masse", "2"))):
        for key, value in (("ID", f"S{number}"), ("Name", name), ("LabelValue", label), ("Layer", str(number))):
            image.SetMetaData(f"Segment{number}_{key}", value)
    sitk.WriteImage(image, str(folder / "nodes.seg.nrrd"))
    return folder / "nodes.seg.nrrd"


def make_labels(folder: Path) -> Path:
    """A label map as NIfTI."""
    labels = np.zeros(HU.shape, dtype=np.uint8)
    labels[4:8, 6:12, 8:14] = 3
    nibabel.save(nibabel.Nifti1Image(labels.T, np.diag([-1.0, -1.0, 1.0, 1.0]) @ MATRIX), folder / "labels.nii.gz")
    return folder / "labels.nii.gz"


def make_structures(folder: Path) -> Path:
    """An RTSTRUCT of one structure."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    dataset.file_meta.TransferSyntaxUID, dataset.Modality = ExplicitVRLittleEndian, "RTSTRUCT"
    roi, item = Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, "LN Ib", "1.2.3"
    item.ReferencedROINumber, item.ContourSequence = 1, Sequence()
    for k in (3, 4, 7):
        contour = Dataset()
        contour.ContourGeometricType = "CLOSED_PLANAR"
        corners = CT.geometry.to_lps(np.array([(k, 5, 5), (k, 5, 15), (k, 15, 15), (k, 15, 5)]))
        contour.ContourData, contour.NumberOfContourPoints = [f"{v:.3f}" for v in corners.ravel()], 4
        item.ContourSequence.append(contour)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = Sequence([roi]), Sequence([item])
    dataset.save_as(folder / "rs.dcm", enforce_file_format=True)
    return folder / "rs.dcm"


def make_dicom_seg(folder: Path) -> Path:
    """A DICOM SEG of highdicom's."""
    from test_dicom_seg import write_seg

    write_series(folder / "ct", Series(stored_head()))
    write_seg(folder / "ct", folder / "seg.dcm")
    return folder / "seg.dcm"


def make_series(folder: Path) -> Path:
    """A DICOM series; the first slice is the one that is damaged."""
    return write_series(folder / "ct", Series(stored_head(shape=(9, 10, 12))))[0]


def read_series(path: Path) -> None:
    """The series of a folder; every slice has the values that pydicom finds in its file."""
    ct = read_ct(path.parent)
    for plane, file in zip(ct.volume.array, ct.files, strict=True):
        dataset = pydicom.dcmread(file)
        try:
            hu = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        except Exception:
            continue
        assert np.array_equal(plane, hu), "other values than pydicom's"


def make_marks(folder: Path) -> Path:
    """Landmarks as Slicer saves them."""
    points = [{"id": str(n), "label": name, "position": [1.5 * n, -20.0, 3.0]} for n, name in enumerate(("pronasale", "sellion", "menton"))]
    text = {"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": points}]}
    (folder / "marks.mrk.json").write_text(json.dumps(text, indent=1))
    return folder / "marks.mrk.json"


def make_curve(folder: Path) -> Path:
    """A closed curve as Slicer saves it."""
    points = [{"position": [float(n), float(n * n % 7), 2.0], "positionStatus": "defined"} for n in range(9)]
    text = {"markups": [{"type": "ClosedCurve", "coordinateSystem": "RAS", "coordinateUnits": "mm", "controlPoints": points}]}
    (folder / "curve.mrk.json").write_text(json.dumps(text))
    return folder / "curve.mrk.json"


def make_table(folder: Path) -> Path:
    """A batch's CSV."""
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerows([["input", "nodes", "output"], ["a.nrrd", "a.seg.nrrd;b.dcm", "a-out.nrrd"], ["b.nii.gz", "", "deep/b.nii.gz"]])
    return folder / "cases.csv"


def make_certificate(folder: Path) -> Path:
    """A certificate beside an output that it is not of."""
    content = {"schema": "facedeidln-certificate/1", "output": {"sha256": "0" * 64}, "verdict": "PASS", "reasons": []}
    (folder / "out.nrrd").write_bytes(b"NRRD0005\n")
    (folder / "out.certificate.json").write_text(json.dumps(content, indent=2))
    return folder / "out.certificate.json"


def read_certificate(path: Path) -> None:
    """Nothing that the damage can make certifies an output that it is not of."""
    assert not is_certified(path.parent / "out.nrrd"), "a damaged certificate certifies another output"


def read_segmentation(path: Path) -> None:
    """All segments of a file."""
    read_any_segments(path, CT.geometry)


TARGETS = (
    *(image_target(kind) for kind in ("nrrd", "nrrd gzip", "nhdr", "nii", "nii.gz", "nifti-2", "mha", "mha packed", "mhd")),
    Target(".seg.nrrd", make_segments, read_segmentation, packed_voxels_changed),
    Target("label map", make_labels, read_segmentation, inside_gzip),
    Target("RTSTRUCT", make_structures, read_segmentation, elements_changed),
    Target("DICOM SEG", make_dicom_seg, read_segmentation, elements_changed),
    Target("DICOM series", make_series, read_series, elements_changed),
    Target("landmarks", make_marks, read_landmarks_json, json_changed),
    Target("curve", make_curve, read_curve_json, json_changed),
    Target("CSV", make_table, lambda path: find_cases(path, path.parent / "out"), cells_changed),
    Target("certificate", make_certificate, read_certificate, json_changed),
)
