"""What the views show: skin, landmarks, before and after, and the layout that was there."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
import slicer
import vtk


@pytest.fixture
def windows(shown, monkeypatch):
    """The application with its main window: a layout manager, and cameras."""
    import views

    shown.here.app.layout = views.LayoutManager()
    monkeypatch.setattr("FaceDeidLNLib.widget.dialogs.has_window", lambda: True)
    return shown.here.app.layout


def models():
    made = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", name) for name in ("before", "after", "other")]
    for model in made:
        ball = vtk.vtkSphereSource()
        ball.SetCenter(10.0, 20.0, 30.0)
        ball.SetRadius(50.0)
        ball.Update()
        model.SetAndObservePolyData(ball.GetOutput())
        model.CreateDefaultDisplayNodes()
    return made


def seen_in(view):
    """The names of the models that a view shows."""
    return [
        node.GetName()
        for node in (slicer.mrmlScene.GetNthNodeByClass(n, "vtkMRMLModelNode") for n in range(3))
        if node.GetDisplayNode().GetVisibility(view.GetID())
    ]


def test_before_stands_on_the_left_and_after_on_the_right_with_one_camera_and_nothing_else(shown, windows):
    from FaceDeidLNLib.widget.compare import VIEWS

    before, after, _ = models()
    shown.panel.compare.show(before, after)
    views = [slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLViewNode") for tag in VIEWS]
    assert [view.GetLayoutLabel() for view in views] == ["before", "after"]
    assert [seen_in(view) for view in views] == [["before"], ["after"]]
    first, second = (windows.cameras[tag] for tag in VIEWS)
    assert first.GetPosition() == second.GetPosition()
    assert first.GetFocalPoint() == pytest.approx((10.0, 20.0, 30.0), abs=0.5)
    assert first.GetPosition()[1] > 20.0 + 50.0
    assert first.GetPosition()[::2] == pytest.approx((10.0, 30.0), abs=0.5)
    assert all(view.GetLinkedControl() for view in views)


def test_a_scene_that_was_saved_while_two_views_were_compared_opens_in_a_usual_layout(shown, windows):
    from FaceDeidLNLib.widget.compare import SideBySide

    before, after, other = models()
    shown.panel.compare.show(before, after)
    shown.panel.compare = SideBySide()  # that of another day knows nothing of it
    shown.widget.enter()
    assert windows.layout == 2
    assert [node.GetDisplayNode().GetNumberOfViewNodeIDs() for node in (before, after, other)] == [0, 0, 0]
    assert [bool(node.GetDisplayNode().GetVisibility()) for node in (before, after, other)] == [True, False, True]


def test_leaving_the_panel_puts_the_layout_and_everything_in_it_back(shown, windows):
    before, after, other = models()
    shown.widget.enter()
    shown.panel.compare.show(before, after)
    shown.widget.exit()
    assert windows.layout == 2
    assert [node.GetDisplayNode().GetNumberOfViewNodeIDs() for node in (before, after, other)] == [0, 0, 0]
    assert [bool(node.GetDisplayNode().GetVisibility()) for node in (before, after, other)] == [True, False, True]
    assert not shown.panel.compare.shown


def test_the_first_step_shows_the_skin_centred_and_in_its_own_colour(shown, windows):
    from person import PanelTest

    person = PanelTest()
    person.setUp()
    try:
        ct, _ = person.load_sample()
        skin = ct.GetNodeReference("FaceDeidLN.skin.before")
        assert skin.GetDisplayNode().GetVisibility()
        assert not skin.GetDisplayNode().GetScalarVisibility()
        assert skin.GetPolyData().GetPointData().GetScalars() is None
        bounds = [0.0] * 6
        skin.GetRASBounds(bounds)
        middle = [(low + high) / 2 for low, high in zip(bounds[::2], bounds[1::2], strict=True)]
        assert windows.cameras["1"].GetFocalPoint() == pytest.approx(middle)
    finally:
        person.doCleanups()


@pytest.mark.parametrize("button", ["curveButton", "faceButton", "applyButton"])
def test_whatever_step_comes_first_shows_the_skin_centred(shown, windows, button):
    from person import PanelTest, load_phantom

    person = PanelTest()
    person.setUp()
    try:
        ct, _ = load_phantom()
        person.node.inputVolume = ct
        person.answer_at_once()
        person.click(button)
        assert person.errors == []
        bounds = [0.0] * 6
        ct.GetNodeReference("FaceDeidLN.skin.before").GetRASBounds(bounds)
        middle = [(low + high) / 2 for low, high in zip(bounds[::2], bounds[1::2], strict=True)]
        assert windows.cameras["1"].GetFocalPoint() == pytest.approx(middle)
    finally:
        person.doCleanups()


def test_the_3d_view_names_the_landmark_under_the_pointer_and_no_other(shown, windows):
    from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
    from FaceDeidLNLib.mrml.nodes import add_landmarks
    from FaceDeidLNLib.mrml.scene import context

    shown.widget.enter()
    points = {name: Landmark(name, [0.0, 0.0, 0.0], 0.9, "automatic") for name in ("pronasale", "sellion")}
    node = shown.panel.node.landmarks = add_landmarks(context(), Landmarks(points))
    view, pointer = windows.threeDWidget(0).threeDView(), node.GetNthDisplayNode(1)
    said = [view.cornerAnnotationText]
    for point in (0, 1):
        pointer.SetActiveComponent(pointer.ComponentControlPoint, point)
        said.append(view.cornerAnnotationText)
    pointer.SetActiveComponent(pointer.ComponentNone, -1)
    said.append(view.cornerAnnotationText)
    pointer.SetActiveComponent(pointer.ComponentControlPoint, 0)
    shown.widget.exit()
    assert [*said, view.cornerAnnotationText] == ["", "pronasale", "sellion", "", ""]


def test_an_edit_begins_with_mask_volume_as_the_panel_masks(shown, windows):
    from person import PanelTest

    person = PanelTest()
    person.setUp()
    try:
        ct, _ = person.load_sample()
        person.node.effectNumbers = {"fillHu": -900.0}
        person.click("faceButton")
        parameters = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode", "editor")
        quiet = {name: lambda node: None for name in ("setSegmentationNode", "setSourceVolumeNode")}
        editor = SimpleNamespace(mrmlSegmentEditorNode=lambda: parameters, **quiet)
        shown.here.modules["SegmentEditor"] = SimpleNamespace(editor=editor)
        person.click("editFaceButton")
        assert person.errors == []
        assert parameters.GetAttribute("Mask volume.Operation") == "FILL_INSIDE"
        assert parameters.GetAttribute("Mask volume.FillValue") == "-900"
        assert parameters.GetNodeReference("Mask volume.InputVolume") is ct
    finally:
        person.doCleanups()


def views_of(windows):
    solid = [windows.threeDWidget(number).threeDView() for number in range(windows.threeDViewCount)]
    return [*solid, *(windows.sliceWidget(name).sliceView() for name in windows.sliceViewNames())]


def nothing(progress):
    pass


def cancelled(progress):
    from FaceDeidLNLib.core.errors import Cancelled

    raise Cancelled("Cancelled")


def broken(progress):
    raise ValueError("broken")


@pytest.mark.parametrize("ending", [nothing, cancelled, broken])
@pytest.mark.parametrize("kind", ["run", "look", "follow"])
def test_views_are_drawn_once_after_a_step_and_never_during_it_however_it_ends(shown, windows, kind, ending):
    during = []

    def work(progress):
        during.extend(view.paused for view in views_of(windows))
        ending(progress)

    shown.widget.enter()
    before = [view.resumed for view in views_of(windows)]
    getattr(shown.panel, kind)("Step", work)
    assert len(during) == 2
    assert all(during)
    assert [view.paused for view in views_of(windows)] == [0, 0]
    assert [view.resumed for view in views_of(windows)] == [count + 1 for count in before]


def test_the_window_is_told_before_each_view_is_drawn(shown, windows):
    from FaceDeidLNLib.widget.views import drawn_once

    told = []
    with drawn_once(lambda fraction, message: told.append([view.paused for view in views_of(windows)])):
        pass
    assert told == [[1, 1], [0, 1]]


def test_the_views_of_a_comparison_are_drawn_once_each_when_both_show_their_model(shown, windows):
    before, after, _ = models()
    shown.panel.compare.show(before, after)
    assert all(not view.paused for view in views_of(windows))
    assert [view.resumed for view in views_of(windows)][:2] == [1, 1]
    assert all(model.GetDisplayNode().GetVisibility() for model in (before, after))


def test_what_takes_long_is_done_beside_the_window(shown, windows, monkeypatch, tmp_path):
    import threading

    from person import PanelTest, load_phantom

    done = {}

    def note(place, name):
        real = getattr(importlib.import_module(place), name)

        def noted(*arguments, **named):
            done.setdefault(name, set()).add(threading.current_thread() is threading.main_thread())
            return real(*arguments, **named)

        monkeypatch.setattr(f"{place}.{name}", noted)

    person = PanelTest()
    person.setUp()
    try:
        for place, name in (
            ("FaceDeidLNLib.steps.process", "read_stored"),
            ("FaceDeidLNLib.steps.process", "image_of"),
            ("FaceDeidLNLib.steps.export", "digest"),
            ("FaceDeidLNLib.steps.export", "write_released"),
            ("FaceDeidLNLib.mrml.looks", "_surface"),
            ("FaceDeidLNLib.mrml.looks", "_largest_change"),
        ):
            note(place, name)
        person.node.inputVolume, person.node.protectedSegmentation = load_phantom()
        person.node.acceptRecognisable = True
        person.answer_at_once()
        person.answers = [str(tmp_path / "out")]
        person.click("applyButton", "compareButton", "jumpButton", "nrrdButton")
        assert person.errors == []
        assert sorted(done) == ["_largest_change", "_surface", "digest", "image_of", "read_stored", "write_released"]
        assert set().union(*done.values()) == {False}
    finally:
        person.doCleanups()
