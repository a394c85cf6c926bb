"""One picture of every effect and every region on the cadaver head, from the front and the left side.

    python benchmarks/gallery.py DATA OUT.png

DATA/heads holds cthead_ct.nrrd, which may be published. Random effects draw anew at every run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from data_folder import require
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.face.styles import REGIONS
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.drawing import grid
from FaceDeidLNLib.output.letters import write_png
from FaceDeidLNLib.output.pictures import labelled_skin_view, prepare_skin
from FaceDeidLNLib.output.render import head_focus
from FaceDeidLNLib.pipeline import deface

#: Regions are shown with the effect that leaves the clearest edge, except where one needs or is known with another.
REGION_EFFECT, OUTLINE_EFFECT = "mask", "drown"
VIEWS = ("front", "left")
PANEL_PX = 170
PAIRS_PER_ROW = 4


def main() -> int:
    """Make and write the picture; what did not PASS is printed with its reasons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("out", type=Path, help="the picture, PNG")
    options = parser.parse_args()
    require(options.data, "heads/cthead_ct.nrrd")
    ct = read_ct(options.data / "heads" / "cthead_ct.nrrd").volume
    pairs, focus = [], None
    for parameters in choices():
        result = deface(Request(ct, parameters=parameters))
        caption = f"{parameters.region_name}, {parameters.effect}"
        print(f"{caption}: {result.verdict.value} {'; '.join(result.reasons)}", flush=True)
        if focus is None:
            marks = np.array([p.position for p in result.landmarks.points.values() if p.position is not None])
            focus = head_focus(ct.geometry, marks, 60.0)
            pairs.append(pair(ct, focus, "before"))
        pairs.append(pair(result.result, focus, caption))
    pairs += [np.full_like(pairs[0], pairs[0][0, 0])] * (-len(pairs) % PAIRS_PER_ROW)
    write_png(grid([pairs[n : n + PAIRS_PER_ROW] for n in range(0, len(pairs), PAIRS_PER_ROW)]), options.out)
    return 0


def choices() -> list[Parameters]:
    """Every effect on the default region, then every other region and what can be added to one."""
    effects = [Parameters(effect=effect) for effect in EFFECTS]
    other = [Parameters(style=s, effect=OUTLINE_EFFECT if s == "outline" else REGION_EFFECT) for s in REGIONS if s != Parameters().style]
    added = [Parameters(ears=True), Parameters(style="venetian", lips=True, effect=REGION_EFFECT)]
    return [*effects, *added, *other]


def pair(ct: Volume, focus: tuple, caption: str) -> np.ndarray:
    """The skin from the front and the left side."""
    skin = prepare_skin(ct)
    return np.hstack([labelled_skin_view(skin, view, PANEL_PX, focus, caption if view == VIEWS[0] else "") for view in VIEWS])


if __name__ == "__main__":
    sys.exit(main())
