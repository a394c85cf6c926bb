"""Every DICOM instance below a folder, by its header alone: any names, any order, one or more studies of one or more patients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from ..core.below import below
from ..core.errors import InputError
from ..core.progress import Alive, idle
from ..input.dicom_bounds import Room
from ..input.dicom_damaged import Damaged, damaged
from ..input.dicom_files import is_marked, may_be_dicom, read_whole, remains
from ..input.dicom_header import IMAGE_TAGS, require_decoded
from ..input.dicom_stacks import DIFFERENCES
from ..input.file_names import is_called_index
from ..input.packed import packed_apart, require_unpacked
from .references import frame_of
from .rules import WITHHELD, rule_for

#: The index of a medium (PS3.3 F.3): it lists instances and is none.
_DIRECTORY = "1.2.840.10008.1.3.10"
#: Families whose files need not end where their data do: what decodes slices sees that they do, and what is withheld does not matter.
_NEED_NO_END = {"ct", "pet_mr", WITHHELD}
_TAGS = [
    *IMAGE_TAGS,
    "ReferencedFrameOfReferenceSequence",
    "PatientBirthDate",
    "BurnedInAnnotation",
    "SeriesType",
    "VolumetricProperties",
    "VolumeBasedCalculationTechnique",
    *DIFFERENCES,
]


@dataclass(frozen=True, eq=False)
class Instance:
    """A DICOM file and the tags of its header that matter for the plan."""

    path: Path
    header: Dataset
    #: The frame of reference that its contours are drawn in, where its header names one of its own instead.
    drawn_in: str = ""
    #: UID of the series that it is worked on with, where each slice of a stack has one of its own.
    joined: str = ""

    def text(self, keyword: str) -> str:
        """A tag as text; empty where it is missing."""
        value = self.header.get(keyword)
        return "" if value is None else str(value)

    @property
    def label(self) -> str:
        """How lists name it: modality and series description."""
        return f"{self.text('Modality') or '?'} '{self.text('SeriesDescription')}'"

    @property
    def uid(self) -> str:
        """SOP instance UID."""
        return self.text("SOPInstanceUID")

    @property
    def sop_class(self) -> str:
        """SOP class UID."""
        return self.text("SOPClassUID")

    @property
    def series(self) -> str:
        """UID of the series that it belongs to."""
        return self.joined or self.text("SeriesInstanceUID")

    @property
    def frame(self) -> str:
        """Frame of reference UID where it lies: its own, or the first one that it refers to; empty where it has none."""
        return self.drawn_in or frame_of(self.header)

    def words(self, keyword: str) -> tuple[str, ...]:
        """The values of a tag in upper case."""
        value = self.header.get(keyword)
        values = [] if value is None else [value] if isinstance(value, str) else list(value)
        return tuple(str(part).upper() for part in values)


@dataclass(frozen=True, eq=False)
class Found:
    """What lies below a folder: DICOM instances, DICOM files that cannot be read, and other files."""

    instances: tuple[Instance, ...]
    damaged: tuple[Damaged, ...]
    others: tuple[Path, ...]


def find_instances(folder: Path, alive: Alive = idle) -> Found:
    """Every file below ``folder``, hidden ones too: nothing is passed over in silence.

    :raises InputError: the folder does not exist or holds no DICOM instance.
    """
    folder = Path(folder)
    index = folder if folder.is_file() and is_called_index(folder) else None
    folder = folder if index is None else folder.parent
    if not folder.is_dir():
        what = "packed: unpack it, and give the folder" if packed_apart([folder])[0] else "no folder: give the folder of a study"
        raise InputError(f"{folder} is {what}.")
    paths, others, broken = _listed(folder)
    broken += [] if index is None else [_gone(path) for path in _missing(index, paths)]
    instances, room = [], Room(len(paths))
    for path in paths:
        alive()
        met = _met(path, room)
        if isinstance(met, Instance):
            instances.append(met)
        elif isinstance(met, Damaged):
            broken.append(met)
        else:
            others.append(path)
    unmarked = [path for path in others if path.is_file() and not is_marked(path)]
    for path, what in remains(unmarked, [instance.path for instance in instances]):
        broken.append(Damaged(path, InputError(f"{path.name} {what}: an instance may be missing, get it again or take the file away.")))
    gone = {one.path for one in broken}
    if not instances and not broken:
        require_unpacked(folder, others)
        raise InputError(f"{folder} holds no DICOM file: give the folder of a study.")
    return Found(tuple(instances), tuple(broken), tuple(path for path in others if path not in gone))


def _listed(folder: Path) -> tuple[list[Path], list[Path], list[Damaged]]:
    """The files below a folder in the order of their paths, what its system keeps there for itself, and what cannot be looked at."""
    paths, kept, broken = [], [], []
    for entry in sorted(below(folder), key=lambda entry: entry.path):
        if entry.is_kept:
            kept.append(entry.path)
        elif entry.problem:
            broken.append(Damaged(entry.path, InputError(f"{entry.path.name} {entry.problem}: an instance may be missing")))
        elif entry.is_file:
            paths.append(entry.path)
    return paths, kept, broken


def _met(path: Path, room: Room) -> Instance | Damaged | None:
    """What a file is; None for no instance."""
    try:
        if not _fits(path, room):
            return None
    except InputError as refusal:
        return Damaged(path, refusal)  # nothing of it is read
    try:
        header = _header(path)
        if header is not None and rule_for(str(header.SOPClassUID)).family not in _NEED_NO_END:
            read_whole(path)  # pydicom leaves out what is missing of sequences, and says nothing
    except InputError as refusal:
        return damaged(path, refusal)
    return None if header is None else Instance(path, header)


def _fits(path: Path, room: Room) -> bool:
    """False for a file that does not begin as DICOM does and would take more room than any: a data base, an empty disk.

    :raises InputError: one that begins so does.
    """
    if may_be_dicom(path):
        room.require(path)
        return True
    try:
        Room().require(path)
    except InputError:
        return False
    return True


def _gone(path: Path) -> Damaged:
    return Damaged(path, InputError(f"the DICOMDIR lists {path.name}, and it is not there"))


def _missing(index: Path, there: Iterable[Path]) -> list[Path]:
    """The files that a DICOMDIR lists (PS3.3 F.3) and that are not ``there``; nothing of one that cannot be read.

    It lists capitals, which a disc without names of its own may show as small letters.
    """
    try:
        Room(1).require(index)
        records = pydicom.dcmread(index, force=True).get("DirectoryRecordSequence") or []
        names = [record.get("ReferencedFileID") for record in records]
    except Exception:  # it is not believed anyway, and any bytes may stand in it
        return []
    listed = [index.parent.joinpath(*([name] if isinstance(name, str) else map(str, name))) for name in names if name]
    known = {str(path).casefold() for path in there}
    return [path for path in listed if str(path).casefold() not in known and not path.exists()]


def _header(path: Path) -> Dataset | None:
    """The tags that matter, all of which can be read; None for what is no DICOM instance, a DICOMDIR included, however damaged.

    :raises InputError: it is one and damaged.
    """
    try:
        return _read_header(path)
    except InputError:
        if is_called_index(path):
            return None
        raise


def _read_header(path: Path) -> Dataset | None:
    """As ``_header``, by what is in the file alone."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
    except InvalidDicomError:
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
        except Exception:  # any bytes at all may stand in a file that is not DICOM, and pydicom may fail on them in any way
            return None
        if "SOPClassUID" not in header or "SOPInstanceUID" not in header:
            return None
    except Exception as error:  # pydicom raises whatever damaged bytes led to
        raise InputError(f"{path.name} cannot be read ({error}): it is truncated or damaged.") from error
    if header.file_meta.get("MediaStorageSOPClassUID") == _DIRECTORY:
        return None
    require_decoded(header, path.name)
    if not all(header.get(keyword) for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")):
        if header.get("SOPClassUID") and rule_for(str(header.SOPClassUID)).family == WITHHELD:
            return None  # a hanging protocol or a palette belongs to no patient, and whatever it is, it does not leave
        raise InputError(f"{path.name} lacks a study, series, instance or class UID: get it again.")
    return header
