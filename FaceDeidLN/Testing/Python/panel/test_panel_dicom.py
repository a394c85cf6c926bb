"""The panel: back to the DICOM series that a CT came from. The files are made by the tests' own writer, so not for the application."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pydicom
import slicer
from dicom_series import Series, write_series
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.dicom import read_dicom_series
from FaceDeidLNLib.mrml.nodes import add_ct, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.pipeline import deface
from person import PanelTest, phantom


class DicomTest(PanelTest):
    """Export as DICOM."""

    def series(self):
        """The phantom as a series."""
        folder, grid = self.folder() / "in", phantom().ct.geometry
        axes, (i, j, _) = grid.ijk_to_lps[:3, :3] / np.array(grid.spacing), grid.spacing
        place = {"step": grid.ijk_to_lps[:3, 2], "origin": grid.ijk_to_lps[:3, 3]}
        write_series(folder, Series(phantom().ct.array.astype(np.int32) + 1024, rows=axes[:, :2].T, spacing=(j, i), **place))
        return read_dicom_series(folder)

    def apply(self, change=0, shift=0.0):
        """The phantom, loaded from the database and released; returns the instances that the database was asked for.

        ``change`` is added to the voxels of the node after it was loaded, and it is moved by ``shift`` mm.
        """
        source, asked = self.series(), []
        files = {str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID): str(file) for file in source.files}
        if not hasattr(slicer, "dicomDatabase"):
            slicer.dicomDatabase = None
            self.addCleanup(delattr, slicer, "dicomDatabase")
        self.patch("slicer.dicomDatabase", SimpleNamespace(fileForInstance=lambda uid: asked.append(uid) or files.get(uid, "")))
        matrix = np.array(source.volume.geometry.ijk_to_lps)
        matrix[0, 3] += shift
        loaded = Volume(source.volume.array + np.int16(change), Geometry(source.volume.geometry.shape, matrix))
        case = deface(Request(source.volume, phantom().nodes))
        self.answer_at_once(replace(case, result=case.result if change == 0 and shift == 0 else loaded))
        ct = add_ct(context(), loaded, "CT")
        ct.SetAttribute("DICOM.instanceUIDs", " ".join(files))
        self.node.inputVolume = ct
        self.node.acceptRecognisable = True
        self.click("applyButton")
        return asked

    def test_the_database_is_not_asked_again_whenever_a_slider_moves(self):
        asked = self.apply()
        self.assertEqual(self.enabled("dicomButton"), ["dicomButton"])
        times = len(asked)
        for depth in (5.0, 6.0, 7.0):
            self.ui.depthSlider.value = depth
        self.assertEqual(len(asked), times)

    def test_a_dicom_export_can_be_cancelled_and_leaves_nothing(self):
        self.apply()
        for fraction in (0.1, 0.5):
            with self.subTest(fraction):
                out = self.folder()
                self.answers = [str(out)]
                self.cancel_at(fraction)
                self.click("dicomButton")
                self.assertEqual(list(out.iterdir()), [])
                self.assertIn("cancelled", self.ui.statusLabel.text)

    def test_a_ct_that_is_not_what_its_files_say_is_not_exported_as_dicom(self):
        for spoilt, words in (({"change": 1}, "do not hold its voxels"), ({"shift": 5.0}, "was moved or resampled")):
            with self.subTest(words):
                self.apply(**spoilt)
                out = self.folder()
                self.answers = [str(out)]
                self.errors.clear()
                self.click("dicomButton")
                self.assertEqual(len(self.errors), 1)
                self.assertIn(words, self.errors[0])
                self.assertEqual(list(out.iterdir()), [])

    def test_dicom_goes_back_to_the_series_it_came_from(self):
        out = self.folder()
        self.apply()
        self.answers = [str(out)]
        self.click("dicomButton")
        self.assertEqual(self.errors, [])
        written = read_dicom_series(out / "deidentified")
        self.assertTrue(np.array_equal(written.volume.array, volume_from_node(self.node.resultVolume).array))
