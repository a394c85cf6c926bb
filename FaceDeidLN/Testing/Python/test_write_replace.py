"""An output that is replaced: the old one with its companion, or the new one with its own, never a mixture."""

import errno
import json
import os
import signal
import sys

import pytest
from FaceDeidLNLib.core.errors import InputError, OutputError
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
        import os
        from FaceDeidLNLib.output.atomic import Companion
        output = Path(sys.argv[1]) / {output.name!r}
        original, calls = {holder}.{name}, []
        def killed(*words):
            original(*words)
            calls.append(1)
            if len(calls) == {count}:
                os.kill(os.getpid(), 9)
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


@pytest.mark.skipif(os.name == "nt", reason="owners and pipes are POSIX's")
@pytest.mark.parametrize("kind", ["of another user", "open to others", "link", "pipe", "no list"])
def test_renames_that_somebody_else_has_listed_are_not_undone(kind, tmp_path, monkeypatch):
    victim, output = tmp_path / "victim", tmp_path / "out" / "a.nrrd"
    victim.write_text("dear to somebody")
    output.parent.mkdir()
    planted = output.parent / f"{leftovers.prefix(output)}999999999-0.renames"
    steps = json.dumps([[str(victim), victim.stat().st_ino, str(tmp_path / "x")], [str(tmp_path / "none"), 0, str(tmp_path / "y")]])
    match kind:
        case "link":
            (tmp_path / "list").write_text(steps)
            planted.symlink_to(tmp_path / "list")
        case "pipe":
            os.mkfifo(planted)
        case _:
            planted.write_text("null" if kind == "no list" else steps)
            planted.chmod(0o666 if kind == "open to others" else 0o600)
    if kind == "of another user":
        user = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: user + 1)
        leftovers.undo_renames(output)
        monkeypatch.undo()
    else:
        release_file(output)
    assert victim.read_text() == "dear to somebody"
