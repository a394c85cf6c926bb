"""Studies: how far the surface that each object shows lies from the old skin, the averaging attack, seconds and peak memory.

    python benchmarks/study_proof.py DATA [--withhold-doubtful] [--pictures DIR] [--only NAME ...]
    python benchmarks/study_proof.py DATA --costs | --doses 10

Studies: ``synthetic`` (the phantom, an object of every row of the table of outcomes and its nodes, protected), and those of
DATA/studies/*.tar.xz, by their names. Each is worked on in a process of its own and printed as one JSON line; a REVIEW is a result too
and names its object. All figures are taken from the files alone (study_measures.py).

surfaces: at every point of the original's skin where the CT that decided changed, the distance (mm) to the nearest surface of the
object, before and after: median and 10th percentile. protected: voxels of the nodes that changed. unexpected: objects of the synthetic
study whose outcome is another than its row's. identical: structures and segments
that are the very same. averaging: see ``averaging``; averaging_helps: in how many pairs two series show more than one.
validators: what readers and dciodvfy say of a released object and not of its original.
--costs: studies of 1, 2, 4 and 8 CTs of the phantom: seconds, over those of as many studies of one CT, and peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.extend(str(Path(__file__).resolve().parents[1] / part) for part in ("FaceDeidLN", "FaceDeidLN/Testing/Python", "benchmarks"))

from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.phantom import Phantom
from FaceDeidLNLib.study.report import StudyResult

SYNTHETIC = "synthetic"
COPIES = (1, 2, 4, 8)
COSTS_SPACING_MM = (2.5, 2.4, 3.0)
#: Voxels (mm) of the synthetic study: those of a clinical CT would take minutes.
SPACING_MM = (3.6, 3.4, 4.0)


def measure(folder: Path, out: Path, options: argparse.Namespace) -> None:
    """Run one folder of studies and print one JSON line per study."""
    from FaceDeidLNLib.case.records import Request
    from FaceDeidLNLib.study.family import Options
    from FaceDeidLNLib.study.plan import plan
    from FaceDeidLNLib.study.run import run
    from study_measures import averaging, changed_in, identical, surfaces_of
    from study_validators import new_findings

    made = _synthetic(folder) if options.one == SYNTHETIC else None
    asked = Options(withhold_doubtful=options.withhold_doubtful)
    if made is not None:
        asked = replace(asked, request=lambda ct, frame: Request(ct.volume, made.nodes_in(ct.volume)))
    base, begin = _peak_mb(), time.process_time()
    planned = plan(folder)
    results = run(planned, out, asked, review=options.pictures)
    seconds, peak = time.process_time() - begin, _peak_mb() - base
    for result in results:
        released = result.output is not None
        facts = {
            "verdict": result.verdict,
            "reasons": list(result.reasons),
            "series": len(result.planned.study.series),
            "cpu_seconds": round(seconds, 1),
            "peak_mb": peak,
            "outcomes": sorted({f"{r.entry.instance.text('SeriesDescription')}: {r.decision.outcome.value}" for r in result.reports}),
            "proof": [one.facts() for one in result.proof.surfaces] if result.proof else [],
            "surfaces": list(surfaces_of(result)) if released and not options.costs else [],
            "unexpected": _unexpected(result) if made is not None else [],
            "protected": list(changed_in(made.protected(), result, made.ways)) if released and made is not None else [],
            "identical": list(identical(result)) if released and not options.costs else [],
            "averaging": list(averaging(result)) if released and not options.costs else [],
            "validators": list(new_findings(result)) if released and not options.costs else [],
        }
        facts["averaging_helps"] = f"{sum(one['helps'] for one in facts['averaging'])} of {len(facts['averaging'])} pairs"
        print(json.dumps(facts), flush=True)


@dataclass(frozen=True, eq=False)
class Synthetic:
    """The synthetic study's phantom, and the matrix (4, 4) from its second frame of reference to the first, by UID."""

    phantom: Phantom
    ways: dict[str, np.ndarray]

    def nodes_in(self, ct: Volume) -> tuple[Segment, ...]:
        """The nodes, where a CT of the phantom's grid, in either frame of reference, has them."""
        own = self.phantom.ct.geometry.ijk_to_lps
        moved = np.eye(4)
        moved[:3, 3] = ct.geometry.ijk_to_lps[:3, 3] - own[:3, 3]
        return tuple(
            Segment(node.name, Volume(node.mask.array, Geometry(node.mask.geometry.shape, moved @ node.mask.geometry.ijk_to_lps)))
            for node in self.phantom.nodes
        )

    def protected(self) -> Volume:
        """Bool: all nodes."""
        return self.phantom.ct.with_array(np.any([node.mask.array for node in self.phantom.nodes], axis=0))


