"""The stored values of DICOM slices: what is not compressed from the file's own bytes, the rest by GDCM in SimpleITK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

from ..core.ahead import made_ahead
from ..core.errors import InputError
from ..core.progress import Alive, idle
from ..core.scratch import scratch_folder
from .case import StoredSlice
from .code_streams import Told, why_not_as_told
from .dicom_header import HeaderSlice

#: Transfer syntaxes whose pixels have the length that the header says.
_UNCOMPRESSED = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)

#: So many bytes may follow the last pixel: padding to whole blocks. A frame more is no padding.
_MOST_PADDING = 1 << 16


def read_stored(slices: Sequence[HeaderSlice], stored: Sequence[StoredSlice], alive: Alive) -> Iterator[np.ndarray]:
    """The stored values (j, i) of slice after slice: whole numbers of the type in which they stand, or int32.

    :raises InputError: a file cannot be decoded, holds less than its header says, or does not lead back to stored values.
    """
    for is_alone, run in groupby(zip(slices, stored, strict=True), key=lambda pair: _frames(pair[0].header) == 1):
        read = _slice_by_slice if is_alone else _file_by_file
        yield from read(list(run), alive)


def _slice_by_slice(pairs: Sequence[tuple[HeaderSlice, StoredSlice]], alive: Alive) -> Iterator[np.ndarray]:
    """The values of slices that have a file each; the processors share them, as reading and decoding let other threads run."""
    for (item, how), values in zip(pairs, made_ahead(lambda pair: _of_own_file(*pair), pairs), strict=True):
        alive()
        yield next(_all_decoded(_Encoded(item.path), [(item, how)], idle)) if values is None else values


def _of_own_file(item: HeaderSlice, how: StoredSlice) -> np.ndarray | None:
    """The values of the one slice of a file; None as for ``_by_simpleitk``."""
    if not _compression(item):
        return _whole_values(_native(item)[0], item.header, how)
    encoded = _Encoded(item.path)
    _require_as_told(encoded.frame(item.frame), encoded.syntax, item, how)
    return _by_simpleitk(item, how)


def _file_by_file(pairs: Sequence[tuple[HeaderSlice, StoredSlice]], alive: Alive) -> Iterator[np.ndarray]:
    """The values of slices that lie in one file together."""
    for path, group in groupby(pairs, key=lambda pair: pair[0].path):
        frames = list(group)
        if _compression(frames[0][0]):
            yield from _all_decoded(_Encoded(path), frames, alive)
            continue
        native = _native(frames[0][0])
        for item, how in frames:
            alive()
            values = _whole_values(native[item.frame], item.header, how)
            yield values.copy() if np.shares_memory(values, native) else values  # a view would keep the whole file's pixels


def _frames(header: Dataset) -> int:
    return int(header.get("NumberOfFrames") or 1)


def _compression(item: HeaderSlice) -> str:
    """The name of a transfer syntax that compresses the pixels; empty where none does."""
    syntax = _syntax(item.header)
    return "" if syntax is None or syntax in _UNCOMPRESSED else str(syntax.name)


def _syntax(header: Dataset) -> pydicom.uid.UID | None:
    return (getattr(header, "file_meta", None) or {}).get("TransferSyntaxUID")


def _native(item: HeaderSlice) -> np.ndarray:
    """The pixels of a file that does not compress them: (frames, rows, columns), unsigned, as they stand."""
    path, header, data = item.path, item.header, pixel_bytes(item)
    big = _syntax(header) == ExplicitVRBigEndian
    kind = np.dtype((">u" if big else "<u") + str(int(header.BitsAllocated) // 8))
    shape = (_frames(header), int(header.Rows), int(header.Columns))
    needed = int(np.prod(shape)) * kind.itemsize
    if len(data) < needed:
        raise InputError(f"{path.name} cannot be decoded: the file is truncated or damaged, get it again.")
    if len(data) - needed >= min(needed // shape[0], _MOST_PADDING):
        told = f"{shape[1]} x {shape[2]} pixels" + (f", {shape[0]} frames" if shape[0] > 1 else "")
        raise InputError(f"{path.name} holds more than its header says ({told}): the header is damaged, get it again.")
    return np.frombuffer(data, kind, count=int(np.prod(shape))).reshape(shape)


def pixel_bytes(item: HeaderSlice) -> bytes:
    """The bytes of a file's pixels as they stand in it; none where there are none."""
    if item.pixels is None:
        return pydicom.dcmread(item.path, specific_tags=["PixelData"], force=True).get("PixelData") or b""
    begin, length = item.pixels
    with item.path.open("rb") as file:
        file.seek(begin)
        return file.read(length)


def _whole_values(words: np.ndarray, header: Dataset, how: StoredSlice) -> np.ndarray:
    """The values in the stored bits of words; what stands in the other bits (overlays, PS3.5 8.1.1) is none of the CT's business.

    Where all bits are stored, the words themselves: not to be changed.
    """
    high, bits = int(header.get("HighBit", how.bits_stored - 1)), 8 * words.dtype.itemsize
    word = np.dtype(f"u{words.dtype.itemsize}")
    values, below = words.astype(word, copy=False), max(0, high + 1 - how.bits_stored)
    above = bits - how.bits_stored - below
    if not how.signed:
        return (values >> word.type(below) if below else values) & word.type((1 << how.bits_stored) - 1) if above or below else values
    number = np.dtype(f"i{word.itemsize}")
    if not (above or below):
        return values.view(number)
    signed = (values << word.type(above)).view(number)  # the sign is the highest bit, and shifting back repeats it
    signed >>= number.type(above + below)
    return signed


