"""The files of one series in a folder of their own, so that readers of a folder see nothing else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .instances import Instance


@contextmanager
def staged(instances: Sequence[Instance]) -> Iterator[Path]:
    """A temporary folder with links to the files (copies where links cannot be made), named so that a message leads to them."""
    with tempfile.TemporaryDirectory(prefix="facedeidln-") as name:
        folder = Path(name)
        for number, instance in enumerate(instances):
            place = folder / f"{number:05d}_{instance.path.name}"
            try:
                place.symlink_to(instance.path.resolve())
            except OSError:
                shutil.copyfile(instance.path, place)
        yield folder
