"""Whose study it is: objects of several persons under one study UID."""

from __future__ import annotations

from collections.abc import Iterable

from ..header.spelling import skeleton
from ..input.dicom_select import plain_name
from .instances import Instance

SEVERAL = "objects of one patient number have several names or days of birth: look whether it is one patient"


def are_several(instances: Iterable[Instance]) -> bool:
    """True where objects name persons that differ, by name or day of birth; what an object does not tell differs from nothing."""
    names, days = set(), set()
    for instance in instances:
        names.add(skeleton(plain_name(instance.text("PatientName")).split("=")[0]))
        days.add(instance.text("PatientBirthDate").strip())
    return len(names - {""}) > 1 or len(days - {""}) > 1


def told_of_persons(instances: Iterable[Instance]) -> tuple[str, ...]:
    """A sentence where a patient's number stands with several persons."""
    return (SEVERAL,) if are_several(instances) else ()
