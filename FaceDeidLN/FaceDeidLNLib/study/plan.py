"""The plan: one outcome per instance, made from headers before anything is changed (voxels are read to choose among several CTs only)."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom

from ..core.errors import FaceDeidError, InputError, in_words
from ..core.progress import Alive, idle
from ..core.shortage import shortage
from ..header.spelling import same_number
from ..input.copies import are_same
from ..input.dicom_damaged import Damaged
from ..input.dicom_doubled import doubled
from ..input.dicom_enhanced import PER_FRAME, SHARED, split_frames
from ..input.dicom_header import HeaderSlice, require_sound_place
from ..input.dicom_select import is_localizer, stacks_of, stacks_of_single
from ..input.dicom_stacks import beside_slices, without
from ..input.plausible import MIN_SLICES
from .family import Series, Study
from .images import values_of
from .instances import Found, Instance, find_instances
from .outcome import Decision, Outcome
from .own_frames import located
from .persons import are_several, told_of_persons
from .registry import FAMILIES, family_of

COPY = "a second file of the same instance"
TWO = "two files that differ have its SOP instance UID: nobody knows which of them is meant"
MIXED = "slices of another patient have its series UID: separate them first"
#: Families whose slices may be one stack though each has a series UID of its own.
_STACKED = {"ct", "pet_mr"}
NAMELESS = "its study has no patient number, and objects of several names or days of birth: separate the patients, or give them a number"


@dataclass(frozen=True, eq=False)
class Entry:
    """An instance and what is planned for it."""

    instance: Instance
    decision: Decision


@dataclass(frozen=True, eq=False)
class StudyPlan:
    """What is planned for a study: every instance has one entry. ``damaged``: files that may be instances of it and cannot be read;
    ``notes``: sentences about what is odd and stops nothing."""

    study: Study
    entries: tuple[Entry, ...]
    damaged: tuple[Damaged, ...] = ()
    notes: tuple[str, ...] = ()

    def decisions(self, series: Series) -> tuple[Decision, ...]:
        """Those of a series' instances, in their order."""
        known = {id(entry.instance): entry.decision for entry in self.entries}
        return tuple(known[id(instance)] for instance in series.instances)


@dataclass(frozen=True, eq=False)
class Plan:
    """All studies below a folder. ``damaged``: DICOM files that cannot be read; ``others``: files that are no DICOM. Neither leaves."""

    folder: Path
    studies: tuple[StudyPlan, ...]
    damaged: tuple[Damaged, ...] = ()
    others: tuple[Path, ...] = ()


def plan(folder: Path, alive: Alive = idle) -> Plan:
    """What would happen to every instance below a folder: any tree, order and names; a DICOMDIR is not needed and not believed.

    :raises InputError: there is no DICOM file.
    """
    found = find_instances(folder, alive)
    groups = _by_study(found)
    doubts = _told_twice(groups)
    studies = tuple(
        replace(_planned(uid, patient, instances, doubts, alive), damaged=tuple(one for one in found.damaged if one.study in ("", uid)))
        for (patient, uid), instances in groups.items()
    )
    place = Path(folder)
    return Plan(place.parent if place.is_file() else place, studies, found.damaged, found.others)


def _by_study(found: Found) -> dict[tuple[str, str], list[Instance]]:
    studies: dict[tuple[str, str], list[Instance]] = {}
    spelled: dict[str, str] = {}
    for instance in found.instances:
        patient = instance.text("PatientID")
        patient = spelled.setdefault(same_number(patient), patient)
        studies.setdefault((patient, instance.text("StudyInstanceUID")), []).append(instance)
    return studies


