"""The node levels against drawn glands, on patients, and on the phantom's planted nodes.

    python benchmarks/levels.py organs DATA_FOLDER
    python benchmarks/levels.py patients DATA_FOLDER [--every N] [--processes N]
    python benchmarks/levels.py phantom

``organs`` makes the levels from the drawn mandibles of DATA_FOLDER/organ-labels alone (there is no CT) and asks how much
of the drawn glands they hold. ``patients`` de-identifies DATA_FOLDER/open-kbp without levels, with the default levels,
and with the levels and the PTVs named as nodes. ``phantom`` plants nodes at five depths in four places.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import labelled_patients, require
from FaceDeidLNLib.anatomy.jaw.mandible import Mandible, mandible_of_segment
from FaceDeidLNLib.anatomy.level.find import Level, levels_of
from FaceDeidLNLib.case.records import CaseResult, Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.images import read_volume
from FaceDeidLNLib.phantom import ExtraNode, PhantomOptions, make_phantom
from FaceDeidLNLib.pipeline import deface

LEVELS = ("Ia", "Ib", "VIII")
SIDES = (("left", "Lt"), ("right", "Rt"))
#: Labels of open-kbp.
LARYNX, MANDIBLE, PTVS = 6, 7, (8, 9, 10)
#: A gland of fewer voxels was not drawn.
MIN_GLAND_VOXELS = 200
#: The skin of the nose, mouth and chin.
MIDFACE = ("pronasale", "subnasale", "stomion", "cheilion_left", "cheilion_right", "pogonion")
#: Volumes (ml) of the 2013 consensus levels as somebody else delineated them: the only such figures that could be opened.
#: One head-and-neck patient, structure set G, column v3: AutoSeg Evaluator, Supplementary 2, full results
#: (github.com/MLCOOKER/AutoSeg-Evaluator, commit 4bc47e4, docs/validation). Papers that report means of many patients
#: (Weissmann 2023, Strijbis 2022, van der Veen 2019) were found by title only, not with their volumes. Narrower rules give
#: less: Ib of nasopharynx patient lnctvseg0001 (Luo et al., Sci Data 2024; github.com/Luoxd1996/LNCTVSeg) measures 8 + 7 ml.
PUBLISHED_ML = {"Ia": 4.26, "Ib left": 22.58, "Ib right": 25.71, "VIII left": 45.02, "VIII right": 40.80, "IX left": 4.60, "IX right": 4.09}
#: Ia and Ib together may be this many times as large as published.
LIMIT = 3.0
DEPTHS_MM = (2.0, 4.0, 6.0, 10.0, 20.0)
PLACES = ("Ia", "Ib left", "cheek left", "pre-auricular left")


def organs(data: Path) -> None:
    """Share of each drawn gland in its level, and the levels' volumes."""
    inside, lateral, volumes = [], [], []
    for folder in sorted((data / "organ-labels").iterdir()):
        drawn = read_volume(folder / "Mandible.nrrd")
        mandible = mandible_of_segment(Segment("Mandible", drawn))
        levels = {level.name: level for level in levels_of(mandible, drawn.geometry, LEVELS)}
        volumes.append([levels[name].volume_ml for name in ("Ia", "Ib left", "Ib right", "VIII left", "VIII right")])
        words = []
        for side, short in SIDES:
            gland = _drawn(folder / f"Submandibular-{short}.nrrd")
            if gland is not None:
                inside.append(_share(levels[f"Ib {side}"], gland))
                words.append(f"gland {side} {inside[-1]:.3f}")
            parotid = _drawn(folder / f"Parotid-{short}.nrrd")
            if parotid is not None:
                lateral.append(_share(levels[f"VIII {side}"], _lateral_of(parotid, mandible)))
                words.append(f"parotid {side} {lateral[-1]:.3f}")
        print(f"{folder.name}: {volumes[-1][0]:.0f} + {sum(volumes[-1][1:3]):.0f} ml (Ia + Ib); {', '.join(words)}")
    total = np.array(volumes)[:, :3].sum(1)
    print(f"Ib holds of {len(inside)} submandibular glands: median {np.median(inside):.3f}, worst {min(inside):.3f}")
    print(f"VIII holds of {len(lateral)} parotids lateral of the mandible: median {np.median(lateral):.3f}, worst {min(lateral):.3f}")
    print(_against_published(total))
    print(
        "per level (median ml):",
        dict(zip(("Ia", "Ib left", "Ib right", "VIII left", "VIII right"), np.median(volumes, axis=0).round(1), strict=True)),
    )


