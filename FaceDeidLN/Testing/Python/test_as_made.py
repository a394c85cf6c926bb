"""What this module made and nobody changed is known again, and what somebody did to it, too."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.mrml.as_made import is_as_made, note_as_made
from FaceDeidLNLib.mrml.nodes import add_ct, add_curve, add_landmarks, add_segmentation, fill_segmentation, landmarks_from_node
from FaceDeidLNLib.mrml.scene import new_context, nodes_of_class
from FaceDeidLNLib.steps.process import NodeRequest, landmarks_asked
from mrml_grids import linear_transform, numbers, tilted
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import VTK_DOUBLE
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersHybrid import vtkGridTransform

POINTS = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [0.0, 50.0, 10.0]])


@pytest.fixture
def here():
    return new_context()


@pytest.fixture
def ct(here):
    return add_ct(here, Volume(numbers((6, 7, 8)), tilted((6, 7, 8))), "CT")


def ball(cut=0):
    """A mask on the CT's grid, less ``cut`` voxels."""
    mask = np.zeros((6, 7, 8), dtype=bool)
    mask[1:5, 2:6, 3:7] = True
    mask[2, 3, 3 : 3 + cut] = False
    return tight("face", mask)


def made(here, ct, kind):
    """A curve or a face segment as this module makes it."""
    node = add_curve(here, POINTS) if kind == "curve" else add_segmentation(here, [ball()], tilted((6, 7, 8)), "face", None, ct)
    note_as_made(node, ct)
    return node


@pytest.mark.parametrize("kind", ["curve", "face"])
def test_what_was_made_is_known_until_it_is_changed(here, ct, kind):
    node = made(here, ct, kind)
    assert is_as_made(node, ct)
    if kind == "curve":
        node.SetNthControlPointPosition(1, 50.0, 0.0, 0.5)
    else:
        fill_segmentation(node, [ball(cut=1)], tilted((6, 7, 8)), None, ct)
    assert not is_as_made(node, ct)


def test_a_curve_of_which_a_person_unset_a_point_is_the_persons(here, ct):
    node = made(here, ct, "curve")
    node.UnsetNthControlPointPosition(1)
    assert not is_as_made(node, ct)


@pytest.mark.parametrize("kind", ["curve", "face"])
def test_what_was_made_of_another_ct_is_not_this_ones(here, ct, kind):
    other = add_ct(here, Volume(numbers((6, 7, 8)), tilted((6, 7, 8))), "other")
    assert not is_as_made(made(here, ct, kind), other)


@pytest.mark.parametrize("kind", ["curve", "face"])
def test_what_was_made_is_known_in_a_scene_that_is_added_to_another(here, ct, kind, tmp_path):
    made(here, ct, kind)
    here.scene.SetRootDirectory(str(tmp_path))
    scene, other = tmp_path / "scene.mrb", new_context()
    assert here.scene.WriteToMRB(str(scene))
    with zipfile.ZipFile(scene) as packed:
        packed.extractall(tmp_path)
    add_ct(other, Volume(numbers((6, 7, 8)), tilted((6, 7, 8))), "other")  # takes the identifier that the CT had
    other.scene.SetURL(str(next(tmp_path.rglob("*.mrml"))))
    assert other.scene.Import()
    found = nodes_of_class(other.scene, "vtkMRMLMarkupsClosedCurveNode" if kind == "curve" else "vtkMRMLSegmentationNode")
    known = {node.GetName(): is_as_made(found[0], node) for node in nodes_of_class(other.scene, "vtkMRMLScalarVolumeNode")}
    assert known == {"CT": True, "other": False}


def test_what_was_never_noted_or_another_tool_made_is_a_persons(here, ct):
    assert not is_as_made(None, ct)
    assert not is_as_made(add_curve(here, POINTS), ct)
    node = made(here, ct, "curve")
    note_as_made(node, ct, renewable=False)
    assert not is_as_made(node, ct)


