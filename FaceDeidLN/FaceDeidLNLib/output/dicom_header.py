"""The header of a source slice, made into that of a derived image without the face."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from ..core.errors import OutputError
from ..core.progress import Alive, idle
from ..header.base import HeaderError, HeaderPolicy, KeepHeader
from ..input.case import CtInput
from .dicom_clean import remove_pictures
from .dicom_links import remove_links
from .dicom_plain import PlainHeaders, copied

#: Lossy transfer syntaxes (PS3.5 A.4): a series that went through one stays marked as lossy.
_LOSSY = {
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.203",
}
#: Clean Recognizable Visual Features Option (PS3.16 CID 7050).
CLEAN_FACE_CODE = "113102"
#: Longest value of DerivationDescription (VR ST).
_ST_LENGTH = 1024
_LISTED = 4


@dataclass(frozen=True)
class Marks:
    """What the headers say of the work: a sentence, and whether the combination passed the attack benchmark."""

    description: str
    tested: bool = False


def require_headers(ct: CtInput, alive: Alive = idle) -> tuple[str, ...]:
    """Decode every header of a DICOM source, and make one of each kind, so that what cannot be written is known before the work.

    Of one kind are headers with the same elements, as all slices of a scanner have. Returns sentences about what will be left out.

    :raises OutputError: a header cannot be taken over.
    """
    plain, kinds, header = PlainHeaders(), set(), KeepHeader()
    for source in slices_by_file(ct):
        alive()
        with naming(source):
            found = ct.headers[source] = source_header(source, plain, ct.elements.pop(source, None))
            if tuple(found.keys()) in kinds:
                continue
            kinds.add(tuple(found.keys()))
            buffer = DicomBytesIO()
            buffer.is_implicit_VR, buffer.is_little_endian = False, True
            trial = copied(found)
            header.learn(trial)
            write_dataset(buffer, derived_header(trial, Marks("", True), header, ct.source_uids))
    left_out = plain.left_out
    if not left_out:
        return ()
    listed = ", ".join(sorted(left_out)[:_LISTED]) + (", ..." if len(left_out) > _LISTED else "")
    return (f"{len(left_out)} header element{'s' if len(left_out) > 1 else ''} cannot be decoded and will be left out: {listed}",)


def slices_by_file(ct: CtInput) -> dict[Path, list[int]]:
    """The numbers of the slices that each file holds, in the order of its frames; the files in the order of their first slice."""
    found: dict[Path, list[int]] = {}
    for k in range(len(ct.files)):
        found.setdefault(ct.files[k], []).append(k)
    for numbers in found.values():
        numbers.sort(key=lambda k: ct.frames[k])
    return found


@contextlib.contextmanager
def naming(source: Path) -> Iterator[None]:
    """A header that pydicom cannot take over becomes one sentence: HeaderError as it is, anything else as OutputError."""
    try:
        yield
    except OSError:
        raise
    except HeaderError as error:
        raise HeaderError(f"{source.name}: {error}.") from error
    except RecursionError as error:
        raise OutputError(f"The header of {source.name} nests too deeply: nothing was written; repair the file.") from error
    except Exception as error:  # pydicom raises whatever a damaged element led to
        raise OutputError(f"The header of {source.name} cannot be taken over ({error}): nothing was written; repair the file.") from error


def source_header(source: Path, headers: PlainHeaders | None = None, found: Dataset | None = None) -> Dataset:
    """The header of a source file as one that can be written; ``headers`` are told what cannot be decoded, and know others alike.

    ``found``: what was read of the file before its pixels; None where it is to be read.
    """
    headers = PlainHeaders() if headers is None else headers
    found = pydicom.dcmread(source, stop_before_pixels=True, force=True) if found is None else found
    dataset = headers.plain(found)
    dataset.file_meta = getattr(found, "file_meta", FileMetaDataset())
    return dataset


def headers_of(ct: CtInput) -> Iterator[tuple[Path, Dataset]]:
    """The plain headers of a CT's files, those that were read already without reading them again; they are the caller's to change."""
    headers = PlainHeaders()
    for source in slices_by_file(ct):
        with naming(source):
            yield source, ct.headers.pop(source, None) or source_header(source, headers, ct.elements.pop(source, None))


def derived_header(dataset: Dataset, marks: Marks, header: HeaderPolicy, originals: frozenset[str]) -> Dataset:
    """A source's header (see ``source_header``), made into that of a derived image.

    :param header: has learnt all instances; gives the new UIDs.
    :param originals: UIDs of the source's instances and series, which go wherever they stand.
    :raises HeaderError: the policy cannot clean it.
    """
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    remove_links(dataset, originals)
    remove_pictures(dataset)
    unmark_clean(dataset)
    dataset = header.clean(dataset)
    kept = [str(value) for value in dataset.get("ImageType") or []][1:]
    dataset.ImageType = ["DERIVED", *(kept or ["PRIMARY", "AXIAL"])]
    before = str(dataset.get("DerivationDescription") or "")
    dataset.DerivationDescription = "; ".join(filter(None, [before, marks.description]))[-_ST_LENGTH:]
    if syntax in _LOSSY:
        dataset.LossyImageCompression = "01"
    if marks.tested:
        _mark_clean(dataset)
    return dataset


def unmark_clean(dataset: Dataset) -> None:
    """Take away whatever a source says of its face, (0028,0302) and code 113102: of a result only this project's own attacks tell."""
    if "RecognizableVisualFeatures" in dataset:
        del dataset.RecognizableVisualFeatures
    if codes := dataset.get("DeidentificationMethodCodeSequence"):
        dataset.DeidentificationMethodCodeSequence = [item for item in codes if item.get("CodeValue") != CLEAN_FACE_CODE]
        if not dataset.DeidentificationMethodCodeSequence:
            del dataset.DeidentificationMethodCodeSequence


def _mark_clean(dataset: Dataset) -> None:
    """Say that the face was removed: (0028,0302) = NO and code 113102 (PS3.15 E.3.2, PS3.3 C.7.1.1)."""
    dataset.RecognizableVisualFeatures = "NO"
    code = Dataset()
    code.CodeValue = CLEAN_FACE_CODE
    code.CodingSchemeDesignator = "DCM"
    code.CodeMeaning = "Clean Recognizable Visual Features Option"
    dataset.DeidentificationMethodCodeSequence = [*(dataset.get("DeidentificationMethodCodeSequence") or []), code]
