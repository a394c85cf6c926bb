"""Pictures 2, 3 and 5 of the README, made on the stand-in host with the synthetic head: python benchmarks/panel_pictures.py FOLDER.

The 3D pictures are drawn by Slicer's own displayable managers, the slices by the project's own drawing. Nothing of a patient is in any
of them. Pictures 1 and 4 are of the application: ``application_pictures.py``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1] / "FaceDeidLN"
#: From where (right, anterior, superior) a face is looked at.
_FROM = (0.5, 0.9, 0.12)
#: Pixels and millimetres of a slice.
_PIXELS, _FIELD_MM = 360, 190.0


def main(folder: Path) -> None:
    """Start the host, go the road step by step on the synthetic head, and draw what is there."""
    sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Host")]
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import display
    import host
    import slicer
    import views
    from FaceDeidLNLib.mrml.scene import context

    folder.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        here, widget, _ = host.open_module(patch, "FaceDeidLN")
        here.app.layout = views.LayoutManager()
        drawn = display.view_3d(context())
        widget.enter()
        widget.ui.tryItLabel.linkActivated.emit("sample")
        widget.ui.detectButton.click()
        widget.ui.curveButton.click()
        turn(drawn)
        drawn.save(folder / "2-landmarks-and-curve.png")
        widget.ui.faceButton.click()
        drawn.save(folder / "3-face-segment.png")
        widget.ui.acceptCheckBox.click()
        widget.ui.applyButton.click()
        slices(folder / "5-slices.png", widget.panel.node)
        widget.cleanup()
        slicer.mrmlScene.Clear(False)


def turn(view: Any) -> None:  # noqa: ANN401  a display.DrawnView
    """Look at the head from the front and the side, as near as its skin fills the view."""
    import slicer

    camera = slicer.mrmlScene.GetSingletonNode(view.node.GetLayoutName(), "vtkMRMLCameraNode")
    focus, distance = np.array(camera.GetFocalPoint()), 0.72 * np.linalg.norm(np.subtract(camera.GetPosition(), camera.GetFocalPoint()))
    camera.SetPosition(*(focus + distance * np.array(_FROM) / np.linalg.norm(_FROM)))
    camera.SetViewUp(0.0, 0.0, 1.0)
    camera.ResetClippingRange()


def slices(path: Path, node: Any) -> None:  # noqa: ANN401  the parameter node
    """The face segment and what is protected on the CT, and the result below."""
    from FaceDeidLNLib.input.place import place_segments
    from FaceDeidLNLib.mrml.links import linked
    from FaceDeidLNLib.mrml.nodes import segments_from_node, volume_from_node
    from FaceDeidLNLib.output.drawing import blend, grid, outline
    from FaceDeidLNLib.output.letters import write_png
    from FaceDeidLNLib.output.slices import sample_gray, sample_mask, slice_plane

    ct, result = volume_from_node(node.inputVolume), volume_from_node(node.resultVolume)
    face = place_segments(segments_from_node(node.faceSegmentation), ct.geometry)
    kept = place_segments(segments_from_node(linked(node.inputVolume, "kept")), ct.geometry)
    middle = ct.geometry.to_lps(np.argwhere(face[0].array) + np.array(face[0].box.start)).mean(0)
    rows = []
    for volume, masks in ((ct, ((face, (255, 176, 46)), (kept, (89, 222, 120)))), (result, ((kept, (89, 222, 120)),))):
        row = []
        for plane in ("axial", "sagittal", "coronal"):
            place = slice_plane(plane, middle, _FIELD_MM, (_PIXELS, _PIXELS))
            picture = sample_gray(volume, place)
            for group, color in masks:
                inside = np.any([sample_mask(mask, ct, place) for mask in group], axis=0)
                blend(picture, 0.4 * inside, color)
                outline(picture, inside, color)
            row.append(picture)
        rows.append(row)
    write_png(grid(rows), path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
