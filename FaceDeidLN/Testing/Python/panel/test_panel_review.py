"""The panel: verdict, sign-off, export, and looking at the result."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import slicer
from FaceDeidLNLib.core.errors import FaceDeidError
from FaceDeidLNLib.mrml.nodes import add_ct, segments_from_node, volume_from_node
from FaceDeidLNLib.mrml.scene import context

from .person import changed_case

# Review


def test_a_fail_is_red_and_can_never_be_signed_off(quick):
    quick.answers.append(changed_case(quick.answers[0], "FAIL", "3 voxels changed outside the face segment"))
    quick.load_sample()
    quick.click("applyButton")
    assert quick.ui.verdictLabel.text == "FAIL, NOT RELEASED: 3 voxels changed outside the face segment"
    assert "#b3261e" in quick.ui.verdictLabel.styleSheet
    quick.ui.remarkEdit.text = "I want it"
    assert not quick.enabled("signOffButton")
    with pytest.raises(FaceDeidError, match="FAIL cannot be signed off"):
        quick.logic.signOff(quick.node.resultVolume, "I want it")
    assert not any(quick.enabled(name) for name in ("nrrdButton", "niftiButton", "dicomButton"))


def test_a_review_is_lifted_by_a_sign_off_with_a_remark(quick, tmp_path):
    quick.answers.append(changed_case(quick.answers[0], "REVIEW", "stomion is uncertain"))
    quick.node.acceptRecognisable = True
    quick.load_sample()
    quick.click("applyButton")
    assert "NOT RELEASED" in quick.node.resultVolume.GetName()
    assert not quick.enabled("signOffButton")
    quick.ui.remarkEdit.text = "Mouth looked at in all planes."
    quick.click("signOffButton")
    assert quick.node.resultVolume.GetName().endswith("de-identified")
    assert quick.ui.verdictLabel.text == "REVIEW, signed off: Mouth looked at in all planes."
    path = tmp_path / "out.nrrd"
    quick.host.qt.QFileDialog.answers = [str(path)]
    quick.click("nrrdButton")
    assert "Mouth looked at in all planes." in (tmp_path / "out.certificate.json").read_text(encoding="utf-8")
    quick.click("undoButton")
    assert "NOT RELEASED" in quick.node.resultVolume.GetName()
    assert not quick.enabled("nrrdButton")


@pytest.mark.parametrize(("button", "extension"), [("nrrdButton", ".nrrd"), ("niftiButton", ".nii.gz")])
def test_a_released_result_is_exported_with_its_certificate(quick, tmp_path, button, extension, phantom_case):
    from FaceDeidLNLib.input.images import read_volume

    quick.node.acceptRecognisable = True
    quick.load_sample()
    quick.click("applyButton")
    quick.host.qt.QFileDialog.answers = [str(tmp_path / "out")]
    quick.click(button)
    assert quick.host.errors == []
    assert np.array_equal(read_volume(tmp_path / f"out{extension}").array, phantom_case.result.array)
    assert '"verdict": "PASS"' in (tmp_path / "out.certificate.json").read_text(encoding="utf-8")


def test_a_result_that_was_edited_after_its_verdict_is_not_exported(quick, tmp_path):
    quick.node.acceptRecognisable = True
    ct, _ = quick.load_sample()
    quick.click("applyButton")
    slicer.util.arrayFromVolume(quick.node.resultVolume)[0, 0, 0] += 1
    quick.host.qt.QFileDialog.answers = [str(tmp_path / "out.nrrd")]
    quick.click("nrrdButton")
    assert "changed after it was verified" in quick.host.errors[0]
    assert list(tmp_path.iterdir()) == []


def test_dicom_goes_back_to_the_series_it_came_from(panel, tmp_path, phantom, phantom_case, monkeypatch):
    import pydicom
    from dicom_series import Series, write_series
    from FaceDeidLNLib.input.dicom import read_dicom_series

    folder = tmp_path / "in"
    axes = phantom.ct.geometry.ijk_to_lps[:3, :3] / np.array(phantom.ct.geometry.spacing)
    i, j, _ = phantom.ct.geometry.spacing
    place = {"step": phantom.ct.geometry.ijk_to_lps[:3, 2], "origin": phantom.ct.geometry.ijk_to_lps[:3, 3]}
    write_series(folder, Series(phantom.ct.array.astype(np.int32) + 1024, rows=axes[:, :2].T, spacing=(j, i), **place))
    source = read_dicom_series(folder)
    files = {str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID): str(file) for file in source.files}
    monkeypatch.setattr(slicer, "dicomDatabase", SimpleNamespace(fileForInstance=lambda uid: files.get(uid, "")), raising=False)
    ct = add_ct(context(), source.volume, "CT")
    ct.SetAttribute("DICOM.instanceUIDs", " ".join(files))
    panel.node.inputVolume = ct
    panel.node.acceptRecognisable = True
    panel.click("applyButton")
    panel.host.qt.QFileDialog.answers = [str(tmp_path)]
    panel.click("dicomButton")
    assert panel.host.errors == []
    written = read_dicom_series(tmp_path / "deidentified")
    assert np.array_equal(written.volume.array, volume_from_node(panel.node.resultVolume).array)


def test_a_ct_that_came_from_no_dicom_cannot_become_dicom(quick):
    quick.node.acceptRecognisable = True
    quick.load_sample()
    quick.click("applyButton")
    assert not quick.enabled("dicomButton")
    assert "not loaded from the DICOM database" in quick.ui.dicomButton.toolTip


def test_a_volume_made_elsewhere_can_be_verified(panel, phantom):
    ct, nodes = panel.load_sample()
    array = volume_from_node(ct).array.copy()
    segment = segments_from_node(nodes)[0].mask
    kji = np.rint(volume_from_node(ct).geometry.to_kji(segment.geometry.to_lps(np.argwhere(segment.array)))).astype(int)
    array[tuple(kji.T)] += 1
    panel.node.resultVolume = add_ct(context(), volume_from_node(ct).with_array(array), "by hand")
    assert panel.ui.verdictLabel.text == "This volume was not verified: NOT RELEASED."
    panel.click("verifyButton")
    assert panel.ui.verdictLabel.text.startswith("FAIL")
    assert "protected segment" in panel.ui.verdictLabel.text


def test_the_slice_views_jump_to_the_largest_change(quick, phantom_case, phantom):
    quick.load_sample()
    quick.click("applyButton")
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    view.SetOrientationToAxial()
    quick.click("jumpButton")
    place = np.array([view.GetSliceToRAS().GetElement(row, 3) for row in range(3)]) * (-1, -1, 1)
    kji = tuple(np.rint(phantom.ct.geometry.to_kji(place[None])[0]).astype(int))
    near = tuple(slice(max(0, n - 2), n + 3) for n in kji)
    assert (phantom_case.result.array[near] != phantom.ct.array[near]).any()


def test_before_and_after_stand_side_by_side(quick, monkeypatch):
    quick.load_sample()
    quick.click("applyButton")
    views = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLViewNode", f"View{n}") for n in (1, 2)]
    quick.host.app.layout = SimpleNamespace(
        setLayout=lambda layout: views.append(layout),
        threeDWidget=lambda n: SimpleNamespace(
            mrmlViewNode=lambda: views[n], threeDView=lambda: SimpleNamespace(resetFocalPoint=lambda: None)
        ),
    )
    quick.click("compareButton")
    assert quick.host.errors == []
    assert views[2] == slicer.vtkMRMLLayoutNode.SlicerLayoutDual3DView
    models = [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLModelNode")
        if "skin before" in node.GetName() or "skin after" in node.GetName()
    ]
    assert [model.GetDisplayNode().GetNthViewNodeID(0) for model in models] == [views[0].GetID(), views[1].GetID()]
    assert all(model.GetPolyData().GetNumberOfPoints() > 1000 for model in models)
