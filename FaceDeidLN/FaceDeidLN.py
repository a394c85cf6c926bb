"""FaceDeidLN: hide the face of a head-and-neck CT and keep the lymph nodes. The module that Slicer loads."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import slicer
from FaceDeidLNLib.core.parameters import RANGES, Parameters
from FaceDeidLNLib.effect.records import EFFECT_NAMES, OWN_DEFAULTS
from FaceDeidLNLib.face.styles import REGIONS
from FaceDeidLNLib.header.options import CHOICES as HEADERS
from FaceDeidLNLib.steps.words import saying_keywords
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
    from FaceDeidLNLib.core.progress import Progress
    from FaceDeidLNLib.steps.process import NodeRequest, NodeResult
    from FaceDeidLNLib.steps.steps import Steps

README_URL = "https://github.com/FaceDeidLN/SlicerFaceDeidLN#readme"
#: What a step is done with; the first one is the project's own.
WRAP_ENGINES = ["built-in", "SurfaceWrapSolidify"]
CUT_ENGINES = ["built-in", "Dynamic Modeler"]
MASK_ENGINES = ["built-in", "Mask volume"]


#
# FaceDeidLN
#


class FaceDeidLN(ScriptedLoadableModule):
    """The module: what it is called, who made it, where it stands in the module list."""

    def __init__(self, parent: Any) -> None:  # noqa: ANN401  Slicer's qSlicerScriptedLoadableModule, known to Qt only
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Face De-identification, Lymph Nodes Kept")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Informatics")]
        self.parent.dependencies = ["Volumes", "Segmentations", "Markups", "Models"]  # Slicer says which one is missing
        self.parent.contributors = ["FaceDeidLN contributors"]
        self.parent.helpText = _(
            "Hides the face of a head-and-neck CT, keeps every voxel of the lymph nodes that you name, and verifies both. "
            'See the <a href="{url}">documentation</a>.'
        ).format(url=README_URL)
        self.parent.acknowledgementText = _(
            "After the project of S. Pieper and R. Kikinis at the 44th NA-MIC Project Week: hiding the face, keeping the lymph nodes."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


#
# Register sample data sets in Sample Data module
#


def registerSampleData() -> None:
    """Offer the synthetic head, computed, and the head of CTMRBrain, downloaded by Slicer, in the Sample Data module."""
    import SampleData
    from FaceDeidLNLib.sample_data import register

    icon = str(Path(__file__).parent / "Resources" / "Icons" / "FaceDeidLN.png")
    register(SampleData.SampleDataLogic, icon, _("Face de-identification"), loadPhantom, slicer.util.TESTING_DATA_URL)


def loadPhantom(
    source: object = None, spacingMm: tuple[float, ...] = (1.0, 1.0, 1.5), progress: "Progress | None" = None
) -> tuple[Any, ...]:
    """Put a synthetic head (``spacingMm`` along i, j, k) and its nodes into the scene; ``source`` is what Sample Data hands over."""
    from FaceDeidLNLib.mrml.sample import add_phantom
    from FaceDeidLNLib.mrml.scene import context

    return add_phantom(context(), spacingMm, progress)


#
# FaceDeidLNParameterNode
#


@parameterNodeWrapper
class FaceDeidLNParameterNode:
    """What the user chose, saved with the scene; lengths in mm, values in HU.

    inputVolume - the CT; the other nodes are the CT's own and change with it.
    protectedSegmentation - its checked segments must not change.
    landmarks, curve, faceSegmentation - what was found or drawn, and is used instead of the automatic ones.
    outputVolume - where the result goes; none: a new volume. resultVolume - the result that is looked at.
    style, ears, lips, effect, levels - which part of the face is hidden, how, and which node levels stay.
    effectNumbers - numbers that the effect alone has, by keyword. watermark - letters on the new surface.
    header - what happens to DICOM headers at export.
    acceptRecognisable - release also what did not pass the attack benchmark.
    liveFace - make the face segment anew whenever the curve or a length changes.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    protectedSegmentation: vtkMRMLSegmentationNode
    landmarks: vtkMRMLMarkupsFiducialNode
    curve: vtkMRMLMarkupsClosedCurveNode
    faceSegmentation: vtkMRMLSegmentationNode
    outputVolume: vtkMRMLScalarVolumeNode
    resultVolume: vtkMRMLScalarVolumeNode
    style: Annotated[str, Choice(list(REGIONS))] = Parameters.style
    ears: bool = Parameters.ears
    lips: bool = Parameters.lips
    effect: Annotated[str, Choice(list(EFFECT_NAMES))] = Parameters.effect
    levels: list[str] = list(Parameters.levels)
    depthMm: Annotated[float, WithinRange(*RANGES["depth_mm"])] = Parameters.depth_mm
    outsideMm: Annotated[float, WithinRange(*RANGES["outside_mm"])] = Parameters.outside_mm
    protectMarginMm: Annotated[float, WithinRange(*RANGES["protect_margin_mm"])] = Parameters.protect_margin_mm
    superficialMm: Annotated[float, WithinRange(*RANGES["superficial_mm"])] = Parameters.superficial_mm
    effectNumbers: dict[str, float] = dict(OWN_DEFAULTS)
    watermark: str = Parameters.watermark
    wrapEngine: Annotated[str, Choice(WRAP_ENGINES)] = WRAP_ENGINES[0]
    cutEngine: Annotated[str, Choice(CUT_ENGINES)] = CUT_ENGINES[0]
    maskEngine: Annotated[str, Choice(MASK_ENGINES)] = MASK_ENGINES[0]
    header: Annotated[str, Choice(list(HEADERS))] = HEADERS[0]
    acceptRecognisable: bool = False
    liveFace: bool = False


