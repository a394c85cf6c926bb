"""Apply, Verify again, save, load, Verify again: the same verdict and figures? python benchmarks/verified_again.py [DATA]

On the synthetic head in four grids, and on ``cthead`` and ``headsq`` of the data folder where one is given. One line each; exit code 1
where anything differs. Runs on the stand-in host; inside Slicer the module's self test does the same with the synthetic head.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "FaceDeidLN"
#: Voxel sizes (mm) of the synthetic head; the last one also lies oblique in the world.
_GRIDS = ((1.0, 1.0, 1.5), (2.5, 2.5, 2.5), (0.9, 0.9, 3.0), (2.0, 2.0, 2.5))
_HEADS = ("cthead", "headsq")


def heads(module: object, data: Path | None) -> list[tuple[str, object, dict[str, object]]]:
    """Name, loader and options of every head."""
    found = [(f"phantom {'x'.join(map(str, grid))}", module.loadPhantom, {"spacing_mm": grid}) for grid in _GRIDS]
    found[-1][2]["oblique"] = True
    for name in _HEADS if data is not None else ():
        found.append((name, lambda spacingMm, name=name: load(data, name), {"spacing_mm": ()}))
    return found


def load(data: Path, name: str) -> tuple[object, None]:
    """A head of the data folder in the scene; nobody has drawn nodes in it."""
    from FaceDeidLNLib.input.ct import read_ct
    from FaceDeidLNLib.mrml.nodes import add_ct
    from FaceDeidLNLib.mrml.scene import context

    path = next(path for path in sorted(data.rglob(f"{name}*")) if path.name.endswith((".nrrd", ".nii.gz", ".mha", ".mhd", ".nhdr")))
    return add_ct(context(), read_ct(path).volume, name), None


def main(data: Path | None) -> int:
    """Run all heads; the number of those that differ."""
    sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Host")]
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import host
    import slicer

    differ = 0
    with pytest.MonkeyPatch.context() as patch:
        host.start(patch, "FaceDeidLN")
        module = importlib.import_module("FaceDeidLN")
        from FaceDeidLNLib.widget.self_test import same_when_verified_again

        for name, loader, options in heads(module, data):
            slicer.mrmlScene.Clear(False)
            begin = time.process_time()
            try:
                said = same_when_verified_again(module.FaceDeidLNLogic(), loader, **options)
            except AssertionError as problem:
                differ, said = differ + 1, f"DIFFERS: {problem}"
            print(f"{name}: {said} ({time.process_time() - begin:.0f} s CPU)", flush=True)
    return min(differ, 1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
