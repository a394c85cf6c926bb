"""What a newcomer does: an effect, a node level and a provider, each by one new file and one row, used from the command line at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from FaceDeidLNLib import pipeline

PACKAGE = Path(pipeline.__file__).parent
EFFECT = """
from __future__ import annotations
import numpy as np

class Flat:
    name = "flat"
    def apply(self, ct, face, parameters, random):
        return np.full(face.segment.box.shape, -990.0, dtype=np.float32)
"""
LEVEL = """
from __future__ import annotations
import numpy as np

def around_menton(neck, side, start):
    at = neck.grid.frame.to_jaw(neck.landmarks.position("menton")[None])[0] + (0.0, -15.0, 5.0)
    grid = neck.grid
    return ((grid.x - at[0]) ** 2 + (grid.y - at[1]) ** 2 + (grid.z - at[2]) ** 2 < 64.0) & (neck.depth >= start)
"""
PROVIDER = """
from __future__ import annotations
import numpy as np
from ..core.progress import idle
from ..core.segment import Segment

class Toy:
    def available(self):
        return True
    def describe(self):
        return "Toy"
    def segment(self, ct, alive=idle):
        mask = np.zeros(ct.array.shape, dtype=bool)
        mask[4:8, 40:44, 40:44] = True
        return (Segment("nodepack 7", ct.with_array(mask)),)
"""
#: Per task: the new file with its text, and the edited file with what stands before the new text.
TASKS = {
    "effect": (
        ("effect/flat.py", EFFECT),
        [("effect/records.py", "RECORDS = (\n", '    EffectRecord("flat", "flat:Flat", "nothing but a little below air"),\n')],
    ),
    "level": (
        ("anatomy/level/toy.py", LEVEL),
        [
            (
                "anatomy/level/table.py",
                "import Neck, level_ia, level_ib, level_ii, level_ix, level_viii\n",
                "from .toy import around_menton\n",
            ),
            (
                "anatomy/level/table.py",
                "LEVEL_RECORDS = (\n",
                '    LevelRecord("toy", "behind the chin", ("mean",), around_menton, has_sides=False, needs_mandible=False),\n',
            ),
        ],
    ),
    "provider": (
        ("providers/toy.py", PROVIDER),
        [
            ("providers/registry.py", "from .nnunet import NnUnetModel\n", "from .toy import Toy\n"),
            ("providers/registry.py", "KINDS = (\n", '    Kind("toy", "Toy", "a node", command=lambda place, cpu: Toy()),\n'),
        ],
    ),
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the library with all three."""
    root = tmp_path_factory.mktemp("extended")
    library = root / PACKAGE.name
    shutil.copytree(PACKAGE, library, ignore=shutil.ignore_patterns("__pycache__"))
    for (path, text), edits in TASKS.values():
        (library / path).write_text(text, encoding="utf-8")
        for edited, after, added in edits:
            before = (library / edited).read_text(encoding="utf-8")
            assert before.count(after) == 1, f"{edited} has no place for it"
            (library / edited).write_text(before.replace(after, after + added), encoding="utf-8")
    return root


def run(root, *words):
    """A program on the copy."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)


def test_each_is_one_new_file_and_at_most_two_edited_ones():
    assert all(len({edited for edited, _, _ in edits}) <= 2 for _, edits in TASKS.values())


def test_all_three_are_used_from_the_command_line(extended, phantom_ct_file, tmp_path):
    words = ["deface", str(phantom_ct_file), str(tmp_path / "out.nrrd"), "--effect", "flat", "--levels", "toy", "--provider", "toy"]
    ended = run(extended, "-m", "FaceDeidLNLib.commands.main", *words, "--accept-recognisable", "--json")
    told = json.loads(ended.stdout)
    assert (told["verdict"], ended.returncode) == ("PASS", 0), ended.stdout + ended.stderr
    assert told["effect"] == "flat"
    assert [(level["name"], level["changed"]) for level in told["node_levels"] if level["voxels"]] == [("toy", 0)]
    assert told["segmented"] == ["kept: 'nodepack 7' (not recognised), by Toy"]
    assert [check["changed"] for check in told["protected"]] == [0, 0]


def test_the_help_and_what_the_module_offers_name_them(extended):
    code = (
        "from FaceDeidLNLib.effect.records import EFFECT_NAMES; from FaceDeidLNLib.anatomy.level.find import LEVEL_NAMES;"
        "from FaceDeidLNLib.providers.registry import typed_kinds; print(EFFECT_NAMES[0], LEVEL_NAMES[0], typed_kinds().split(',')[0])"
    )
    assert run(extended, "-c", code).stdout.split() == ["flat", "toy", "toy"]
    assert "flat, reface" in " ".join(run(extended, "-m", "FaceDeidLNLib.commands.main", "deface", "--help").stdout.split())
