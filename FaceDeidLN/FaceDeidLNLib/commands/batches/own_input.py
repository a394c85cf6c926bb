"""Is a release that of this case? A certificate belongs to an output by its hash, and nothing in it may tell what the input was."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...core.errors import FaceDeidError
from ...core.volume import Volume
from ...header.base import HeaderPolicy
from .cases import STUDY, Case

#: What is no air, in HU; of it at most this share may have changed. A face is less, and two CTs have the same value at few places.
_BODY_HU, _MOST_CHANGED = -300.0, 0.5


def is_of_case(case: Case, output: Path, policy: HeaderPolicy) -> bool:
    """The output was made from the case's input: most of its voxels are the input's, or its studies have the UIDs that theirs became."""
    try:
        if case.command == STUDY:
            return _studies(output) == {policy.uid(uid) for uid in _studies(case.input)}
        options = dict(zip(case.options[::2], case.options[1::2], strict=True))
        return _has_its_voxels(_volume(case.input, options.get("--series")), _volume(output))
    except (FaceDeidError, OSError):
        return False


def _studies(folder: Path) -> set[str]:
    from ...study.instances import find_instances

    return {instance.text("StudyInstanceUID") for instance in find_instances(folder).instances}


def _volume(path: Path, series: str | None = None) -> Volume:
    from ...input.dicom import read_dicom_series
    from ...input.images import image_extension, read_volume

    return read_volume(path) if path.is_file() and image_extension(path) else read_dicom_series(path, series).volume


def _has_its_voxels(before: Volume, after: Volume) -> bool:
    if before.array.shape != after.array.shape:
        return False
    body = (before.array > _BODY_HU) | (after.array > _BODY_HU)
    return bool(body.any()) and float(np.mean(before.array[body] != after.array[body])) <= _MOST_CHANGED
