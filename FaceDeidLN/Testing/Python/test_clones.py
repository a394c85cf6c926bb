"""A node that was cloned refers to its original's nodes; a scene's file knows which is which."""

from __future__ import annotations

import pytest
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.mrml.links import link, linked
from FaceDeidLNLib.mrml.nodes import add_ct
from FaceDeidLNLib.mrml.scene import new_context, nodes_of_class
from mrml_grids import numbers, tilted


@pytest.fixture
def here():
    return new_context()


@pytest.fixture
def ct(here):
    made = add_ct(here, Volume(numbers((6, 7, 8)), tilted((6, 7, 8))), "CT")
    link(made, "curve", here.scene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode", "curve"))
    link(made, "protected", here.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "nodes"))
    return made


def clone(here, node):
    return here.logics["volumes"].CloneVolume(here.scene, node, "clone")


def own(here):
    """Name of each volume, and whether it has a curve and segments to protect."""
    volumes = nodes_of_class(here.scene, "vtkMRMLScalarVolumeNode")
    return [(node.GetName(), *(linked(node, role) is not None for role in ("curve", "protected"))) for node in volumes]


def test_a_clone_shares_only_what_is_to_be_protected(here, ct):
    clone(here, ct)
    assert own(here) == [("CT", True, True), ("clone", False, True)]


def test_what_a_clone_is_given_is_its_own_and_not_its_originals(here, ct):
    other, curve = clone(here, ct), here.scene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode", "other")
    link(other, "curve", curve)
    assert linked(other, "curve") is curve
    assert linked(ct, "curve").GetName() == "curve"


def test_a_clone_whose_original_left_the_scene_takes_nothing_over(here, ct):
    clone(here, ct)
    here.scene.RemoveNode(ct)
    assert own(here) == [("clone", False, True)]


def test_a_scene_added_to_another_one_still_knows_which_is_the_clone(here, ct, tmp_path):
    clone(here, ct)
    here.scene.SetURL(str(tmp_path / "scene.mrml"))
    assert here.scene.Commit()
    assert here.scene.Import()
    assert own(here) == [("CT", True, True), ("clone", False, True)] * 2


def test_references_of_a_scene_of_before_are_taken_as_they_are(here, ct):
    ct.SetAttribute("FaceDeidLN.Claimed", None)
    ct.SetNodeReferenceID("FaceDeidLN.self", None)
    assert own(here) == [("CT", True, True)]


def test_a_node_that_refers_to_itself_goes_with_its_scene(here):
    gone = []
    node = here.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    link(node, "curve", None)
    assert node.GetNodeReference("FaceDeidLN.self") is node
    node.AddObserver("DeleteEvent", lambda caller, event: gone.append(event))
    here.scene.RemoveNode(node)
    del node
    assert gone
