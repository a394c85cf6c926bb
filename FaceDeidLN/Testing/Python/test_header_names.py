"""Free texts of cleaned headers: names, dates, numbers in pieces and great ages go, and what a protocol is called stays."""

from __future__ import annotations

import re
import unicodedata

import pytest
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.header.terminology import frequent_names
from FaceDeidLNLib.header.vocabulary import cleaned, harmless_words
from header_objects import bytes_of, item, small
from pydicom.sequence import Sequence

#: The 100 most frequent surnames of the US Census of 1990.
AMERICAN = """
    smith johnson williams jones brown davis miller wilson moore taylor anderson thomas jackson white harris martin thompson garcia
    martinez robinson clark rodriguez lewis lee walker hall allen young hernandez king wright lopez hill scott green adams baker
    gonzalez nelson carter mitchell perez roberts turner phillips campbell parker evans edwards collins stewart sanchez morris
    rogers reed cook morgan bell murphy bailey rivera cooper richardson cox howard ward torres peterson gray ramirez james watson
    brooks kelly sanders price bennett wood barnes ross henderson coleman jenkins perry powell long patterson hughes flores
    washington butler simmons foster gonzales bryant alexander russell griffin diaz hayes
"""
#: Names and places that terminologies know, as eponyms or as words.
OTHERS = """
    Meyer Bauer Wolf Frank Lang Kurz Gross Fuchs Stock Horn Robert Charles James Mark George Rose Jack Max Ray Lee Bernard Michel
    Chang Huang Liang Berlin Boston Oxford Texas Bordeaux Madrid Beijing California Towne Parkinson Hodgkin Wilson Euler Runge Holter
"""
#: Surnames of the list above that no description can do without.
NEEDED = {"long"}
#: What series, studies, protocols and structures are called.
TYPICAL = """
    CT Hals KM axial 1.0 B30f
    CT NECK W CONTRAST
    CT HEAD WO CONTRAST
    CT Neck Soft Tissue W/ CONTR
    Head^01_Head_Customized (Adult)
    Neck_Routine (Adult)
    Brain Bone 5.0
    Coronal Brain/Coronal Head 3.0
    Sagittal Brain 3.0
    Neck 1.0 B31s
    Topogram 0.6 T20s
    Hals/Thorax 3.0 mm
    Schädel nativ 5 mm
    CT Kopf Hals mit Kontrastmittel
    NNH coronal Knochen
    Felsenbein hochauflösend 0.6 Hr60 axial
    Orbita koronar
    Staging Hals Thorax Abdomen Becken
    Larynx Phonation 1 mm
    Scout
    SCOUT AP LAT
    Dose Report
    Patient Protocol
    Axial thin bone recon 0.625
    MPR sagittal soft tissue
    MIP cor 10 mm
    3D VRT carotid
    CTA head and neck arterial phase
    CTA Carotis 0.75 Bv38
    Delayed phase 90 s
    NON CON HEAD
    Sinus w/o contrast coronal reformats
    FACIAL BONES
    Temporal bones high resolution
    Cervical spine sagittal bone window
    Planning CT mask H&N
    RT Planning head neck supine arms down
    RTSTRUCT contours
    Approved plan 70 Gy
    Dose distribution
    PET CT whole body FDG
    WB MAC AC
    PET AC 3D
    CT AC low dose
    NAC
    T1 sag TSE
    T1w post gadolinium fat suppressed axial
    T2 TSE cor STIR
    T2 FLAIR axial
    DWI b1000 ADC
    t1_mprage_sag_p2_iso
    t2_space_dark-fluid
    ep2d_diff_3scan_trace
    localizer
    AAHScout
    MRT Hals mit KM
    MR neck w wo contrast
    IRM cérébrale sans injection
    Scanner cou avec injection
    TDM cervicale artérielle
    TC cuello con contraste
    TC collo con contrasto venoso
    Tomografia computadorizada pescoço
    PTV70
    CTVn1 left
    GTVp
    GTVn level II right
    Parotid_L
    Parotid_R
    SpinalCord PRV
    Brainstem
    OpticChiasm
    Mandible
    Submandibular gland left
    Oral cavity
    Pharyngeal constrictor muscle
    Cochlea left
    Lens right
    Eye_L
    Lymph node level Ib left
    Lymph nodes of neck
    Lymph node metastasis
    LN IIa right
    Thyroid cartilage
    Hyoid bone
    External
    Body contour
    Bolus 5 mm
    Couch surface
    Isocenter marker
    Squamous cell carcinoma of oropharynx
    Base of tongue tumor
    Tonsil right
    Nasopharynx
    Larynx squamous cell carcinoma
    Follow up after surgery
    Pre treatment baseline
    Post radiotherapy 3 months
    Segmentation automatic
    Lung window 1.5 mm
    Abdomen portal venous phase
    Ultrasound neck left
    Metal artifact reduction iMAR 3.0
    Iterative reconstruction ADMIRE 3
    Dual energy monoenergetic 55 keV
    Iodine map
    Virtual non contrast
    Cone beam CT setup
    CBCT Head fast
    kV image left lateral
    MV portal image
    Digital radiograph chest PA
    256 x 256 matrix
    120 kV 100 mA
    45 year old male
    White matter mask
    Gray matter
    Short axis view
    Long TE
    Left hand, palm
    Upper jaw and lower jaw
"""


