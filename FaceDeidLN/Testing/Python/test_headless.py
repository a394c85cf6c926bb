"""The headless script as Slicer runs it: its words, its interpreter for workers, its scene without loaded modules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import types
from pathlib import Path
from types import SimpleNamespace

import pytest
import slicer
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.commands.words import application_line, parse_procargs, script_words
from FaceDeidLNLib.core.errors import FaceDeidError, InputError
from FaceDeidLNLib.core.interpreter import interpreter
from FaceDeidLNLib.mrml.scene import new_context
from processes import ENVIRONMENT, command

LINE = ["SlicerApp-real", "--no-main-window", "--python-script", "deface.py", "--", "in.nrrd", "out.nrrd", "--style", "full"]
#: An application of Qt that is started as Slicer is: prints what Qt leaves of its arguments, and what the script makes of it.
_QT_APPLICATION = """
import sys
from PySide6.QtWidgets import QApplication
from FaceDeidLNLib.commands.words import script_words
left = QApplication(sys.argv).arguments()
print("--style" in left, script_words(left[left.index("--") + 1:])[-4:])
"""
#: A launcher in front of a program: it notes the program's id and waits for it.
_LAUNCHER = """
import pathlib, subprocess, sys
program = subprocess.Popen(sys.argv[2:])
pathlib.Path(sys.argv[1]).write_text(str(program.pid))
program.wait()
"""


def test_a_style_that_qt_took_away_reaches_the_script():
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    words = [sys.executable, "-c", _QT_APPLICATION, *LINE[1:], "--effect", "mask"]
    ended = subprocess.run(words, env={**ENVIRONMENT, "QT_QPA_PLATFORM": "offscreen"}, capture_output=True, text=True, check=True)
    assert ended.stdout.split(maxsplit=1) == ["False", "['--style', 'full', '--effect', 'mask']\n"]


def test_without_the_two_hyphens_a_style_is_refused():
    with pytest.raises(InputError, match="--style for itself"):
        script_words(["in.nrrd", "out.nrrd"], [word for word in LINE if word != "--"])


def test_without_the_two_hyphens_other_words_come_from_slicer():
    assert script_words(["in.nrrd", "out.nrrd"], LINE[:4]) == ["in.nrrd", "out.nrrd"]


def test_the_operating_system_tells_the_line():
    assert Path(application_line()[0]).name.startswith("python")


def test_the_answer_of_macos_is_taken_apart():
    raw = (3).to_bytes(4, sys.byteorder) + b"/Applications/Slicer\0\0\0\0Slicer\0--\0in.nrrd\0HOME=/\0"
    assert parse_procargs(raw) == ["Slicer", "--", "in.nrrd"]


@pytest.mark.parametrize(("there", "taken"), [(("python-real", "PythonSlicer"), "python-real"), (("PythonSlicer",), "PythonSlicer")])
def test_inside_slicer_workers_run_in_its_own_interpreter(there, taken, monkeypatch):
    monkeypatch.setattr(slicer, "app", object(), raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: f"/slicer/bin/{name}" if name in there else None)
    assert interpreter() == f"/slicer/bin/{taken}"


def test_inside_slicer_a_missing_interpreter_is_named(monkeypatch):
    monkeypatch.setattr(slicer, "app", object(), raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FaceDeidError, match="PythonSlicer"):
        interpreter()


def test_inside_slicer_a_batch_without_an_interpreter_begins_with_no_case(monkeypatch, tmp_path, capsys):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "ct.nrrd").write_text("no CT")
    monkeypatch.setattr(slicer, "app", object(), raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main(["batch", str(tmp_path / "cases"), str(tmp_path / "results")]) == 2
    assert "start Slicer by its launcher" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["cases"]


def behind_a_launcher(folder: Path, *words: object) -> subprocess.Popen[bytes]:
    """Start the program as PythonSlicer does: as a launcher's child, with the launcher's standard input."""
    line = [sys.executable, "-c", _LAUNCHER, str(folder / "pid"), *command(*words, f"--parent={os.getpid()}")]
    return subprocess.Popen(line, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.skipif(sys.platform == "win32", reason="process ids are POSIX's")
def test_a_worker_behind_a_launcher_works_while_its_parent_lives(phantom_ct_file, tmp_path):
    launcher = behind_a_launcher(tmp_path, "deface", phantom_ct_file, tmp_path / "out.nrrd", "--accept-recognisable")
    assert launcher.wait(600) == 0
    launcher.stdin.close()
    assert (tmp_path / "out.nrrd").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="process ids are POSIX's")
def test_a_worker_behind_a_launcher_ends_when_its_parent_hangs_up(phantom_ct_file, tmp_path):
    launcher = behind_a_launcher(tmp_path, "deface", phantom_ct_file, tmp_path / "out.nrrd", "--accept-recognisable")
    while not (tmp_path / "pid").exists():
        time.sleep(0.05)
    launcher.stdin.close()
    assert launcher.wait(600) is not None
    assert not (tmp_path / "out.nrrd").exists()


def test_where_no_module_is_loaded_the_logics_come_from_their_own_libraries(monkeypatch):
    """Slicer's bare interpreter: only the classes of its core are in the name space."""
    classes = {name: getattr(slicer, name) for name in ("vtkSlicerVolumesLogic", "vtkSlicerModelsLogic")}
    for name, module in (("vtkSlicerVolumesLogic", "Volumes"), ("vtkSlicerModelsLogic", "Models")):
        monkeypatch.delattr(slicer, name)
        library = types.ModuleType(f"vtkSlicer{module}ModuleLogicPython")
        setattr(library, name, classes[name])
        monkeypatch.setitem(sys.modules, library.__name__, library)
    assert isinstance(new_context().logics["volumes"], classes["vtkSlicerVolumesLogic"])


def test_the_script_ends_the_application_when_its_words_cannot_be_known(monkeypatch, tmp_path):
    import runpy

    ended = []
    monkeypatch.setattr(slicer, "app", object(), raising=False)
    monkeypatch.setattr(slicer, "util", SimpleNamespace(exit=ended.append))
    monkeypatch.setattr("FaceDeidLNLib.commands.words.application_line", lambda: [word for word in LINE if word != "--"])
    monkeypatch.setattr(sys, "argv", ["deface.py", str(tmp_path / "in.nrrd"), str(tmp_path / "out.nrrd")])
    runpy.run_path(str(Path(__file__).resolve().parents[2] / "Scripts" / "deface.py"), run_name="__main__")
    assert ended == [2]


def test_the_script_ends_the_application_also_when_it_is_interrupted_while_it_cleans_up(monkeypatch):
    import runpy

    def interrupted(words):
        raise KeyboardInterrupt

    ended = []
    monkeypatch.setattr(slicer, "app", object(), raising=False)
    monkeypatch.setattr(slicer, "util", SimpleNamespace(exit=ended.append))
    monkeypatch.setattr("FaceDeidLNLib.commands.words.application_line", lambda: list(LINE))
    monkeypatch.setattr("FaceDeidLNLib.commands.main.main", interrupted)
    runpy.run_path(str(Path(__file__).resolve().parents[2] / "Scripts" / "deface.py"), run_name="__main__")
    assert ended == [1]
