"""Landmarks that nnLandmark (Ertl et al., MIDL 2026) predicted: the JSON file of a case, read as landmarks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..core.geometry import Geometry
from ..core.landmarks import LANDMARK_NAMES, Landmark, Landmarks
from ..core.plain_files import read_plain_text, unread
from ..input.plausible import FARTHEST_MM
from .base import ProviderError

#: nnLandmark's own name for the file that says which label is which landmark.
LABELS_NAME = "name_to_label.json"


def read_nnlandmark(path: Path, name_to_label: Path, ct: Geometry) -> Landmarks:
    """The landmarks of this project's names in a prediction of nnLandmark on the very CT with the grid ``ct``.

    ``path``: {"1": {"coordinates": [i, j, k], "likelihood": 0.9}, ...} in voxels of the image that was given to it;
    ``name_to_label``: the data set's name_to_label.json. The likelihood is taken as the confidence; it is not
    calibrated, and a landmark without coordinates is missing.

    :raises ProviderError: a file cannot be read, is of another shape, or names none of this project's landmarks.
    """
    try:
        predicted = json.loads(read_plain_text(path))
        labels = json.loads(read_plain_text(name_to_label))
        points = {name: _landmark(name, predicted.get(str(labels[name])), ct) for name in LANDMARK_NAMES if name in labels}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProviderError(f"{Path(path).name} is no result of nnLandmark ({unread(error)})") from error
    if not points:
        raise ProviderError(f"{Path(name_to_label).name} names none of the landmarks {', '.join(LANDMARK_NAMES[:4])}, ...")
    return Landmarks(points)


def _landmark(name: str, found: dict | None, ct: Geometry) -> Landmark:
    coordinates = (found or {}).get("coordinates") or [None]
    if None in coordinates:
        return Landmark(name, None, 0.0, reason="nnLandmark did not find it")
    i, j, k, likelihood = (float(v) for v in (*coordinates, found["likelihood"]))
    position = ct.to_lps(np.array([[k, j, i]]))[0]
    if not (np.all(np.abs(position) <= FARTHEST_MM) and np.isfinite(likelihood)):  # NaN is less than no limit, and would count as certain
        raise ProviderError(f"the coordinates or the likelihood of {name} are not finite, or far from any patient")
    return Landmark(name, position, min(max(likelihood, 0.0), 1.0))
