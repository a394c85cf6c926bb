"""The Slicer module: its parameter node, and the main job through its logic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import slicer
import vtk
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.errors import Cancelled, InputError
from FaceDeidLNLib.mrml.nodes import add_ct, volume_from_node
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.privacy import TESTED


@pytest.fixture
def head(module, phantom):
    """The phantom in the scene, as the module's sample loads it."""
    ct = add_ct(module_context(), phantom.ct, "CT")
    from FaceDeidLNLib.core.segment import tight
    from FaceDeidLNLib.mrml.nodes import add_segmentation

    masks = [tight(segment.name, segment.mask.array) for segment in phantom.nodes]
    return ct, add_segmentation(module_context(), masks, phantom.ct.geometry, "nodes", reference=ct)


@pytest.fixture(scope="module")
def phantom_case(phantom):
    """What the pipeline makes of the phantom, as a result that needs a person's consent."""
    return replace(deface(Request(phantom.ct, phantom.nodes)), privacy="recognisable")


@pytest.fixture
def asked(phantom_case, monkeypatch):
    """The requests that reach the pipeline, which answers with the phantom's case at once."""
    requests = []

    def answer(request, progress, finder=None):
        requests.append(request)
        return replace(phantom_case, parameters=request.parameters)

    monkeypatch.setattr("FaceDeidLNLib.steps.process.deface", answer)
    return requests


def module_context():
    from FaceDeidLNLib.mrml.scene import context

    return context()


def test_the_parameter_node_starts_with_the_pipelines_defaults(module):
    from FaceDeidLNLib.core.parameters import Parameters

    node = module.FaceDeidLNLogic().getParameterNode()
    assert (node.style, node.effect, node.depthMm, node.protectMarginMm) == (
        Parameters.style,
        Parameters.effect,
        Parameters.depth_mm,
        Parameters.protect_margin_mm,
    )
    assert node.inputVolume is None


@pytest.mark.parametrize(("name", "value"), [("depthMm", -1.0), ("effect", "magic"), ("style", "magic"), ("inputVolume", "CT")])
def test_the_parameter_node_refuses_what_makes_no_sense(module, name, value):
    node = module.FaceDeidLNLogic().getParameterNode()
    with pytest.raises((ValueError, TypeError)):
        setattr(node, name, value)


def test_the_face_goes_the_nodes_stay_and_the_input_is_untouched(module, head, phantom):
    result = module.FaceDeidLNLogic().process(head[0], protectedSegmentation=head[1], acceptRecognisable=True)
    assert (result.verdict, result.released) == ("PASS", True), result.reasons
    after = volume_from_node(result.nodes.result)
    changed = after.array != phantom.ct.array
    assert changed.any()
    assert not any(changed[node.mask.array].any() for node in phantom.nodes)
    assert np.array_equal(volume_from_node(head[0]).array, phantom.ct.array)
    assert after.geometry.same_as(phantom.ct.geometry)
    assert result.nodes.result.GetName() == "CT full reface de-identified"


def test_what_may_be_recognised_is_not_released_without_saying_so(module, head, asked):
    result = module.FaceDeidLNLogic().process(head[0], protectedSegmentation=head[1], effect="mask")
    assert (result.verdict, result.privacy, result.released) == ("PASS", "recognisable", False)
    assert result.nodes.result.GetName() == "CT full mask NOT RELEASED"
    assert result.nodes.result.GetAttribute("FaceDeidLN.Released") == "0"
    assert "may still be recognised" in result.stored.refusal


@pytest.fixture
def tested_reface(monkeypatch):
    """A benchmark that ``full`` with ``reface`` passed, and nothing else."""
    table = {("full", "reface")}
    monkeypatch.setattr("FaceDeidLNLib.case.privacy.privacy_class", lambda *pair: TESTED if pair in table else "recognisable")


def test_a_blur_that_is_verified_as_the_tested_effect_is_recognisable(module, head, tested_reface):
    logic = module.FaceDeidLNLogic()
    slicer.mrmlScene.RemoveNode(head[1])
    blurred = logic.applyEffect(head[0], effect="blur", levels=())
    result = logic.verify(head[0], outputVolume=blurred, effect="reface", levels=())
    assert (result.verdict, result.privacy, result.released) == ("PASS", "recognisable", False)


def test_a_tested_result_stays_tested_when_it_is_verified_again_and_not_when_it_was_edited(module, head, tested_reface):
    logic = module.FaceDeidLNLogic()
    slicer.mrmlScene.RemoveNode(head[1])
    made = logic.process(head[0], effect="reface")
    again = logic.verify(head[0], outputVolume=made.nodes.result, effect="reface")
    assert (made.privacy, again.privacy) == (TESTED, TESTED)
    voxels = slicer.util.arrayFromVolume(made.nodes.result)
    at = tuple(np.argwhere(voxels != slicer.util.arrayFromVolume(head[0]))[0])
    voxels[at] += 5
    edited = logic.verify(head[0], outputVolume=made.nodes.result, effect="reface")
    assert (edited.verdict, edited.privacy) == ("PASS", "recognisable")


def test_the_parameter_node_says_the_same_as_the_arguments(module, head, asked, phantom):
    logic = module.FaceDeidLNLogic()
    node = logic.getParameterNode()
    node.inputVolume, node.protectedSegmentation, node.depthMm, node.effect = head[0], head[1], 8.0, "mask"
    logic.process(node.inputVolume, **logic.chosen(node))
    assert (asked[0].parameters.depth_mm, asked[0].parameters.effect) == (8.0, "mask")
    assert [segment.name for segment in asked[0].protected] == [segment.name for segment in phantom.nodes]


