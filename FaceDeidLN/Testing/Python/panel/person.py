"""A person in front of the module's panel: what the panel's tests share, inside Slicer and on the stand-in host alike.

Only what the application itself has is used here and in the tests: ``slicer``, ``qt``, the module's widget.
"""

from __future__ import annotations

import functools
import tempfile
import unittest
import zipfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

import slicer
import vtk
from FaceDeidLNLib.anatomy.landmark.detect import detect_landmarks
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.mrml.segmentations import segments_from_node
from FaceDeidLNLib.phantom import make_phantom
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.steps.anatomy_cache import AnatomyCache
from FaceDeidLNLib.verify.verdict import Verdict

STEPS = ("detectButton", "curveButton", "faceButton", "applyButton")
#: Coarse, and different along every axis.
SPACING_MM = (2.5, 2.4, 3.0)
#: What a released result leaves by.
EXPORTS = ("nrrdButton", "niftiButton", "dicomButton")


@functools.cache
def phantom():
    """The synthetic head; the same object for all tests, so never write into its arrays."""
    return make_phantom(SPACING_MM, seed=1)


#: Whatever the committed table says of named nodes in a face, the panel is tried with a result that needs a person's consent.
NO_NODES_ATTACKED = ("FaceDeidLNLib.verify.privacy.tested_to_keep", lambda region, effect: ())


@functools.cache
def phantom_case():
    """What the pipeline makes of it, with a draw that images which follow can repeat, and a benchmark that knows no nodes in a face."""
    with mock.patch(*NO_NODES_ATTACKED):
        return deface(Request(phantom().ct, phantom().nodes, parameters=Parameters(seed=1)))


@functools.cache
def _found():
    return {}


def remembered(ct, alive):
    """The landmark detection, which looks at the same head only once."""
    key = (ct.array.tobytes(), ct.geometry.ijk_to_lps.tobytes())
    if key not in _found():
        _found()[key] = detect_landmarks(ct, alive)
    return _found()[key]


class KeptCache(AnatomyCache):
    """Looks at a head once for all tests: a scene that is closed makes it forget nothing."""

    def clear(self):
        """Keep what was found."""


@functools.cache
def kept_cache():
    """What was found in the heads of the tests before; it is the very same as a new search finds (see test_anatomy_cache.py)."""
    return KeptCache()


def load_phantom(progress=None):
    """Put the synthetic head into the scene; returns the CT's node and its nodes' segmentation."""
    masks = [tight(segment.name, segment.mask.array) for segment in phantom().nodes]
    ct = add_ct(context(), phantom().ct, "Head")
    return ct, add_segmentation(context(), masks, phantom().ct.geometry, "nodes", reference=ct)


def changed_case(verdict, *reasons):
    """The phantom's case with another verdict."""
    return replace(phantom_case(), verdict=Verdict(verdict), reasons=reasons)


def face_voxels(node):
    """How large the face segment of a parameter node is."""
    return int(segments_from_node(node.faceSegmentation)[0].mask.array.sum())


def ids():
    """The nodes in the scene."""
    return {slicer.mrmlScene.GetNthNode(n).GetID() for n in range(slicer.mrmlScene.GetNumberOfNodes())}


