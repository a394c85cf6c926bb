"""An output that is replaced: the old one with its companion, or the new one with its own, never a mixture."""

import errno
import json
import os
import signal
import sys
import threading

import pytest
from FaceDeidLNLib.core.errors import InputError, OutputError
from FaceDeidLNLib.core.guard_process import take_back
from FaceDeidLNLib.output import atomic, leftovers
from FaceDeidLNLib.output.atomic import Companion
from releases import companion_of, names, release_file, release_folder, start


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("moment", ["rename 1", "rename 2", "link 1", "link 2"])
def test_killed_while_replacing_the_old_output_never_has_the_new_companion_and_comes_back(kind, moment, tmp_path):
    output = tmp_path / ("a.nrrd" if kind == "file" else "b")
    release = release_file if kind == "file" else release_folder
    release(output, companion=companion_of(output, "old"))
    before = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    name, count = moment.split()
    holder = "Path" if name == "rename" else "os"
    code = f"""
        import os, signal
        from FaceDeidLNLib.output.atomic import Companion
        output = Path(sys.argv[1]) / {output.name!r}
        original, calls = {holder}.{name}, []
        def killed(*words):
            original(*words)
            calls.append(1)
            if len(calls) == {count}:
                os.kill(os.getpid(), 9)
                signal.pause()  # it may take another instruction to die
        {holder}.{name} = killed
        beside = Companion(output.with_suffix(".json"), lambda _, path: path.write_text("new"))
        with released_{kind}(output, overwrite=True, companion=beside) as partial:
            (partial if {kind == "file"} else partial / "IM0001.dcm").write_text("new")
        os.kill(os.getpid(), 9)
    """
    process = start(code, tmp_path)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    companion = output.with_suffix(".json")
    if output.exists() and output.stat().st_ino == before[output.name]:
        assert not companion.exists() or companion.read_text() == "old"
    with pytest.raises(InputError, match="exists"):
        release(output, companion=companion_of(output, "third"))
    kept = companion.read_text()
    assert (output.stat().st_ino == before[output.name]) == (kept == "old")
    assert names(tmp_path) == sorted([output.name, companion.name])


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("failing", ["write", "rename", "sync"])
def test_a_failure_while_replacing_leaves_output_and_companion_as_they_were(kind, failing, tmp_path, monkeypatch):
    output = tmp_path / ("a.nrrd" if kind == "file" else "b")
    release = release_file if kind == "file" else release_folder
    release(output, companion=companion_of(output, "old"))
    before = output.stat().st_ino

    def fail(*_):
        raise OSError(errno.EIO, "I/O error")

    companion = companion_of(output, "new")
    if failing == "write":
        companion = Companion(companion.path, fail)
    elif failing == "sync":
        monkeypatch.setattr(atomic, "_sync", fail)
    else:
        rename = atomic._rename_to_free
        monkeypatch.setattr(atomic, "_rename_to_free", lambda new, place: fail() if place.name == output.name else rename(new, place))
    with pytest.raises(OutputError, match="could not be written"):
        release(output, overwrite=True, companion=companion)
    assert output.stat().st_ino == before
    assert companion.path.read_text() == "old"
    assert names(tmp_path) == sorted([output.name, companion.path.name])


def test_the_companion_of_somebody_elses_output_is_not_replaced(tmp_path):
    output = tmp_path / "a.nrrd"

    def theirs_appears(*_):
        output.write_text("theirs")
        companion.path.write_text("theirs")

    companion = Companion(output.with_suffix(".json"), lambda partial, beside: (beside.write_text("ours"), theirs_appears()))
    with pytest.raises(OutputError, match="somebody else"):
        release_file(output, companion=companion)
    assert (output.read_text(), companion.path.read_text()) == ("theirs", "theirs")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
def test_a_link_to_a_folder_is_replaced_and_what_it_leads_to_stays(tmp_path):
    release_folder(tmp_path / "old", names=("IM0001.dcm",))
    (tmp_path / "link").symlink_to("old")
    release_folder(tmp_path / "link", names=("IM0002.dcm",), overwrite=True)
    assert names(tmp_path) == ["link", "old"]
    assert (names(tmp_path / "old"), names(tmp_path / "link")) == (["IM0001.dcm"], ["IM0002.dcm"])


def listed(victim, output, waits=".facedeidln-1.replaced"):
    """A list of renames of a process that is gone, by which the victim is to be taken away; the last of them did not happen."""
    steps = [
        [str(victim), victim.stat().st_ino, str(victim.parent / waits)],
        [str(output), 0, str(output.parent / ".facedeidln-2.replaced")],
    ]
    return json.dumps(steps)


@pytest.fixture
def victim(tmp_path):
    (tmp_path / "victim").write_text("dear to somebody")
    return tmp_path / "victim"


@pytest.fixture
def planted(tmp_path):
    """Where a list lies that the output ``a.nrrd`` beside it would take up."""
    return tmp_path / f"{leftovers.prefix(tmp_path / 'a.nrrd')}999999999-0.renames"


def test_renames_of_ours_that_did_not_all_happen_are_undone(victim, planted):
    planted.write_text(listed(victim, planted.with_name("a.nrrd")))
    leftovers.undo_renames(planted.with_name("a.nrrd"))
    assert not victim.exists()


@pytest.mark.skipif(os.name == "nt", reason="owners and pipes are POSIX's")
@pytest.mark.parametrize("undo", ["at the next run", "after a death"])
@pytest.mark.parametrize("kind", ["of another user", "link", "pipe", "what waits is not hidden", "what waits lies elsewhere"])
def test_renames_that_somebody_else_has_listed_are_not_undone(kind, undo, victim, planted, monkeypatch):
    output = planted.with_name("a.nrrd")
    waits = {"what waits is not hidden": "x", "what waits lies elsewhere": "below/.facedeidln-1.replaced"}.get(
        kind, ".facedeidln-1.replaced"
    )
    text = listed(victim, output, waits)
    match kind:
        case "link":
            planted.with_name("list").write_text(text)
            planted.symlink_to("list")
        case "pipe":
            os.mkfifo(planted)
            threading.Thread(target=planted.write_text, args=(text,), daemon=True).start()
        case _:
            planted.write_text(text)
    if kind == "of another user":
        user = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: user + 1)
    (leftovers.undo_renames if undo == "at the next run" else lambda _: take_back(planted))(output)
    monkeypatch.undo()
    assert victim.read_text() == "dear to somebody"
    if kind == "pipe":
        os.close(os.open(planted, os.O_RDONLY | os.O_NONBLOCK))  # lets the one who writes go


@pytest.mark.parametrize("text", ["null", "[[1]]", "", "[" * 9999])
def test_what_is_no_list_of_renames_hinders_no_output(text, planted):
    planted.write_text(text)
    release_file(planted.with_name("a.nrrd"))
    assert names(planted.parent) == ["a.nrrd"]
