"""FaceDeidLN: hide the face of a head-and-neck CT and keep the lymph nodes. The module that Slicer loads."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import slicer
import vtk
from FaceDeidLNLib.core.errors import Cancelled
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.progress import Progress, silent
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.face.styles import STYLES
from slicer import vtkMRMLMarkupsClosedCurveNode, vtkMRMLMarkupsFiducialNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

if TYPE_CHECKING:
    from FaceDeidLNLib.mrml.process import NodeResult

README_URL = "https://github.com/FaceDeidLN/SlicerFaceDeidLN#readme"
PHANTOM_NAME = "FaceDeidLNPhantom"


#
# FaceDeidLN
#


class FaceDeidLN(ScriptedLoadableModule):
    """The module: what it is called, who made it, where it stands in the module list."""

    def __init__(self, parent: Any) -> None:  # noqa: ANN401  Slicer's qSlicerScriptedLoadableModule, known to Qt only
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Face De-identification, Lymph Nodes Kept")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Informatics")]
        self.parent.dependencies = []
        self.parent.contributors = ["FaceDeidLN contributors"]
        self.parent.helpText = _(
            "Hides the face of a head-and-neck CT, keeps every voxel of the lymph nodes that you name, and verifies both. "
            'See the <a href="{url}">documentation</a>.'
        ).format(url=README_URL)
        self.parent.acknowledgementText = _(
            "After the project of S. Pieper and R. Kikinis at the 44th NA-MIC Project Week: de-identifying the face in CT "
            "without losing the lymph nodes of the neck."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


#
# Register sample data sets in Sample Data module
#


def registerSampleData() -> None:
    """Offer the synthetic head in the Sample Data module; it is computed, not downloaded."""
    import SampleData

    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):  # Slicer 5.12 and later
        logic.registerCustomSampleDataCategory("FaceDeidLN", title=_("Face de-identification"))
    logic.registerCustomSampleDataSource(
        category="FaceDeidLN",
        sampleName=PHANTOM_NAME,
        thumbnailFileName=str(Path(__file__).parent / "Resources" / "Icons" / "FaceDeidLN.png"),
        uris="",
        fileNames=f"{PHANTOM_NAME}.nrrd",
        nodeNames=PHANTOM_NAME,
        customDownloader=loadPhantom,
    )


def loadPhantom(
    source: object = None, spacingMm: tuple[float, float, float] = (1.0, 1.0, 1.5)
) -> tuple[vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode]:
    """Put a synthetic head and its lymph nodes into the scene.

    :param source: what the Sample Data module hands over; not used.
    :param spacingMm: voxel size along i, j and k.
    """
    from FaceDeidLNLib.core.segment import tight
    from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation
    from FaceDeidLNLib.mrml.scene import context
    from FaceDeidLNLib.phantom import make_phantom

    phantom = make_phantom(spacingMm, seed=1)
    here = context()
    ctNode = add_ct(here, phantom.ct, PHANTOM_NAME)
    masks = [tight(segment.name, segment.mask.array) for segment in phantom.nodes]
    return ctNode, add_segmentation(here, masks, phantom.ct.geometry, f"{PHANTOM_NAME} lymph nodes", reference=ctNode)


#
# FaceDeidLNParameterNode
#


@parameterNodeWrapper
class FaceDeidLNParameterNode:
    """What the user chose, saved with the scene; lengths in mm, values in HU.

    inputVolume - the CT.
    protectedSegmentation - segments whose voxels must not change: all of this segmentation.
    landmarks, curve, faceSegmentation - what the user placed or drew; used instead of the automatic ones.
    outputVolume - where the result goes; none: a new volume.
    style, effect - which part of the face is hidden, and how.
    acceptRecognisable - release also what did not pass the attack benchmark.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    protectedSegmentation: vtkMRMLSegmentationNode
    landmarks: vtkMRMLMarkupsFiducialNode
    curve: vtkMRMLMarkupsClosedCurveNode
    faceSegmentation: vtkMRMLSegmentationNode
    outputVolume: vtkMRMLScalarVolumeNode
    style: Annotated[str, Choice(list(STYLES))] = Parameters.style
    effect: Annotated[str, Choice(list(EFFECTS))] = Parameters.effect
    depthMm: Annotated[float, WithinRange(0.5, 50.0)] = Parameters.depth_mm
    protectMarginMm: Annotated[float, WithinRange(0.0, 50.0)] = Parameters.protect_margin_mm
    acceptRecognisable: bool = False


