"""Segments under names of any language: nodes are kept, the patient's outline is none, and no node is given away for its name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from FaceDeidLNLib.commands.main import main
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.segment import Segment, tight
from FaceDeidLNLib.input.names import Role, choose_segments, is_outline, role_of, sort_segments
from FaceDeidLNLib.input.patient import Patient
from FaceDeidLNLib.verify.left_out import left_out_doubts
from scipy import ndimage

NODES = """
    linfonodo facial esquerdo, ganglion jugulaire, ganglio mandibular, Lymphknoten bukkal, Halslymphknoten links,
    adenopatía temporal, ADP facial, N+ buccal, N2b facial, nodo mandibular, noeud facial,
    nœud buccal, Lymfeklier hals, lymfeknude kind, węzeł chłonny twarzowy, mízní uzlina facial, nyirokcsomó facial, yüz lenf düğümü,
    лимфоузел facial,
    λεμφαδένας facial, 面部淋巴结 facial, 頬リンパ節 buccal, 림프절 facial,
    metástasis bucal, linfonodi mandibolari, Knoten temporal, imusolmuke facial, عقدة لمفية facial
"""
OUTLINES = """
    Körper, Koerper, Außenkontur, Haut, Contour externe, Peau, Corps, cuerpo, piel, pelle, Huid, 体表, outer_contour, EXT, Pele, Kropp
"""


@pytest.mark.parametrize("name", [name.strip() for name in NODES.split(",")])
def test_a_node_is_known_in_the_languages_of_medicine(name):
    assert role_of(name) is Role.NODE


@pytest.mark.parametrize("name", [name.strip() for name in OUTLINES.split(",")])
def test_an_outline_is_known_in_the_languages_of_medicine(name):
    assert role_of(name) is Role.OUTLINE


@pytest.mark.parametrize(
    ("name", "role"), [("Unterkiefer", Role.GUIDE), ("Ohrspeicheldrüse re", Role.ORGAN), ("ghiandola parotide", Role.ORGAN)]
)
def test_jaw_and_glands_are_known_in_other_languages(name, role):
    assert role_of(name) is role


@pytest.mark.parametrize("name", ["masseter", "facial artery", "brainstem", "Parotid_L", "vertebral body", "Ödem"])
def test_what_is_no_node_does_not_become_one(name):
    assert role_of(name) not in (Role.NODE, Role.OUTLINE)


ORGANS = "eye_left, Eye_R, eye_lens_right, Lens_L, OpticNrv_R, optic_nerve_left, brain, Brainstem, Auge li, Œil droit, ojo izq, skull, 眼球"
PLACES = "mask, buccal, tongue, lip, eye mass, LN at eye, GTV brain, face, skin, fat, nasal, masseter, cheek, left, 1"


@pytest.mark.parametrize("name", [name.strip() for name in ORGANS.split(",")])
def test_an_organ_that_is_handed_in_with_nodes_is_told_and_looked_for_in_the_face(phantom, name):
    choice = sort_segments([phantom.segment("LN cheek left"), replace(phantom.segment("LN cheek left"), name=name)])
    assert (len(choice.taken), [segment.name for segment in choice.left_out]) == (1, [name])
    assert choice.lines[1] == f"not kept: '{name}' (neither node nor gland)"


@pytest.mark.parametrize("name", [name.strip() for name in PLACES.split(",")])
def test_what_names_a_place_in_the_face_is_kept_or_asked_for(phantom, name):
    choice = sort_segments([replace(phantom.segment("LN cheek left"), name=name)])
    assert choice.taken or choice.left_out


def solid(phantom) -> np.ndarray:
    """The phantom without holes."""
    return np.array([ndimage.binary_fill_holes(plane) for plane in phantom.ct.array > -300])


def test_a_segment_that_holds_the_patient_is_his_outline_whatever_it_is_called(phantom):
    held = Segment("Struktur 7", phantom.ct.with_array(solid(phantom)))
    assert is_outline(Patient(phantom.ct).recognised(held))


def test_a_refused_file_says_what_each_segment_was_taken_for(phantom):
    held = Patient(phantom.ct).recognised(Segment("LN 15", phantom.ct.with_array(solid(phantom))))
    muscle = replace(phantom.segment("LN cheek left"), name="tongue")
    with pytest.raises(InputError, match=r"'LN 15' \(outline of the patient\), 'tongue' \(neither node nor gland\) is known as a node"):
        choose_segments([held, muscle])


def test_a_rind_around_the_patient_is_his_outline(phantom):
    mask = solid(phantom)
    rind = mask & ~np.array([ndimage.binary_erosion(plane, iterations=2) for plane in mask])
    assert is_outline(Patient(phantom.ct).recognised(Segment("Rinde", phantom.ct.with_array(rind))))


def test_a_segment_that_holds_half_the_patient_is_no_outline(phantom):
    half = solid(phantom)
    half[:, :, : half.shape[2] // 2] = False
    assert not is_outline(Patient(phantom.ct).recognised(Segment("Hälfte", phantom.ct.with_array(half))))


def test_a_lump_that_is_called_an_outline_goes_around_nobody(phantom):
    assert not Patient(phantom.ct).is_outlined_by(replace(phantom.segment("LN cheek left"), name="Haut"))


def test_a_jaw_of_bone_in_the_face_is_no_question_but_a_node_called_so_is(phantom):
    bone = Segment("Mandible", phantom.ct.with_array(phantom.ct.array > 400))
    everything = tight("face", np.ones(phantom.ct.array.shape, dtype=bool))
    node = replace(phantom.segment("LN cheek left"), name="mandibular, left")
    assert len(left_out_doubts([bone, node], everything, phantom.ct)) == 1


def test_a_node_under_a_misleading_name_is_not_destroyed(phantom, phantom_ct_file, tmp_path, capsys):
    labels = np.zeros((*phantom.ct.array.shape, 2), dtype=np.uint8)
    for layer, name in enumerate(("LN cheek left", "LN Ib left")):
        labels[phantom.segment(name).mask.array, layer] = 1
    image = sitk.GetImageFromArray(labels, isVector=True)
    image.CopyInformation(sitk.ReadImage(str(phantom_ct_file)))
    for number, name in enumerate(("buccal thing", "LN Ib left")):
        for key, value in (("ID", f"S{number}"), ("Name", name), ("LabelValue", "1"), ("Layer", str(number))):
            image.SetMetaData(f"Segment{number}_{key}", value)
    sitk.WriteImage(image, str(tmp_path / "nodes.seg.nrrd"))
    words = ["deface", phantom_ct_file, tmp_path / "out.nrrd", "--nodes", tmp_path / "nodes.seg.nrrd", "--accept-recognisable"]
    assert main([str(word) for word in words]) == 3
    assert "'buccal thing' was not taken for one to keep" in capsys.readouterr().err
    assert not (tmp_path / "out.nrrd").exists()