def moved(here, *nodes):
    """Some nodes put under one transform."""
    move = linear_transform(here)
    for node in nodes:
        node.SetAndObserveTransformNodeID(move.GetID())
    return move


@pytest.mark.parametrize("kind", ["curve", "face"])
def test_what_is_moved_with_its_ct_is_as_it_was_made(here, ct, kind):
    node = made(here, ct, kind)
    moved(here, ct, node)
    assert is_as_made(node, ct)
    for hardened in (ct, node):
        hardened.HardenTransform()
    assert is_as_made(node, ct)


@pytest.mark.parametrize("kind", ["curve", "face"])
def test_what_is_left_where_it_was_when_its_ct_is_moved_is_as_it_was_made(here, ct, kind):
    node = made(here, ct, kind)
    moved(here, ct)
    assert is_as_made(node, ct)


@pytest.mark.parametrize("kind", ["curve", "face"])
def test_what_is_moved_by_itself_is_a_persons(here, ct, kind):
    node = made(here, ct, kind)
    moved(here, node)
    assert not is_as_made(node, ct)


@pytest.mark.parametrize("kind", ["curve", "face"])
def test_a_note_of_a_scene_of_before_tells_only_where_it_lay_in_the_world(here, ct, kind):
    node = made(here, ct, kind)
    node.SetAttribute("FaceDeidLN.AsMade", json.dumps(json.loads(node.GetAttribute("FaceDeidLN.AsMade"))[:2]))
    assert is_as_made(node, ct)
    moved(here, node)
    assert not is_as_made(node, ct)


def test_landmarks_moved_with_their_ct_are_as_they_were_found_and_those_moved_alone_are_the_persons(here, ct):
    found = Landmarks({"pronasale": Landmark("pronasale", np.array([1.0, 2.0, 3.0]), 0.8, "mesh")})
    node = add_landmarks(here, found, reference=ct)
    move = moved(here, ct, node)
    point = landmarks_from_node(node).points["pronasale"]
    assert (point.source, point.confidence) == ("mesh", 0.8)
    assert not np.allclose(point.position, (1.0, 2.0, 3.0))
    ct.SetAndObserveTransformNodeID(None)
    assert landmarks_from_node(node).points["pronasale"].source == "user"
    node.SetAndObserveTransformNodeID(None)
    ct.SetAndObserveTransformNodeID(move.GetID())
    assert landmarks_from_node(node).points["pronasale"].source == "mesh"


def test_when_the_ct_was_moved_only_what_the_person_placed_is_asked_for(here, ct):
    found = {name: Landmark(name, np.array([1.0, n, 3.0]), 0.8, "mesh") for n, name in enumerate(("pronasale", "menton"))}
    node = add_landmarks(here, Landmarks(found), reference=ct)
    node.SetNthControlPointPosition(1, 4.0, 5.0, 6.0)
    asked = NodeRequest(ct, landmarks=node)
    assert set(landmarks_asked(asked).points) == {"pronasale", "menton"}
    moved(here, ct)
    assert set(landmarks_asked(asked).points) == {"menton"}


@pytest.mark.parametrize("kind", ["curve", "face"])
def test_what_was_made_stays_known_where_the_ct_was_bent_since(here, ct, kind):
    node = made(here, ct, kind)
    bend, grid = vtkGridTransform(), vtkImageData()
    grid.SetDimensions(2, 2, 2)
    grid.SetSpacing(100.0, 100.0, 100.0)
    grid.AllocateScalars(VTK_DOUBLE, 3)
    vtk_to_numpy(grid.GetPointData().GetScalars())[:] = np.arange(24.0).reshape(8, 3)
    bend.SetDisplacementGridData(grid)
    transform = here.scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "bent")
    transform.SetAndObserveTransformToParent(bend)
    ct.SetAndObserveTransformNodeID(transform.GetID())
    assert is_as_made(node, ct)
