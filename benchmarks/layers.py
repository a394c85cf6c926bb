"""Layers on the face (bolus, gel, wax, dressing, mask, foam, plaster): are they told, with limits of heads that were not tested?

    python benchmarks/layers.py look DATA OUT.json [--heads cthead,pt_4,...] [--kinds water,wax,...] [--part I/N]
    python benchmarks/layers.py judge OUT.json...

DATA holds heads and open-kbp. ``look`` lays every layer of KINDS that fits the voxels on the heads and writes what the lines of sight
show, bare and covered, with the landmarks that this very CT shows. Where the program says nothing, it goes on to the result: SILENT MISS
is a PASS in which less of the patient's own skin at nasal root, nose, eyes, chin or menton changed than 90 %, and than in the bare head.
``judge`` takes limits from one half of the heads by the rule of ``FaceDeidLNLib/verify/layer.py`` and tests them on the other half, both
ways: bare heads in which a layer is seen, and layers that are missed. Exit status 1 where there is a silent miss.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import require
from FaceDeidLNLib.anatomy.body import find_body
from FaceDeidLNLib.anatomy.face_frame import fit_frame
from FaceDeidLNLib.anatomy.landmark.detect import detect_landmarks
from FaceDeidLNLib.anatomy.skin import skin_depth
from FaceDeidLNLib.case.find import EYES, face_bounds, shows_eyes
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.core.landmarks import Landmarks
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.layer import AREAS, Area, Look, areas_for, covered_areas, covered_corners, look_at

#: Where a layer lies: least and most of (left, anterior, superior) in mm of the mean face.
PLACES = {
    "face": ((-90, 20, -100), (90, 150, 85)),
    "half face": ((0, 20, -100), (90, 150, 85)),
    "chin": ((-90, 60, -105), (90, 150, -45)),
    "nose": ((-25, 60, -45), (25, 150, 15)),
    "left eye": ((5, 30, -15), (65, 150, 35)),
    "forehead": ((-80, 30, 15), (80, 150, 90)),
}
#: Where a layer stands off by a gap, it does on the left; holes are squares of so many mm, so many mm apart.
HOLE_MM, HOLES_APART_MM = 4.0, 10.0


@dataclass(frozen=True)
class Kind:
    """What is laid on: HU and their noise, thicknesses in mm, an air gap (mm) below its left half, and whether it is perforated."""

    hu: float
    noise: float
    thicknesses: tuple[int, ...]
    gap_mm: float = 0.0
    holes: bool = False


KINDS = {
    "water": Kind(5.0, 8.0, (1, 2, 3, 5, 10, 15)),
    "gel": Kind(30.0, 12.0, (2, 3, 5, 10, 15)),
    "wax": Kind(-80.0, 8.0, (2, 3, 5, 10, 15)),
    "wet dressing": Kind(-60.0, 50.0, (2, 3, 5, 10)),
    "thermoplastic": Kind(120.0, 8.0, (2, 3)),
    "perforated sheet": Kind(120.0, 10.0, (2, 3, 5), holes=True),
    "gel with a gap": Kind(30.0, 10.0, (2, 3, 5), gap_mm=2.0),
    "foam": Kind(-250.0, 10.0, (2, 3, 5, 10, 20)),
    "gauze": Kind(-150.0, 120.0, (10, 14)),
    "moist swab": Kind(-20.0, 70.0, (8, 12)),
    "dense bolus": Kind(200.0, 10.0, (2, 3, 5)),
    "thin plaster": Kind(300.0, 10.0, (2, 3, 5)),
    "plaster": Kind(900.0, 20.0, (5, 10)),
}
#: A layer must be this many voxels thick to be one.
LEAST_VOXELS = 0.8
#: The skin that has to change, and how near (mm) to a landmark it is looked at.
MARKS, FEATURE_MM, HIDDEN_SHARE, TOLERANCE = ("sellion", "pronasale", "pogonion", "menton"), 8.0, 0.9, 0.02
#: ... and the middle of an eye, before which the skin lies.
EYE_MM = 22.0
#: Limits are this share of the least scatter, and this percentile of the depths of bone, as in the table of areas.
OF_LEAST, BONE_PERCENTILE = 0.8, 98.0
#: No limit of scatter is higher (sheets and thin layers; thick ones), and the bone of one area alone is so much (mm) deeper than any.
MOST_SCATTER, MOST_THICK, ALONE_MM = 50.0, 75.0, 2.0


@dataclass(frozen=True, eq=False)
class Head:
    """A CT, its patient (bool) with the distance from him (mm), its landmarks."""

    name: str
    ct: Volume
    patient: np.ndarray
    away: np.ndarray
    marks: Landmarks


def main() -> int:
    """Look or judge; 1 where there is a silent miss."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("look", "judge"))
    parser.add_argument("paths", type=Path, nargs="+", help="DATA OUT.json, or OUT.json ...")
    parser.add_argument("--heads", default="", help="names separated by commas (default: cthead and all patients)")
    parser.add_argument("--kinds", default=",".join(KINDS), help="names separated by commas, or none (default: all)")
    parser.add_argument("--part", default="1/1", help="the I-th of N parts of the heads (default: %(default)s)")
    options = parser.parse_args()
    if options.what == "judge":
        return judge([row for path in options.paths for row in json.loads(path.read_text())])
    data, out = options.paths
    part, parts = (int(number) for number in options.part.split("/"))
    names = options.heads.split(",") if options.heads else ["cthead", *(f.name[:-8] for f in sorted((data / "open-kbp").glob("*_ct.nrrd")))]
    require(data, *(f"{'open-kbp' if name.startswith('pt_') else 'heads'}/{name}_ct.nrrd" for name in names))
    kinds = [kind for kind in options.kinds.split(",") if kind in KINDS]
    rows = [row for name in names[part - 1 :: parts] for row in rows_of(head(data, name), kinds)]
    out.write_text(json.dumps(rows))
    return 0