def _against_published(total: np.ndarray) -> str:
    """Volumes (N,) of Ia and Ib together in ml against the published ones."""
    limit = LIMIT * sum(PUBLISHED_ML[name] for name in ("Ia", "Ib left", "Ib right"))
    return (
        f"Ia + Ib: median {np.median(total):.0f} ml, {total.min():.0f} to {total.max():.0f}; limit {limit:.0f} ml "
        f"({LIMIT:g} x published), kept by {np.count_nonzero(total <= limit)} of {len(total)}"
    )


def _drawn(path: Path) -> Volume | None:
    gland = read_volume(path) if path.exists() else None
    return gland if gland is not None and np.count_nonzero(gland.array) >= MIN_GLAND_VOXELS else None


def _share(level: Level, gland: Volume) -> float:
    mask = gland.array > 0
    return np.count_nonzero(level.mask.full(mask.shape) & mask) / max(1, np.count_nonzero(mask))


def _lateral_of(gland: Volume, mandible: Mandible) -> Volume:
    """The part of a gland that lies further from the midline than the ramus at its height and depth."""
    from FaceDeidLNLib.anatomy.jaw.arch import trace_outline

    grid = mandible.grid
    out = trace_outline(grid, mandible.mask).ramus_out
    kji = np.argwhere(gland.array > 0)
    jaw = grid.frame.to_jaw(gland.geometry.to_lps(kji))
    at = np.clip(grid.index(jaw), 0, np.array(mandible.mask.shape) - 1)
    beyond = np.abs(jaw[:, 0]) > out[at[:, 0], at[:, 1], (jaw[:, 0] < 0).astype(int)]
    mask = np.zeros(gland.array.shape, dtype=bool)
    mask[tuple(kji[beyond].T)] = True
    return gland.with_array(mask)


def patient(ct_path: Path) -> dict[str, object]:
    """The figures of one patient."""
    ct = read_volume(ct_path)
    labels = read_volume(ct_path.with_name(ct_path.name.replace("_ct", "_labels")))
    nodes = tuple(Segment(f"PTV {n}", labels.with_array(labels.array == n)) for n in PTVS if (labels.array == n).any())
    ptv = np.isin(labels.array, PTVS)
    runs = {
        "without": deface(Request(ct, parameters=Parameters(levels=()))),
        "levels": deface(Request(ct, parameters=Parameters(levels=LEVELS))),
        "nodes": deface(Request(ct, nodes, parameters=Parameters(levels=LEVELS))),
    }
    row: dict[str, object] = {"name": ct_path.name.removesuffix("_ct.nrrd")}
    box = submental_box(labels)
    for name, run in runs.items():
        changed = np.zeros(ptv.shape, dtype=bool) if run.comparison is None else run.comparison.changed
        row[f"{name} verdict"] = run.verdict.value
        row[f"{name} reasons"] = run.reasons
        row[f"{name} ptv"] = int(np.count_nonzero(changed & ptv))
        row[f"{name} box"] = int(np.count_nonzero(changed & ptv & box))
        row[f"{name} protected"] = 0 if run.comparison is None else sum(check.changed for check in run.comparison.protected)
        row[f"{name} midface"] = _midface(run)
        row[f"{name} skin"] = np.nan if run.coverage is None else run.coverage.changed_share
    row["seconds"] = runs["levels"].seconds.get("node levels", np.nan)
    row["volumes"] = [level.volume_ml for level in runs["levels"].levels]
    row["judged"] = all(level.judged for level in runs["levels"].levels)
    return row