def _told_twice(groups: Mapping[tuple[str, str], Sequence[Instance]]) -> dict[str, str]:
    """What is wrong, by SOP instance UID, where that stands in another study too, or the series' UID with another patient."""
    studies: dict[str, set[tuple[str, str]]] = defaultdict(set)
    patients: dict[str, set[str]] = defaultdict(set)
    for key, instances in groups.items():
        for instance in instances:
            studies[instance.uid].add(key)
            patients[instance.text("SeriesInstanceUID")].add(key[0])
    everything = [instance for instances in groups.values() for instance in instances]
    mixed = {instance.uid: MIXED for instance in everything if len(patients[instance.text("SeriesInstanceUID")]) > 1}
    unnumbered = [instances for (patient, _), instances in groups.items() if not patient.strip() and are_several(instances)]
    nameless = {instance.uid: NAMELESS for instances in unnumbered for instance in instances}
    return nameless | mixed | {uid: TWO for uid, keys in studies.items() if len(keys) > 1}


def _planned(uid: str, patient: str, instances: list[Instance], doubts: Mapping[str, str], alive: Alive) -> StudyPlan:
    first: dict[str, Instance] = {}
    for instance in instances:
        first.setdefault(instance.uid, instance)
    copies = [instance for instance in instances if first[instance.uid] is not instance]
    unclear = {uid: why for uid, why in doubts.items() if uid in first}
    unclear |= {instance.uid: TWO for instance in copies if not _same(instance, first[instance.uid])}
    groups: dict[tuple[str, str], list[Instance]] = {}
    for instance in _joined(tuple(first.values())):
        groups.setdefault((instance.series, family_of(instance.sop_class)), []).append(instance)
    series = tuple(one for (uid_of_one, family), members in groups.items() for one in _stacks(uid_of_one, family, members))
    why = {id(one): told for one in series if (told := _why_unclear(one, unclear))}
    study = Study(uid, patient, located(tuple(one for one in series if id(one) not in why)), alive=alive)
    entries = []
    for one in study.series:
        alive()  # a CT's decision looks for its landmarks
        entries += [Entry(instance, decision) for instance, decision in zip(one.instances, _decided(one, study), strict=True)]
    entries += [Entry(instance, Decision.doubt(why[id(one)])) for one in series if id(one) in why for instance in one.instances]
    doubtful = {instance.uid: Decision.doubt(unclear[instance.uid]) for instance in copies if instance.uid in unclear}
    entries += [Entry(instance, doubtful.get(instance.uid, Decision.withhold(COPY))) for instance in copies]
    notes = told_of_persons(instances) if patient.strip() else ()
    return StudyPlan(replace(study, alive=idle), tuple(entries), notes=notes)  # whoever looked at the plan being made may be gone


def _joined(instances: Sequence[Instance]) -> tuple[Instance, ...]:
    """The instances; slices of one stack that have a series UID each, as some consoles and anonymisers export it, belong to the first's."""
    count = Counter(instance.series for instance in instances)
    single: dict[str, list[HeaderSlice]] = defaultdict(list)
    for one in instances:
        if count[one.series] == 1 and family_of(one.sop_class) in _STACKED:
            single[one.sop_class].append(HeaderSlice(one.path, one.header))
    own: dict[Path, str] = {}
    for slices in single.values():
        with contextlib.suppress(InputError):  # a place that is no number: whoever reads the series says so
            for stack in stacks_of_single(slices, MIN_SLICES):
                own |= dict.fromkeys((item.path for item in stack), str(stack[0].header.SeriesInstanceUID))
    return tuple(replace(one, joined=own[one.path]) if one.path in own else one for one in instances)


def _why_unclear(series: Series, unclear: Mapping[str, str]) -> str:
    """What is wrong with an instance of a series, as ``unclear`` says by SOP instance UID; empty where nothing is."""
    return next((unclear[instance.uid] for instance in series.instances if instance.uid in unclear), "")


def _same(one: Instance, other: Instance) -> bool:
    """True where two files hold the same data set, however it is stored, its pixels compressed or not."""
    try:
        if are_same(one.path, other.path):
            return True
        first, second = pydicom.dcmread(one.path), pydicom.dcmread(other.path)
        if first == second:
            return True
        if first.file_meta.TransferSyntaxUID == second.file_meta.TransferSyntaxUID:
            return False
        del first.PixelData, second.PixelData
        return first == second and np.array_equal(values_of(one), values_of(other))
    except Exception:  # what cannot be compared is not known to be the same
        return False