#
# FaceDeidLNWidget
#


class FaceDeidLNWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel's life cycle; what it shows and does is in FaceDeidLNLib.widget."""

    def __init__(self, parent: Any = None) -> None:  # noqa: ANN401  a QWidget
        self.logic = self.panel = self.uiWidget = None
        self._parameterNode = self._parameterNodeGuiTag = None
        #: Kept for ever: Slicer 5.10 leaves an observer in a node that was bound, and VTK crashes once the wrapper is collected.
        self._boundOnce: list[FaceDeidLNParameterNode] = []
        VTKObservationMixin.__init__(self)
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self) -> None:
        """Called when the user opens the module the first time."""
        from FaceDeidLNLib.widget.panel import Panel

        ScriptedLoadableModuleWidget.setup(self)
        self.uiWidget = slicer.util.loadUI(self.resourcePath("UI/FaceDeidLN.ui"))
        self.layout.addWidget(self.uiWidget)
        self.ui = slicer.util.childWidgetVariables(self.uiWidget)
        self.uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = FaceDeidLNLogic()
        self.panel = Panel(self.ui, self.logic, loadPhantom)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self.onSceneStartImport)
        for event in (slicer.mrmlScene.EndCloseEvent, slicer.mrmlScene.EndImportEvent):
            self.addObserver(slicer.mrmlScene, event, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self.onNodeRemoved)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the module widget is destroyed."""
        self.setParameterNode(None)
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()
            self.uiWidget.setMRMLScene(None)  # Reload only hides it: its selectors would follow the scene for ever

    def enter(self) -> None:
        """Called each time the user opens this module."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Called each time the user opens a different module."""
        self.setParameterNode(None)

    def onSceneStartClose(self, caller: object, event: object) -> None:
        """The parameter node goes with the scene."""
        self.setParameterNode(None)
        self.panel.forget()

    def onSceneStartImport(self, caller: object, event: object) -> None:
        """Node selectors are filled anew at the end of an import and choose a node by themselves: that must not be taken for the user's."""
        self.setParameterNode(None)

    def onSceneEndClose(self, caller: object, event: object) -> None:
        """A shown panel needs the parameter node of the new scene at once."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onNodeRemoved(self, caller: object, event: object) -> None:
        """A panel whose parameter node was taken out of the scene would choose and show nothing any more: it gets another one."""
        if self._parameterNode and self._parameterNode.parameterNode.GetScene() is None:
            self.initializeParameterNode()

    def onReload(self) -> None:
        """Slicer's Reload button: the library, too, is read anew."""
        for name in [name for name in sys.modules if name.split(".")[0] == "FaceDeidLNLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def initializeParameterNode(self) -> None:
        """Make sure that there is a parameter node; the panel starts with the first CT of the scene."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode: FaceDeidLNParameterNode | None) -> None:
        """Bind the panel to a parameter node, or to none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.panel.bind(None)
        self._parameterNode = parameterNode
        if self._parameterNode:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self._boundOnce.append(self._parameterNode)
            self.panel.bind(self._parameterNode)


#
# FaceDeidLNLogic
#


@saying_keywords
class FaceDeidLNLogic(ScriptedLoadableModuleLogic):
    """The work, without a panel: nodes in, nodes and verdict out; every step can be done alone.

    >>> logic = slicer.util.getModuleLogic("FaceDeidLN")
    >>> result = logic.process(ctNode, protectedSegmentation=nodesNode)
    >>> result.verdict, result.reasons, result.nodes.result

    All methods take these keywords and raise ``FaceDeidError``, one clear sentence, where one of them cannot be used:

    protectedSegmentation, segmentIDs - segments whose voxels must not change (segmentIDs None: all of them).
    landmarks - points that overrule the automatic ones of the same name. curve - closed curve around the face.
    faceSegmentation - its first segment is the face. outputVolume - takes the result (None: a new node).
    style, effect, levels - region, effect and node levels by name; None: the default ones. ears, lips - hide them too.
    wrapEngine, cutEngine, maskEngine - "built-in", or "SurfaceWrapSolidify", "Dynamic Modeler", "Mask volume".
    acceptRecognisable - release a PASS also where the person may still be recognised.
    alsoVolumes - PET, MR or further CTs of the same head that ``process`` gives the same face.
    progress - called with the fraction done and a message; raise ``Cancelled`` in it to stop.
    depthMm, outsideMm, protectMarginMm, superficialMm (mm), boneHu (HU), those of the effect alone (sigmaMm, fillHu), watermark.
    """

    def __init__(self, parent: object = None) -> None:
        ScriptedLoadableModuleLogic.__init__(self, parent)
        from FaceDeidLNLib.steps.anatomy_cache import AnatomyCache

        self.cache = AnatomyCache()

    def getParameterNode(self) -> FaceDeidLNParameterNode:
        """The scene's one parameter node of this module."""
        return FaceDeidLNParameterNode(super().getParameterNode())

    def steps(self) -> "Steps":
        """The steps on the scene of the application."""
        from FaceDeidLNLib.mrml.scene import context
        from FaceDeidLNLib.steps.steps import Steps

        return Steps(context(), self.cache)

    def detectLandmarks(self, ctNode: vtkMRMLScalarVolumeNode, **chosen: Any) -> vtkMRMLMarkupsFiducialNode:  # noqa: ANN401
        """Find the landmarks, into ``landmarks`` or a new node; points that the user placed, moved or locked stay."""
        return self.steps().landmarks(*self._asked(ctNode, chosen))

    def createCurve(self, ctNode: vtkMRMLScalarVolumeNode, **chosen: Any) -> vtkMRMLMarkupsClosedCurveNode:  # noqa: ANN401
        """Draw the style's closed curve on the skin, into ``curve`` or a new node; it stays on the skin when it is dragged."""
        return self.steps().curve(*self._asked(ctNode, chosen))

    def createFaceSegment(self, ctNode: vtkMRMLScalarVolumeNode, **chosen: Any) -> vtkMRMLSegmentationNode:  # noqa: ANN401
        """Make the face segment, into ``faceSegmentation`` or a new node."""
        return self.steps().face(*self._asked(ctNode, chosen))

    def applyEffect(self, ctNode: vtkMRMLScalarVolumeNode, **chosen: Any) -> vtkMRMLScalarVolumeNode:  # noqa: ANN401
        """Hide the face, into ``outputVolume`` or a new node, which is NOT RELEASED until ``verify`` says so."""
        return self.steps().effect(*self._asked(ctNode, chosen))

    def verify(self, ctNode: vtkMRMLScalarVolumeNode, **chosen: Any) -> "NodeResult":  # noqa: ANN401
        """Judge ``outputVolume``, whoever made it, against the CT."""
        return self.steps().verify(*self._asked(ctNode, chosen))

    def process(self, ctNode: vtkMRMLScalarVolumeNode, protectedSegmentation: Any = None, **chosen: Any) -> "NodeResult":  # noqa: ANN401
        """All steps: verdict, reasons, privacy class, whether it is released, and the nodes made; the CT's own is never changed."""
        result = self.steps().all(*self._asked(ctNode, {"protectedSegmentation": protectedSegmentation, **chosen}))
        logging.info("FaceDeidLN: %s in %.1f s", result.verdict, sum(result.case.seconds.values()))
        return result

    def chosen(self, parameterNode: FaceDeidLNParameterNode) -> dict[str, Any]:
        """The logic's keywords that a parameter node holds; of its segmentation, the checked segments."""
        from FaceDeidLNLib.steps.asked import chosen_in

        return chosen_in(parameterNode)

    def snapCurve(self, ctNode: vtkMRMLScalarVolumeNode, **chosen: Any) -> None:  # noqa: ANN401
        """Put the control points of ``curve`` back onto the skin."""
        asked, _engines, progress = self._asked(ctNode, chosen)
        self.steps().snap(asked, progress)

    def signOff(self, resultNode: vtkMRMLScalarVolumeNode, remark: str) -> None:
        """Lift a REVIEW with the reviewer's remark, which goes into the certificate; a FAIL cannot be lifted."""
        from FaceDeidLNLib.steps.sign_off import sign_off_as_judged

        sign_off_as_judged(self.steps().context, resultNode, remark)

    def acceptRecognisable(self, resultNode: vtkMRMLScalarVolumeNode, accepted: bool) -> None:
        """Say yes or no to the release of a verified result whose person may still be recognised."""
        from FaceDeidLNLib.mrml.verdicts import accept
        from FaceDeidLNLib.steps.keywords import result_of, truth

        accept(self.steps().context, result_of(resultNode), truth("accepted", accepted))

    def exportResult(
        self,
        resultNode: vtkMRMLScalarVolumeNode,
        path: str,
        overwrite: bool = False,
        progress: "Progress | None" = None,
        header: str = HEADERS[0],
        keyFile: str = "",
        signingKey: str = "",
    ) -> None:
        """Write a released result with its certificate: .nrrd, .nii.gz, or a folder for the DICOM series it came from.

        ``header`` says what happens to DICOM headers, as --header does; all but "keep" need ``keyFile``, which is made on first use.
        ``signingKey`` (Ed25519, PEM) signs the certificate, as --signing-key does; without one it says "unsigned".
        """
        from FaceDeidLNLib.steps.export import export_asked

        export_asked(resultNode, path, overwrite, progress, header, keyFile, signingKey)

    def asked(self, ctNode: vtkMRMLScalarVolumeNode, **chosen: Any) -> "NodeRequest":  # noqa: ANN401
        """What these keywords ask for, as the steps take it."""
        return self._asked(ctNode, chosen)[0]

    def _asked(self, ctNode: vtkMRMLScalarVolumeNode, chosen: dict[str, Any]) -> tuple[Any, ...]:
        from FaceDeidLNLib.steps.asked import asked_from

        return asked_from(ctNode, **chosen)


#
# FaceDeidLNTest
#


class FaceDeidLNTest(ScriptedLoadableModuleTest):
    """The main job, every button and its undo on the synthetic head, inside Slicer. The panel has more tests in Testing."""

    #: Voxel sizes (mm) of the head in the short tests, and in those of apply and verify again.
    spacingMm = (2.5, 2.4, 3.0)
    gridsMm = ((1.0, 1.0, 1.5), (2.5, 2.5, 2.5), (0.9, 0.9, 3.0))

    def setUp(self) -> None:
        """A clean scene."""
        slicer.mrmlScene.Clear()

    def test_theFaceIsHiddenAndTheNodesAreKept(self) -> None:
        """PASS, with every voxel of every lymph node as it was."""
        from FaceDeidLNLib.widget.self_test import hidden_and_kept

        hidden_and_kept(FaceDeidLNLogic(), loadPhantom, self.spacingMm)

    def test_everyStepCanBeDoneAlone(self) -> None:
        """Landmarks, curve, face segment, effect and verification one after the other."""
        from FaceDeidLNLib.widget.self_test import each_step_alone

        each_step_alone(FaceDeidLNLogic(), loadPhantom, self.spacingMm)

    def test_everyButtonWorksAndEveryStepCanBeUndone(self) -> None:
        """The panel, pressed from Detect to the work list."""
        from FaceDeidLNLib.widget.self_test import every_button, shown

        with shown("FaceDeidLN") as widget:
            every_button(widget.panel, loadPhantom, self.spacingMm)

    def test_verifiedAgainIsTheSameOnFourGrids(self) -> None:
        """Apply, verify again, save, load, verify again: the same verdict and figures."""
        from FaceDeidLNLib.widget.self_test import same_when_verified_again

        for spacingMm in (*self.gridsMm, self.spacingMm):
            self.setUp()
            same_when_verified_again(FaceDeidLNLogic(), loadPhantom, spacingMm, oblique=spacingMm is self.spacingMm)
