"""Programs that other extensions start: events get through while they are silent, and Cancel ends them with all they left."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
import slicer.util
from FaceDeidLNLib.core.errors import Cancelled, FaceDeidError
from FaceDeidLNLib.core.progress import idle
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.programs.child_programs import watched_programs
from FaceDeidLNLib.programs.extensions import CADS, OFFERS, OwnModel, segment_with
from FaceDeidLNLib.providers.base import ProviderError
from processes import lives

#: Tells its own id and its child's, and then says nothing for a minute.
SILENT = "import os, subprocess; print(os.getpid(), subprocess.Popen(['sleep', '60']).pid, flush=True); import time; time.sleep(60)"
posix = pytest.mark.skipif(sys.platform == "win32", reason="process ids are POSIX's")


@pytest.fixture(autouse=True)
def folders(monkeypatch, tmp_path):
    """Slicer's temporary folders, which need Qt, in the test's own."""
    made = []

    def make():
        made.append(tempfile.mkdtemp(dir=tmp_path))
        return made[-1]

    monkeypatch.setattr(slicer.util, "tempDirectory", make)
    return made


def launch(code):
    """Start Python as an extension starts its program."""
    return slicer.util.launchConsoleProcess([sys.executable, "-c", code], useStartupEnvironment=False)


def all_of(program):
    """What an extension reads."""
    return list(iter(program.stdout.readline, ""))


def test_every_line_of_the_output_arrives_in_order():
    with watched_programs(idle):
        assert all_of(launch("for n in range(200): print(n)")) == [f"{n}\n" for n in range(200)]


def test_a_byte_that_is_no_text_costs_no_line():
    with watched_programs(idle):
        program = launch("import sys; sys.stdout.buffer.write(b'begin\\n12\\xff%\\nmiddle\\n'); sys.stdout.flush(); print('end')")
        assert all_of(program) == ["begin\n", "12\\xff%\n", "middle\n", "end\n"]
        assert program.wait(10) == 0


def test_somebody_is_asked_while_the_program_is_silent():
    asked = []
    with watched_programs(lambda: asked.append(time.monotonic())):
        all_of(launch("import time; time.sleep(3)"))
    assert len(asked) >= 2


@posix
def test_cancel_ends_the_program_with_its_child_and_removes_its_folder(folders):
    said, begin = [], time.monotonic()

    def cancel():
        if said:
            raise Cancelled("enough")

    def segment():
        (Path(slicer.util.tempDirectory()) / "ct.nii").write_text("a patient")
        output = launch(SILENT).stdout
        said.append(output.readline())
        output.readline()

    with pytest.raises(Cancelled), watched_programs(cancel):
        segment()
    assert time.monotonic() - begin < 50  # and not the program's minute
    assert not Path(folders[0]).exists()
    while any(lives(identifier) for identifier in said[0].split()):
        assert time.monotonic() - begin < 50  # whoever adopted the child takes his time on a busy machine
        time.sleep(0.05)


def test_afterwards_slicer_starts_programs_as_before():
    before = slicer.util.launchConsoleProcess, slicer.util.tempDirectory
    with pytest.raises(ZeroDivisionError), watched_programs(idle):
        raise ZeroDivisionError
    assert (slicer.util.launchConsoleProcess, slicer.util.tempDirectory) == before


def test_what_goes_well_keeps_its_folder_for_the_extension_to_clean_up(folders):
    with watched_programs(idle):
        slicer.util.tempDirectory()
    assert Path(folders[0]).is_dir()


def cancel(fraction, message):
    """The user has pressed Cancel."""
    if fraction > 0:
        raise Cancelled("enough")


@pytest.fixture
def cads(monkeypatch):
    """CADS, whose logic cleans up in the words of the real one: it logs that it will."""
    done = []

    class CADSWholeBodyCTSegLogic:
        def process(self, ct, result, cpu, task):
            try:
                self.logCallback("predicting")
            except Exception as error:
                self.logCallback(f"Error during processing: {error}")
                if done == ["swallow"]:
                    return
                raise
            finally:
                self.logCallback("Cleaning up temporary folder...")
                done.append("cleaned up")

    monkeypatch.setattr("FaceDeidLNLib.programs.extensions.is_loaded", lambda module: True)
    monkeypatch.setattr("FaceDeidLNLib.programs.extensions._has_package", lambda package: True)
    monkeypatch.setitem(sys.modules, "CADSWholeBodyCTSeg", SimpleNamespace(CADSWholeBodyCTSegLogic=CADSWholeBodyCTSegLogic))
    return done


@pytest.mark.parametrize("beforehand", [[], ["swallow"]])
def test_a_cancelled_extension_can_clean_up_and_stays_cancelled(cads, phantom, beforehand):
    cads += beforehand
    with pytest.raises(Cancelled):
        replace(CADS, progress=cancel).segment(phantom.ct)
    assert cads == [*beforehand, "cleaned up"]


class Signal:
    """As SlicerNNUNetLib's."""

    def __init__(self):
        self.slots = []

    def connect(self, slot):
        self.slots.append(slot)

    def __call__(self, *words):
        for slot in self.slots:
            slot(*words)


