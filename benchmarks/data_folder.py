"""What a benchmark finds in the folder of data: what it lacks is said, so that nothing counts as seen that was not there."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path


def require(data: Path, *parts: str) -> None:
    """All ``parts`` are there, each a path below the folder or a pattern of such; ends the program in a sentence where one is not."""
    if lacking := _lacking(data, parts):
        sys.exit(f"{data} lacks {', '.join(lacking)}: the head of the script and its --help say what it reads.")


def there(data: Path, parts: Iterable[str]) -> list[str]:
    """Those ``parts`` that are there; the others are told. Ends the program where none is."""
    parts = list(parts)
    lacking = _lacking(data, parts)
    if len(lacking) == len(parts):
        require(data, *parts)
    if lacking:
        print(f"not in {data}, and left out: {', '.join(lacking)}", file=sys.stderr)
    return [part for part in parts if part not in lacking]


def marked_patients(folder: Path) -> list[str]:
    """The patients of landmarks.json whose CTs are there, in the order of their numbers; the others are told."""
    require(folder, "landmarks.json", "*_ct.nrrd")
    names = json.loads((folder / "landmarks.json").read_text())["patients"]
    return sorted((part.removesuffix("_ct.nrrd") for part in there(folder, [f"{name}_ct.nrrd" for name in names])), key=number_of)


def labelled_patients(folder: Path) -> list[Path]:
    """The CTs of the patients whose labels are there too, in the order of their numbers; the others are told."""
    require(folder, "*_ct.nrrd")
    names = [path.name.removesuffix("_ct.nrrd") for path in sorted(folder.glob("*_ct.nrrd"), key=lambda path: number_of(path.name))]
    found = there(folder, [f"{name}_labels.nrrd" for name in names])
    return [folder / f"{part.removesuffix('_labels.nrrd')}_ct.nrrd" for part in found]


def number_of(name: str) -> tuple[list[int], str]:
    """By which patients are sorted: the numbers in a name, then the name."""
    return [int(digits) for digits in re.findall(r"\d+", name)], name


def _lacking(data: Path, parts: Iterable[str]) -> list[str]:
    return [part for part in parts if not any(data.glob(part))]
