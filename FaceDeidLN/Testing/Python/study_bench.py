"""A study whose CT was de-identified once for all tests of a process that work on its other objects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.study.family import Options, Series, StudyRun
from FaceDeidLNLib.study.plan import StudyPlan, plan, to_do
from FaceDeidLNLib.study.registry import FAMILIES
from FaceDeidLNLib.study.writer import StudyWriter
from synthetic_objects import write_segments
from synthetic_study import StudyFolder, study_phantom, write_whole_study


@dataclass
class Bench:
    """A study whose CT was de-identified once; each test works on the other families in a folder of its own."""

    source: StudyFolder
    planned: StudyPlan
    run: StudyRun
    ct: Path

    def again(self, root: Path) -> StudyRun:
        """The same work with a writer of its own that starts with the released CT."""
        writer = StudyWriter(root, self.run.writer.policy)
        for uid, path in self.run.writer.written.items():
            place = root / path.relative_to(self.run.writer.root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path)
            writer.written[uid] = place
        other = StudyRun(self.run.study, self.run.options, writer, np.random.default_rng(1), dict(self.run.hidden))
        other.deciding.extend(self.run.deciding)
        other.seen.update(self.run.seen)
        writer._folders.update({key: root / folder.name for key, folder in self.run.writer._folders.items()})
        return other

    def series(self, family: str) -> Series:
        return to_do(self.planned, family)[0]


#: The bench, once it is made.
_MADE: list[Bench] = []


def bench_in(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The bench; the same object for all tests of a process."""
    if not _MADE:
        _MADE.append(_made(tmp_path_factory))
    return _MADE[0]


def _made(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("families")
    source = write_whole_study(folder / "in", study_phantom())
    planned = plan(source.folder).studies[0]
    policy = KeepHeader()
    for entry in planned.entries:
        policy.learn(entry.instance.header)
    (folder / "out").mkdir()
    run = StudyRun(planned.study, Options(parameters=Parameters(seed=11)), StudyWriter(folder / "out", policy), np.random.default_rng(1))
    FAMILIES["ct"].release(to_do(planned, "ct")[0], run)
    return Bench(source, planned, run, folder / "out" / "01-CT")


def other_segments(bench: Bench, folder: Path, kind: str, shrunk_mm: float = 0.0) -> Series:
    """A segmentation object of another kind, or of the head made smaller, as a series of its own."""
    (folder / "segments").mkdir()
    write_segments(folder / "segments" / "seg.dcm", sorted((bench.source.folder / "ct").iterdir()), bench.source, kind, shrunk_mm)
    return plan(folder / "segments").studies[0].study.series[0]