@pytest.fixture
def nnunet(monkeypatch, phantom, tmp_path):
    """The extension NNUNet with a program that runs for five looks; ``done`` is what was asked of it."""
    done = SimpleNamespace(calls=[], looks=5, error="", program=subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))

    class Process:
        NotRunning, Running = 0, 2

        def processId(self):
            return done.program.pid

        def state(self):
            return self.Running if done.looks > 0 else self.NotRunning

        def waitForFinished(self, ms):
            """As Qt's: without it, or an event loop, the state stays what it was."""
            done.looks -= 1
            done.logic.progressInfo(f"{done.looks} steps left")
            return done.looks == 0

    class SegmentationLogic:
        def __init__(self):
            done.logic, self.errorOccurred, self.progressInfo = self, Signal(), Signal()
            self.inferenceProcess = SimpleNamespace(process=Process())
            self._tmpDir = SimpleNamespace(path=lambda: str(tmp_path / "readable"), remove=lambda: True)

        def setParameter(self, parameter):
            done.calls.append(parameter.modelPath)

        def startSegmentation(self, volume):
            done.folder = Path(self._tmpDir.path())
            self._tmpDir.remove()
            (done.folder / "input").mkdir(parents=True)
            (done.folder / "input" / "volume_0000.nii.gz").write_text("a CT")
            if done.error:
                self.errorOccurred(done.error)

        def stopSegmentation(self):
            done.calls.append("stopped")

        def loadSegmentation(self):
            return add_segmentation(context(), [tight("LN", phantom.nodes[0].mask.array)], phantom.ct.geometry, "made")

    library = SimpleNamespace(
        SegmentationLogic=SegmentationLogic,
        Parameter=SimpleNamespace,
        InstallLogic=lambda: SimpleNamespace(setupPythonRequirements=lambda: True),
    )
    monkeypatch.setitem(sys.modules, "SlicerNNUNetLib", library)
    yield done
    done.program.kill()
    done.program.wait()


