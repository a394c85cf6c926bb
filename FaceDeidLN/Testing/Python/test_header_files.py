"""What image files, segmentations, markups and scenes say beside their voxels: nothing of the source travels along."""

from __future__ import annotations

import gzip
import json
import zipfile
import zlib

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.mrml.case import CaseMaterial, CaseNodes, add_case
from FaceDeidLNLib.mrml.nodes import add_ct
from FaceDeidLNLib.mrml.review_scene import write_review
from FaceDeidLNLib.mrml.scene import new_context
from FaceDeidLNLib.output.images import WRITABLE_EXTENSIONS, write_image
from FaceDeidLNLib.output.segments import write_segments

CANARY = "ZQXMustermann"
KEYS = ("PatientName", "DICOM.PatientID", "0010|0010", "content", "NRRD_content", "ITK_FileNotes")


def small():
    array = np.full((12, 14, 16), -1000, dtype=np.int16)
    array[2:-2, 2:-2, 2:-2] = 40
    return Volume(array, Geometry(array.shape, np.diag([2.0, 2.0, 3.0, 1.0])))


def with_keys(path):
    """An image file whose every free key holds a canary."""
    image = sitk.GetImageFromArray(small().array)
    image.SetSpacing((2.0, 2.0, 3.0))
    for key in KEYS:
        image.SetMetaData(key, CANARY)
    sitk.WriteImage(image, str(path))
    return path


def nifti(path):
    """A NIfTI file with a canary in each free text of its header, and in extensions of comment and DICOM."""
    image = nibabel.Nifti1Image(small().array.T, np.diag([2.0, 2.0, 3.0, 1.0]))
    for name in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[name] = CANARY
    image.header.set_xyzt_units("mm")
    for code in (6, 4, 2):
        text = CANARY.encode() if code != 2 else b"\x10\x00\x10\x00PN\x0e\x00" + (CANARY + " ").encode()
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension(code, text))
    nibabel.save(image, path)
    return path


def with_comments(path):
    """A NRRD file with comments and key/value pairs, as other programs write them."""
    voxels = small().array
    head = (
        f"NRRD0005\n# {CANARY}\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 16 14 12\n"
        "space directions: (2,0,0) (0,2,0) (0,0,3)\nkinds: domain domain domain\nendian: little\nencoding: raw\n"
        f"space origin: (0,0,0)\ncontent: {CANARY}\nold min: 0\nPatientName:={CANARY}\nSegment0_Name:={CANARY}\n\n"
    )
    path.write_bytes(head.encode() + voxels.tobytes())
    return path


SOURCES = {
    "a NRRD with keys": ("ct.nrrd", with_keys),
    "a NRRD with comments": ("ct.nrrd", with_comments),
    "a MetaImage with fields": ("ct.mha", with_keys),
    "a NIfTI with texts and extensions": ("ct.nii.gz", nifti),
}


def everything_in(path):
    """The bytes of a file, with what is packed in them."""
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    start = raw.find(b"\x1f\x8b") if raw.startswith(b"NRRD") else -1
    return raw + (zlib.decompressobj(31).decompress(raw[start:]) if start > 0 else b"")


@pytest.mark.parametrize("extension", WRITABLE_EXTENSIONS)
@pytest.mark.parametrize("source", SOURCES)
def test_no_text_of_a_files_header_travels_along(source, extension, tmp_path):
    name, make = SOURCES[source]
    ct = read_ct(make(tmp_path / name))
    assert CANARY.encode() in everything_in(ct.path)
    write_image(ct, ct.volume, tmp_path / f"out{extension}")
    assert b"ZQX" not in everything_in(tmp_path / f"out{extension}")


def test_a_segmentation_file_says_names_places_and_nothing_else(tmp_path):
    ct = small()
    write_segments(tmp_path / "a.seg.nrrd", [tight("LN Ib left", ct.array > 0)], ct)
    head = (tmp_path / "a.seg.nrrd").read_bytes().split(b"\n\n")[0].decode()
    keys = {line.split(":=")[0] for line in head.splitlines() if ":=" in line}
    known = {"ID", "Name", "LabelValue", "Layer", "Extent", "Color"}
    assert {key for key in keys if not key.startswith("Segmentation_")} <= {f"Segment0_{name}" for name in known} | {"ITK_InputFilterName"}


@pytest.fixture
def loaded():
    """A scene as Slicer's DICOM browser leaves it: the CT's node with its instances, below a study and a patient with their data."""
    context = new_context()
    ct = add_ct(context, small(), "2: CT neck")
    ct.SetAttribute("DICOM.instanceUIDs", f"{CANARY}.1 {CANARY}.2")
    hierarchy = context.scene.GetSubjectHierarchyNode() or slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(context.scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), CANARY)
    study = hierarchy.CreateStudyItem(patient, CANARY)
    for item in (patient, study):
        for name in ("DICOM.PatientName", "DICOM.PatientID", "DICOM.PatientBirthDate", "DICOM.StudyDate"):
            hierarchy.SetItemAttribute(item, name, CANARY)
    hierarchy.CreateItem(study, ct)
    return context, ct, hierarchy, patient


def material():
    ct = small()
    face = tight("face", ct.array > 0)
    return CaseMaterial(ct, ct.with_array(ct.array), face, (face,), title="PASS", released=True)


def test_the_result_in_a_scene_has_nothing_of_the_patient_and_stands_below_no_patient(loaded):
    context, ct, hierarchy, patient = loaded
    result = add_case(context, material(), CaseNodes(ct=ct)).result
    said = {name: result.GetAttribute(name) or "" for name in result.GetAttributeNames()}
    assert not [name for name, value in said.items() if name.startswith("DICOM") or CANARY in value]
    below = vtk.vtkCollection()
    hierarchy.GetDataNodesInBranch(patient, below)
    assert [below.GetItemAsObject(n) for n in range(below.GetNumberOfItems())] == [ct]


@pytest.mark.usefixtures("loaded")
def test_a_review_holds_no_attribute_of_patient_or_study(tmp_path, monkeypatch):
    """The review has a scene of its own: whatever the open one says of the patient is not in it."""
    monkeypatch.setattr("FaceDeidLNLib.mrml.review_scene.review_picture", lambda *said: None)  # it costs seconds, and is a picture
    write_review(tmp_path / "review", material())
    files = list((tmp_path / "review").iterdir())
    with zipfile.ZipFile(tmp_path / "review" / "scene.mrb") as bundle:
        texts = [bundle.read(name) for name in bundle.namelist() if name.endswith((".mrml", ".json"))]
    texts += [path.read_bytes() for path in files if path.suffix in (".json", ".txt", ".nrrd")]
    assert len(texts) >= 3
    assert not [text for text in texts if b"ZQX" in text or b"DICOM." in text]
    for path in files:
        if path.name.endswith(".mrk.json"):
            json.loads(path.read_text(encoding="utf-8"))
