"""The files that the options name. It loads little: what is wrong with arguments is said at once."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..core.errors import InputError
from ..input.images import image_files


def given_files(options: argparse.Namespace) -> tuple[Path, ...]:
    """Every file that the options name beside INPUT, and those that hold their voxels; InputError for the first that is not there."""
    guides = tuple(getattr(options, name, None) for name in ("landmarks", "curve", "face_segment"))
    files = (*options.nodes, *options.protect, *(path for path in guides if path is not None))
    for path in files:
        if not path.is_file():
            raise InputError(f"There is no file {path}.")
    return tuple(part for path in files for part in image_files(path))