def head(data: Path, name: str) -> Head:
    """One head of DATA."""
    folder = data / ("open-kbp" if name.startswith("pt_") else "heads")
    ct = read_ct(folder / f"{name}_ct.nrrd").volume
    solid = ndimage.binary_opening(ct.array > -300)
    labels, _ = ndimage.label(solid)
    patient = labels == np.argmax(np.bincount(labels[solid]))
    patient = np.array([ndimage.binary_fill_holes(plane) for plane in patient])
    away = ndimage.distance_transform_edt(~patient, sampling=ct.geometry.sampling)
    return Head(name, ct, patient, away.astype(np.float32), detect_landmarks(ct))


def rows_of(head: Head, kinds: list[str]) -> Iterator[dict[str, Any]]:
    """The bare head and all its layers."""
    bare = own_skin_changed(head, deface(Request(head.ct)).result.array != head.ct.array) if kinds else {}
    yield row(head, head.ct, bare, "", 0, "")
    thinnest = LEAST_VOXELS * float(np.median(head.ct.geometry.sampling))
    for kind in kinds:
        for thickness in (t for t in KINDS[kind].thicknesses if t >= thinnest):
            for place in PLACES:
                yield row(head, layered(head, KINDS[kind], thickness, place), bare, kind, thickness, place)


def layered(head: Head, kind: Kind, thickness_mm: float, place: str) -> Volume:
    """The head under a layer."""
    frame = fit_frame(head.marks)
    where = np.flatnonzero((head.away > 0) & (head.away <= thickness_mm + kind.gap_mm))
    face = frame.to_face(head.ct.geometry.to_lps(np.stack(np.unravel_index(where, head.away.shape), axis=1)))
    low, high = PLACES[place]
    below = kind.gap_mm * (face[:, 0] > 0)
    away = head.away.ravel()[where]
    kept = np.all((face > low) & (face < high), axis=1) & (away > below) & (away <= below + thickness_mm)
    if kind.holes:
        kept &= ~np.all(np.mod(face[:, [0, 2]], HOLES_APART_MM) < HOLE_MM, axis=1)
    array = head.ct.array.copy()
    array.ravel()[where[kept]] = kind.hu + kind.noise * np.random.default_rng(1).standard_normal(np.count_nonzero(kept))
    return head.ct.with_array(array)


def row(head: Head, ct: Volume, bare: dict[str, float], kind: str, thickness: int, place: str) -> dict[str, Any]:
    """What one CT shows, what is said of it, and what came of it where nothing is said."""
    facts: dict[str, Any] = {"head": head.name, "kind": kind, "thickness": thickness, "place": place, "looks": [], "outcome": ""}
    try:
        landmarks = detect_landmarks(ct)
        frame = fit_frame(landmarks)
        depth = skin_depth(ct, find_body(ct), face_bounds(frame))
        looks = look_at(ct, frame, depth)
    except FaceDeidError as error:
        facts["outcome"] = f"no face: {error}"
    else:
        facts["looks"] = [asdict(look) for look in looks]
        told = covered_areas(looks, areas_for(ct)) or (covered_corners(ct, frame, depth) if shows_eyes(ct, landmarks) else ())
        facts["outcome"] = "told" if told else outcome(head, ct, bare) if kind else "nothing said"
    print(f"{head.name:8s} {kind:13s} {thickness:2d} mm {place:9s} {facts['outcome']}", flush=True)
    return facts


