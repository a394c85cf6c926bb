"""What a step changed is put back and what it made goes, and nothing else of the scene is touched."""

from __future__ import annotations

import weakref

import pytest
from FaceDeidLNLib.mrml.scene import new_context
from FaceDeidLNLib.mrml.undo import all_or_nothing

MODEL = "vtkMRMLModelNode"


@pytest.fixture
def scene():
    return new_context().scene


def add_scene_with(scene, name, folder):
    """Add a scene of somebody else's that holds one model with the identifier that nodes of its kind begin with; gives the model."""
    other = new_context().scene
    other.AddNewNodeByClass(MODEL, name)
    other.SetURL(str(folder / "other.mrml"))
    other.Commit()
    scene.SetURL(str(folder / "other.mrml"))
    scene.Import()
    return scene.GetFirstNodeByName(name)


def test_what_a_step_made_goes(scene):
    with all_or_nothing(scene, []) as restore:
        scene.AddNewNodeByClass(MODEL, "made")
    restore()
    assert scene.GetFirstNodeByName("made") is None


def test_a_node_of_an_added_scene_stays_that_got_the_identifier_of_what_the_step_made(scene, tmp_path):
    with all_or_nothing(scene, []) as restore:
        made = scene.AddNewNodeByClass(MODEL, "made")
    identifier = made.GetID()
    scene.RemoveNode(made)
    assert add_scene_with(scene, "somebody's", tmp_path).GetID() == identifier
    restore()
    assert scene.GetFirstNodeByName("somebody's") is not None


def test_a_node_of_an_added_scene_is_not_given_what_another_one_of_its_identifier_had(scene, tmp_path):
    changed = scene.AddNewNodeByClass(MODEL, "changed")
    with all_or_nothing(scene, [changed]) as restore:
        changed.SetDescription("after")
    scene.RemoveNode(changed)
    add_scene_with(scene, "somebody's", tmp_path)
    restore()
    assert [scene.GetNthNodeByClass(n, MODEL).GetName() for n in range(scene.GetNumberOfNodesByClass(MODEL))] == ["somebody's"]


def test_a_reference_to_a_node_that_is_gone_is_not_turned_to_another_one_of_its_identifier(scene, tmp_path):
    changed, skin = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT"), scene.AddNewNodeByClass(MODEL, "skin")
    changed.SetNodeReferenceID("FaceDeidLN.skin", skin.GetID())
    with all_or_nothing(scene, [changed]) as restore:
        changed.SetNodeReferenceID("FaceDeidLN.skin", None)
    scene.RemoveNode(skin)
    add_scene_with(scene, "somebody's", tmp_path)
    restore()
    assert changed.GetNodeReference("FaceDeidLN.skin") is None


def test_what_a_step_made_is_not_kept_alive_by_what_may_undo_it(scene):
    with all_or_nothing(scene, []) as restore:
        made = scene.AddNewNodeByClass(MODEL, "made")
    scene.RemoveNode(made)
    alive = weakref.ref(made)
    del made
    assert alive() is None
    restore()
