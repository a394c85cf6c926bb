"""Several outputs that appear together (a CT and what follows it): all or none, wherever the process is killed between the renames."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

import pytest
from FaceDeidLNLib.core.errors import OutputError
from FaceDeidLNLib.output import atomic
from FaceDeidLNLib.output.atomic import released_together
from FaceDeidLNLib.output.leftovers import sibling, undo_renames
from test_study_killed import killed_at

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals are POSIX's")
#: The outputs in the order in which they get their names: what follows, then the CT; two are files, one is a folder.
OUTPUTS = ("pet.nrrd", "mr", "ct.nrrd")
#: The renames: of what is replaced, and of certificate and output of each.
MOMENTS = [("_rename_to_free", call) for call in range(1, 2 * len(OUTPUTS) + 1)]


def release(folder: Path, text: str) -> None:
    places = [(folder / name, folder / f"{name}.certificate.json") for name in OUTPUTS]
    with released_together(places, overwrite=True) as hidden:
        for name in hidden:
            if name.suffix:
                name.write_text(text)
            else:
                name.mkdir()
                (name / "IM1.dcm").write_text(text)
            name.with_name(f"{name.name}.certificate.json").write_text(text)


def content(folder: Path) -> dict[str, str]:
    """Every file and what it says; what the guard is just taking away is passed over, at whatever moment it goes."""
    said = {}
    for path in (Path(parent, name) for parent, _, names in os.walk(folder) for name in names if not name.endswith(".lock")):
        with contextlib.suppress(FileNotFoundError):
            said[path.relative_to(folder).as_posix()] = path.read_text()
    return said


def settled(folder: Path, wanted: dict[str, str]) -> bool:
    """True once the guard has done its work; it needs a moment."""
    deadline = time.monotonic() + 300
    while content(folder) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    return content(folder) == wanted


@pytest.mark.parametrize(("name", "call"), MOMENTS)
def test_no_output_is_there_without_the_others_where_the_process_is_killed_between_the_renames(tmp_path, name, call):
    killed_at(atomic, name, call, lambda: release(tmp_path, "new"), alone=False)
    assert settled(tmp_path, {})


@pytest.mark.parametrize(("name", "call"), MOMENTS)
def test_the_earlier_outputs_come_back_together_where_the_process_is_killed_between_the_renames(tmp_path, name, call):
    release(tmp_path, "old")
    before = content(tmp_path)
    killed_at(atomic, name, call, lambda: release(tmp_path, "new"), alone=False)
    assert settled(tmp_path, before)


@pytest.mark.parametrize("call", [1, 4, 6])
def test_what_guard_and_process_left_half_done_is_undone_by_the_next_run(tmp_path, monkeypatch, call):
    release(tmp_path, "old")
    before = content(tmp_path)
    killed_at(atomic, "_rename_to_free", call, lambda: release(tmp_path, "new"), alone=True)
    assert content(tmp_path) != before
    monkeypatch.setattr(atomic, "_rename_all", refused)
    with pytest.raises(OutputError):
        release(tmp_path, "newer")
    assert content(tmp_path) == before


@pytest.mark.parametrize("is_hidden", [False, True])
def test_only_what_waits_under_a_hidden_name_beside_its_own_is_taken_away(tmp_path, is_hidden):
    output, precious = tmp_path / "ct.nrrd", tmp_path / "thesis"
    output.write_text("released")
    precious.mkdir()
    waits = sibling(output, "replaced") if is_hidden else precious
    waits.mkdir(exist_ok=True)
    sibling(output, "renames").write_text(json.dumps([[str(output), output.stat().st_ino, str(waits)]]))
    undo_renames(output, is_locked=True)
    assert precious.is_dir()
    assert waits.exists() != is_hidden


def refused(*_: object) -> None:
    raise OutputError("refused")


@pytest.mark.parametrize("call", range(1, 7))
def test_the_earlier_outputs_stay_where_the_disk_is_full_at_any_rename(tmp_path, monkeypatch, call):
    release(tmp_path, "old")
    before, rename, calls = content(tmp_path), atomic._rename_to_free, []

    def fail(new: Path, place: Path) -> None:
        calls.append(place)
        if len(calls) == call:
            raise OSError(28, "No space left on device")
        rename(new, place)

    monkeypatch.setattr(atomic, "_rename_to_free", fail)
    with pytest.raises(OutputError, match="No space"):
        release(tmp_path, "new")
    assert content(tmp_path) == before


def test_what_is_complete_stays_where_the_process_is_killed_after_the_last_rename(tmp_path):
    release(tmp_path, "old")
    wanted = dict.fromkeys(content(tmp_path), "new")
    killed_at(atomic, "remove", 1, lambda: release(tmp_path, "new"), alone=False)
    assert settled(tmp_path, wanted)
