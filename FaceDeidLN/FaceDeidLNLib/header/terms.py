"""Coded words that the standard has for an attribute: there they name nobody, even where the patient bears the same name.

A head CT says HEAD in BodyPartExamined whoever was scanned; in any other place the word may be the patient's. Only words of four letters
and more matter here: shorter ones never count as a name where protocols have them. Terms of PS3.3, and of PS3.16 Annex L for head and neck.
"""

from __future__ import annotations

import re

_BODY = """abdomen and body brain breast carotid cervical cervix chest cspine ear eye face head headneck heart jaw larynx lspine lumbar lung
    mandible maxilla mouth neck nose orbit parotid pelvis pharynx sella shoulder sinus skull spine sspine temporal thorax thyroid tongue
    trachea tspine whole wholebody"""
_IMAGE = "original derived primary secondary axial localizer mixed volume reformatted average resampled other none angio spin echo"
_ALGORITHM = "automatic semiautomatic manual"
_YES_NO = "yes no none unknown"
_TERMS = {
    "BodyPartExamined": _BODY,
    "ImageType": _IMAGE,
    "FrameType": _IMAGE,
    "VolumetricProperties": "volume sampled distorted mixed",
    "ValueType": "text num code container composite image waveform date time datetime pname uidref scoord scoord3d tcoord table",
    "RelationshipType": "contains has obs context mod acq concept properties inferred from selected",
    "ContinuityOfContent": "separate continuous",
    "CompletionFlag": "complete partial",
    "VerificationFlag": "verified unverified",
    "PreliminaryFlag": "preliminary final",
    "ROIGenerationAlgorithm": _ALGORITHM,
    "SegmentAlgorithmType": _ALGORITHM,
    "SegmentationType": "binary fractional labelmap",
    "SegmentationFractionalType": "probability occupancy",
    "RTROIInterpretedType": """external ptv ctv gtv treated volume irrad bolus avoidance organ marker registration isocenter contrast agent
        cavity brachy channel acc app shield support fixation dose region control measurement none""",
    "ContourGeometricType": "point open closed planar planarxor nonplanar",
    "ApprovalStatus": "approved unapproved rejected",
    "DoseType": "physical effective error",
    "DoseSummationType": "plan multi fraction beam brachy session control point record",
    "PresentationLUTShape": "identity inverse",
    "AcquisitionType": "sequenced spiral constant angle stationary free",
    "BurnedInAnnotation": _YES_NO,
    "RecognizableVisualFeatures": _YES_NO,
    "PatientIdentityRemoved": _YES_NO,
    "LongitudinalTemporalInformationModified": "unmodified modified removed",
    "TypeOfPatientID": "text rfid barcode",
}
#: The terms' words by keyword, in lower case.
TERMS: dict[str, frozenset[str]] = {keyword: frozenset(words.split()) for keyword, words in _TERMS.items()}


def is_term(keyword: str, value: str) -> bool:
    """True for a coded word made of terms that the standard has for this attribute: HEAD as a body part, HAS OBS CONTEXT as a relation."""
    terms = TERMS.get(keyword, frozenset())
    return all(word in terms for word in re.split(r"[ _]+", value.lower().strip()))
