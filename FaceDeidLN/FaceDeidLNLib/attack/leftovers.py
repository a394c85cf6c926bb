"""Attack 4, beside the voxels of the face: what files still say of the person. Names of fields only, never what they hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from ..core.volume import Volume
from ..input.dicom_bounds import require_bounded
from ..output.certificate import ALLOWED, FORBIDDEN_WORDS, certificate_path, file_sha256

#: Value representations that name, date or number: persons, dates, unique identifiers ...
_PERSONAL_VR = {"PN", "DA", "DT", "UI"}
#: ... and what else in a DICOM header speaks of person, place or device (PS3.15 table E.1-1 has the whole list).
_PERSONAL = {
    "PatientID", "PatientAge", "PatientSex", "PatientAddress", "OtherPatientIDs", "AccessionNumber", "StudyID", "StudyDescription",
    "SeriesDescription", "ProtocolName", "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName",
    "DeviceSerialNumber", "PatientComments", "ImageComments", "AdditionalPatientHistory", "Occupation",
}  # fmt: skip
#: Identifiers of the standard itself (classes, transfer syntaxes).
_STANDARD_UID = "1.2.840.10008."
#: Header fields of NRRD, NIfTI and MetaImage that describe the grid or the file format.
_OF_THE_GRID = (
    "ITK_",
    "NRRD_",
    "dim[",
    "pixdim[",
    "qoffset_",
    "quatern_",
    "srow_",
    "qform",
    "sform",
    "xyzt_units",
    "nifti_",
    "slice_",
    "scl_",
)
#: Shorter texts occur in a certificate by chance.
_SHORTEST_TEXT = 5


@dataclass(frozen=True)
class Leftovers:
    """What a result's files still say of the person.

    ``header``: fields that say the same as the original's; ``private``: number of private DICOM elements; ``pictures``: icons,
    overlays and embedded pictures; ``scouts``: localizer images among the slices; ``certificate``: what in the certificate
    stands for the original; ``padding``: share of the voxels outside the scan circle that differ from the most common value
    there: air where the field of view is a square, else something that was put there.
    """

    header: tuple[str, ...]
    private: int
    pictures: tuple[str, ...]
    scouts: int
    certificate: tuple[str, ...]
    padding: float


def leftovers(original: Path, result: Path, ct: Volume) -> Leftovers:
    """Compare the files of an original and of its result (each a DICOM folder or an image file); ``ct`` is the result in HU."""
    before, after = _headers(original), _headers(result)
    known = {text for header in before for text in _texts(header).values()}
    same = {name for header in after for name, text in _texts(header).items() if text in known}
    slices = [header for header in after if isinstance(header, Dataset)]
    elements = [element for data in slices for element in data.iterall()]
    scouts = sum("LOCALIZER" in str(data.get("ImageType", "")) for data in slices)
    return Leftovers(
        tuple(sorted(same)),
        len({element.tag for element in elements if element.tag.is_private}),
        tuple(sorted({element.name for element in elements if _is_picture(element.tag, element.keyword)})),
        scouts,
        certificate_leftovers(certificate_path(result), known, original),
        padding_share(ct),
    )


def certificate_leftovers(certificate: Path, known: set[str], original: Path) -> tuple[str, ...]:
    """What in a certificate stands for the original: keys beyond the schema, words, ``known`` texts and hashes; () without one.

    One that cannot be read counts as a finding, as nobody knows what it says.
    """
    if not certificate.is_file():
        return ()
    try:
        text = certificate.read_text(encoding="utf-8")
        content = json.loads(text)
    except (ValueError, RecursionError):
        return ("it cannot be read",)
    keys = set(_keys(content))
    found = [f"key {key}" for key in keys & FORBIDDEN_WORDS] + [f"key {key}" for key in set(content) - ALLOWED]
    found += ["a text of the original's header"] * any(len(k) >= _SHORTEST_TEXT and f'"{k}"' in text for k in known)
    files = _files(original) if original.is_dir() else [original]
    found += ["the original's hash"] * any(file_sha256(path) in text for path in files)
    return tuple(sorted(found))


def padding_share(ct: Volume) -> float:
    """Share of the voxels outside the circle that each slice (k) holds which differ from the most common value there."""
    rows, columns = (np.abs(np.linspace(-1, 1, n)) for n in ct.array.shape[1:])
    corner = np.add.outer(rows**2, columns**2) > 1.0
    values, counts = np.unique(ct.array[:, corner], return_counts=True)
    return 1.0 - float(counts.max() / counts.sum()) if len(values) else 0.0


def _headers(path: Path) -> list[Dataset | Mapping[str, str]]:
    """Headers without pixel data: of every DICOM file of a folder, or of one image file."""
    if path.is_dir():
        return [data for file in _files(path) if (data := _dicom_header(file)) is not None]
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return [{key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}]


def _files(folder: Path) -> list[Path]:
    """All files of a folder, at any depth, as the CT itself is read."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _dicom_header(file: Path) -> Dataset | None:
    require_bounded(file)
    try:
        return dcmread(file, stop_before_pixels=True)
    except InvalidDicomError:
        return None


def _texts(header: Dataset | Mapping[str, str]) -> dict[str, str]:
    """What a header says of the person, by the field's name."""
    if isinstance(header, Dataset):
        told = ((e.keyword or str(e.tag), str(e.value)) for e in header.iterall() if e.VR in _PERSONAL_VR or e.keyword in _PERSONAL)
        return {name: text for name, text in told if text and not text.startswith(_STANDARD_UID)}
    own = {key: text.strip() for key, text in header.items() if not key.startswith(_OF_THE_GRID)}
    return {key: text for key, text in own.items() if any(letter.isalpha() for letter in text)}


def _is_picture(tag: Any, keyword: str) -> bool:  # noqa: ANN401 (pydicom's tag)
    return tag.group & 0xFF01 == 0x6000 or keyword in ("IconImageSequence", "PixelData")


def _keys(content: object) -> Iterator[str]:
    """Every key of a JSON object, at any depth, in small letters."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield str(key).lower()
            yield from _keys(value)
    elif isinstance(content, list):
        for value in content:
            yield from _keys(value)