#
# FaceDeidLNWidget
#


class FaceDeidLNWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: selectors bound to the parameter node, a button, and the verdict in words."""

    def __init__(self, parent: Any = None) -> None:  # noqa: ANN401  a QWidget
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self) -> None:
        """Called when the user opens the module the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/FaceDeidLN.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = FaceDeidLNLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the module widget is destroyed."""
        self.removeObservers()

    def enter(self) -> None:
        """Called each time the user opens this module."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Called each time the user opens a different module."""
        self.setParameterNode(None)

    def onSceneStartClose(self, caller: object, event: object) -> None:
        """The parameter node goes with the scene."""
        self.setParameterNode(None)

    def onSceneEndClose(self, caller: object, event: object) -> None:
        """A shown panel needs a new parameter node at once."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Make sure that there is a parameter node, with the first volume of the scene as a start."""
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.inputVolume:
            firstVolumeNode = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if firstVolumeNode:
                self._parameterNode.inputVolume = firstVolumeNode

    def setParameterNode(self, parameterNode: FaceDeidLNParameterNode | None) -> None:
        """Bind the panel to a parameter node, or to none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
        self._parameterNode = parameterNode
        if self._parameterNode:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
            self._checkCanApply()

    def _checkCanApply(self, caller: object = None, event: object = None) -> None:
        ready = bool(self._parameterNode and self._parameterNode.inputVolume)
        self.ui.applyButton.enabled = ready
        self.ui.applyButton.toolTip = _("Hide the face and verify the result") if ready else _("Select a CT volume")

    def onApplyButton(self) -> None:
        """Hide the face of the chosen volume; errors are shown once, cancelling is none."""
        with slicer.util.tryWithErrorDisplay(_("The face could not be hidden."), waitCursor=True):
            dialog = slicer.util.createProgressDialog(windowTitle=_("Face de-identification"), maximum=100)
            try:
                result = self.logic.processParameterNode(self._parameterNode, _dialogProgress(dialog))
            except Cancelled:
                self.ui.resultLabel.text = _("Cancelled; nothing was changed.")
                return
            finally:
                dialog.close()
            self.ui.resultLabel.text = resultText(result)


def _dialogProgress(dialog: Any) -> Progress:  # noqa: ANN401  a QProgressDialog
    """A progress callback that shows itself, lets events through, and stops the work when the user cancels."""

    def progress(fraction: float, message: str) -> None:
        dialog.labelText = message
        dialog.value = int(100 * fraction)
        slicer.app.processEvents()
        if dialog.wasCanceled:
            raise Cancelled(_("Cancelled"))

    return progress


def resultText(result: "NodeResult") -> str:
    """The verdict in words, for a person."""
    if result.released:
        return _("PASS: the face is hidden, every protected voxel is unchanged.")
    if result.verdict == "PASS":
        return _("PASS, NOT RELEASED: the person may still be recognised with this effect; accept that to release the result.")
    return _("{verdict}, NOT RELEASED: {reasons}").format(verdict=result.verdict, reasons="; ".join(result.reasons))


#
# FaceDeidLNLogic
#


class FaceDeidLNLogic(ScriptedLoadableModuleLogic):
    """The work, without a panel: nodes in, nodes and verdict out.

    >>> logic = slicer.util.getModuleLogic("FaceDeidLN")
    >>> result = logic.process(ctNode, protectedSegmentation=nodesNode)
    >>> result.verdict, result.reasons, result.nodes.result
    """

    def getParameterNode(self) -> FaceDeidLNParameterNode:
        """The scene's one parameter node of this module."""
        return FaceDeidLNParameterNode(super().getParameterNode())

    def processParameterNode(self, parameterNode: FaceDeidLNParameterNode, progress: Progress | None = None) -> "NodeResult":
        """``process`` with what a parameter node says."""
        chosen = ("landmarks", "curve", "faceSegmentation", "outputVolume", "style", "effect", "depthMm", "protectMarginMm")
        return self.process(
            parameterNode.inputVolume,
            protectedSegmentation=parameterNode.protectedSegmentation,
            acceptRecognisable=parameterNode.acceptRecognisable,
            progress=progress,
            **{name: getattr(parameterNode, name) for name in chosen},
        )

    def process(
        self,
        ctNode: vtkMRMLScalarVolumeNode,
        protectedSegmentation: vtkMRMLSegmentationNode | None = None,
        segmentIDs: Sequence[str] | None = None,
        landmarks: vtkMRMLMarkupsFiducialNode | None = None,
        curve: vtkMRMLMarkupsClosedCurveNode | None = None,
        faceSegmentation: vtkMRMLSegmentationNode | None = None,
        outputVolume: vtkMRMLScalarVolumeNode | None = None,
        style: str | None = None,
        effect: str | None = None,
        levels: Sequence[str] | None = None,
        acceptRecognisable: bool = False,
        progress: Progress | None = None,
        **lengths: float,
    ) -> "NodeResult":
        """Hide the face of a CT; the CT's own node is never changed.

        :param ctNode: the CT in HU.
        :param protectedSegmentation: segments whose voxels must not change; ``segmentIDs`` chooses some (None: all).
        :param landmarks: points that overrule the automatic ones of the same name.
        :param curve: closed curve around the face, instead of the style's own.
        :param faceSegmentation: face segment (its first one), instead of the one made from the curve.
        :param outputVolume: takes the result, renamed; None: a new node.
        :param style: region style; None: the default. :param effect: effect; None: the default.
        :param levels: node levels that stay as they are, such as "Ib"; None: the default ones.
        :param acceptRecognisable: release a PASS also where the person may still be recognised.
        :param progress: called with the fraction done and a message; raise ``Cancelled`` in it to stop.
        :param lengths: depthMm, outsideMm, protectMarginMm, superficialMm, sigmaMm (mm), fillHu, boneHu (HU).
        :return: verdict, reasons, privacy class, whether the result is released, and the nodes made.
        :raises FaceDeidError: an argument cannot be used; the message says which and why.
        """
        from FaceDeidLNLib.mrml.process import NodeRequest, parameters_from, process_nodes
        from FaceDeidLNLib.mrml.scene import context

        parameters = parameters_from(style, effect, levels, lengths)
        asked = NodeRequest(
            ctNode, protectedSegmentation, segmentIDs, landmarks, curve, faceSegmentation, outputVolume, parameters, acceptRecognisable
        )
        result = process_nodes(context(), asked, progress or silent)
        logging.info("FaceDeidLN: %s in %.1f s", result.verdict, sum(result.case.seconds.values()))
        return result


#
# FaceDeidLNTest
#


class FaceDeidLNTest(ScriptedLoadableModuleTest):
    """The main job on the synthetic head, inside Slicer; needs no download."""

    def setUp(self) -> None:
        """A clean scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run all tests of the module."""
        self.setUp()
        self.test_theFaceIsHiddenAndTheNodesAreKept()

    def test_theFaceIsHiddenAndTheNodesAreKept(self) -> None:
        """PASS on the synthetic head, with every voxel of every lymph node as it was."""
        ctNode, nodesNode = loadPhantom(spacingMm=(2.5, 2.4, 3.0))
        before = slicer.util.arrayFromVolume(ctNode).copy()
        result = FaceDeidLNLogic().process(ctNode, protectedSegmentation=nodesNode, acceptRecognisable=True)
        assert result.verdict == "PASS", "; ".join(result.reasons)
        assert np.array_equal(before, slicer.util.arrayFromVolume(ctNode))
        after = slicer.util.arrayFromVolume(result.nodes.result)
        assert np.count_nonzero(before != after) > 0
        for check in result.case.comparison.protected:
            assert check.changed == 0, check.name