def outcome(head: Head, ct: Volume, bare: dict[str, float]) -> str:
    """The verdict of a layered CT, and the share of the patient's own skin that changed where it falls shortest."""
    result = deface(Request(ct))
    if result.result is None:
        return result.verdict.value
    found = own_skin_changed(head, result.result.array != ct.array)
    short = {name: min(HIDDEN_SHARE, bare[name]) - share for name, share in found.items()}
    where = max(short, key=short.get)
    word = "SILENT MISS" if result.verdict.value == "PASS" and short[where] > TOLERANCE else result.verdict.value
    return f"{word} (own skin at {where}: {found[where]:.0%} changed, in the bare head {bare[where]:.0%})"


def own_skin_changed(head: Head, changed: np.ndarray) -> dict[str, float]:
    """Share of the patient's own outermost voxels near each landmark that changed."""
    skin = head.patient & ~ndimage.binary_erosion(head.patient)
    skin_lps = head.ct.geometry.to_lps(np.argwhere(skin))
    hit, shares = changed[skin], {}
    frame = fit_frame(head.marks)
    before = frame.to_face(skin_lps)[:, 1]
    points = {name: head.marks.position(name) for name in (*MARKS, *EYES) if head.marks.position(name) is not None}
    for name, point in points.items():
        near = np.linalg.norm(skin_lps - point, axis=1) < (EYE_MM if name in EYES else FEATURE_MM)
        if name in EYES:
            near &= before > frame.to_face(point[None])[0, 1]
        if near.any():
            shares[name] = float(hit[near].mean())
    return shares


def judge(rows: list[dict[str, Any]]) -> int:
    """Print the tables; the number of silent misses, at most 1."""
    looks = [(row, [Look(**look) for look in row["looks"]]) for row in rows if row["looks"]]
    names = sorted({row["head"] for row in rows})
    halves = (set(names[::2]), set(names[1::2]))
    for number, (own, other) in enumerate((halves, halves[::-1]), start=1):
        areas = limits([look for row, look in looks if not row["kind"] and row["head"] in own])
        report(f"limits of half {number} ({len(own)} heads), tested on the other ({len(other)})", looks, areas, other)
    report("the program's limits, all heads", looks, AREAS, set(names))
    missed = [row for row in rows if row["outcome"].startswith("SILENT")]
    for row in missed:
        print(f"SILENT MISS: {row['head']} {row['kind']} {row['thickness']} mm {row['place']}: {row['outcome']}")
    print(f"{len(missed)} silent misses in {sum(bool(row['kind']) for row in rows)} layers")
    return int(bool(missed))


def limits(heads: list[list[Look]]) -> tuple[Area, ...]:
    """The table of areas with the limits that these bare heads give."""
    out = []
    for area, found in zip(AREAS, zip(*heads, strict=True), strict=True):
        least = [OF_LEAST * min(_of(look, name) for look in found) for name in ("sheet", "thin", "thick")]
        bone = [look.bone_mm for look in found if math.isfinite(look.bone_mm)]
        deep = None if area.bone_mm is None or not bone else math.ceil(float(np.percentile(bone, BONE_PERCENTILE)))
        alone = None if area.alone_mm is None or not bone else max(bone) + ALONE_MM
        sheet, thin = (min(value, MOST_SCATTER) for value in least[:2])
        thick = None if area.thick is None else min(least[2], MOST_THICK)
        out.append(replace(area, sheet=sheet, thin=thin, thick=thick, bone_mm=deep, alone_mm=alone))
    return tuple(out)


def _of(look: Look, name: str) -> float:
    """A scatter; infinite for the thin ones of fat, which has a limit of its own."""
    return math.inf if look.fat and name != "thick" else getattr(look, name)


def report(title: str, looks: list[tuple[dict[str, Any], list[Look]]], areas: tuple[Area, ...], heads: set[str]) -> None:
    """Bare heads that are told to wear a layer, and layers that are seen."""
    of_heads = [(row, look) for row, look in looks if row["head"] in heads]
    bare = [bool(covered_areas(look, areas)) for row, look in of_heads if not row["kind"]]
    print(f"{title}: a layer is seen on {sum(bare)} of {len(bare)} bare heads")
    for kind in KINDS:
        cells = []
        for thickness in sorted({row["thickness"] for row, _ in of_heads if row["kind"] == kind}):
            seen = [bool(covered_areas(look, areas)) for row, look in of_heads if (row["kind"], row["thickness"]) == (kind, thickness)]
            cells.append(f"{thickness} mm {sum(seen)} of {len(seen)}")
        print(f"  {kind:13s} seen: {', '.join(cells)}")


if __name__ == "__main__":
    raise SystemExit(main())
