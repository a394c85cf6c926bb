"""The panel: back to the DICOM series that a CT came from. The files are made by the tests' own writer, so not for the application."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pydicom
import slicer
from dicom_series import Series, write_series
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.errors import FaceDeidError, InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.header.policy import policy_named
from FaceDeidLNLib.input.dicom import read_dicom_series
from FaceDeidLNLib.input.dicom_damaged import Damaged
from FaceDeidLNLib.mrml.nodes import add_ct, add_segmentation, volume_from_node
from FaceDeidLNLib.mrml.scene import context
from FaceDeidLNLib.output.signing import Signature, read_certificate, signature_state
from FaceDeidLNLib.output.worklist import WorkItem, write_worklist
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.study.outcome import Decision, Outcome
from FaceDeidLNLib.study.plan import Entry
from FaceDeidLNLib.study.report import Report, StudyResult
from person import PanelTest, key_file, phantom


@functools.cache
def series(folder):
    """The phantom as a series in a folder."""
    grid = phantom().ct.geometry
    axes, (i, j, _) = grid.ijk_to_lps[:3, :3] / np.array(grid.spacing), grid.spacing
    place = {"step": grid.ijk_to_lps[:3, 2], "origin": grid.ijk_to_lps[:3, 3]}
    write_series(folder, Series(phantom().ct.array.astype(np.int32) + 1024, rows=axes[:, :2].T, spacing=(j, i), **place))
    return read_dicom_series(folder)


@functools.cache
def series_case(folder):
    """What the pipeline makes of it."""
    return deface(Request(series(folder).volume, phantom().nodes))


class DicomTest(PanelTest):
    """Export as DICOM."""

    @classmethod
    def setUpClass(cls):
        """The series, once for all."""
        cls.there = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.there.cleanup)

    def apply(self, change=0, shift=0.0):
        """The phantom, loaded from the database and released; returns the instances that the database was asked for.

        ``change`` is added to the voxels of the node after it was loaded, and it is moved by ``shift`` mm.
        """
        place = Path(self.there.name) / "in"
        source, asked = series(place), []
        self.files = source.files
        files = {str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID): str(file) for file in source.files}
        if not hasattr(slicer, "dicomDatabase"):
            slicer.dicomDatabase = None
            self.addCleanup(delattr, slicer, "dicomDatabase")
        self.patch("slicer.dicomDatabase", SimpleNamespace(fileForInstance=lambda uid: asked.append(uid) or files.get(uid, "")))
        matrix = np.array(source.volume.geometry.ijk_to_lps)
        matrix[0, 3] += shift
        loaded = Volume(source.volume.array + np.int16(change), Geometry(source.volume.geometry.shape, matrix))
        case = series_case(place)
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

    def test_a_folder_that_is_named_after_a_uid_is_a_folder(self):
        out = self.folder() / "1.2.840.113619"
        self.apply()
        self.assertTrue(self.panel.export.export(str(out)), self.errors)
        self.assertTrue(np.array_equal(read_dicom_series(out).volume.array, volume_from_node(self.node.resultVolume).array))

    def test_a_header_is_cleaned_with_the_projects_key_which_is_asked_for_once(self):
        out, keys = self.folder(), self.folder()
        self.apply()
        self.choose("headerComboBox", "research")
        self.answers = [str(out / "first"), str(keys), str(out / "second")]
        for name in ("first", "second"):
            (out / name).mkdir()
            self.click("dicomButton")
        self.assertEqual(self.errors, [])
        self.assertTrue((keys / "project.key").is_file())
        one, two = (pydicom.dcmread(next((out / name / "deidentified").glob("*.dcm"))) for name in ("first", "second"))
        self.assertEqual((one.PatientIdentityRemoved, one.PatientID), ("YES", two.PatientID))
        self.assertNotEqual(one.PatientID, pydicom.dcmread(self.files[0]).PatientID)

    def test_a_case_of_a_work_list_leaves_with_the_headers_of_its_batch_whatever_the_panel_says(self):
        place, root = Path(self.there.name) / "in", self.folder()
        source, key, results = series(place), root / "keys" / "batch.key", root / "results"
        results.mkdir()
        patient = str(pydicom.dcmread(source.files[0], stop_before_pixels=True).PatientID)
        (root / "patients.csv").write_text(f"patient_id,pseudonym\n{patient},Plum-7\n")
        how = {"header": "research,device-identity", "key": key, "patients": root / "patients.csv"}
        write_worklist([WorkItem("one", place, results / "one", "REVIEW", "look", **how)], root / "results-worklist.csv")
        self.answer_at_once(series_case(place))
        self.node.acceptRecognisable = True
        self.answers = [str(results)]
        self.click("openWorkListButton", "nextCaseButton")
        self.assertIn("which is not here", self.ui.doneCaseButton.toolTip)
        self.assertIn("which is not here", self.ui.statusLabel.text)
        self.assertEqual((self.enabled("doneCaseButton"), key.exists()), ([], False))
        policy = policy_named(how["header"], key, how["patients"])  # which makes the key
        self.panel.update()
        self.assertEqual(self.node.header, "keep")
        self.click("doneCaseButton")
        self.assertEqual(self.errors, [])
        written = pydicom.dcmread(next((results / "one").glob("*.dcm")), stop_before_pixels=True)
        self.assertEqual((written.PatientIdentityRemoved, written.PatientID), ("YES", "Plum-7"))
        said = read_certificate(results / "one.certificate.json")["header"]
        self.assertEqual(said["options"], sorted(policy.options))
        self.answers = [str(results)]
        self.click("openWorkListButton")
        self.assertEqual(self.ui.workListTable.item(0, 1).text(), "released")

    def test_a_header_is_not_cleaned_without_a_key(self):
        out = self.folder()
        self.apply()
        self.choose("headerComboBox", "basic")
        self.answers = [str(out), ""]
        self.click("dicomButton")
        self.assertEqual((self.errors, list(out.iterdir())), ([], []))
        with self.assertRaisesRegex(FaceDeidError, "project's key"):
            self.logic.exportResult(self.node.resultVolume, str(out / "x"), header="basic")
        with self.assertRaisesRegex(FaceDeidError, "in DICOM only"):
            self.logic.exportResult(self.node.resultVolume, str(out / "x.nrrd"), header="basic", keyFile=str(out / "key"))

    def test_the_line_on_a_released_study_says_how_much_of_it_was_withheld_and_where_that_is_listed(self):
        def report(series, outcome):
            instance = SimpleNamespace(label=f"CT '{series}'", series=series)
            return Report(Entry(instance, Decision(Outcome(outcome), "why")), Decision(Outcome(outcome), "why"))

        reports = tuple(report(*one) for one in (("1", "deface"), ("2", "withhold"), ("2", "withhold"), ("3", "withhold")))
        results = [StudyResult(SimpleNamespace(damaged=(), notes=()), reports[:1], (), Path("whole"))]
        damaged = (Damaged(Path("cut.dcm"), InputError("cut off")),)
        results.append(StudyResult(SimpleNamespace(damaged=damaged, notes=()), reports, (), Path("part")))
        self.patch("FaceDeidLNLib.widget.study_section.release_study", lambda *asked: results)
        self.answers = [str(self.folder())]
        self.panel.study.on_export()
        whole, part = self.ui.statusLabel.text.split("; ")
        self.assertTrue(whole.endswith("whole, with its certificate"))
        self.assertTrue(
            part.endswith("Withheld, as section 8 lists with the reasons: all or some files of 2 series and 1 that cannot be read")
        )
        listed = [self.ui.studyTable.item(row, 1).text() for row in range(self.ui.studyTable.rowCount)]
        self.assertEqual(listed.count("withhold"), 3)

    def test_a_study_is_planned_shown_and_exported_whole_with_the_segments_of_the_scene(self):
        asked, out = self.apply(), self.folder()
        database = SimpleNamespace(fileForInstance=slicer.dicomDatabase.fileForInstance)
        database.seriesForStudy = lambda study: ["series"]
        database.filesForSeries = lambda series: tuple(str(file) for file in self.files)
        self.patch("slicer.dicomDatabase", database)
        self.node.protectedSegmentation = add_segmentation(
            context(), [tight(segment.name, segment.mask.array) for segment in phantom().nodes], phantom().ct.geometry, "nodes"
        )
        self.click("studyOfCtButton")
        self.assertEqual((self.errors, self.ui.studyTable.item(0, 1).text()), ([], "deface"))
        self.answers = [str(out)]
        self.panel.export.signing_key = key_file(self.folder())
        requests = []

        def answer(request, *more, **named):
            requests.append(request)
            return series_case(Path(self.there.name) / "in")

        with mock.patch("FaceDeidLNLib.study.ct.deface", answer):
            self.click("studyExportButton")
        self.assertEqual(self.errors, [])
        self.assertEqual(len(requests[0].protected), len(phantom().nodes))
        self.assertIn("PASS: released as", self.ui.statusLabel.text)
        self.assertEqual(len(list(out.rglob("*.dcm"))), len(self.files))
        (certificate,) = out.rglob("*.certificate.json")
        self.assertIs(signature_state(certificate, self.panel.export.signing_key), Signature.VALID)
        self.assertTrue(asked)
