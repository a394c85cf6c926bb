"""Write a defaced CT as the DICOM series that it came from.

Kept: slices and their order, positions, rescale, bit depth, every header value that is not named here, names and
dates included. New: SOP instance UIDs, series UID, DERIVED image type, derivation description, explicit VR little
endian. Removed: what may show the face or is no longer true (see :mod:`.dicom_clean`), and what would lead to the
images with the face (see :mod:`.dicom_links`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from ..core.ahead import made_ahead
from ..core.errors import InputError, OutputError
from ..core.progress import Alive, idle
from ..core.volume import Volume
from ..header.base import HeaderPolicy, KeepHeader
from ..header.called import require_called
from ..header.known import known_of
from ..header.proof import verify_headers
from ..input.case import CtInput, StoredSlice
from ..input.dicom import find_series, grids_of, read_planes
from .atomic import Companion, released_folder
from .dicom_encoder import Encoder
from .dicom_header import Marks, derived_header, headers_of, naming, slices_by_file
from .representable import representable, stored_values
from .to_disk import synchronising


def write_dicom_series(
    ct: CtInput,
    result: Volume,
    folder: Path,
    marks: Marks,
    overwrite: bool = False,
    inputs: Sequence[Path] = (),
    companion: Companion | None = None,
    alive: Alive = idle,
    header: HeaderPolicy | None = None,
) -> None:
    """Write ``result`` (HU, on the grid of ``ct.slices``) as a DICOM series into a new folder, read it back and release it.

    Voxels that equal the CT keep the very stored value of the source; others get the nearest one that can be stored.

    :param inputs: files and folders that the output must not touch, beside the CT's own.
    :param companion: the certificate; written of the complete, checked folder before that gets its name.
    :param alive: called for every file; nothing is left where it raises.
    :param header: what is done to the headers; None keeps them. A cleaned header is proved before anything gets its name.
    :raises InputError: the CT is no DICOM series, or the place is taken.
    :raises OutputError: the result does not fit the CT, or what was written is not the same when read back.
    """
    if ct.kind != "dicom":
        raise InputError(
            f"{ct.path.name} is no DICOM series, so that there are no headers to write one with: name an image file for the output."
        )
    if result.array.dtype != ct.slices.array.dtype or not result.geometry.same_as(ct.slices.geometry):
        raise OutputError("The result has another scalar type or grid than the CT: nothing was written.")
    header, encoder = KeepHeader() if header is None else header, Encoder()
    with released_folder(folder, overwrite, (ct.path, *ct.files, *inputs), companion) as partial, synchronising() as to_disk:

        def save(numbered: tuple[int, _Derived]) -> Path:
            number, derived = numbered
            path = partial / f"IM{number:04d}.dcm"
            with naming(derived.source):
                encoder.save(derived.with_pixels(ct, result), path)
            return path

        for path in made_ahead(save, enumerate(_derived(ct, marks, header, alive), start=1)):
            to_disk(path)
        _require_same(ct, representable(ct, result), partial, Path(folder), header.uid(ct.frame_of_reference_uid), alive)
        _require_clean(partial, Path(folder), ct.files, header)


def derived_slices(ct: CtInput, result: Volume, marks: Marks, header: HeaderPolicy, alive: Alive = idle) -> Iterator[tuple[Path, Dataset]]:
    """Each file of the CT, with the data set that stands for it in a result (HU, on the grid of ``ct.slices``); arguments as above."""
    for derived in _derived(ct, marks, header, alive):
        with naming(derived.source):
            dataset = derived.with_pixels(ct, result)
        yield derived.source, dataset


@dataclass(frozen=True, eq=False)
class _Derived:
    """A file of a CT, the ``numbers`` of its slices, and the header that stands for its own in a result."""

    source: Path
    numbers: list[int]
    dataset: Dataset

    def with_pixels(self, ct: CtInput, result: Volume) -> Dataset:
        """The data set with its slices of a result."""
        set_pixels(self.dataset, ct.stored[self.numbers[0]], stored_values(ct, result, self.numbers))
        return self.dataset


def _derived(ct: CtInput, marks: Marks, header: HeaderPolicy, alive: Alive) -> Iterator[_Derived]:
    slices, headers = slices_by_file(ct), dict(headers_of(ct))
    for source in slices:
        with naming(source):
            header.learn(headers[source])
    for source, numbers in slices.items():
        alive()
        with naming(source):
            dataset = derived_header(headers.pop(source), marks, header, ct.source_uids)
        yield _Derived(source, numbers, dataset)


def set_pixels(dataset: Dataset, how: StoredSlice, values: np.ndarray) -> None:
    """Stored values (frames, j, i) as uncompressed pixel data of the source's bit depth, however the source was compressed."""
    dataset.file_meta = getattr(dataset, "file_meta", None) or FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    kind = ("<i" if how.signed else "<u") + str(how.bits_allocated // 8)
    pixels = values.astype(kind, copy=False).tobytes()
    dataset.HighBit = how.bits_stored - 1
    dataset.add_new(0x7FE00010, "OW", pixels + b"\0" * (len(pixels) % 2))


def _require_clean(partial: Path, folder: Path, originals: Sequence[Path], header: HeaderPolicy) -> None:
    """Raises OutputError where the proof finds something of the originals in a header, InputError where the folder is called after them."""
    if header.options is None:
        return
    require_called(folder, originals[:1], header)
    findings = verify_headers(partial, known_of(originals, header.is_own), header.options)
    header.proved(len(findings))
    if findings:
        raise OutputError(f"{folder}: {len(findings)} findings in the cleaned headers (first: {findings[0]}): nothing is left of it.")


def _require_same(ct: CtInput, expected: Volume, partial: Path, folder: Path, frame: str, alive: Alive) -> None:
    """What stands on the disk is what was meant, slice by slice."""
    try:
        again = find_series(partial, alive=alive)
        again = again if ct.calibration is None else again.calibrated(ct.calibration)
        grids = zip(grids_of(again), (ct.volume.geometry, expected.geometry), strict=True)
        same = again.stored == ct.stored and again.frame_of_reference_uid == frame and all(a.same_as(b) for a, b in grids)
        same = same and all(np.array_equal(plane.hu, expected.array[k]) for k, plane in enumerate(read_planes(again, alive)))
    except InputError as error:
        raise OutputError(f"{folder} could not be read back ({error}): nothing is left of it.") from error
    if not same:
        raise OutputError(f"{folder}: the series read back is not the one written: nothing is left of it.")