def profile(text="research"):
    return Profile(bytes(range(32)), options_named(text))


@pytest.mark.parametrize("name", [*AMERICAN.split(), *OTHERS.split()])
def test_a_frequent_name_of_somebody_unknown_leaves_a_description(name):
    if name not in NEEDED:
        assert [cleaned(f"CT neck {said} axial") for said in (name.lower(), name.upper(), name.title())] == ["CT neck axial"] * 3


def test_few_of_all_frequent_names_are_harmless_words():
    """What is left are words of anatomy, directions, articles and abbreviations."""
    left = harmless_words() & frequent_names()
    assert len(frequent_names()) > 40_000
    assert len(left) < 150
    assert {"bone", "head", "long"} <= left


def test_typical_descriptions_lose_few_words():
    words = [re.findall(r"[^\W_]+", text) for text in TYPICAL.strip().splitlines()]
    kept = [re.findall(r"[^\W_]+", cleaned(text.strip())) for text in TYPICAL.strip().splitlines()]
    lost = sum(word not in left for text, left in zip(words, kept, strict=True) for word in text)
    assert lost <= 0.06 * sum(map(len, words))


IN_PIECES = """
    05 03 60, 05 03, 5 60, 471 22 05, 0047 1122, 4711-22, +49 89 4400 1234, March 5 60, 5 March 1960, 05MAR60, 5. Mai 60, 05 / 03 / 60,
    05.03 60, J O E R G, J-O-E-R-G, J.O.E.R.G., 95M, M95, aged 93, 93-year-old, age: 101, 0047_1122, ID4711-2205
"""


@pytest.mark.parametrize("text", [text.strip() for text in IN_PIECES.split(",")])
def test_dates_numbers_and_ages_in_pieces_leave_a_description(text):
    assert re.sub(r" (ID-|age)", "", cleaned(f"neck {text} axial")) == "neck axial"


@pytest.mark.parametrize(
    "text", ["3 mm 5.0 0.75", "256 x 256", "45 year old", "neck MAR 3.0", "C1-7", "PTV56-70", "120 kV", "512x512", "B31f 2.0"]
)
def test_measures_stay(text):
    assert cleaned(text) == text


@pytest.mark.parametrize("name", ["Lee^Ray", "Ma^Max", "Hu^Art", "Low^Sem"])
@pytest.mark.parametrize("write", [str.lower, str.upper, str.title])
def test_short_parts_of_the_patients_own_name_leave_free_texts(name, write):
    text = write(name.replace("^", " "))
    dataset = profile().clean(
        small(PatientName=name, SeriesDescription=f"CT neck {text} axial", ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])
    )
    assert dataset.SeriesDescription == "CT neck axial"
    assert list(dataset.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]


SPELLED = ["Groß", "GROSS", "Gross", "Müller", "MUELLER", "muller", unicodedata.normalize("NFD", "Müller")]


@pytest.mark.parametrize("name", ["Groß^Müller", "Gross^Mueller", "Gross^Muller", unicodedata.normalize("NFD", "Groß^Müller")])
@pytest.mark.parametrize("text", SPELLED)
def test_a_name_is_found_in_every_spelling(name, text):
    """In texts, and in what names methods and machines, where only known names are looked for."""
    values = {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": name,
        "SeriesDescription": f"neck {text}",
        "SoftwareVersions": f"VA {text}",
    }
    dataset = profile().clean(small(**values))
    assert dataset.SeriesDescription == "neck"
    assert dataset.get("SoftwareVersions", "") in ("", "VA")


@pytest.mark.parametrize(("age", "kept"), [("095Y", "090Y"), ("045Y", "045Y")])
def test_great_ages_are_one_class_at_every_depth(age, kept):
    dataset = profile().clean(small(RequestAttributesSequence=Sequence([item(PatientAge=age, SelectorASValue=[age, "001D"])])))
    inner = dataset.RequestAttributesSequence[0]
    assert inner.get("PatientAge", kept) == kept
    assert list(inner.SelectorASValue) == [kept, "001D"]
    assert b"095Y" not in bytes_of(dataset)
