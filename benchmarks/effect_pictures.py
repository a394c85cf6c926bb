"""README's picture of every effect and region: the skin of one head before and after each, from front and side, on one sheet.

    PYTHONPATH=FaceDeidLN python benchmarks/effect_pictures.py CT OUT.png [--rows full/reface,full/reface-veil,...]

CT is one file, in README the cadaver head DATA/heads/cthead_ct.nrrd; each row is a style (with +ears, +lips) and an effect. A picture of
a patient shows that patient: keep it out of any repository.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from attack_rows import Variant
from FaceDeidLNLib.case.find import find_anatomy, find_face, find_landmarks, node_levels
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.effect.base import apply_effect
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.output.drawing import grid
from FaceDeidLNLib.output.letters import write_png
from FaceDeidLNLib.output.pictures import labelled_skin_view, prepare_skin
from FaceDeidLNLib.output.render import head_focus

ROWS = (
    "full/reface", "full/reface-veil", "full/mask", "full/blur", "full/blur-strong", "full/drown", "full/scramble", "full/epidermis",
    "full+ears/reface", "venetian+lips/mask", "full-hairline/mask", "eyes/mask", "venetian/mask", "phantom/mask", "box/mask", "plane/mask",
    "outline/drown", "below-eyes-kept/mask",
)  # fmt: skip
PANEL_PX, SIDES, PER_LINE, SEED, ROOM_MM = 170, ("front", "left"), 4, 1, 60.0


def main() -> int:
    """Find the head once, draw every row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ct", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", default=",".join(ROWS), help="style/effect,... (default: %(default)s)")
    options = parser.parse_args()
    ct = read_ct(options.ct).volume
    anatomy = find_anatomy(ct, find_landmarks(ct, None))
    marks = np.array([mark.position for mark in anatomy.landmarks if mark.position is not None])
    focus, shown = head_focus(ct.geometry, marks, ROOM_MM), [("before", ct)]
    for variant in (Variant(*row.split("/")) for row in options.rows.split(",")):
        parameters = replace(variant.parameters(), seed=SEED)
        request = Request(ct, parameters=parameters)
        face = find_face(request, anatomy, (), node_levels(request, anatomy))
        shown.append((f"{variant.style}, {variant.effect}", apply_effect(variant.made_by, ct, face, parameters)))
    panels = []
    for caption, volume in shown:
        skin = prepare_skin(volume)
        panels.append(np.hstack([labelled_skin_view(skin, side, PANEL_PX, focus, caption * (side == "front")) for side in SIDES]))
    panels += [np.full_like(panels[0], panels[0][0, 0])] * (-len(panels) % PER_LINE)
    write_png(grid([panels[start : start + PER_LINE] for start in range(0, len(panels), PER_LINE)]), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
