"""Where the instances of a study are written before it is released: under new UIDs, without pictures, read back."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ..core.errors import OutputError
from ..header.base import HeaderPolicy
from ..input.rtstruct import stored_points
from ..output.dicom_encoder import save
from .instances import Instance
from .references import references_of

#: Bytes that a value of 16-bit length has at most (PS3.5 7.1.2).
LONGEST = 0xFFFE


@dataclass(eq=False)
class StudyWriter:
    """Writes into ``root``, a sub-folder per series (or stack of it); ``policy`` is the only place where UIDs and header texts change."""

    root: Path
    policy: HeaderPolicy
    #: Original SOP instance UID -> the file that was written.
    written: dict[str, Path] = field(default_factory=dict)
    #: Original SOP instance UID -> the instances that what was written refers to, as it names them.
    references: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _folders: dict[tuple[str, int], Path] = field(default_factory=dict)
    #: The last number given in each folder; what was taken back leaves a gap.
    _last: Counter[Path] = field(default_factory=Counter)

    def put(self, instance: Instance, dataset: Dataset, stack: int = 1) -> None:
        """Write what stands for an instance, as uncompressed explicit little endian; what is not decoded keeps its compression.

        ``stack``: of the stacks of one series each has a folder of its own.

        :raises HeaderError: its header cannot be cleaned. :raises OutputError: what is read back is not what was written.
        """
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", "")) if hasattr(dataset, "file_meta") else ""
        dataset.SOPInstanceUID, dataset.SeriesInstanceUID = instance.uid, instance.text("SeriesInstanceUID")
        dataset = self.policy.clean(dataset)
        encapsulated = "PixelData" in dataset and syntax and pydicom.uid.UID(syntax).is_encapsulated
        path = self._path(instance, stack)
        try:
            save(dataset, path, syntax if encapsulated else _plain_syntax(dataset))
            again = pydicom.dcmread(path)
            if again.get("PixelData") != dataset.get("PixelData") or again.SOPInstanceUID != self.policy.uid(instance.uid):
                raise OutputError(f"{instance.path.name}: what was read back is not what was written.")
        except BaseException:  # half a file is no instance, whoever goes on without it
            _remove(path)
            raise
        self.written[instance.uid] = path
        self.references[instance.uid] = tuple(references_of(dataset))

    def take_back(self, instances: tuple[Instance, ...]) -> None:
        """Remove what was written for these instances."""
        for instance in instances:
            path = self.written.pop(instance.uid, None)
            if path is not None:
                _remove(path)

    def _path(self, instance: Instance, stack: int) -> Path:
        series = (instance.series, stack)
        if series not in self._folders:
            self._folders[series] = self.root / name_of_series(len(self._folders) + 1, instance)
        folder = self._folders[series]
        folder.mkdir(parents=True, exist_ok=True)
        self._last[folder] += 1
        return folder / f"IM{self._last[folder]:04d}.dcm"


def name_of_series(number: int, instance: Instance) -> str:
    """How what belongs to a series is called: its number and its modality, of which no other letters stand in a name of a file."""
    modality = "".join(letter for letter in instance.text("Modality").upper() if letter.isalnum())[:16]
    return f"{number:02d}-{modality or 'OT'}"


def _remove(path: Path) -> None:
    """Take a file away, and its folder where nothing else lies there."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def _plain_syntax(dataset: Dataset) -> pydicom.uid.UID:
    """Explicit little endian; implicit for contours that are longer than an explicit DS may be, which others would read as bytes."""
    contours = (one for roi in dataset.get("ROIContourSequence") or [] for one in roi.get("ContourSequence") or [])
    return ImplicitVRLittleEndian if any(_length(one) > LONGEST for one in contours) else ExplicitVRLittleEndian


def _length(contour: Dataset) -> int:
    """Bytes of a contour's numbers, which are not read for that."""
    value = stored_points(contour)
    return len(value) if isinstance(value, bytes) else len("\\".join(map(str, value or ())))