def nodes_there():
    """How many nodes the scene holds that a provider could leave."""
    scene = context().scene
    return [scene.GetNumberOfNodesByClass(name) for name in ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode")]


def test_nnunet_tells_where_it_is_and_gives_the_models_segments(nnunet, phantom, tmp_path):
    said, before = [], nodes_there()
    segments = OwnModel(tmp_path, lambda fraction, message: said.append(message)).segment(phantom.ct)
    assert [segment.name for segment in segments] == ["LN"]
    assert np.count_nonzero(segments[0].mask.array) == np.count_nonzero(phantom.nodes[0].mask.array)
    assert "nnU-Net: 3 steps left" in said
    assert nodes_there() == before


def test_nnunet_is_stopped_where_the_user_cancels(nnunet, phantom, tmp_path):
    before = nodes_there()
    with pytest.raises(Cancelled):
        OwnModel(tmp_path, cancel).segment(phantom.ct)
    assert nnunet.calls == [tmp_path, "stopped"]
    assert nodes_there() == before


@posix
def test_nnunets_program_is_ended_with_all_that_it_started_where_the_user_cancels(nnunet, phantom, tmp_path):
    with pytest.raises(Cancelled):
        OwnModel(tmp_path, cancel).segment(phantom.ct)
    assert nnunet.program.wait(5.0) == -signal.SIGKILL


@posix
def test_the_copy_for_nnunet_lies_where_nobody_else_reads_it_and_goes(nnunet, phantom, tmp_path):
    rights = []
    OwnModel(tmp_path, lambda fraction, message: rights.append(nnunet.folder.stat().st_mode & 0o777)).segment(phantom.ct)
    assert set(rights) == {0o700}
    assert not nnunet.folder.exists()


def test_an_nnunet_that_keeps_its_copies_otherwise_is_refused(nnunet, phantom, tmp_path, monkeypatch):
    made = sys.modules["SlicerNNUNetLib"].SegmentationLogic

    def without_folder():
        logic = made()
        del logic._tmpDir
        return logic

    monkeypatch.setattr(sys.modules["SlicerNNUNetLib"], "SegmentationLogic", without_folder)
    with pytest.raises(ProviderError, match="where others may read it"):
        OwnModel(tmp_path).segment(phantom.ct)


def test_a_model_that_finds_nothing_is_one_sentence(nnunet, phantom, tmp_path, monkeypatch):
    nothing = lambda logic: add_segmentation(context(), [], phantom.ct.geometry, "made")  # noqa: E731
    monkeypatch.setattr(sys.modules["SlicerNNUNetLib"].SegmentationLogic, "loadSegmentation", nothing)
    monkeypatch.setattr("FaceDeidLNLib.programs.own_model.is_loaded", lambda module: True)
    with pytest.raises(FaceDeidError, match="found nothing in this CT"):
        segment_with(OFFERS[3], context(), add_ct(context(), phantom.ct, "CT"), tmp_path)


def test_a_structure_that_a_model_did_not_find_is_left_out(nnunet, phantom, tmp_path, monkeypatch):
    masks = [tight("LN", phantom.nodes[0].mask.array), tight("LN other", np.zeros_like(phantom.nodes[0].mask.array))]
    one_of_two = lambda logic: add_segmentation(context(), masks, phantom.ct.geometry, "made")  # noqa: E731
    monkeypatch.setattr(sys.modules["SlicerNNUNetLib"].SegmentationLogic, "loadSegmentation", one_of_two)
    assert [segment.name for segment in OwnModel(tmp_path).segment(phantom.ct)] == ["LN"]


def test_a_result_that_nnunet_cannot_load_is_a_failure_and_leaves_nothing(nnunet, phantom, tmp_path, monkeypatch):
    def no_file(logic):
        raise RuntimeError("Failed to load the segmentation")

    before = nodes_there()
    monkeypatch.setattr(sys.modules["SlicerNNUNetLib"].SegmentationLogic, "loadSegmentation", no_file)
    with pytest.raises(ProviderError, match="Failed to load"):
        OwnModel(tmp_path).segment(phantom.ct)
    assert nodes_there() == before


def test_nnunet_without_its_packages_is_one_sentence(nnunet, phantom, tmp_path, monkeypatch):
    install = SimpleNamespace(setupPythonRequirements=lambda: False)
    monkeypatch.setattr(sys.modules["SlicerNNUNetLib"], "InstallLogic", lambda: install)
    with pytest.raises(ProviderError, match="packages are not installed"):
        OwnModel(tmp_path).segment(phantom.ct)


def test_what_nnunet_says_of_its_failure_is_the_reason(nnunet, phantom, tmp_path):
    nnunet.error = "no CUDA"
    with pytest.raises(ProviderError, match="no CUDA"):
        OwnModel(tmp_path).segment(phantom.ct)
