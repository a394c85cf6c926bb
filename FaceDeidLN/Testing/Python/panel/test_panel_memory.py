"""The panel: what left the scene leaves the memory, too."""

from __future__ import annotations

import gc

import slicer
from FaceDeidLNLib.mrml.nodes import add_ct
from FaceDeidLNLib.mrml.scene import context
from person import PanelTest, phantom


class MemoryTest(PanelTest):
    """Nothing that was followed once is kept."""

    def test_what_the_panel_followed_is_let_go_when_it_leaves_the_scene(self):
        kinds = {"curve": "vtkMRMLMarkupsClosedCurveNode", "landmarks": "vtkMRMLMarkupsFiducialNode"}
        self.node.inputVolume = add_ct(context(), phantom().ct, "Head")
        for field in (*kinds, "resultVolume"):
            with self.subTest(field):
                gone = []
                kind = kinds.get(field, "vtkMRMLScalarVolumeNode")
                node = slicer.mrmlScene.AddNewNodeByClass(kind)
                node.AddObserver("DeleteEvent", lambda caller, event, gone=gone: gone.append(event))
                setattr(self.node, field, node)
                slicer.mrmlScene.RemoveNode(node)
                del node
                gc.collect()
                self.assertTrue(gone)
