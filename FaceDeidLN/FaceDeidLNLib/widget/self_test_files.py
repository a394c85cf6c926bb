"""The self test's files: the synthetic head as a DICOM series, and the buttons that read and write files of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, generate_uid

from ..core.volume import Volume
from ..mrml.nodes import add_ct, landmarks_from_node, volume_from_node
from ..mrml.scene import context
from ..mrml.sources import remember_source
from ..output.dicom_encoder import save
from ..output.markups import write_landmarks_json

#: HU of the stored value 0.
_INTERCEPT = -1024
#: What the series says of everybody in it.
_SAME = {"PatientName": "Self^Test", "PatientID": "SELFTEST", "Modality": "CT", "SeriesDescription": "Synthetic head"}
Answers = Callable[..., AbstractContextManager[None]]
Press = Callable[[Any, str], None]


def landmarks_from_a_file(panel: Any, answers: Answers, press_and_undo: Press) -> None:  # noqa: ANN401  the panel
    """*Load landmarks*, with the points that are there, and its undo."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.mrk.json"
        write_landmarks_json(path, landmarks_from_node(panel.node.landmarks))
        with answers(file_to_open=str(path)):
            press_and_undo(panel, "loadLandmarksButton")


def dicom_and_study(panel: Any, answers: Answers, press: Press) -> None:  # noqa: ANN401
    """The head as a DICOM series: the export as DICOM, the plan of its folder and of its study, and the study's release."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dicom(volume_from_node(panel.node.inputVolume), folder / "in")
        ct = add_ct(context(), volume_from_node(panel.node.inputVolume), "DICOM head")
        remember_source(ct, folder / "in")
        panel.node.inputVolume, panel.node.acceptRecognisable = ct, True
        press(panel, "applyButton")
        (folder / "out").mkdir()
        with answers(folder=str(folder / "out")):
            press(panel, "dicomButton")
        assert list((folder / "out").rglob("*.dcm")), panel.ui.statusLabel.text
        with answers(folder=str(folder / "in")):
            press(panel, "studyFolderButton")
        press(panel, "studyOfCtButton")
        assert panel.ui.studyTable.rowCount == 1, panel.ui.statusLabel.text
        press(panel, "withholdCheckBox")
        (folder / "study").mkdir()
        with answers(folder=str(folder / "study")):
            press(panel, "studyExportButton")
        assert list((folder / "study").rglob("*.dcm")), panel.ui.statusLabel.text
        panel.study.close()


def write_dicom(volume: Volume, folder: Path) -> None:
    """A volume of whole HU as a CT series of unsigned 16-bit values, a file for each slice."""
    folder.mkdir(parents=True)
    study, series, frame = (generate_uid(prefix=None) for _ in range(3))
    grid = volume.geometry
    axes = grid.ijk_to_lps[:3, :3] / np.array(grid.spacing)
    for k, plane in enumerate(volume.array):
        one = Dataset()
        for keyword, value in _SAME.items():
            setattr(one, keyword, value)
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, generate_uid(prefix=None)
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        one.ImageType, one.InstanceNumber = ["ORIGINAL", "PRIMARY", "AXIAL"], k + 1
        one.ImagePositionPatient = [f"{v:.6f}" for v in grid.to_lps(np.array([[k, 0, 0]]))[0]]
        one.ImageOrientationPatient = [f"{v:.8f}" for v in axes[:, :2].T.ravel()]
        one.PixelSpacing = [grid.spacing[1], grid.spacing[0]]
        one.Rows, one.Columns = plane.shape
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
        one.RescaleSlope, one.RescaleIntercept = "1", str(_INTERCEPT)
        one.add_new("PixelData", "OW", (np.asarray(plane, dtype=np.int32) - _INTERCEPT).astype("<u2").tobytes())
        save(one, folder / f"{k:04d}.dcm")
