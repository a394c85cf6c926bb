"""Where a CT that this project read itself came from, kept with its node."""

from __future__ import annotations

from pathlib import Path

import slicer

_SOURCE, _SERIES = "FaceDeidLN.source", "FaceDeidLN.series"


def remember_source(ct: slicer.vtkMRMLScalarVolumeNode, path: Path, series: str = "") -> None:
    """Note the file or DICOM folder, and there the UID of the series (empty: the only one)."""
    ct.SetAttribute(_SOURCE, str(Path(path).absolute()))
    ct.SetAttribute(_SERIES, series)


def source_of(ct: slicer.vtkMRMLScalarVolumeNode) -> tuple[Path, str] | None:
    """What ``remember_source`` noted; None where somebody else loaded the CT."""
    path = ct.GetAttribute(_SOURCE)
    return (Path(path), ct.GetAttribute(_SERIES) or "") if path else None
