"""Inputs that once went wrong, as scanners, consoles and other programs write them: each builds files of the synthetic head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk
from dicom_series import Series, write_series
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.phantom import Phantom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RTStructureSetStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)
from scipy import ndimage
from written import write_volume

#: The name of a node of the phantom, which lies in the cheek.
CHEEK = "LN cheek left"


@dataclass(frozen=True)
class Case:
    """``make`` writes the input into a folder and gives input, output and options of ``deface``; ``code`` and ``said`` : what is right."""

    name: str
    make: Callable[[Path, Phantom], Sequence[Path | str]]
    code: int = 0
    said: str = "PASS: released"
    #: A node of which no voxel may change.
    keeps: str = ""


def dicom(folder: Path, head: Phantom, change: Callable[[Dataset, int], object] | None = None, **series: object) -> list[Path]:
    """A DICOM series of the head in ``folder``/in, each data set changed by ``change``(data set, number); input and output."""
    ct = head.ct
    matrix, spacing = ct.geometry.ijk_to_lps, ct.geometry.spacing
    stored = np.clip(ct.array.astype(np.int32) + 1024, 0, 4095)
    asked = {"step": matrix[:3, 2], "origin": matrix[:3, 3], "spacing": (spacing[1], spacing[0]), "bits": 12, **series}
    for number, path in enumerate(write_series(folder / "in", Series(stored, **asked), shuffle_seed=None)):
        if change is not None:
            dataset = pydicom.dcmread(path)
            change(dataset, number)
            dataset.save_as(path)
    return [folder / "in", folder / "out"]


def pixels(dataset: Dataset) -> np.ndarray:
    """Stored values (rows, columns), to be changed and put back."""
    return np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns).copy()


def big_endian(folder: Path, head: Phantom) -> list[Path]:
    words = dicom(folder, head)
    for path in words[0].iterdir():
        data = pydicom.dcmread(path)
        data.PixelData = pixels(data).astype(">u2").tobytes()
        data["PixelData"].VR = "OW"
        copy = Dataset({element.tag: element for element in data})
        copy.file_meta, copy.preamble = data.file_meta, b"\0" * 128
        copy.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        dcmwrite(path, copy, enforce_file_format=True, implicit_vr=False, little_endian=False)
    return words


def wrong_encoding(folder: Path, head: Phantom) -> list[Path]:
    def change(data: Dataset, number: int) -> None:
        data.private_block(0x01F1, "ELSCINT1", create=True).add_new(0x26, "DS", "0.688 ")  # the dictionary says FD

    return dicom(folder, head, change, syntax=ImplicitVRLittleEndian)


def item(**tags: object) -> Items:
    """A sequence of one item."""
    found = Dataset()
    for keyword, value in tags.items():
        setattr(found, keyword, value)
    return Items([found])


def enhanced_single_frame(folder: Path, head: Phantom) -> list[Path]:
    def change(data: Dataset, number: int) -> None:
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
        data.NumberOfFrames = 1
        data.SharedFunctionalGroupsSequence = item(
            PixelMeasuresSequence=item(PixelSpacing=data.PixelSpacing),
            PlaneOrientationSequence=item(ImageOrientationPatient=data.ImageOrientationPatient),
            PixelValueTransformationSequence=item(RescaleSlope="1", RescaleIntercept="-1024", RescaleType="HU"),
        )
        data.PerFrameFunctionalGroupsSequence = item(PlanePositionSequence=item(ImagePositionPatient=data.ImagePositionPatient))
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
            delattr(data, keyword)

    return dicom(folder, head, change)


def leftover_tags(folder: Path, head: Phantom) -> list[Path]:
    def change(data: Dataset, number: int) -> None:
        small = np.clip(pixels(data)[::2, ::2] / 16, 0, 255).astype(np.uint8).tobytes()
        small += b"\0" * (len(small) % 2)
        data.add_new(0x00420011, "OB", small)
        data.add_new(0x50003000, "OB", small)
        data.PixelDataProviderURL = "http://archive.example/original/1"
        data.private_block(0x0029, "TEST", create=True).add_new(0x15, "UT", small.hex())

    return dicom(folder, head, change)


def two_spellings(folder: Path, head: Phantom) -> list[Path]:
    def change(data: Dataset, number: int) -> None:
        data.PatientName = "Doe^Jane^" if number > 20 else "Doe^Jane"

    return dicom(folder, head, change)


def overlay_in_pixel_bits(folder: Path, head: Phantom) -> list[Path]:
    def change(data: Dataset, number: int) -> None:
        values = pixels(data)
        values[5:20, 10:30] |= 0x1000
        data.PixelData = values.tobytes()
        for tag, vr, value in ((0x10, "US", data.Rows), (0x11, "US", data.Columns), (0x40, "CS", "G"), (0x50, "SS", [1, 1])):
            data.add_new(0x60000000 + tag, vr, value)
        data.add_new(0x60000100, "US", 16)
        data.add_new(0x60000102, "US", 12)

    return dicom(folder, head, change)


def bright_padding(folder: Path, head: Phantom) -> list[Path]:
    def change(data: Dataset, number: int) -> None:
        rows, columns = np.indices((data.Rows, data.Columns)) - np.array([data.Rows, data.Columns])[:, None, None] / 2
        values = pixels(data)
        values[np.hypot(rows / data.Rows, columns / data.Columns) > 0.49] = 63536
        data.PixelData = values.tobytes()
        data.add_new(0x00280120, "US", 63536)

    return dicom(folder, head, change, bits=16)


def secondary_capture(own_series: bool) -> Callable[[Path, Phantom], list[Path]]:
    def make(folder: Path, head: Phantom) -> list[Path]:
        words = dicom(folder, head)
        page = pydicom.dcmread(next(words[0].iterdir()))
        page.SOPClassUID = page.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        page.SOPInstanceUID = page.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        page.SeriesInstanceUID = generate_uid() if own_series else page.SeriesInstanceUID
        page.ImageType, page.SeriesDescription = ["DERIVED", "SECONDARY", "SCREEN SAVE"], "Dose Report"
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
            delattr(page, keyword)
        page.SamplesPerPixel, page.PhotometricInterpretation, page.PlanarConfiguration = 3, "RGB", 0
        page.BitsAllocated, page.BitsStored, page.HighBit, page.Rows, page.Columns = 8, 8, 7, 64, 64
        page.PixelData = b"\x80" * (64 * 64 * 3)
        page["PixelData"].VR = "OB"
        page.save_as(words[0] / "page.dcm")
        return words

    return make


def two_stacks(folder: Path, head: Phantom) -> list[Path]:
    words = dicom(folder, head)
    for number, path in enumerate(sorted(words[0].iterdir())):
        if number < 20 and number % 2:
            path.unlink()
    return words


def bolus(folder: Path, head: Phantom) -> list[Path]:
    hu, geometry = head.ct.array.copy(), head.ct.geometry
    labels, _ = ndimage.label(ndimage.binary_opening(hu > -300))
    patient = labels == np.argmax(np.bincount(labels[labels > 0]))
    away = ndimage.distance_transform_edt(~np.array([ndimage.binary_fill_holes(plane) for plane in patient]), sampling=geometry.sampling)
    _, y, z = geometry.to_lps(np.indices(hu.shape).reshape(3, -1).T).T.reshape(3, *hu.shape)
    hu[(away > 0) & (away <= 10) & (y < 10) & (z < 60)] = 5
    return image(folder, head.ct.with_array(hu))


def two_heads(folder: Path, head: Phantom) -> list[Path]:
    both = np.concatenate([head.ct.array, head.ct.array], axis=2)
    return image(folder, Volume(both, Geometry(both.shape, head.ct.geometry.ijk_to_lps)))


def image(folder: Path, ct: Volume, name: str = "ct.nrrd") -> list[Path]:
    """The CT as an image file; input and output."""
    return [write_volume(ct, folder / name), folder / f"out-{name}"]


def nifti(change: Callable[[nibabel.Nifti1Image], None], kind: type = nibabel.Nifti1Image, floats: bool = False):
    """The CT as NIfTI by nibabel, changed before it is saved."""

    def make(folder: Path, head: Phantom) -> list[Path]:
        array = head.ct.array.T.astype(np.float32 if floats else np.int16)
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ head.ct.geometry.ijk_to_lps
        nii = kind(array, affine)
        nii.set_qform(affine, code=1)
        nii.set_sform(affine, code=1)
        change(nii)
        nibabel.save(nii, folder / "ct.nii.gz")
        return [folder / "ct.nii.gz", folder / "out.nii.gz"]

    return make


def with_nan(nii: nibabel.Nifti1Image) -> None:
    nii.get_fdata(dtype=np.float32)[:5] = np.nan
    np.asanyarray(nii.dataobj)[:5] = np.nan


def two_places(nii: nibabel.Nifti1Image) -> None:
    nii.header["qoffset_z"] += 20.0


def mirrored_places(nii: nibabel.Nifti1Image) -> None:
    nii.header.set_qform(np.diag([-1.0, 1.0, 1.0, 1.0]) @ nii.affine, code=1)


def in_metres(nii: nibabel.Nifti1Image) -> None:
    affine = nii.affine.copy()
    affine[:3] /= 1000.0
    nii.set_qform(affine, code=1)
    nii.set_sform(affine, code=1)
    nii.header.set_xyzt_units("meter")


def in_micrometres(folder: Path, head: Phantom) -> list[Path]:
    ct, matrix = head.ct, head.ct.geometry.ijk_to_lps * 1000.0
    vectors = " ".join(f"({','.join(repr(float(v)) for v in column)})" for column in matrix[:3, :3].T)
    header = (
        "NRRD0005\ntype: short\ndimension: 3\nspace: left-posterior-superior\n"
        f'sizes: {" ".join(str(n) for n in ct.array.shape[::-1])}\nendian: little\nencoding: raw\nspace units: "um" "um" "um"\n'
        f"space directions: {vectors}\nspace origin: ({','.join(repr(float(v)) for v in matrix[:3, 3])})\n\n"
    )
    (folder / "ct.nrrd").write_bytes(header.encode() + ct.array.astype("<i2").tobytes())
    return [folder / "ct.nrrd", folder / "out.nrrd"]


def segments(path: Path, head: Phantom, named: Sequence[tuple[str, np.ndarray]]) -> Path:
    """A segmentation as 3D Slicer writes it, without terminology."""
    out = sitk.GetImageFromArray(np.stack([mask for _, mask in named], axis=-1).astype(np.uint8), isVector=True)
    out.SetSpacing(head.ct.geometry.spacing)
    out.SetOrigin([float(v) for v in head.ct.geometry.ijk_to_lps[:3, 3]])
    for number, (name, _) in enumerate(named):
        for key, value in (("ID", f"Segment_{number}"), ("Name", name), ("LabelValue", "1"), ("Layer", str(number))):
            out.SetMetaData(f"Segment{number}_{key}", value)
    sitk.WriteImage(out, str(path), True)
    return path


def named(name: str) -> Callable[[Path, Phantom], list[Path | str]]:
    """The node in the cheek under another name, beside one under the chin."""

    def make(folder: Path, head: Phantom) -> list[Path | str]:
        nodes = [(name, head.segment(CHEEK).mask.array), ("LN Ia", head.segment("LN Ia").mask.array)]
        return [*image(folder, head.ct), "--nodes", segments(folder / "n.seg.nrrd", head, nodes)]

    return make


def outlined(folder: Path, head: Phantom) -> list[Path | str]:
    labels, _ = ndimage.label(ndimage.binary_opening(head.ct.array > -300))
    patient = labels == np.argmax(np.bincount(labels[labels > 0]))
    patient = np.array([ndimage.binary_fill_holes(plane) for plane in patient])
    found = [("K\u00f6rper", patient), ("Lymphknoten Wange links", head.segment(CHEEK).mask.array)]
    return [*image(folder, head.ct), "--nodes", segments(folder / "n.seg.nrrd", head, found)]


def lost_geometry(folder: Path, head: Phantom) -> list[Path | str]:
    sitk.WriteImage(sitk.GetImageFromArray(head.segment(CHEEK).mask.array.astype(np.uint8)), str(folder / "ln.nrrd"))
    return [*image(folder, head.ct), "--nodes", folder / "ln.nrrd"]


def skipped_planes(folder: Path, head: Phantom) -> list[Path | str]:
    geometry, node = head.ct.geometry, head.segment(CHEEK).mask.array
    centre, turn = np.argwhere(node).mean(0).round(), np.linspace(0, 2 * np.pi, 40, endpoint=False)
    contours = []
    for plane in (-2, 2):  # the three planes between them were left to interpolation
        ring = np.stack([np.full(len(turn), centre[0] + plane), centre[1] + 2 * np.sin(turn), centre[2] + 2 * np.cos(turn)], axis=1)
        contour = Dataset()
        contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(turn)
        contour.ContourData = [f"{v:.3f}" for v in geometry.to_lps(ring).ravel()]
        contours.append(contour)
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.file_meta.TransferSyntaxUID, data.Modality = ExplicitVRLittleEndian, "RTSTRUCT"
    data.StudyInstanceUID, data.SeriesInstanceUID, frame = generate_uid(), generate_uid(), generate_uid()
    data.ReferencedFrameOfReferenceSequence = item(FrameOfReferenceUID=frame)
    data.StructureSetROISequence = item(ROINumber=1, ROIName="LN_cheek_L", ReferencedFrameOfReferenceUID=frame, ROIGenerationAlgorithm="")
    data.ROIContourSequence = item(ReferencedROINumber=1, ContourSequence=Items(contours))
    data.save_as(folder / "rt.dcm", enforce_file_format=True)
    return [*image(folder, head.ct), "--nodes", folder / "rt.dcm"]


CASES = (
    Case("a second face", two_heads, 3, "there is a second face in the field of view"),
    Case("a bolus that touches the face", bolus, 3, "is no skin but a layer of one value"),
    Case("pictures and links in other elements", leftover_tags),
    Case("NaN in NIfTI", nifti(with_nan, floats=True), 2, "holds NaN or infinite values"),
    Case("a node under a Portuguese name", named("linfonodo facial esquerdo"), keeps=CHEEK),
    Case("contours that skip planes", skipped_planes, keeps="middle of " + CHEEK),
    Case("two places in one NIfTI file", nifti(two_places), 2, "tells two different places"),
    Case("a NIfTI file mirrored against itself", nifti(mirrored_places), 2, "tells two different places"),
    Case("a mask that lost its geometry", lost_geometry, 2, "its geometry was lost"),
    Case("an element of the wrong encoding", wrong_encoding, said="1 header element cannot be decoded and will be left out"),
    Case("big endian", big_endian),
    Case("overlay planes in the pixels' unused bits", overlay_in_pixel_bits),
    Case("NIfTI-2", nifti(lambda nii: None, nibabel.Nifti2Image)),
    Case("bright padding", bright_padding),
    Case("enhanced CT of one frame a file", enhanced_single_frame),
    Case("a secondary capture in the series", secondary_capture(False), said="no CT slice and left out"),
    Case("a secondary capture beside the series", secondary_capture(True), said="no CT slice and left out"),
    Case("two stacks of slices", two_stacks, 3, "lie .* apart"),
    Case("one patient in two spellings", two_spellings),
    Case("NIfTI in metres", nifti(in_metres)),
    Case("NRRD in micrometres", in_micrometres),
    Case("the outline under a German name", outlined, keeps=CHEEK),
)