def _stacks(uid: str, family: str, members: Sequence[Instance]) -> list[Series]:
    """A series, of CT each of its stacks; and each image by itself that is none of its slices."""
    if family not in _STACKED:
        return [Series(uid, family, tuple(members))]
    by_path = {instance.path: instance for instance in members}
    slices = [HeaderSlice(instance.path, instance.header) for instance in members]
    alone = [(one, how) for how, few in _alone(family, slices).items() for one in few]
    rest = without(slices, [one for one, _ in alone])
    parts = [(part, "") for part in (_stacks_of_ct(rest) if family == "ct" else [rest])]
    parts += [([one], how) for one, how in alone]
    return [Series(uid, family, tuple(by_path[one.path] for one in part), n, how) for n, (part, how) in enumerate(parts, start=1)]


def _alone(family: str, slices: list[HeaderSlice]) -> dict[str, list[HeaderSlice]]:
    """The images that are no slices of a series, and those of CT that are there twice, by what they are."""
    images = [one for one in slices if not is_localizer(one)]
    try:
        odd = beside_slices(images)
        rest = without(images, [one for few in odd.values() for one in few])
        single = [one for one in rest if PER_FRAME not in one.header and SHARED not in one.header]
        return odd | (doubled(stacks_of(single)) if family == "ct" else {})
    except InputError:  # a place that is no number: whoever reads the series says so
        return {}


def _stacks_of_ct(slices: list[HeaderSlice]) -> list[list[HeaderSlice]]:
    """The scouts, and each stack of slices or of multi-frame objects (phases, kernels, directions) by itself."""
    scouts = [one for one in slices if is_localizer(one)]
    whole = [one for one in slices if one not in scouts and (PER_FRAME in one.header or SHARED in one.header)]
    parts = [part for part in (scouts, *_multi_frame(whole)) if part]
    rest = [one for one in slices if one not in scouts and one not in whole]
    try:
        parts += stacks_of(rest) if rest else []
    except InputError:  # as above
        parts.append(rest)
    return parts


def _multi_frame(objects: list[HeaderSlice]) -> list[list[HeaderSlice]]:
    """The multi-frame objects of each stack of frames; all of them together where one object holds frames of several stacks."""
    if len(objects) < 2:
        return [objects]
    try:
        stacks = stacks_of([frame for one in objects for frame in split_frames(one)])
    except InputError:  # as above
        return [objects]
    paths = [{frame.path for frame in stack} for stack in stacks]
    if sum(map(len, paths)) > len(objects):
        return [objects]
    return [[one for one in objects if one.path in own] for own in paths]


def _decided(series: Series, study: Study) -> tuple[Decision, ...]:
    try:
        return FAMILIES[series.family].decide(series, study)
    except FaceDeidError:
        raise
    except Exception as error:  # an object that breaks a reader is one that nobody has judged
        if shortage(error):
            raise
        return (Decision.broken(_told(error, series)),) * len(series.instances)


def _told(error: Exception, series: Series) -> str:
    """What is wrong with the place of an image of a series that broke a reader; where nothing is, what the reader said."""
    try:
        for instance in series.instances if series.family in _STACKED else ():
            require_sound_place(HeaderSlice(instance.path, instance.header))
    except FaceDeidError as damaged:
        return str(damaged).rstrip(".")
    return in_words(error)


def to_do(planned: StudyPlan, family: str) -> tuple[Series, ...]:
    """The series of a family with those instances that are not withheld by the plan; the CT that decides comes first."""
    out = []
    for series in planned.study.series:
        if series.family != family:
            continue
        decisions = planned.decisions(series)
        kept = tuple(instance for instance, one in zip(series.instances, decisions, strict=True) if one.outcome is not Outcome.WITHHOLD)
        if kept:
            first = any(one.outcome is Outcome.DEFACE for one in decisions)
            out.append((not first, replace(series, instances=kept)))
    return tuple(part for _, part in sorted(out, key=lambda item: item[0]))
