"""Releases that were to be replaced (--overwrite) by what was not released: they leave the folder that travels.

They were right by the choices and inputs of their time, which are not those of the batch any more; who copies its folder would take them
for this batch's. Nothing is deleted: they lie beside the batch's folder, for its owner alone, until their owner takes them away.
"""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

from ...core.private import OWNER_FOLDER
from ...output.certificate import certificate_path, is_certified

#: What the row of such a case says: of a release that was moved, or could not be. It stops no other case.
SUPERSEDED = "the earlier release was set aside"
_STAYS = "the earlier release could not be set aside ({why}) and is not of this batch: take it away"


def set_aside(output: Path, name: str, folder: Path) -> str:
    """Move an earlier release, with its certificate, to ``name`` in ``folder``; what became of it, empty where there is none."""
    if not is_certified(output):
        return ""
    place = folder / name
    for number in itertools.count(2):
        if not (place.exists() or certificate_path(place).exists()):
            break
        place = (folder / name).with_name(f"{number}-{Path(name).name}")
    try:
        folder.mkdir(mode=OWNER_FOLDER, parents=True, exist_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(output, place)  # before its certificate: what has none is no release
        shutil.move(certificate_path(output), certificate_path(place))
    except OSError as problem:  # shutil.Error, of a folder to another disk, has no text of the system
        return _STAYS.format(why=problem.strerror or "not all of it could be moved")
    return SUPERSEDED