def _by_simpleitk(item: HeaderSlice, how: StoredSlice) -> np.ndarray | None:
    """The values of a compressed slice; None where SimpleITK cannot make sense of its header or would invert them: its pixels alone are
    to be read."""
    if item.header.get("PhotometricInterpretation") == "MONOCHROME1":
        return None
    try:
        image = sitk.ReadImage(str(item.path), imageIO="GDCMImageIO")
    except RuntimeError:
        return None
    hu = _shaped(sitk.GetArrayViewFromImage(image), item)
    values = how.to_stored(hu)
    lost = np.abs(values * how.slope + how.intercept - hu).max() > 1e-3 * abs(how.slope)
    if lost or not np.array_equal(how.to_stored(how.to_hu(values)), values):
        raise InputError(
            f"{item.path.name}: its stored values cannot be recovered from the HU, so that it could not be written back unchanged."
        )
    return values


def _shaped(values: np.ndarray, item: HeaderSlice) -> np.ndarray:
    shape = (int(item.header.Rows), int(item.header.Columns))
    if values.size != shape[0] * shape[1]:
        raise InputError(f"{item.path.name} has {values.size} values instead of {shape[0]} x {shape[1]}: the file is damaged.")
    return values.reshape(shape)


class _Encoded:
    """The compressed frames of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._dataset = pydicom.dcmread(path, force=True)
        self.syntax = self._dataset.file_meta.TransferSyntaxUID
        self._frames: list[bytes] | None = None

    def frame(self, number: int) -> bytes:
        """The code stream of a frame."""
        if self._frames is None:
            count = _frames(self._dataset)
            try:
                from pydicom.encaps import generate_frames

                self._frames = list(generate_frames(self._dataset.PixelData, number_of_frames=count))
            except ImportError:  # pydicom 2, as in Slicer before 5.12
                from pydicom.encaps import generate_pixel_data_frame

                self._frames = list(generate_pixel_data_frame(self._dataset.PixelData, count))
            except Exception as error:
                raise InputError(f"{self.path.name} cannot be decoded ({error}): it is truncated or damaged, get it again.") from error
            if len(self._frames) > count:
                raise InputError(f"{self.path.name} holds {len(self._frames)} frames, more than its header says: get it again.")
        if number >= len(self._frames):
            raise InputError(f"{self.path.name} holds {len(self._frames)} frames, fewer than its header says: get it again.")
        if not self._frames[number]:
            raise InputError(f"{self.path.name} cannot be decoded (frame {number + 1} holds nothing): it is damaged, get it again.")
        return self._frames[number]


def _all_decoded(encoded: _Encoded, frames: Sequence[tuple[HeaderSlice, StoredSlice]], alive: Alive) -> Iterator[np.ndarray]:
    """Compressed frames by GDCM, each out of a file of its own that holds nothing but the pixels, and not for long."""
    with scratch_folder() as folder:
        for item, how in frames:
            alive()
            frame = encoded.frame(item.frame)
            _require_as_told(frame, encoded.syntax, item, how)
            yield _decoded(frame, encoded.syntax, item, how, folder / "frame.dcm")


def _require_as_told(frame: bytes, syntax: str, item: HeaderSlice, how: StoredSlice) -> None:
    """Raises InputError where a code stream says that it is of another size than the header tells: it would be another picture."""
    told = Told(int(item.header.Rows), int(item.header.Columns), how.bits_allocated)
    if why := why_not_as_told(frame, syntax, told):
        wanted = f"{told.rows} x {told.columns} pixels of {told.bits} bits"
        raise InputError(f"{item.path.name} is not what its header says ({wanted}): {why}; the header is damaged, get it again.")


def _decoded(frame: bytes, syntax: str, item: HeaderSlice, how: StoredSlice, path: Path) -> np.ndarray:
    """The stored values (j, i) of one code stream."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    data.Rows, data.Columns = int(item.header.Rows), int(item.header.Columns)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = how.bits_allocated, how.bits_stored, how.bits_stored - 1
    data.PixelRepresentation = int(how.signed)
    data.PixelData = encapsulate([frame])
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    if int(pydicom.__version__.split(".")[0]) >= 3:
        data.save_as(path, enforce_file_format=True)
    else:
        data.is_little_endian, data.is_implicit_VR = True, False
        data.save_as(path, write_like_original=False)
    try:
        image = sitk.ReadImage(str(path), imageIO="GDCMImageIO")
    except RuntimeError as error:
        name = getattr(syntax, "name", syntax)
        raise InputError(
            f"{item.path.name} cannot be decoded: the file is truncated or damaged, get it again, or its compression ({name}) is one "
            "that cannot be read here: export it uncompressed."
        ) from error
    return _shaped(sitk.GetArrayFromImage(image), item).astype(np.int32)
