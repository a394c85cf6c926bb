"""What a newcomer does: an effect, a node level, a segmentation program and a family of a study's objects, each by one new file and at
most two edited ones; then all of them are used from the command line and from the panel, and the tests that run over all rows still
hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "FaceDeidLN"
EFFECT = """
from __future__ import annotations
import numpy as np
from .records import FLAT_HU

class Flat:
    name = "flat"
    def apply(self, ct, face, parameters, random):
        return np.full(face.segment.box.shape, parameters.own_number(FLAT_HU), dtype=np.float32)
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
    name, shows_nothing = "toy", True
    def decide(self, series, study):
        return tuple(Decision(Outcome.KEEP, "toys are kept") for _ in series.instances)
    def release(self, series, run):
        for instance in series.instances:
            run.writer.put(instance, pydicom.dcmread(instance.path))
        return (Done(series.instances, Decision(Outcome.KEEP, "toys are kept")),)
"""
#: A storage class that the program does not know: CT Performed Procedure Protocol.
TOY_CLASS = "1.2.840.10008.5.1.4.1.1.200.2"
#: What is done with the toys in the copy: every use a test of its own, all in one process, because starting costs more than they do.
USES = f'''
import json

import person
import pydicom
import pytest
import slicer
from FaceDeidLNLib.commands.main import main
from person import PanelTest, phantom
from pydicom.uid import generate_uid
from synthetic_study import StudyFolder
from written import write_volume

person.SPACING_MM = (5.0, 5.0, 5.0)


def told(capsys, *words):
    code = main([*map(str, words), "--accept-recognisable", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert code == 0, said
    return said


def test_effect_level_and_program_are_used_from_the_command_line(tmp_path, capsys):
    ct = write_volume(phantom().ct, tmp_path / "ct.nrrd")
    words = ("--effect", "flat", "--flat-hu", "-980", "--levels", "toy", "--provider", "toy")
    said = told(capsys, "deface", ct, tmp_path / "out.nrrd", *words)
    assert (said["verdict"], said["effect"]) == ("PASS", "flat")
    chosen = json.loads((tmp_path / "out.certificate.json").read_text())["parameters"]
    assert chosen["flat_hu"] == -980
    assert "fill_hu" not in chosen
    assert [(level["name"], level["changed"]) for level in said["node_levels"] if level["voxels"]] == [("toy", 0)]
    assert said["segmented"] == ["kept: 'nodepack 7' (not recognised), by Toy"]
    assert [check["changed"] for check in said["protected"]] == [0, 0]


def write_toy(folder):
    """A head's CT in a folder, and an object of the toy class beside it."""
    toy = pydicom.dcmread(StudyFolder(folder, phantom()).series(phantom().ct, "ct", "Head")[0])
    for name in ("PixelData", "Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(toy, name)
    toy.SOPClassUID, toy.SOPInstanceUID, toy.SeriesInstanceUID, toy.Modality = "{TOY_CLASS}", generate_uid(), generate_uid(), "OT"
    toy.file_meta.MediaStorageSOPClassUID, toy.file_meta.MediaStorageSOPInstanceUID = toy.SOPClassUID, toy.SOPInstanceUID
    toy.save_as(folder / "toy.dcm")


def test_the_object_family_is_used_from_the_command_line(tmp_path, capsys):
    write_toy(tmp_path / "in")
    said = told(capsys, "study", tmp_path / "in", tmp_path / "out", "--effect", "mask", "--levels", "none")
    kept = {{item["reason"]: item for item in said["studies"][0]["instances"]}}["toys are kept"]
    assert [path for path in (tmp_path / "out").rglob("*.dcm") if path.as_posix().endswith(kept["file"])]


class ToysTest(PanelTest):
    def test_effect_level_and_program_are_used_from_the_panel(self):
        import qt

        self.load_sample()
        self.choose("effectComboBox", "flat")
        slider = next(slider for number, slider in self.panel.sections[2].sliders.items() if number.field == "flat_hu")
        self.assertTrue(slider.enabled)
        slider.value = -970.0
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
        self.assertIn("flat", self.node.resultVolume.GetName())
        self.assertIn(-970, slicer.util.arrayFromVolume(self.node.resultVolume))

    def test_the_object_family_is_used_from_the_panel(self):
        folder = self.folder()
        write_toy(folder)
        self.answers = [str(folder)]
        self.click("studyFolderButton")
        table = self.ui.studyTable
        rows = [[table.item(row, column).text() for column in (1, 3)] for row in range(table.rowCount)]
        self.assertIn(["keep", "toys are kept"], rows)


def test_the_help_tells_of_them(capsys):
    main(["deface", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "flat (nothing but a little below air); reface (" in said
    assert "toy (behind the chin); Ia (" in said
    assert "first: toy, totalsegmentator," in said
'''
#: Files of tests that run over every row of a table, or over every file.
SHARED = ("tables", "imports", "effects", "watermark")
#: Per task: the new file with its text, and the edited file with what stands before the new text.
TASKS = {
    "effect": (
        ("effect/flat.py", EFFECT),
        [
            (
                "effect/records.py",
                "from ..core.parameters import Number\n",
                '\nFLAT_HU = Number("flat_hu", -1000.0, 0.0, "HU", "how flat", -990.0)\n',
            ),
            (
                "effect/records.py",
                "RECORDS = (\n",
                '    EffectRecord("flat", "flat:Flat", "nothing but a little below air", (FLAT_HU,)),\n',
            ),
            ("../../README.md", "| what is done to it: ", "`flat`, "),
            (
                "../../README.md",
                "third of that of one pass of `blur-strong`; refused with other effects |\n",
                "| `--flat-hu` | -990 | for `flat` alone |\n",
            ),
        ],
    ),
    "level": (
        ("anatomy/level/toy.py", LEVEL),
        [
            (
                "anatomy/level/table.py",
                "LEVEL_RECORDS = (\n",
                '    LevelRecord("toy", "behind the chin", ("mean",), "toy:around_menton", has_sides=False, needs_mandible=False),\n',
            ),
            ("../../README.md", "| node levels that stay, out of ", "`toy`, "),
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
        [
            ("providers/registry.py", "KINDS = (\n", '    Kind("toy", "Toy", "a node", "toy:Toy"),\n'),
            ("../../README.md", "\n  TotalSegmentator, ", "Toy, "),
        ],
    ),
}


def extended(root):
    """Copies the module, with its tests, into a folder, and adds all toys."""
    shutil.copytree(MODULE, root / "FaceDeidLN", ignore=shutil.ignore_patterns("__pycache__", "Screenshots"))
    shutil.copy(ROOT / "README.md", root)
    library = root / "FaceDeidLN" / "FaceDeidLNLib"
    for (path, text), edits in TASKS.values():
        (library / path).write_text(text, encoding="utf-8")
        for edited, after, added in edits:
            before = (library / edited).read_text(encoding="utf-8")
            assert before.count(after) == 1, f"{edited} has no place for it"
            (library / edited).write_text(before.replace(after, after + added), encoding="utf-8")
    return root / "FaceDeidLN"


def test_each_is_one_new_file_and_at_most_two_edited_ones():
    assert all(len({edited for edited, _, _ in edits}) <= 2 for _, edits in TASKS.values())


def test_all_are_used_from_the_command_line_and_the_panel_and_the_tables_tests_hold(tmp_path):
    pytest.importorskip("PySide6")
    if not (ROOT / "README.md").is_file():
        pytest.skip("README.md is no part of an installed module")
    module = extended(tmp_path)
    uses = module / "Testing" / "Python" / "panel" / "test_toys.py"
    uses.write_text(USES, encoding="utf-8")
    shared = [str(uses.parents[1] / f"test_{name}.py") for name in SHARED]
    words = ["pytest", "-q", "-p", "no:cacheprovider", "-k", "test_tables or flat or toy", str(uses), *shared]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (module, module / "Testing" / "Host")))}
    ended = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^\.{50,}", ended.stdout), "some were skipped"