def key_file(folder):
    """A new private Ed25519 key."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as problem:
        raise unittest.SkipTest("the package cryptography is not installed") from problem
    plain = serialization.NoEncryption()
    pem = Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(pem)
    return folder / "key.pem"


class RemovalWatch:
    """Sees whether a display node leaves the scene before the node that it displays: the application's views crash over that.

    Slicer's own Mask volume takes its label map, which no view shows, out of the scene so; the panel makes none.
    """

    def __init__(self, scene):
        self.too_early = []
        self._scene = scene

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def see(caller, event, node):
            is_watched = node.IsA("vtkMRMLDisplayNode") and not node.IsA("vtkMRMLLabelMapVolumeDisplayNode")
            displayable = node.GetDisplayableNode() if is_watched else None
            if displayable is not None and scene.GetNodeByID(displayable.GetID()) is displayable:
                self.too_early.append(f"{node.GetID()} before {displayable.GetID()}")

        self._tag = scene.AddObserver(slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent, see)

    def end(self):
        """Look no more, and say what was seen."""
        self._scene.RemoveObserver(self._tag)
        return self.too_early


class PanelTest(unittest.TestCase):
    """A test of the panel: a clean scene, the panel open, every message and question of it caught."""

    def setUp(self):
        """Open the panel."""
        slicer.mrmlScene.Clear(False)
        if getattr(slicer.util, "mainWindow", lambda: None)() is not None:
            slicer.util.selectModule("FaceDeidLN")  # a panel that is not open does not go on when the scene is closed
        self.widget = slicer.util.getModuleWidget("FaceDeidLN")
        self.panel, self.ui, self.logic = self.widget.panel, self.widget.ui, self.widget.logic
        self.addCleanup(setattr, self.logic, "cache", self.logic.cache)
        self.logic.cache = kept_cache()
        self.errors, self.answers, self.asked = [], [], []
        self.patch(*NO_NODES_ATTACKED)
        self.patch("slicer.util.errorDisplay", lambda text, **details: self.errors.append(text))
        for name in ("file_to_open", "file_to_save", "folder"):
            self.patch(f"FaceDeidLNLib.widget.dialogs.{name}", self.answer)
        self.patch("FaceDeidLNLib.case.find.detect_landmarks", remembered)
        self.real_sample = self.panel.load_sample
        self.addCleanup(setattr, self.panel, "load_sample", self.real_sample)
        self.panel.load_sample = load_phantom
        self.addCleanup(self.leave)
        self.removals = RemovalWatch(slicer.mrmlScene)
        self.widget.enter()

    def answer(self, title, begin, *rest):
        """The next answer to a question for a file or folder; which folder it began in is kept in ``asked``."""
        self.asked.append(begin)
        return self.answers.pop(0)

    def leave(self):
        """Leave the panel and the scene as they were found."""
        self.widget.exit()
        too_early = self.removals.end()
        slicer.mrmlScene.Clear(False)
        self.assertEqual(too_early, [], "the views of the application crash when a display node goes first")

    def save(self):
        """Save the scene with all its data; gives the file."""
        folder = self.folder()
        slicer.mrmlScene.SetRootDirectory(str(folder))
        self.assertTrue(slicer.mrmlScene.WriteToMRB(str(folder / "scene.mrb")))
        return folder / "scene.mrb"

    def load(self, bundle):
        """Load a saved scene in place of the one that is there, into the open panel."""
        with zipfile.ZipFile(bundle) as packed:
            packed.extractall(bundle.with_name("unpacked"))
        slicer.mrmlScene.SetURL(str(next(bundle.with_name("unpacked").rglob("*.mrml"))))
        self.assertTrue(slicer.mrmlScene.Connect())

    def patch(self, name, value):
        """Another value under a name, until the test ends."""
        patcher = mock.patch(name, value)
        patcher.start()
        self.addCleanup(patcher.stop)

    def folder(self):
        """A folder of this test's own."""
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        return Path(made.name)

    @property
    def node(self):
        """The module's parameter node as the panel has it."""
        return self.panel.node

    def click(self, *names):
        """Click buttons, which must be enabled, one after the other."""
        for name in names:
            button = getattr(self.ui, name)
            self.assertTrue(button.enabled, f"{name} cannot be clicked")
            button.click()

    def enabled(self, *names):
        """Which of some buttons can be clicked."""
        return [name for name in names if getattr(self.ui, name).enabled]

    def choose(self, combo, entry):
        """Choose an entry of a list."""
        box = getattr(self.ui, combo)
        box.currentIndex = box.findText(entry)

    def load_sample(self):
        """Click on "Try it"."""
        self.ui.tryItLabel.linkActivated.emit("sample")
        return self.node.inputVolume, self.node.protectedSegmentation

    def answer_at_once(self, *cases):
        """Let the pipeline answer without work: with the cases given, the last one again and again; gives the requests it got."""
        waiting, requests = list(cases or [phantom_case()]), []

        def answer(request, progress, finder=None):
            requests.append(request)
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

        self.patch("FaceDeidLNLib.steps.process.deface", answer)
        return requests

    def cancel_at(self, fraction):
        """Press Cancel as soon as the bar stands there."""
        self.at(fraction, lambda dialog: dialog.cancel())

    def close_scene_at(self, fraction):
        """Close the scene as soon as the bar stands there."""
        closed = []

        def close(dialog):
            if not closed:
                closed.append(True)
                slicer.mrmlScene.Clear(False)

        self.at(fraction, close)

    def at(self, fraction, act):
        """Do something with the progress dialog as soon as its bar stands there."""
        import qt

        dialogs, real, timer = [], slicer.util.createProgressDialog, qt.QTimer()

        def create(*words, **options):
            dialogs.append(real(*words, **options))
            return dialogs[-1]

        def press():
            if dialogs and dialogs[-1].value >= 100 * fraction:
                act(dialogs[-1])

        self.patch("slicer.util.createProgressDialog", create)
        timer.connect("timeout()", press)
        timer.start(1)
        self.addCleanup(timer.stop)
