"""Which segments are nodes or organs to keep: by name, by terminology code, or by the user's own list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..core.errors import InputError, NoSegmentError
from ..core.segment import Segment
from .vocabulary import Role, is_outline_name, is_plain_organ, role_of_words, words_of

#: SNOMED CT codes (DICOM PS3.16, and pydicom's dictionary) whose meaning settles the role without words.
_CODES = {
    Role.NODE: "59441001 312501005 13482005 81105003 46055009 59503006 155338003 10209003 48918001 143925009 25247006 279145002 58130000",
    Role.ORGAN: "45289007 54019009 385294005",
    Role.GUIDE: "91609006 21387005",
    Role.OUTLINE: "39937001 38266002",
    Role.OTHER: "89545001 81745001 79652003 12738006",
}
#: What is noted of a structure that encloses nothing and is no node, so that it is told and not kept: points of interest, mostly.
OPEN_CODE = "99FACEDEIDLN:OPEN"
_ROLE_OF_CODE = {OPEN_CODE: Role.OPEN} | {f"SCT:{code}": role for role, codes in _CODES.items() for code in codes.split()}
#: Roles of segments that help to find node levels, landmarks or skin.
GUIDING = (Role.GUIDE, Role.ORGAN, Role.OUTLINE)
#: Roles of segments that are protected where nobody says otherwise: what is not recognised too, to be on the safe side.
KEPT = (Role.NODE, Role.ORGAN, Role.UNKNOWN)
#: A refusal tells so many names of a file: more than TotalSegmentator has.
MOST_TOLD = 120


@dataclass(frozen=True, eq=False)
class Choice:
    """The segments that are kept, the ``guides`` to levels, landmarks and skin, and a line for each that says what it was taken for.

    ``left_out`` are those that are not kept by their name alone, without a word of the user.
    """

    taken: tuple[Segment, ...]
    guides: tuple[Segment, ...]
    lines: tuple[str, ...]
    left_out: tuple[Segment, ...] = ()


def one_line(name: str) -> str:
    """A name out of a file with blanks for the ends of lines: it is told in lines that say other things too."""
    return " ".join(name.splitlines())


@lru_cache(maxsize=4096)
def role_of(name: str, code: str = "") -> Role:
    """The role of a segment by its terminology code ("SCT:59441001 Lymph node": scheme, value, meaning), else by its name."""
    value, _, meaning = code.partition(" ")
    if value in _ROLE_OF_CODE:
        return _ROLE_OF_CODE[value]
    if "lymph node" in meaning.casefold():
        return Role.NODE
    words = words_of(name)
    if is_outline_name(words):
        return Role.OUTLINE
    role = role_of_words(words)
    return Role.OTHER if role is Role.UNKNOWN and is_plain_organ(words) else role


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
    choice = sort_segments(segments, wanted)
    if segments and not choice.taken:
        names = ", ".join(f"'{segment.name}' ({role_of(segment.name, segment.code).value})" for segment in segments)
        told = "say which of them to keep (--node-segments), or keep the whole file (--protect)"
        raise InputError(f"None of {names} is known as a node: {told}.")
    return choice


def no_segment(where: str, name: str, there: Sequence[str]) -> NoSegmentError:
    """The refusal of a name that no segment has; ``where`` begins the sentence: "nodes.seg.nrrd has"."""
    more = [f"and {len(there) - MOST_TOLD} more"] if len(there) > MOST_TOLD else []
    cut = any("," in one and name.casefold() in map(str.strip, one.casefold().split(",")) for one in there)
    comma = "; a comma parts two names: rename the segments whose names hold one" if cut else ""
    return NoSegmentError(f"{where} no segment '{name}'; there are: {', '.join([*there[:MOST_TOLD], *more])}{comma}.")


def sort_segments(segments: Sequence[Segment], wanted: Sequence[str] | None = None) -> Choice:
    """As ``choose_segments``, for segments that a program made: nothing in them may be worth keeping.

    :raises InputError: a wanted name is not there.
    """
    names = {segment.name.casefold() for segment in segments}
    missing = [name for name in wanted or () if name.casefold() not in names]
    if missing:
        raise no_segment("There is", missing[0], [segment.name for segment in segments])
    asked = None if wanted is None else {name.casefold() for name in wanted}
    taken, guides, lines, left_out = [], [], [], []
    for segment in segments:
        role = role_of(segment.name, segment.code)
        kept = role in KEPT if asked is None else segment.name.casefold() in asked
        if kept:
            taken.append(segment)
        elif asked is None:
            left_out.append(segment)
        if role in GUIDING:
            guides.append(segment)
        why = "asked for" if asked is not None and kept else role.value
        lines.append(f"{'kept' if kept else 'not kept'}: '{segment.name}' ({why})")
    return Choice(tuple(taken), tuple(guides), tuple(lines), tuple(left_out))
