"""Development patients with their landmarks, ready for augmentation."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from FaceDeidLNLib.anatomy.landmark.shape import MEAN_SHAPE, NET_LANDMARKS, HeadFrame, fit_frame
from scipy import ndimage

MANDIBLE = 7
#: Outward direction, in the head frame, in which the angle of the mandible is the furthest point of the bone.
GONION_DIRECTION = np.array([0.0, 0.8, -0.6])


@dataclass(frozen=True, eq=False)
class Patient:
    """``volumes``: HU (k, j, i), raw and smoothed twice; ``landmarks`` (11, 3) LPS mm, NaN where absent; ``known``: truth is known."""

    name: str
    volumes: tuple[np.ndarray, ...]
    spacing: np.ndarray
    origin: np.ndarray
    landmarks: np.ndarray
    known: np.ndarray
    frame: HeadFrame


def patient_names(folder: Path) -> list[str]:
    """Names of the marked patients, in the fixed order that defines the folds."""
    marks = json.loads((folder / "landmarks.json").read_text())["patients"]
    return sorted(marks, key=lambda name: int(name.split("_")[1]))


def _gonia(labels: sitk.Image, frame: HeadFrame) -> np.ndarray:
    """Right and left angle of the mandible (2, 3) in LPS mm from its outline; NaN where it was not drawn."""
    voxels = np.argwhere(sitk.GetArrayFromImage(labels) == MANDIBLE)
    found = np.full((2, 3), np.nan)
    if len(voxels) < 50:
        return found
    lps = voxels[:, ::-1] * np.asarray(labels.GetSpacing()) + np.asarray(labels.GetOrigin())
    head = frame.to_head(lps)
    for row, side in enumerate((-1, 1)):
        half = head[:, 0] * side > 20
        score = head[half] @ GONION_DIRECTION
        if half.sum() >= 20:
            found[row] = lps[half][score >= np.sort(score)[-max(4, half.sum() // 80)]].mean(0)
    return found


def load_patient(folder: Path, name: str, marks: dict[str, list[float] | None]) -> Patient:
    """Read one patient; images of this collection have identity directions."""
    image = sitk.ReadImage(str(folder / f"{name}_ct.nrrd"))
    raw = sitk.GetArrayFromImage(image).astype(np.float32)
    spacing, origin = np.asarray(image.GetSpacing()), np.asarray(image.GetOrigin())
    nine = np.array([marks[n] or [np.nan] * 3 for n in NET_LANDMARKS[:9]], dtype=float)
    frame = fit_frame(nine, np.isfinite(nine[:, 0]).astype(float), MEAN_SHAPE[:9])
    gonia = _gonia(sitk.ReadImage(str(folder / f"{name}_labels.nrrd")), frame)
    known = np.concatenate([np.ones(9, dtype=bool), np.isfinite(gonia[:, 0])])
    smooth = [ndimage.gaussian_filter(raw, mm / spacing[::-1]).astype(np.int16) for mm in (1.8, 3.2)]
    return Patient(name, (raw.astype(np.int16), *smooth), spacing, origin, np.vstack([nine, gonia]), known, frame)


def load_patients(folder: Path) -> list[Patient]:
    """All marked patients of ``folder`` in fold order."""
    marks = json.loads((folder / "landmarks.json").read_text())["patients"]
    lacking = {name for name in marks if not all((folder / f"{name}_{kind}.nrrd").exists() for kind in ("ct", "labels"))}
    if lacking:
        print(f"marked in {folder}, but without CT or labels there, and left out: {', '.join(sorted(lacking))}", file=sys.stderr)
    return [load_patient(folder, name, marks[name]["landmarks"]) for name in patient_names(folder) if name not in lacking]
