"""DICOM series that tests write: small heads with known stored values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

#: Transfer syntaxes that pydicom writes from native values; the others need an encoder.
_NATIVE = {ExplicitVRLittleEndian, ImplicitVRLittleEndian, "1.2.840.10008.1.2.1.99"}


@dataclass
class Series:
    """What a series is made of; ``stored`` are the stored values (k, j, i)."""

    stored: np.ndarray
    slope: float = 1.0
    intercept: float = -1024.0
    signed: bool = False
    bits: int = 16
    syntax: str = ExplicitVRLittleEndian
    rows: np.ndarray = field(default_factory=lambda: np.array([[1.0, 0, 0], [0, 1.0, 0]]))
    step: np.ndarray = field(default_factory=lambda: np.array([0, 0, 2.5]))
    origin: np.ndarray = field(default_factory=lambda: np.array([-10.0, -20.0, 30.0]))
    spacing: tuple[float, float] = (0.75, 0.5)
    uid: str = field(default_factory=lambda: generate_uid(prefix=None))
    study: str = field(default_factory=lambda: generate_uid(prefix=None))
    frame: str = field(default_factory=lambda: generate_uid(prefix=None))
    tags: dict[str, object] = field(default_factory=dict)

    @property
    def hu(self) -> np.ndarray:
        """The values in HU, float64."""
        return self.stored * self.slope + self.intercept

    @property
    def affine(self) -> np.ndarray:
        """The expected affine from (i, j, k) to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, 0] = self.rows[0] * self.spacing[1]
        matrix[:3, 1] = self.rows[1] * self.spacing[0]
        matrix[:3, 2] = self.step
        matrix[:3, 3] = self.origin
        return matrix


#: Slices that are large enough for every compression.
BIG = {"shape": (9, 64, 72)}


def head(shape: tuple[int, int, int] = (12, 20, 24), seed: int = 1) -> np.ndarray:
    """HU (k, j, i) of a noisy ball of soft tissue in air, int32."""
    grid = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    inside = sum(g**2 for g in grid) < 0.8
    noise = np.random.default_rng(seed).integers(-20, 21, shape)
    return np.where(inside, 40, -1000) + noise


def stored_head(intercept: float = -1024.0, slope: float = 1.0, **shape: object) -> np.ndarray:
    """Stored values of :func:`head`."""
    return np.rint((head(**shape) - intercept) / slope).astype(np.int32)


def write_series(folder: Path, series: Series, shuffle_seed: int | None = 3) -> list[Path]:
    """Write a series, files named in shuffled order; the paths in slice order."""
    folder.mkdir(parents=True, exist_ok=True)
    names = np.arange(len(series.stored))
    if shuffle_seed is not None:
        np.random.default_rng(shuffle_seed).shuffle(names)
    paths = []
    for k, plane in enumerate(series.stored):
        path = folder / f"slice{names[k]:03d}.dcm"
        _save(_dataset(series, k, plane, int(names[k])), path)
        paths.append(path)
    return paths


def _dataset(series: Series, k: int, plane: np.ndarray, number: int) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    ds.file_meta.TransferSyntaxUID = series.syntax if series.syntax in _NATIVE else ExplicitVRLittleEndian
    ds.PatientName, ds.PatientID, ds.Modality = "Doe^Jane", "P1", "CT"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = series.study, series.uid, series.frame
    ds.SeriesDescription, ds.StudyDate = "Neck", "20200102"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.InstanceNumber = number + 1
    ds.ImagePositionPatient = [f"{v:.6f}" for v in series.origin + k * series.step]
    ds.ImageOrientationPatient = [f"{v:.8f}" for v in series.rows.ravel()]
    ds.PixelSpacing = list(series.spacing)
    ds.Rows, ds.Columns = plane.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, series.bits, series.bits - 1, int(series.signed)
    ds.RescaleSlope, ds.RescaleIntercept = str(series.slope), str(series.intercept)
    ds.add_new(0x7FE00010, "OW", plane.astype("<i2" if series.signed else "<u2").tobytes())
    if series.syntax not in _NATIVE:
        ds.compress(series.syntax, generate_instance_uid=False)
    for keyword, value in series.tags.items():
        setattr(ds, keyword, value)
    return ds


def _save(dataset: pydicom.Dataset, path: Path) -> None:
    if int(pydicom.__version__.split(".")[0]) >= 3:
        dataset.save_as(path, enforce_file_format=True)
    else:  # what Slicer 5.10 has
        dataset.is_implicit_VR, dataset.is_little_endian = dataset.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian, True
        dataset.save_as(path, write_like_original=False)


def spoil(path: Path, **tags: object) -> None:
    """Change elements of a file by their keywords; None takes one away."""
    ds = pydicom.dcmread(path)
    for keyword, value in tags.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    ds.save_as(path)
