"""What the review material of a case shows, so that a sign-off is of that very result: its hash, and the seed that draws it again.

The file lies in the review folder, which holds the original face anyway, and nowhere else: who has the seed can draw the new surface.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import InputError
from ..core.plain_files import read_plain_text
from ..core.private import write_private
from ..core.volume import Volume
from .review_folder import SEEN_FILE


@dataclass(frozen=True)
class Seen:
    """The result that a person looks at."""

    result: str
    seed: int


def digest(volume: Volume) -> str:
    """SHA-256 of voxels, scalar type and place."""
    head = f"{volume.array.dtype.str} {volume.array.shape} {(np.round(volume.geometry.ijk_to_lps, 6) + 0.0).tolist()}"
    found = hashlib.sha256(head.encode())
    found.update(np.ascontiguousarray(volume.array))
    return found.hexdigest()


def note_seen(folder: Path, seen: Seen) -> None:
    """Write what the review in ``folder`` shows."""
    write_private(folder / SEEN_FILE, json.dumps({"result": seen.result, "seed": str(seen.seed)}) + "\n")


def read_seen(folder: Path) -> Seen:
    """What the review in ``folder`` shows.

    :raises InputError: it holds no result that could be signed off.
    """
    try:
        said = json.loads(read_plain_text(folder / SEEN_FILE))
        seen = Seen(str(said["result"]), int(said["seed"]))
        if seen.seed < 0:
            raise ValueError("nothing is drawn from such a seed")
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as problem:
        raise InputError(f"{folder / SEEN_FILE} holds no result that can be signed off: name the --qa folder of the case.") from problem
    return seen
