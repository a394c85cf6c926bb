"""Contact sheets of the skin found in every CT of a folder: front, right and left, with a sagittal section.

    python benchmarks/skin_sheets.py DATA_FOLDER OUTPUT_FOLDER [--per-sheet 20]

DATA_FOLDER is searched for CTs (*_ct.nrrd, *.nii.gz) in all folders below it. Where a landmarks.json lies beside them
the distance of its marks to the skin is printed too (mm, positive inside the tissue). The sheets show patients: keep
them out of any repository.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))
mpl.use("Agg")

import matplotlib.pyplot as plt
from data_folder import there
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.grids import sample
from FaceDeidLNLib.anatomy.skin import skin_depth
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume

MARKS = ("pronasale", "sellion", "stomion", "pogonion", "menton")
SPACING_MM = 2.0


def read(path: Path) -> Volume:
    """The CT in a file that SimpleITK reads."""
    image = sitk.ReadImage(str(path))
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    array = sitk.GetArrayFromImage(image)
    return Volume(array, Geometry(array.shape, matrix))


def find_cts(folder: Path) -> list[Path]:
    """The CTs below a folder, in the order of their numbers."""
    paths = [p for p in folder.rglob("*") if p.name.endswith(("_ct.nrrd", "_ct.nii.gz"))]
    return sorted(paths, key=lambda p: (str(p.parent), [int(n) for n in re.findall(r"\d+", p.name)], p.name))


def shaded(depth: np.ndarray) -> np.ndarray:
    """The skin seen along the array's last axis, lit from the viewer: grey (rows, columns), NaN where there is none."""
    solid = depth > 0
    first = np.argmax(solid, axis=2)
    rows, columns = np.indices(first.shape)
    before = np.maximum(first - 1, 0)
    inner, outer = depth[rows, columns, first], depth[rows, columns, before]
    height = first - np.where(first > 0, inner / np.maximum(inner - outer, 1e-3), 0.0)
    slope = np.hypot(*np.gradient(height))
    return np.where(solid.any(axis=2), 1.0 / np.sqrt(1.0 + slope**2), np.nan)


def middle_column(depth: Volume) -> int:
    """The column (i) of the section through the middle of the body."""
    return int(np.median(np.nonzero(depth.array > 0)[2]))


def views(depth: Volume, ct: Volume) -> Iterator[tuple[str, np.ndarray]]:
    """Front, right and left view and the middle sagittal section of one head, superior up."""
    array = depth.array[::-1]
    yield "front", shaded(array.transpose(0, 2, 1))
    yield "right", shaded(array[:, ::-1, :])
    yield "left", shaded(array[:, :, ::-1])
    hu = sample(ct, depth.geometry)[::-1, :, middle_column(depth)]
    yield "section", np.clip((hu + 1000) / 1300, 0, 1)


def box_of(body: Volume) -> np.ndarray:
    """LPS corners (2, 3) around the upper 300 mm of the body, 130 mm to each side of its middle."""
    kji = np.argwhere(body.array)
    points = body.geometry.to_lps(kji)
    top = points[:, 2].max()
    head = points[points[:, 2] > top - 120]
    middle = np.median(head, axis=0)
    low = [middle[0] - 130, points[:, 1].min() - 20, max(points[:, 2].min(), top - 300) - 10]
    high = [middle[0] + 130, head[:, 1].max() + 20, top + 10]
    return np.array([low, high])


def draw(cases: list[Path], path: Path) -> dict[str, Volume]:
    """One sheet of these CTs, four to a row; gives their depth by file name."""
    rows = -(-len(cases) // 4)
    figure, axes = plt.subplots(rows, 16, figsize=(32, 2.5 * rows), squeeze=False)
    found = {}
    for axis in axes.flat:
        axis.axis("off")
    for number, case in enumerate(cases):
        cells = axes[number // 4, 4 * (number % 4) : 4 * (number % 4) + 4]
        cells[0].set_title(case.name.replace("_ct.nrrd", ""), fontsize=9)
        ct = read(case)
        try:
            body = find_body(ct)
            depth = skin_depth(ct, body, box_of(body), SPACING_MM)
        except FaceDeidError as error:
            print(f"{case.name}: {error}")
            continue
        found[case.name] = depth
        for cell, (name, picture) in zip(cells, views(depth, ct), strict=True):
            cell.imshow(picture, cmap="gray", vmin=0, vmax=1)
            if name == "section":
                cut = depth.array[::-1, :, middle_column(depth)]
                cell.contour(cut, [0.0], colors="red", linewidths=0.6)
    figure.tight_layout(pad=0.1)
    figure.savefig(path, dpi=60)
    plt.close(figure)
    return found


def print_marks(folder: Path, depths: dict[str, Volume]) -> None:
    """The distribution of the depth at the marks of ``folder``/landmarks.json."""
    patients = json.loads((folder / "landmarks.json").read_text())["patients"]
    for mark in MARKS:
        values = {}
        for name, depth in depths.items():
            point = patients.get(name.replace("_ct.nrrd", ""), {"landmarks": {}})["landmarks"].get(mark)
            if point is not None:
                values[name] = float(depth.at(np.array([point]))[0])
        array = np.array(list(values.values()))
        worst = sorted(values, key=lambda n: -abs(values[n]))[:5]
        low, middle, high = np.percentile(array, [5, 50, 95])
        print(f"{mark:10s} n {array.size} depth mm: 5% {low:.1f} median {middle:.1f} 95% {high:.1f} worst", end=" ")
        print(", ".join(f"{n.replace('_ct.nrrd', '')} {values[n]:.1f}" for n in worst))


def main() -> None:
    """Read the arguments, draw the sheets, print the distances."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--per-sheet", type=int, default=20)
    arguments = parser.parse_args()
    there(arguments.data, ("**/*_ct.nrrd", "**/*_ct.nii.gz"))
    arguments.output.mkdir(parents=True, exist_ok=True)
    by_folder: dict[Path, list[Path]] = {}
    for path in find_cts(arguments.data):
        by_folder.setdefault(path.parent, []).append(path)
    for folder, paths in by_folder.items():
        depths = {}
        for start in range(0, len(paths), arguments.per_sheet):
            sheet = arguments.output / f"{folder.name}_{start // arguments.per_sheet + 1}.png"
            depths |= draw(paths[start : start + arguments.per_sheet], sheet)
            print(sheet)
        if (folder / "landmarks.json").exists():
            print_marks(folder, depths)


if __name__ == "__main__":
    main()