def _synthetic(folder: Path) -> Synthetic:
    """Write the synthetic study."""
    from FaceDeidLNLib.phantom import make_phantom
    from synthetic_documents import SECOND_MM, write_all

    phantom = make_phantom(SPACING_MM, seed=1)
    _, second = write_all(folder, phantom)
    back = np.eye(4)
    back[:3, 3] = -np.array(SECOND_MM)
    return Synthetic(phantom, {second.frame: back})


def _unexpected(result: StudyResult) -> list[str]:
    """What became of an object, where that is another thing than its row of the table says."""
    from synthetic_documents import OUTCOMES

    found = {report.entry.instance.text("SeriesDescription"): report.decision.outcome.value for report in result.reports}
    return [f"{name}: {found.get(name)} instead of {wanted}" for name, wanted in OUTCOMES.items() if found.get(name) != wanted]


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def costs() -> bool:
    """Print seconds and peak memory of studies of COPIES CTs, and the seconds over those of its CTs one by one; False where one failed."""
    from FaceDeidLNLib.phantom import make_phantom
    from synthetic_objects import noisy
    from synthetic_study import StudyFolder

    phantom, alone, passed = make_phantom(COSTS_SPACING_MM, seed=1), 0.0, True
    for count in COPIES:
        with tempfile.TemporaryDirectory() as name:
            study = StudyFolder(Path(name), phantom)
            for number in range(count):
                study.series(noisy(phantom.ct, number, 20.0), f"ct{number}", f"Head {number}")
            found = _costs_of(study.folder)
        alone = alone or found["cpu_seconds"]
        passed &= found["verdict"] == "PASS"
        facts = {key: found[key] for key in ("verdict", "reasons", "cpu_seconds", "peak_mb")}
        print(json.dumps({"series": count, **facts, "over_one_by_one": round(found["cpu_seconds"] / (count * alone), 2)}), flush=True)
    return passed


def doses(draws: int) -> None:
    """Print, for draws of the synthetic study's CT and dose, the verdict and the border of the dose beside the CT's new skin."""
    from FaceDeidLNLib.case.records import Request
    from FaceDeidLNLib.core.parameters import Parameters
    from FaceDeidLNLib.phantom import make_phantom
    from FaceDeidLNLib.study.family import Options
    from FaceDeidLNLib.study.plan import plan
    from FaceDeidLNLib.study.run import run
    from synthetic_study import StudyFolder, write_dose

    phantom = make_phantom(SPACING_MM, seed=1)
    with tempfile.TemporaryDirectory() as name:
        study = StudyFolder(Path(name, "in"), phantom)
        write_dose(Path(name, "in", "dose.dcm"), study.series(phantom.ct, "ct", "Head")[0], study)
        for seed in range(1, draws + 1):
            asked = Options(Parameters(seed=seed), lambda ct: Request(ct.volume, (phantom.segment("LN cheek left"),)))
            (result,) = run(plan(Path(name, "in")), Path(name, f"out{seed}"), asked)
            surfaces = [one.facts() for one in result.proof.surfaces] if result.proof else []
            print(json.dumps({"draw": seed, "verdict": result.verdict, "reasons": list(result.reasons), "surfaces": surfaces}), flush=True)


def _costs_of(folder: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, __file__, str(folder), "--one", "costs", "--costs", "--withhold-doubtful", "--out", f"{name}/out"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[0])


def main() -> int:
    """Every study of DATA; exit status 1 where one could not be worked on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--withhold-doubtful", action="store_true")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="review pictures of every series; THEY SHOW THE FACE")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--costs", action="store_true")
    parser.add_argument("--doses", type=int, metavar="DRAWS", help="the dose of the synthetic study alone, in so many draws")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        measure(options.data, options.out, options)
        return 0
    if options.doses:
        doses(options.doses)
        return 0
    if not any(options.data.glob("studies/*.tar.xz")):
        print(f"{options.data} holds no studies/*.tar.xz: the synthetic study alone is measured", file=sys.stderr)
    archives = {path.name.removesuffix(".tar.xz"): path for path in sorted((options.data / "studies").glob("*.tar.xz"))}
    if options.costs:
        return int(not costs())
    names = options.only or [SYNTHETIC, *archives]
    return int(sum(_one(name, archives.get(name), options) for name in names) > 0)


def _one(name: str, archive: Path | None, options: argparse.Namespace) -> bool:
    """Work on one study in a process of its own; True where that failed."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        (place / "in").mkdir()
        if archive is not None:
            _unpack(archive, place / "in")
        command = [sys.executable, __file__, str(place / "in"), "--one", name, "--out", str(place / "out")]
        command += ["--withhold-doubtful"] if options.withhold_doubtful else []
        command += ["--pictures", str(options.pictures / name)] if options.pictures else []
        done = subprocess.run(command, capture_output=True, text=True)
    print(f"{name}:", done.stdout or done.stderr[-2000:], sep="\n", flush=True)
    return done.returncode != 0


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")


if __name__ == "__main__":
    sys.exit(main())
