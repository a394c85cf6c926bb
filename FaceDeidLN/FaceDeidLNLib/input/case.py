"""A CT as it was read: its voxels in HU, and what is needed to write the same kind again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..core.volume import Volume


@dataclass(frozen=True, eq=False)
class CtInput:
    """A CT and where it came from.

    ``volume`` holds HU in the scalar type of the source (for DICOM: after rescale; int16 where slope and intercept
    are whole numbers, else float32) in the source's own voxel order and geometry.
    ``kind`` is "dicom" or the file extension (".nrrd", ".nii.gz", ...). ``files`` are the slices in the order of
    the array's k axis (DICOM) or the single file.
    """

    volume: Volume
    path: Path
    kind: str
    files: tuple[Path, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    frame_of_reference_uid: str = ""
