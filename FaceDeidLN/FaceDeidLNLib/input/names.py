"""Which segments are nodes or organs to keep: by name, by terminology code, or by the user's own list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ..core.errors import InputError
from ..core.segment import Segment


class Role(str, Enum):
    """What a segment is good for."""

    NODE = "lymph node or target"
    ORGAN = "salivary gland"
    GUIDE = "landmark for the node levels"
    OUTLINE = "outline of the patient"
    OTHER = "neither node nor gland"
    UNKNOWN = "not recognised"


#: Words and beginnings of words (a trailing "*") by role; the first role that fits counts. English and Latin names and the
#: usual abbreviations, the names of TotalSegmentator and CADS, and TG-263 (Mayo et al., Int J Radiat Oncol Biol Phys
#: 2018;100:1057: "LN_Neck_IB_L", "Glnd_Submand_L", "Bone_Mandible", "GTVn", "PTV_7000").
_WORDS = {
    Role.NODE: """
        ln lns lnn lk lymph* node nodes nodal nodi adenopath* lymphadenopath* met mets metasta* nodul*
        mass lesion* tumor* tumour* gtv* ctv* itv* ptv* level* lvl*
        ia ib iia iib iva ivb va vb vc vi viia viib viii ix xa xb""",
    Role.ORGAN: "parotid* parotis smg submand* glandula glnd* sublingual* salivary",
    Role.GUIDE: "mandib* hyoid*",
    Role.OTHER: """
        body external skin face facial head scalp trunc couch table bolus mask artifact* artefact* air airway* dose ring avoid*
        brain* cerebr* cerebell* cord spinal* medulla eye* lens* globe* optic* chiasm orbit* cochlea* pituitary hippocamp*
        oral cavity lip lips tongue buccal mucosa palate nasal nose sinus* pharynx* oropharynx nasopharynx hypopharynx larynx*
        glottis esophag* oesophag* trachea thyroid* cricoid* cartilage lung* heart rib* clavicle* vertebra* spine sacrum
        scapula* humerus* skull cranium maxilla* zygomatic* bone bones teeth tooth dental implant* muscle* masseter* temporal*
        pterygoid* digastric* sternocleidomastoid* platysma carotid* artery vein jugular* vessel* fat subcutaneous prv
        constrictor* lacrimal* brachial* plexus""",
}
#: Whole names of a segment that holds the patient, or his skin as a rind: TG-263, TotalSegmentator's task "body", treatment planning
#: systems. Not words of a name: there are vertebral bodies and external carotids.
_OUTLINES = (
    "body",
    "body trunc",
    "body extremities",
    "external",
    "skin",
    "patient",
    "patient outline",
    "patient contour",
    "outline",
    "body contour",
)
#: SNOMED CT codes (DICOM PS3.16, and pydicom's dictionary) whose meaning settles the role without words.
_CODES = {
    Role.NODE: "59441001 312501005 13482005 81105003 46055009 59503006 155338003 10209003 48918001 143925009 25247006 279145002 58130000",
    Role.ORGAN: "45289007 54019009 385294005",
    Role.GUIDE: "91609006 21387005",
    Role.OUTLINE: "39937001 38266002",
    Role.OTHER: "89545001 81745001 79652003 12738006",
}
_ROLE_OF_CODE = {f"SCT:{code}": role for role, codes in _CODES.items() for code in codes.split()}
#: Roles of segments that help to find node levels, landmarks or skin.
GUIDING = (Role.GUIDE, Role.ORGAN, Role.OUTLINE)
_KEPT = (Role.NODE, Role.ORGAN, Role.UNKNOWN)


@dataclass(frozen=True, eq=False)
class Choice:
    """The segments that are kept, the ``guides`` to levels, landmarks and skin, and a line for each that says what it was taken for."""

    taken: tuple[Segment, ...]
    guides: tuple[Segment, ...]
    lines: tuple[str, ...]


def role_of(name: str, code: str = "") -> Role:
    """The role of a segment by its terminology code ("SCT:59441001 Lymph node": scheme, value, meaning), else by its name."""
    value, _, meaning = code.partition(" ")
    if value in _ROLE_OF_CODE:
        return _ROLE_OF_CODE[value]
    if "lymph node" in meaning.casefold():
        return Role.NODE
    words = _words(name)
    return Role.OUTLINE if " ".join(words) in _OUTLINES else _role_of_words(words)


def is_node(segment: Segment) -> bool:
    """True for a segment that is called a node or target: "GTV mandible" is no mandible, "LN submandibular" no gland."""
    return role_of(segment.name, segment.code) is Role.NODE


def is_guide(segment: Segment) -> bool:
    """True for jaw, hyoid and glands, which the node levels follow, whether they are protected or not."""
    return role_of(segment.name, segment.code) in (Role.GUIDE, Role.ORGAN)


def is_outline(segment: Segment) -> bool:
    """True for a segment that is called the patient's outline or skin."""
    return role_of(segment.name, segment.code) is Role.OUTLINE


def choose_segments(segments: Sequence[Segment], wanted: Sequence[str] | None = None) -> Choice:
    """Sort the segments of a file into kept and not kept.

    With ``wanted`` (names, without regard to case) exactly those are kept. Else nodes, target volumes and salivary
    glands are kept, other known structures are not, and what is not recognised is kept to be on the safe side.

    :raises InputError: a wanted name is not there, or nothing would be kept: whoever gives a file of nodes means something in it.
    """
    names = {segment.name.casefold() for segment in segments}
    missing = [name for name in wanted or () if name.casefold() not in names]
    if missing:
        raise InputError(f"There is no segment '{missing[0]}'; there are: {', '.join(segment.name for segment in segments)}.")
    asked = None if wanted is None else {name.casefold() for name in wanted}
    taken, guides, lines = [], [], []
    for segment in segments:
        role = role_of(segment.name, segment.code)
        kept = role in _KEPT if asked is None else segment.name.casefold() in asked
        if kept:
            taken.append(segment)
        if role in GUIDING:
            guides.append(segment)
        why = "asked for" if asked is not None and kept else role.value
        lines.append(f"{'kept' if kept else 'not kept'}: '{segment.name}' ({why})")
    if segments and not taken:
        names = ", ".join(f"'{segment.name}'" for segment in segments)
        raise InputError(f"None of {names} is known as a node: name those to keep with --node-segments, or give the file with --protect.")
    return Choice(tuple(taken), tuple(guides), tuple(lines))


def _words(name: str) -> list[str]:
    """Lower-case words: "GTVnLeft_2", "LN-Neck IB" -> gtvn left 2, ln neck ib."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.casefold()) if word]


def _role_of_words(words: list[str]) -> Role:
    plain = {re.sub(r"\d+$", "", word) or word for word in words} | set(words)
    for role, patterns in _WORDS.items():
        for pattern in patterns.split():
            start = pattern.rstrip("*")
            if any(word == start or (pattern.endswith("*") and word.startswith(start)) for word in plain):
                return role
    return Role.UNKNOWN
