"""The options of the confidentiality profile, by the names that a user types (DICOM PS3.15 Annex E, PS3.16 CID 7050)."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import InputError


@dataclass(frozen=True)
class ProfileOption:
    """An option of PS3.15 E.3: its ``name`` here, its column in Table E.1-1, its code in CID 7050 and the code's meaning."""

    name: str
    column: str
    code: str
    meaning: str


BASIC = ProfileOption("basic", "basic", "113100", "Basic Application Confidentiality Profile")
OPTIONS: dict[str, ProfileOption] = {
    option.name: option
    for option in (
        ProfileOption("clean-graphics", "clean_graphics", "113103", "Clean Graphics Option"),
        ProfileOption("clean-structured-content", "clean_structured_content", "113104", "Clean Structured Content Option"),
        ProfileOption("clean-descriptors", "clean_descriptors", "113105", "Clean Descriptors Option"),
        ProfileOption(
            "modified-dates",
            "retain_longitudinal_modified_dates",
            "113107",
            "Retain Longitudinal Temporal Information Modified Dates Option",
        ),
        ProfileOption("patient-characteristics", "retain_patient_characteristics", "113108", "Retain Patient Characteristics Option"),
        ProfileOption("device-identity", "retain_device_identity", "113109", "Retain Device Identity Option"),
        ProfileOption("safe-private", "retain_safe_private", "113111", "Retain Safe Private Option"),
    )
}
#: Codes of what was done to the pixels, beside any profile, and what they mean.
FACE_CODES = {"113101": "Clean Pixel Data Option", "113102": "Clean Recognizable Visual Features Option"}
#: What a certificate calls the profile.
PROFILE = "DICOM PS3.15 Annex E, Basic Application Level Confidentiality Profile"
KEEP, RESEARCH = "keep", "research"
#: What ``--header`` begins with, and what the panel offers.
CHOICES = (KEEP, BASIC.name, RESEARCH)
#: What archives like TCIA ask for.
RESEARCH_OPTIONS = ("modified-dates", "patient-characteristics", "clean-descriptors", "safe-private")


def options_named(text: str) -> frozenset[str] | None:
    """The options of ``--header``: "keep" (None), "basic", "research", or one of these two with further options after commas.

    :raises InputError: another name.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if words == [KEEP]:
        return None
    if not words or words[0] not in (BASIC.name, RESEARCH) or not set(words[1:]) <= set(OPTIONS):
        raise InputError(
            f"--header {text}: choose {KEEP}, {BASIC.name} or {RESEARCH}, the last two with any of these after a comma: "
            f"{', '.join(OPTIONS)}."
        )
    return frozenset([*(RESEARCH_OPTIONS if words[0] == RESEARCH else ()), *words[1:]])


def codes_of(options: frozenset[str]) -> list[ProfileOption]:
    """The basic profile and the options in force, in the order of their codes."""
    return [BASIC, *(option for name, option in OPTIONS.items() if name in options)]