def test_found_landmarks_and_curve_can_be_corrected_and_given_back(module, head, asked, phantom_case):
    logic = module.FaceDeidLNLogic()
    first = logic.process(head[0]).nodes
    name = first.landmarks.GetNthControlPointLabel(0)
    first.landmarks.SetNthControlPointLocked(0, True)
    first.curve.SetNthControlPointPositionWorld(0, 1.0, 2.0, 3.0)
    logic.process(head[0], landmarks=first.landmarks, curve=first.curve, faceSegmentation=first.face)
    assert asked[1].landmarks.points[name].source == "user"
    assert asked[1].curve[0] == pytest.approx((-1.0, -2.0, 3.0))
    assert asked[1].curve[1:] == pytest.approx(phantom_case.face.curve.control[1:], abs=1e-3)
    assert asked[1].face_segment.mask.array.sum() == phantom_case.face.segment.voxels


def test_a_given_output_volume_takes_the_result(module, head, asked):
    output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "mine")
    result = module.FaceDeidLNLogic().process(head[0], outputVolume=output)
    assert result.nodes.result is output
    assert volume_from_node(output).array.shape == volume_from_node(head[0]).array.shape


def test_the_ct_is_never_taken_as_the_output(module, head):
    with pytest.raises(InputError, match="another output volume"):
        module.FaceDeidLNLogic().process(head[0], outputVolume=head[0])


def test_a_moved_ct_gives_a_result_at_its_place(module, head):
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 25.0)
    transform.SetMatrixTransformToParent(matrix)
    for node in head:
        node.SetAndObserveTransformNodeID(transform.GetID())
    result = module.FaceDeidLNLogic().process(head[0], protectedSegmentation=head[1])
    assert result.verdict == "PASS", result.reasons
    assert volume_from_node(result.nodes.result).geometry.same_as(volume_from_node(head[0]).geometry)
    assert result.nodes.result.GetTransformNodeID() == transform.GetID()


def test_cancelling_leaves_the_scene_as_it_was(module, head):
    before = slicer.mrmlScene.GetNumberOfNodes()

    def cancel(fraction, message):
        if fraction > 0:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        module.FaceDeidLNLogic().process(head[0], progress=cancel)
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_a_volume_that_is_no_ct_is_refused_in_one_sentence(module, head, phantom):
    bright = add_ct(module_context(), phantom.ct.with_array(np.abs(phantom.ct.array) + np.int16(500)), "MR")
    with pytest.raises(InputError, match='"MR" does not look like a CT'):
        module.FaceDeidLNLogic().process(bright)


def test_no_volume_is_refused_in_one_sentence(module):
    with pytest.raises(InputError, match="no voxels|Choose"):
        module.FaceDeidLNLogic().process(None)


def test_levels_and_lengths_reach_the_pipeline():
    from FaceDeidLNLib.effect.choices import told
    from FaceDeidLNLib.steps.keywords import LENGTHS, parameters_of_keywords

    parameters = parameters_of_keywords("full", "blur", ["Ib"], {name: number + 1.0 for number, name in enumerate(LENGTHS)})
    assert (parameters.style, parameters.effect, parameters.levels) == ("full", "blur", ("Ib",))
    chosen = told(parameters)
    assert [chosen[field] for field in LENGTHS.values() if field != "fill_hu"] == [
        number + 1.0 for number, field in enumerate(LENGTHS.values()) if field != "fill_hu"
    ]


def test_a_number_means_something_to_its_own_effect_only():
    from FaceDeidLNLib.steps.keywords import parameters_of_keywords

    assert parameters_of_keywords("full", "mask", None, {"sigmaMm": 3.0, "fillHu": -900.0}).own == (("fill_hu", -900.0),)


def test_ears_hidden_step_by_step_pass_as_in_one_go(module, head):
    ct, nodes = head
    logic, chosen = module.FaceDeidLNLogic(), {"protectedSegmentation": nodes, "ears": True}
    chosen["faceSegmentation"] = logic.createFaceSegment(ct, **chosen)
    chosen["outputVolume"] = logic.applyEffect(ct, **chosen)
    result = logic.verify(ct, **chosen)
    assert (result.verdict, result.reasons) == ("PASS", ())


def test_a_misspelt_length_is_a_type_error(module, head):
    with pytest.raises(TypeError, match="depthMM"):
        module.FaceDeidLNLogic().process(head[0], depthMM=3.0)


@pytest.mark.parametrize("step", ["process", "verify"])
def test_a_step_that_is_stopped_while_its_case_goes_into_the_scene_leaves_the_scene_as_it_was(
    module, head, asked, phantom_case, monkeypatch, step
):
    def stop_in_scene(fraction, message):
        if message == "scene":
            raise Cancelled("stopped")

    logic = module.FaceDeidLNLogic()
    chosen = {"protectedSegmentation": head[1], "acceptRecognisable": True}
    if step == "verify":
        monkeypatch.setattr("FaceDeidLNLib.steps.steps.examine", lambda *arguments: phantom_case)
        chosen["outputVolume"] = logic.process(head[0], **chosen).nodes.result
    before = nodes_there()
    with pytest.raises(Cancelled):
        getattr(logic, step)(head[0], progress=stop_in_scene, **chosen)
    assert nodes_there() == before


def nodes_there():
    scene = module_context().scene
    return {(node.GetID(), node.GetName()) for node in (scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes()))}
