"""SOP class to family: the table that a reader can check against the standard (DICOM PS3.4 B.5, names of PS3.6 A).

A class that does not stand here is withheld: nobody has judged what it can show.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.uid import UID_dictionary


@dataclass(frozen=True)
class Rule:
    """A storage class: its UID below ``1.2.840.10008.5.1.4.1.1.``, its name, its family, and for what is withheld the reason."""

    root: str
    name: str
    family: str
    reason: str = ""

    @property
    def sop_class(self) -> str:
        """The whole UID."""
        return f"1.2.840.10008.5.1.4.1.1.{self.root}"


WITHHELD = "withheld"
_PICTURE = "a picture or rendering, in which nobody can say where the face is"
_DOCUMENT = "a document whose pages cannot be judged"
_SURFACE = "surface points that may be the skin itself"
_WAVE = "a waveform, which this program does not judge"
_PROJECTION = "an X-ray projection, in which nobody can say where the face is"
_UNREAD = "a volume of a kind that this program does not read"
_VIDEO = "a photograph or video"
_PLAN = "bolus, blocks and fields after the old skin, which this program does not judge"

RULES = (
    Rule("2", "CT Image", "ct"),
    Rule("2.1", "Enhanced CT Image", "ct"),
    Rule("2.2", "Legacy Converted Enhanced CT Image", "ct"),
    Rule("4", "MR Image", "pet_mr"),
    Rule("4.1", "Enhanced MR Image", "pet_mr"),
    Rule("4.4", "Legacy Converted Enhanced MR Image", "pet_mr"),
    Rule("128", "Positron Emission Tomography Image", "pet_mr"),
    Rule("128.1", "Legacy Converted Enhanced PET Image", "pet_mr"),
    Rule("130", "Enhanced PET Image", "pet_mr"),
    Rule("481.3", "RT Structure Set", "rtstruct"),
    Rule("481.2", "RT Dose", "rtdose"),
    Rule("66.4", "Segmentation", "seg"),
    Rule("66.7", "Label Map Segmentation", "seg"),
    Rule("66.1", "Spatial Registration", "registration"),
    Rule("11.1", "Grayscale Softcopy Presentation State", "documents"),
    Rule("88.59", "Key Object Selection Document", "documents"),
    Rule("88.11", "Basic Text SR", "documents"),
    Rule("88.22", "Enhanced SR", "documents"),
    Rule("88.33", "Comprehensive SR", "documents"),
    Rule("88.34", "Comprehensive 3D SR", "documents"),
    Rule("88.67", "X-Ray Radiation Dose SR", "documents"),
    Rule("88.68", "Radiopharmaceutical Radiation Dose SR", "documents"),
    Rule("88.73", "Patient Radiation Dose SR", "documents"),
    Rule("66.3", "Deformable Spatial Registration", WITHHELD, "its displacement field was drawn from the old face"),
    Rule("66.5", "Surface Segmentation", WITHHELD, _SURFACE),
    Rule("68.1", "Surface Scan Mesh", WITHHELD, _SURFACE),
    Rule("68.2", "Surface Scan Point Cloud", WITHHELD, _SURFACE),
    Rule("7", "Secondary Capture Image", WITHHELD, _PICTURE),
    Rule("7.1", "Multi-frame Single Bit Secondary Capture Image", WITHHELD, _PICTURE),
    Rule("7.2", "Multi-frame Grayscale Byte Secondary Capture Image", WITHHELD, _PICTURE),
    Rule("7.3", "Multi-frame Grayscale Word Secondary Capture Image", WITHHELD, _PICTURE),
    Rule("7.4", "Multi-frame True Color Secondary Capture Image", WITHHELD, _PICTURE),
    Rule("77.1.4", "VL Photographic Image", WITHHELD, _VIDEO),
    Rule("77.1.4.1", "Video Photographic Image", WITHHELD, _VIDEO),
    Rule("77.1.1", "VL Endoscopic Image", WITHHELD, _VIDEO),
    Rule("77.1.1.1", "Video Endoscopic Image", WITHHELD, _VIDEO),
    Rule("1", "Computed Radiography Image", WITHHELD, _PROJECTION),
    Rule("1.1", "Digital X-Ray Image Storage - For Presentation", WITHHELD, _PROJECTION),
    Rule("1.1.1", "Digital X-Ray Image Storage - For Processing", WITHHELD, _PROJECTION),
    Rule("1.3", "Digital Intra-Oral X-Ray Image Storage - For Presentation", WITHHELD, _PROJECTION),
    Rule("12.1", "X-Ray Angiographic Image", WITHHELD, _PROJECTION),
    Rule("12.1.1", "Enhanced XA Image", WITHHELD, _PROJECTION),
    Rule("12.2", "X-Ray Radiofluoroscopic Image", WITHHELD, _PROJECTION),
    Rule("13.1.1", "X-Ray 3D Angiographic Image", WITHHELD, _UNREAD),
    Rule("13.1.2", "X-Ray 3D Craniofacial Image", WITHHELD, _UNREAD),
    Rule("20", "Nuclear Medicine Image", WITHHELD, _UNREAD),
    Rule("6.1", "Ultrasound Image", WITHHELD, _PICTURE),
    Rule("3.1", "Ultrasound Multi-frame Image", WITHHELD, _PICTURE),
    Rule("4.2", "MR Spectroscopy", WITHHELD, "spectra, which this program does not judge"),
    Rule("30", "Parametric Map", WITHHELD, _UNREAD),
    Rule("66", "Raw Data", WITHHELD, "raw data, into which nobody can look"),
    Rule("481.1", "RT Image", WITHHELD, _PICTURE),
    Rule("481.5", "RT Plan", WITHHELD, _PLAN),
    Rule("481.8", "RT Ion Plan", WITHHELD, _PLAN),
    Rule("104.1", "Encapsulated PDF", WITHHELD, _DOCUMENT),
    Rule("104.2", "Encapsulated CDA", WITHHELD, _DOCUMENT),
    Rule("104.3", "Encapsulated STL", WITHHELD, _SURFACE),
    Rule("104.4", "Encapsulated OBJ", WITHHELD, _SURFACE),
    Rule("104.5", "Encapsulated MTL", WITHHELD, _SURFACE),
    Rule("9.1.1", "12-lead ECG Waveform", WITHHELD, _WAVE),
    Rule("9.1.2", "General ECG Waveform", WITHHELD, _WAVE),
)
_BY_CLASS = {rule.sop_class: rule for rule in RULES}


def rule_for(sop_class: str) -> Rule:
    """The rule of a SOP class; one that withholds where nobody named the class."""
    known = _BY_CLASS.get(sop_class)
    return Rule("", _called(sop_class), WITHHELD, "no rule names this SOP class") if known is None else known


def _called(sop_class: str) -> str:
    """The standard's name of a SOP class without a rule, as far as it has one."""
    name = UID_dictionary.get(sop_class, ("",))[0]
    return name.removesuffix(" Storage") or f"SOP class {sop_class or '(none)'}"
