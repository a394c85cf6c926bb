"""One anatomy for applying and verifying: a result that nobody touched is judged as it was, now and after the scene was saved."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.case.find import combined, find_landmarks
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.input.markups import read_landmarks_json
from FaceDeidLNLib.mrml.links import linked
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.output.markups import write_landmarks_json
from FaceDeidLNLib.phantom import make_phantom
from FaceDeidLNLib.programs.engines import Engines
from FaceDeidLNLib.steps.anatomy_cache import AnatomyCache
from FaceDeidLNLib.steps.process import NodeRequest
from FaceDeidLNLib.steps.steps import Steps
from scipy.spatial.transform import Rotation

pytestmark = pytest.mark.usefixtures("coarse_skin")


def made(spacing_mm, degrees=0.0):
    """A phantom of that spacing, turned about an oblique axis: CT and node masks."""
    phantom, turn = make_phantom(spacing_mm, seed=1), np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec(np.radians(degrees) * np.array((0.48, -0.6, 0.64))).as_matrix()
    geometry = Geometry(phantom.ct.geometry.shape, turn @ phantom.ct.geometry.ijk_to_lps)
    return type(phantom.ct)(phantom.ct.array, geometry), [tight(node.name, node.mask.array) for node in phantom.nodes]


def saved_and_loaded(scene, folder):
    """Write a scene, close it, and open it again; gives the CT's node."""
    scene.SetRootDirectory(str(folder))
    assert scene.WriteToMRB(str(folder / "scene.mrb"))
    with zipfile.ZipFile(folder / "scene.mrb") as bundle:
        bundle.extractall(folder / "unpacked")
    scene.Clear(False)
    scene.SetURL(str(next((folder / "unpacked").rglob("*.mrml"))))
    assert scene.Connect()
    return scene.GetFirstNodeByName("CT")


def told(result):
    """The verdict with every figure but the seconds."""
    return result.verdict, result.privacy, {name: value for name, value in result.stored.facts.items() if name != "seconds"}


@pytest.mark.parametrize(("spacing_mm", "degrees"), [((2.5, 2.5, 2.5), 0.0), ((3.0, 2.8, 2.5), 17.0)])
def test_a_result_is_judged_the_same_again_and_after_the_scene_was_loaded(spacing_mm, degrees, tmp_path):
    ct, nodes = made(spacing_mm, degrees)
    here = context()
    here.scene.Clear(False)
    node = add_ct(here, ct, "CT")
    asked = NodeRequest(node, add_segmentation(here, nodes, ct.geometry, "nodes", reference=node))
    first = Steps(here, AnatomyCache()).all(asked, Engines())
    given = {role: getattr(first.nodes, role) for role in ("landmarks", "curve", "face")}
    again = Steps(here, AnatomyCache()).verify(replace(asked, output=first.nodes.result, **given))
    node = saved_and_loaded(here.scene, tmp_path)
    roles = {role: linked(node, role) for role in ("protected", "landmarks", "curve", "face")}
    later = Steps(here, AnatomyCache()).verify(NodeRequest(node, output=linked(node, "result"), **roles))
    here.scene.Clear(False)
    assert told(again) == told(first)
    assert told(later) == told(first)


def test_found_landmarks_come_back_from_a_file_to_the_last_bit(phantom, tmp_path):
    found = find_landmarks(phantom.ct, None)
    write_landmarks_json(tmp_path / "found.mrk.json", found)
    back = combined(phantom.ct, found, read_landmarks_json(tmp_path / "found.mrk.json"))
    assert all(back.points[point.name] is point for point in found)


def test_a_chin_made_from_a_mandible_comes_back_from_a_file_to_the_last_bit(phantom, tmp_path):
    found = find_landmarks(phantom.ct, None)
    lost = Landmarks({**found.points, "menton": Landmark("menton", None, 0.0, reason="lost")})
    guides = (phantom.segment("Mandible"),)
    first = combined(phantom.ct, lost, None, guides)
    assert first.points["menton"].source == "derived"
    write_landmarks_json(tmp_path / "found.mrk.json", first)
    again = combined(phantom.ct, lost, read_landmarks_json(tmp_path / "found.mrk.json"), guides)
    assert np.array_equal(again.position("menton"), first.position("menton"))


def test_a_point_that_a_person_confirmed_counts_as_placed(phantom):
    found = find_landmarks(phantom.ct, None)
    sure = replace(found.points["menton"], confidence=1.0, source="user")
    assert combined(phantom.ct, found, Landmarks({"menton": sure})).points["menton"] is sure
