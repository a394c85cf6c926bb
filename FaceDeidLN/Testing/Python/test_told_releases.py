"""Work that ends before it is done tells which outputs had been released: a panel must not say that nothing left."""

from __future__ import annotations

import pytest
from batches import write_certificate_of
from FaceDeidLNLib.core.errors import Cancelled, InputError, OutputError
from FaceDeidLNLib.steps import study as steps
from FaceDeidLNLib.steps.released import telling_releases
from FaceDeidLNLib.study.plan import plan
from synthetic_study import StudyFolder, study_phantom


def write(place):
    place.write_text("released")
    write_certificate_of(place)


def write_and_stop(place, error):
    with telling_releases(place):
        write(place)
        raise error


@pytest.mark.parametrize("error", [Cancelled("Cancelled"), InputError("A key is missing."), ValueError("odd")])
def test_what_was_released_before_the_end_is_told(error, tmp_path):
    with pytest.raises(OutputError, match=r"one\.nrrd had been released with its certificate\.$"):
        write_and_stop(tmp_path / "one.nrrd", error)


@pytest.mark.parametrize("error", [Cancelled, InputError, ValueError])
def test_an_end_before_anything_was_released_is_raised_as_it_is(error, tmp_path):
    with pytest.raises(error), telling_releases(tmp_path / "one.nrrd"):
        raise error("stopped")


def test_an_output_of_an_earlier_run_was_not_released_by_this_one(tmp_path):
    write(tmp_path / "one.nrrd")
    with pytest.raises(Cancelled), telling_releases(tmp_path / "one.nrrd"):
        raise Cancelled("stopped")


def test_a_study_that_is_cancelled_after_the_first_of_two_tells_the_first(tmp_path, heads_remembered, monkeypatch):
    for name in "ab":
        StudyFolder(tmp_path / "in", study_phantom()).series(study_phantom().ct, name, "Thin")
    planned = plan(tmp_path / "in")
    carried_out = steps.run

    def run(planned, out, *arguments, released, **others):
        def then_cancel():
            released()
            raise Cancelled("Cancelled")

        return carried_out(planned, out, *arguments, released=then_cancel, **others)

    monkeypatch.setattr(steps, "run", run)
    with pytest.raises(OutputError, match=r"Cancelled; .*study-01 had been released with its certificate\.$"):
        steps.release_study(planned, tmp_path / "out", None)
    assert not (tmp_path / "out" / "study-02").exists()