def submental_box(labels: Volume) -> np.ndarray:
    """Columns between the drawn mandible's halves, from 10 mm over its lowest point down to the larynx (40 mm where none is drawn)."""
    out = np.zeros(labels.array.shape, dtype=bool)
    jaw = labels.array == MANDIBLE
    if np.count_nonzero(jaw) < 300:
        return out
    z = labels.geometry.to_lps(np.argwhere(jaw))[:, 2]
    larynx = labels.geometry.to_lps(np.argwhere(labels.array == LARYNX))[:, 2] if (labels.array == LARYNX).any() else None
    low = z.min() - 40.0 if larynx is None else min(larynx.max(), z.min())
    height = labels.geometry.to_lps(np.stack([np.arange(len(jaw)), *np.zeros((2, len(jaw)))], axis=1))[:, 2]
    seen = jaw.any(0)
    between = (np.cumsum(seen, axis=1) > 0) & (np.cumsum(seen[:, ::-1], axis=1)[:, ::-1] > 0) & ~seen
    out[(height >= low) & (height <= z.min() + 10.0)] = between
    return out


def _midface(run: CaseResult) -> float:
    if run.coverage is None:
        return np.nan
    found = [run.coverage.features[name] for name in MIDFACE if name in run.coverage.features]
    return float(np.mean(found)) if found else np.nan


def patients(data: Path, every: int, processes: int) -> None:
    """De-identify the patients three times each and sum up."""
    paths = labelled_patients(data / "open-kbp")[::every]
    with ProcessPoolExecutor(processes) as pool:
        rows = []
        for row in pool.map(patient, paths):
            rows.append(row)
            print({key: value for key, value in row.items() if key != "volumes"}, flush=True)
    for name in ("without", "levels", "nodes"):
        verdicts = [row[f"{name} verdict"] for row in rows]
        counts = {verdict: verdicts.count(verdict) for verdict in ("PASS", "REVIEW", "FAIL")}
        sums = {key: sum(row[f"{name} {key}"] for row in rows) for key in ("ptv", "box", "protected")}
        skin = [np.nanmean([row[f"{name} {key}"] for row in rows]) for key in ("skin", "midface")]
        print(
            f"{name}: {counts}; changed PTV voxels {sums['ptv']}, in the submental box {sums['box']}, protected {sums['protected']}; ",
            end="",
        )
        print(f"skin changed {skin[0]:.4f}, nose, mouth and chin {skin[1]:.4f}")
    less = [row["name"] for row in rows if row["levels midface"] < row["without midface"] - 1e-9]
    print(f"less of the nose-mouth-chin skin with levels: {less}; levels judged in {sum(row['judged'] for row in rows)} of {len(rows)}")
    volumes = np.array([row["volumes"] for row in rows if len(row["volumes"]) == 5])
    print(_against_published(volumes[:, :3].sum(1)))
    print(f"VIII one side {np.median(volumes[:, 3:]):.0f} ml (published {PUBLISHED_ML['VIII left']:.0f}); ", end="")
    print(f"{np.nanmedian([row['seconds'] for row in rows]):.2f} s for the levels")


def phantom() -> None:
    """Changed share of planted nodes by place and depth, named and not named."""
    print("| place | depth mm | changed where named | changed, default levels | changed, no levels | verdict (default levels) |")
    print("|---|---|---|---|---|---|")
    for place in PLACES:
        for depth in DEPTHS_MM:
            head = make_phantom((1.5, 1.5, 1.5), seed=3, options=PhantomOptions(extra_nodes=(ExtraNode(place, depth),)))
            node = next(segment for segment in head.segments if segment.name.startswith("LN extra"))
            asks = ((LEVELS, (node,)), (LEVELS, ()), ((), ()))
            runs = [deface(Request(head.ct, named, head.landmarks, parameters=Parameters(levels=levels))) for levels, named in asks]
            shares = [np.count_nonzero(run.comparison.changed & node.mask.array) / np.count_nonzero(node.mask.array) for run in runs]
            print(f"| {place} | {depth:g} | {shares[0]:.0%} | {shares[1]:.0%} | {shares[2]:.0%} | {runs[1].verdict.value} |", flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("organs", "patients", "phantom"))
    parser.add_argument("data", type=Path, nargs="?", help="folder of the data (organs, patients)")
    parser.add_argument("--every", type=int, default=1, help="take every Nth patient")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    if options.what == "phantom":
        phantom()
    elif options.data is None or not options.data.is_dir():
        parser.error("give the folder of the data")
    elif options.what == "organs":
        require(options.data, "organ-labels/*")
        organs(options.data)
    else:
        patients(options.data, options.every, options.processes)


if __name__ == "__main__":
    main()
