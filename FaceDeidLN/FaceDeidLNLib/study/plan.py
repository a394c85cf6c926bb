"""The plan: one outcome per instance, made from headers before anything is changed (voxels are read to choose among several CTs only)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.errors import FaceDeidError
from ..core.progress import Alive, idle
from .family import Series, Study
from .instances import Found, Instance, find_instances
from .outcome import Decision, Outcome
from .registry import FAMILIES, family_of

COPY = "a second file of the same instance"


@dataclass(frozen=True, eq=False)
class Entry:
    """An instance and what is planned for it."""

    instance: Instance
    decision: Decision


@dataclass(frozen=True, eq=False)
class StudyPlan:
    """What is planned for a study: every instance has one entry."""

    study: Study
    entries: tuple[Entry, ...]

    def decisions(self, series: Series) -> tuple[Decision, ...]:
        """Those of a series' instances, in their order."""
        known = {id(entry.instance): entry.decision for entry in self.entries}
        return tuple(known[id(instance)] for instance in series.instances)


@dataclass(frozen=True, eq=False)
class Plan:
    """All studies below a folder. ``damaged``: DICOM files that cannot be read; ``others``: files that are no DICOM. Neither leaves."""

    folder: Path
    studies: tuple[StudyPlan, ...]
    damaged: tuple[tuple[Path, str], ...] = ()
    others: tuple[Path, ...] = ()


def plan(folder: Path, alive: Alive = idle) -> Plan:
    """What would happen to every instance below a folder: any tree, order and names; a DICOMDIR is not needed and not believed.

    :raises InputError: there is no DICOM file.
    """
    found = find_instances(folder, alive)
    studies = tuple(_planned(uid, patient, instances) for (patient, uid), instances in _by_study(found).items())
    return Plan(Path(folder), studies, found.damaged, found.others)


def _by_study(found: Found) -> dict[tuple[str, str], list[Instance]]:
    studies: dict[tuple[str, str], list[Instance]] = {}
    for instance in found.instances:
        studies.setdefault((instance.text("PatientID"), instance.text("StudyInstanceUID")), []).append(instance)
    return studies


def _planned(uid: str, patient: str, instances: list[Instance]) -> StudyPlan:
    first: dict[str, Instance] = {}
    for instance in instances:
        first.setdefault(instance.uid, instance)
    groups: dict[tuple[str, str], list[Instance]] = {}
    for instance in first.values():
        groups.setdefault((instance.text("SeriesInstanceUID"), family_of(instance.sop_class)), []).append(instance)
    series = tuple(Series(one, family, tuple(members)) for (one, family), members in groups.items())
    study = Study(uid, patient, series)
    entries = [Entry(instance, decision) for one in series for instance, decision in zip(one.instances, _decided(one, study), strict=True)]
    entries += [Entry(instance, Decision.withhold(COPY)) for instance in instances if first[instance.uid] is not instance]
    return StudyPlan(study, tuple(entries))


def _decided(series: Series, study: Study) -> tuple[Decision, ...]:
    try:
        return FAMILIES[series.family].decide(series, study)
    except FaceDeidError:
        raise
    except Exception as error:  # an object that breaks a reader is one that nobody has judged
        return (Decision.withhold(f"it cannot be judged ({type(error).__name__}: {error})"),) * len(series.instances)


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
            out.append((not first, Series(series.uid, series.family, kept), series))
    return tuple(part for _, part, _ in sorted(out, key=lambda item: item[0]))
