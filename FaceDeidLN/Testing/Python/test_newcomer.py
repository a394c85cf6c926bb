"""What a newcomer does: an effect, a node level, a segmentation program and a family of a study's objects, each by one new file and at
most two edited ones; then all of them are used from the command line and from the panel, and the tables' own tests still hold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid
from synthetic_study import StudyFolder

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "FaceDeidLN"
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
    @classmethod
    def typed(cls, place, cpu):
        return cls()
    def available(self):
        return True
    def describe(self):
        return "Toy"
    def segment(self, ct, alive=idle):
        mask = np.zeros(ct.array.shape, dtype=bool)
        mask[4:8, 40:44, 40:44] = True
        return (Segment("nodepack 7", ct.with_array(mask)),)
"""
FAMILY = """
from __future__ import annotations
import pydicom
from .family import Done
from .outcome import Decision, Outcome

class ToyFamily:
    name = "toy"
    def decide(self, series, study):
        return tuple(Decision(Outcome.KEEP, "toys are kept") for _ in series.instances)
    def release(self, series, run):
        for instance in series.instances:
            run.writer.put(instance, pydicom.dcmread(instance.path))
        return (Done(series.instances, Decision(Outcome.KEEP, "toys are kept")),)
"""
#: A storage class that the program does not know: CT Performed Procedure Protocol.
TOY_CLASS = "1.2.840.10008.5.1.4.1.1.200.2"
CLICKS = """
import qt
import slicer
from person import PanelTest

class ToysTest(PanelTest):
    def test_each_is_a_click_away(self):
        self.load_sample()
        self.choose("effectComboBox", "flat")
        levels = [self.ui.levelsList.item(row) for row in range(self.ui.levelsList.count)]
        for level in levels:
            level.setCheckState(qt.Qt.Checked if level.text() == "toy" else qt.Qt.Unchecked)
        toy = next(button for button in self.panel.sections[0].buttons if button.text == "Toy")
        self.assertTrue(toy.enabled, toy.toolTip)
        toy.click()
        names = [self.ui.segmentsList.item(row).text() for row in range(self.ui.segmentsList.count)]
        self.assertIn("nodepack 7", names)
        self.ui.acceptCheckBox.click()
        self.click("applyButton")
        self.assertEqual(self.errors, [])
        self.assertTrue(self.ui.verdictLabel.text.startswith("PASS"), self.ui.verdictLabel.text)
        self.assertIn("Head flat", self.node.resultVolume.GetName().replace("full ", ""))
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
                "LEVEL_RECORDS = (\n",
                '    LevelRecord("toy", "behind the chin", ("mean",), "toy:around_menton", has_sides=False, needs_mandible=False),\n',
            ),
        ],
    ),
    "object family": (
        ("study/toy.py", FAMILY),
        [
            ("study/rules.py", "RULES = (\n", f'    Rule("{TOY_CLASS.removeprefix("1.2.840.10008.5.1.4.1.1.")}", "Toy", "toy"),\n'),
            ("study/registry.py", "from .seg import SegFamily\n", "from .toy import ToyFamily\n"),
            ("study/registry.py", "        DocumentsFamily(),\n", "        ToyFamily(),\n"),
        ],
    ),
    "provider": (
        ("providers/toy.py", PROVIDER),
        [("providers/registry.py", "KINDS = (\n", '    Kind("toy", "Toy", "a node", "toy:Toy"),\n')],
    ),
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the module, with its tests, and with all toys."""
    root = tmp_path_factory.mktemp("extended")
    shutil.copytree(MODULE, root / "FaceDeidLN", ignore=shutil.ignore_patterns("__pycache__", "Screenshots"))
    library = root / "FaceDeidLN" / "FaceDeidLNLib"
    for (path, text), edits in TASKS.values():
        (library / path).write_text(text, encoding="utf-8")
        for edited, after, added in edits:
            before = (library / edited).read_text(encoding="utf-8")
            assert before.count(after) == 1, f"{edited} has no place for it"
            (library / edited).write_text(before.replace(after, after + added), encoding="utf-8")
    return root


def run(root, *words):
    """A program on the copy."""
    paths = [str(root / "FaceDeidLN"), str(root / "FaceDeidLN" / "Testing" / "Host")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run([sys.executable, "-m", *words], cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_each_is_one_new_file_and_at_most_two_edited_ones():
    assert all(len({edited for edited, _, _ in edits}) <= 2 for _, edits in TASKS.values())


def test_effect_level_and_program_are_used_from_the_command_line(extended, phantom_ct_file, tmp_path):
    words = ["deface", str(phantom_ct_file), str(tmp_path / "out.nrrd"), "--effect", "flat", "--levels", "toy", "--provider", "toy"]
    ended = run(extended, "FaceDeidLNLib.commands.main", *words, "--accept-recognisable", "--json")
    told = json.loads(ended.stdout)
    assert (told["verdict"], ended.returncode) == ("PASS", 0), ended.stdout + ended.stderr
    assert told["effect"] == "flat"
    assert [(level["name"], level["changed"]) for level in told["node_levels"] if level["voxels"]] == [("toy", 0)]
    assert told["segmented"] == ["kept: 'nodepack 7' (not recognised), by Toy"]
    assert [check["changed"] for check in told["protected"]] == [0, 0]


def test_the_object_family_is_used_from_the_command_line(extended, phantom, tmp_path):
    study = StudyFolder(tmp_path / "in", phantom)
    toy = pydicom.dcmread(study.series(phantom.ct, "ct", "Head")[0])
    del toy.PixelData
    toy.SOPClassUID = toy.file_meta.MediaStorageSOPClassUID = TOY_CLASS
    toy.SOPInstanceUID, toy.SeriesInstanceUID = generate_uid(prefix=None), generate_uid(prefix=None)
    toy.save_as(tmp_path / "in" / "toy.dcm")
    words = [
        "study",
        str(tmp_path / "in"),
        str(tmp_path / "out"),
        "--effect",
        "mask",
        "--levels",
        "none",
        "--accept-recognisable",
        "--json",
    ]
    ended = run(extended, "FaceDeidLNLib.commands.main", *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = {item["reason"]: item for item in json.loads(ended.stdout)["studies"][0]["instances"]}
    assert told["toys are kept"]["file"]


def test_effect_level_and_program_are_used_from_the_panel(extended):
    pytest.importorskip("PySide6")
    (extended / "FaceDeidLN" / "Testing" / "Python" / "panel" / "test_toys.py").write_text(CLICKS, encoding="utf-8")
    ended = run(extended, "pytest", "-q", "-p", "no:cacheprovider", "FaceDeidLN/Testing/Python/panel/test_toys.py")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_tables_tests_hold_with_the_toys(extended):
    ended = run(extended, "pytest", "-q", "-p", "no:cacheprovider", "FaceDeidLN/Testing/Python/test_tables.py")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_help_tells_of_them(extended):
    told = " ".join(run(extended, "FaceDeidLNLib.commands.main", "deface", "--help").stdout.split())
    assert "flat (nothing but a little below air); reface (" in told
    assert "toy (behind the chin); Ia (" in told
    assert "first: toy, totalsegmentator," in told
