"""Whoever stops a study is heard while a CT is looked at, not only after it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from FaceDeidLNLib.core.errors import Cancelled
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.progress import idle
from FaceDeidLNLib.steps import follow
from FaceDeidLNLib.study import ct as ct_family
from FaceDeidLNLib.study import decide_ct
from FaceDeidLNLib.study.family import Options
from FaceDeidLNLib.study.plan import plan
from FaceDeidLNLib.study.run import run
from synthetic_study import StudyFolder, study_phantom

pytestmark = pytest.mark.usefixtures("heads_remembered")


@pytest.fixture
def folder(tmp_path):
    """One head in two kernels, so that one of them has to be chosen and the other one follows."""
    ct = study_phantom().ct
    study = StudyFolder(tmp_path / "in", study_phantom())
    study.series(ct, "a", "Thin")
    study.series(ct.with_array(ct.array + 3), "b", "Sharp")
    return study.folder


class Person:
    """Presses Cancel once somebody is at work on a CT; ``heard`` how often he was told that the work goes on."""

    def __init__(self):
        self.at_work, self.heard = False, 0

    def alive(self):
        self.heard += self.at_work
        if self.at_work:
            raise Cancelled("Cancelled")

    def during(self, work, where):
        """``work`` on a CT, which tells that it is alive as the real one does, by its argument ``where``."""

        def done(*asked, **named):
            self.at_work = True
            tell = named.get(where) or next((one for one in asked[1:] if callable(one)), None)
            for _ in range(0 if tell is None else 2):
                tell(*((0.5, "work") if where == "progress" else ()))
            self.at_work = False
            return work(*asked, **named)

        return done


def test_a_plan_is_stopped_while_it_looks_for_the_ct_that_decides(folder, monkeypatch):
    person = Person()
    monkeypatch.setattr(decide_ct, "detect_landmarks", person.during(decide_ct.detect_landmarks, "alive"))
    with pytest.raises(Cancelled):
        plan(folder, person.alive)
    assert person.heard == 1


def test_a_plan_tells_nobody_any_more_once_it_is_made(folder):
    (planned,) = plan(folder, lambda: None).studies
    assert planned.study.alive is idle


@pytest.mark.parametrize(("name", "where"), [("deface", "progress"), ("detect_landmarks", "alive")])
def test_a_study_is_stopped_while_a_ct_is_defaced_or_looked_at_once_more(name, where, folder, tmp_path, monkeypatch):
    person, planned = Person(), plan(folder)
    monkeypatch.setattr(ct_family, name, person.during(getattr(ct_family, name), where))
    with pytest.raises(Cancelled):
        run(planned, tmp_path / "out", Options(parameters=Parameters(seed=11)), progress=lambda fraction, message: person.alive())
    assert person.heard == 1
    assert not (tmp_path / "out").exists()


def test_images_that_follow_are_stopped_too_and_not_told_as_withheld(monkeypatch):
    def stopped(*asked):
        raise Cancelled("Cancelled")

    monkeypatch.setattr(follow, "_image_of", lambda values, identifier, name: (values, True))
    with pytest.raises(Cancelled):
        follow._followed(SimpleNamespace(follow=stopped), ("Sharp", study_phantom().ct, ""), idle)
