"""The files of one series in a folder of their own, so that readers of a folder see nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..core.scratch import scratch_folder
from .instances import Instance

#: What a message calls the folder.
NAME = "the series"
#: Bytes of a file's name on most disks.
LONGEST_NAME = 255


@contextmanager
def staged(instances: Sequence[Instance]) -> Iterator[Path]:
    """A temporary folder with links to the files (copies where links cannot be made); what messages call it and them can be understood.

    It goes with this process, however that ends.
    """
    with scratch_folder() as scratch:
        folder = scratch / NAME
        folder.mkdir()
        for number, instance in enumerate(instances):
            place = folder / _name(number, instance.path.name)
            try:
                place.symlink_to(instance.path.resolve())
            except OSError:
                shutil.copyfile(instance.path, place)
        yield folder


def _name(number: int, name: str) -> str:
    """A name with a number before it that every library can open: bytes that are no text are spelled, too long a beginning is left out."""
    told, kept = f"{number:05d}_", name.encode(errors="backslashreplace")
    return told + kept[max(0, len(told) + len(kept) - LONGEST_NAME) :].decode(errors="ignore")


def staged_instance(path: Path, instances: Sequence[Instance]) -> Instance:
    """The instance that a file of the folder stands for."""
    return instances[int(path.name.split("_")[0])]


def told_of_originals(text: str, folder: Path) -> str:
    """What a reader of the folder says, without its place, and with the files' own names."""
    return re.sub(r"\b\d{5,}_(?=\S)", "", text.replace(str(folder), folder.name))
