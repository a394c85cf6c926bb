"""Which segments are kept: by name, by terminology code, by the user's list."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.names import Role, choose_segments, role_of
from FaceDeidLNLib.input.segments import read_segments


def segment(name: str, code: str = "") -> Segment:
    return Segment(name, Volume(np.ones((1, 1, 1), dtype=bool), Geometry((1, 1, 1), np.eye(4))), "test", code)


NODES = """
    LN Ib left, LN_Neck_IB_L, node 3, Lymph node, lymphnode_2, Lymphknoten links, LNs, Nodal, neck nodes, Ib, IIa_R, level II, Level_1b,
    GTVn, GTVnLeft, GTV_N1, GTVp, CTV56, PTV_7000, PTV70, ITV, cervical adenopathy, ix left
"""
OTHERS = """
    vertebral body, A_Carotid_External, skin fold, face, Eye_L, eyeball_left, Brainstem, SpinalCord, SpinalCord_PRV05, Oral cavity,
    Larynx, Couch, skull
"""


@pytest.mark.parametrize("name", [name.strip() for name in NODES.split(",")])
def test_a_node_or_target_is_known_by_its_name(name):
    assert role_of(name) is Role.NODE


@pytest.mark.parametrize(
    "name",
    ["SMG_L", "submandibular_gland_left", "Glnd_Submand_R", "Parotid_L", "parotid_gland_right", "Glandula parotis", "Sublingual gland"],
)
def test_a_salivary_gland_is_known_by_its_name(name):
    assert role_of(name) is Role.ORGAN


@pytest.mark.parametrize("name", [name.strip() for name in OTHERS.split(",")])
def test_what_is_neither_node_nor_gland_is_known_by_its_name(name):
    assert role_of(name) is Role.OTHER


@pytest.mark.parametrize("name", ["BODY", "External", "Skin", "body_trunc", "body_extremities", "Body contour", "Patient"])
def test_the_patients_outline_is_known_by_its_whole_name(name):
    assert role_of(name) is Role.OUTLINE


@pytest.mark.parametrize("name", ["Mandible", "Bone_Mandible", "mandibula", "hyoid", "Bone_Hyoid"])
def test_a_landmark_for_the_levels_is_known_by_its_name(name):
    assert role_of(name) is Role.GUIDE


@pytest.mark.parametrize(
    ("code", "role"),
    [
        ("SCT:59441001 Lymph node", Role.NODE),
        ("SCT:59503006 Submandibular lymph node", Role.NODE),
        ("SCT:999999999 Deep facial lymph node", Role.NODE),
        ("SCT:45289007 Parotid gland", Role.ORGAN),
        ("SCT:91609006 Mandible", Role.GUIDE),
        ("SCT:89545001 Face", Role.OTHER),
    ],
)
def test_the_terminology_code_goes_before_the_name(code, role):
    assert role_of("Segment_1", code) is role


def test_what_is_not_recognised_is_kept():
    choice = choose_segments([segment("Segment_1"), segment("label_7"), segment("Struktur A")])
    assert [s.name for s in choice.taken] == ["Segment_1", "label_7", "Struktur A"]


def test_the_rest_of_a_whole_segmentation_is_not_kept_and_said_so():
    choice = choose_segments([segment("LN Ia"), segment("skin"), segment("mandible")])
    assert [s.name for s in choice.taken] == ["LN Ia"]
    assert "not kept: 'skin' (outline of the patient)" in choice.lines


def test_the_mandible_and_the_glands_help_to_find_the_levels():
    choice = choose_segments([segment("LN Ia"), segment("mandible"), segment("SMG_L"), segment("brain")])
    assert {s.name for s in choice.guides} == {"mandible", "SMG_L"}


def test_every_segment_gets_a_line():
    names = ["LN Ia", "skin", "Segment_1", "mandible"]
    lines = choose_segments([segment(name) for name in names]).lines
    assert len(lines) == len(names)
    assert all(any(f"'{name}'" in line for line in lines) for name in names)


def test_the_users_list_overrules_the_names():
    choice = choose_segments([segment("LN Ia"), segment("skin")], ["SKIN"])
    assert [s.name for s in choice.taken] == ["skin"]


def test_a_wanted_name_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="no segment 'IIa'; there are: LN Ia, skin"):
        choose_segments([segment("LN Ia"), segment("skin")], ["IIa"])


def test_a_name_that_its_comma_cut_in_two_is_refused_with_the_way_out():
    with pytest.raises(InputError, match="there are: LN left, buccal; a comma parts two names: rename"):
        choose_segments([segment("LN left, buccal")], ["LN left", "buccal"])


def test_the_names_of_hundreds_of_segments_are_not_all_told():
    with pytest.raises(InputError, match=r"label_120, and 180 more\.$"):
        choose_segments([segment(f"label_{n}") for n in range(1, 301)], ["999"])


def test_the_terminology_code_of_a_seg_nrrd_is_read(tmp_path):
    image = sitk.GetImageFromArray(np.ones((3, 3, 3), dtype=np.uint8))
    entry = "Categories~SCT^123037004^Anatomical Structure~SCT^59441001^Lymph node~^^~Anatomic codes~^^~^^"
    tags = f"Segmentation.Status:inprogress|TerminologyEntry:{entry}|"
    for key, value in {"Name": "Segment_1", "ID": "Segment_1", "LabelValue": "1", "Layer": "0", "Tags": tags}.items():
        image.SetMetaData(f"Segment0_{key}", value)
    sitk.WriteImage(image, str(tmp_path / "s.seg.nrrd"))
    assert read_segments(tmp_path / "s.seg.nrrd")[0].code == "SCT:59441001 Lymph node"


@pytest.mark.parametrize(
    "name",
    ["Ggl. submentalis", "gg. mandibulaire", "LKs Zunge", "LAPs re", "SLNB lip", "PLN tongue", "ЛУ лицевой", "bezgavka", "hạch má"]
    + [
        "nível 1b face",
        "1B mandible",
        "station 1b face",
        "面部结节",
        "혀 결절",
        "Läsion Gesicht",
        "kitle yüz",
        "zmiana twarz",
        "PET+ buccal",
        "L.N. face",
        "l.n.buccal",
        "Rezidiv Lippe, lip",
        "récidive lip",
        "poortwachter lip",
        "ELNI face",
        "avid face",
    ],
)
def test_a_short_name_beside_a_place_of_the_face_is_a_node(name):
    assert role_of(name) is Role.NODE


@pytest.mark.parametrize("name", ["Buccal metastasis", "thyroid nodule", "parapharyngeal mass", "facial lesion"])
def test_disease_is_kept_wherever_it_lies(name):
    assert role_of(name) is Role.NODE


def test_a_file_from_which_nothing_would_be_kept_is_refused():
    with pytest.raises(InputError, match="--protect"):
        choose_segments([segment("skin"), segment("mandible")])
