"""Outputs appear whole or not at all."""

import errno
import os
import signal
import stat
from pathlib import Path

import pytest
from FaceDeidLNLib.core.errors import InputError, OutputError
from FaceDeidLNLib.output import atomic, leftovers
from FaceDeidLNLib.output.atomic import released_file, released_folder, released_together
from FaceDeidLNLib.output.destination import require_destination
from releases import companion_of, kill_once_begun, names, release_file, release_folder, start


def test_a_file_appears_with_its_content(tmp_path):
    release_file(tmp_path / "a.nrrd")
    assert names(tmp_path) == ["a.nrrd"]
    assert (tmp_path / "a.nrrd").read_text() == "new"


def test_nothing_has_the_name_while_it_is_written(tmp_path):
    with released_file(tmp_path / "a.nii.gz") as partial:
        partial.write_text("x")
        assert not (tmp_path / "a.nii.gz").exists()
        assert partial.parent.parent.samefile(tmp_path)
        assert partial.parent.name.startswith(".facedeidln-")
        assert partial.name == "a.nii.gz"


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.parametrize("released", [released_file, released_folder])
def test_nobody_else_can_look_into_what_is_not_complete(released, tmp_path):
    before = os.umask(0)
    try:
        with released(tmp_path / "a") as partial:
            assert stat.S_IMODE(partial.parent.stat().st_mode) == 0o700
            if released is released_file:
                partial.write_text("x")
    finally:
        os.umask(before)


def test_what_another_process_of_that_number_left_goes_because_nobody_holds_the_lock(tmp_path):
    left = leftovers.sibling(tmp_path / "a.nrrd", "partial")  # named after this process, which lives
    left.mkdir()
    release_file(tmp_path / "a.nrrd")
    assert names(tmp_path) == ["a.nrrd"]


@pytest.mark.parametrize(("process", "is_left"), [("\u00b2", False), ("9" * 30, True), ("none", False), ("mine", False)])
def test_a_name_like_ours_is_judged_whatever_stands_for_its_process(tmp_path, process, is_left):
    ours, mine = leftovers.sibling(tmp_path / "a.nrrd", "partial").name, str(os.getpid())
    start, _, rest = ours.partition(f"{mine}-")
    assert leftovers._is_left(tmp_path / f"{start}{mine if process == 'mine' else process}-{rest}", start, is_locked=False) is is_left


def test_missing_folders_above_the_output_are_made(tmp_path):
    release_file(tmp_path / "new" / "deep" / "a.nrrd")
    assert (tmp_path / "new" / "deep" / "a.nrrd").exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OutputError])
def test_an_exception_leaves_nothing(tmp_path, error):
    def stop(half):
        half.write_text("half")
        raise error("stop")

    with pytest.raises(error), released_file(tmp_path / "a.nrrd") as partial:
        stop(partial)
    with pytest.raises(error), released_folder(tmp_path / "a") as partial:
        stop(partial / "x")
    assert names(tmp_path) == []


def test_an_exception_leaves_the_old_output_in_its_place(tmp_path):
    release_file(tmp_path / "a.nrrd", "old")
    release_folder(tmp_path / "b")
    with pytest.raises(ValueError, match="stop"), released_file(tmp_path / "a.nrrd", overwrite=True):
        raise ValueError("stop")
    with pytest.raises(ValueError, match="stop"), released_folder(tmp_path / "b", overwrite=True):
        raise ValueError("stop")
    assert (tmp_path / "a.nrrd").read_text() == "old"
    assert names(tmp_path / "b") == ["IM0001.dcm"]


def test_a_body_that_wrote_nothing_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="could not be written"), released_file(tmp_path / "a.nrrd"):
        pass


def test_an_existing_output_is_refused(tmp_path):
    release_file(tmp_path / "a.nrrd", "old")
    release_folder(tmp_path / "b")
    with pytest.raises(InputError, match="exists"):
        release_file(tmp_path / "a.nrrd")
    with pytest.raises(InputError, match="exists"):
        release_folder(tmp_path / "b")
    assert (tmp_path / "a.nrrd").read_text() == "old"


def test_an_existing_output_is_replaced_where_that_is_allowed(tmp_path):
    release_file(tmp_path / "a.nrrd", "old")
    release_folder(tmp_path / "b", ["IM0001.dcm", "IM0002.dcm"])
    release_file(tmp_path / "a.nrrd", overwrite=True)
    release_folder(tmp_path / "b", overwrite=True)
    assert (tmp_path / "a.nrrd").read_text() == "new"
    assert names(tmp_path / "b") == ["IM0001.dcm"]
    assert names(tmp_path) == ["a.nrrd", "b"]


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "b").mkdir()
    release_folder(tmp_path / "b")
    assert names(tmp_path / "b") == ["IM0001.dcm"]


@pytest.mark.parametrize("name", ["thesis.docx", "sub"])
def test_a_folder_that_holds_other_things_is_not_replaced(tmp_path, name):
    other = tmp_path / "b" / name
    other.mkdir(parents=True) if name == "sub" else (other.parent.mkdir(), other.write_text("dear"))
    with pytest.raises(InputError, match=f"holds other files .{name}"):
        release_folder(tmp_path / "b", overwrite=True)
    assert other.exists()


def test_what_was_made_by_somebody_else_in_the_meantime_is_kept(tmp_path):
    with pytest.raises(OutputError, match="somebody else"), released_file(tmp_path / "a.nrrd") as partial:
        [path.write_text("theirs") for path in (partial, tmp_path / "a.nrrd")]
    assert (tmp_path / "a.nrrd").read_text() == "theirs"


@pytest.mark.skipif(os.name == "nt", reason="another name for a place is made by POSIX means here")
def test_an_input_by_another_name_is_an_input(tmp_path, monkeypatch):
    """As through a bind mount, or on a disk that knows no case: the names tell nothing, what is there does."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ct.nrrd").write_text("original")
    (tmp_path / "there").symlink_to("in")
    os.link(tmp_path / "in" / "ct.nrrd", tmp_path / "hard.nrrd")
    monkeypatch.setattr(Path, "resolve", lambda self, strict=False: self.absolute())
    for output, source in (("there/ct.nrrd", "in/ct.nrrd"), ("hard.nrrd", "in/ct.nrrd"), ("there/a.nrrd", "in"), ("in/a.nrrd", "there")):
        with pytest.raises(InputError, match="choose another place"):
            release_file(tmp_path / output, overwrite=True, inputs=[tmp_path / source])
        with pytest.raises(InputError, match="name another place"):
            require_destination(tmp_path / output, True, [tmp_path / source])
    assert (tmp_path / "in" / "ct.nrrd").read_text() == "original"


@pytest.mark.parametrize("output", ["in", "in/out", "."])
def test_an_output_that_is_inside_or_around_the_input_is_refused(tmp_path, output):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="choose another place"):
        release_folder(tmp_path / output, overwrite=True, inputs=[tmp_path / "in"])


def test_a_link_to_the_input_is_refused_as_output(tmp_path):
    (tmp_path / "ct.nrrd").write_text("ct")
    (tmp_path / "link.nrrd").symlink_to(tmp_path / "ct.nrrd")
    with pytest.raises(InputError, match="choose another place"):
        release_file(tmp_path / "link.nrrd", overwrite=True, inputs=[tmp_path / "ct.nrrd"])


def test_a_file_is_refused_where_a_folder_is_and_the_reverse(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a").write_text("x")
    with pytest.raises(InputError, match="is a folder"):
        release_file(tmp_path / "b", overwrite=True)
    with pytest.raises(InputError, match="is a file"):
        release_folder(tmp_path / "a", overwrite=True)


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        release_file(tmp_path / "file" / "a.nrrd")


@pytest.mark.parametrize("released", [released_file, released_folder])
def test_a_name_that_is_too_long_is_one_sentence(released, tmp_path):
    with pytest.raises(OutputError, match="could not be written"), released(tmp_path / ("a" * 300)):
        pass


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(InputError, match="not writable"):
        release_file(tmp_path / "locked" / "a.nrrd")


def test_a_killed_process_leaves_no_file_under_the_name(tmp_path):
    process = start(
        "with released_file(Path(sys.argv[1]) / 'a.nrrd') as p:\n    p.write_text('half')\n    import time; time.sleep(60)", tmp_path
    )
    kill_once_begun(process, tmp_path)
    assert [n for n in names(tmp_path) if not n.startswith(".facedeidln-")] == []


def test_the_next_run_clears_what_a_killed_one_left(tmp_path):
    for name in ("a.nrrd", "b"):
        kind = "file" if name == "a.nrrd" else "folder"
        target = "p" if kind == "file" else "(p / 'x')"
        process = start(
            f"with released_{kind}(Path(sys.argv[1]) / '{name}') as p:\n    {target}.write_text('half')\n    import time; time.sleep(60)",
            tmp_path,
        )
        kill_once_begun(process, tmp_path)
        (release_file if kind == "file" else release_folder)(tmp_path / name)
    assert names(tmp_path) == ["a.nrrd", "b"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_another_run_is_writing_is_left_alone(overwrite, tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers, "_is_alive", lambda process: False)  # as in another PID namespace
    with released_file(tmp_path / "a.nrrd") as first:
        first.write_text("first")
        with pytest.raises(OutputError, match="Another run is writing"):
            release_file(tmp_path / "a.nrrd", "second", overwrite=overwrite)
        assert first.exists()
    assert (tmp_path / "a.nrrd").read_text() == "first"
    assert names(tmp_path) == ["a.nrrd"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_synchronise_folders_has_its_output_all_the_same(number, tmp_path, monkeypatch):
    fsync = os.fsync

    def files_only(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, "not offered")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    release_file(tmp_path / "a.nrrd", companion=companion_of(tmp_path / "a.nrrd", "c"))
    release_folder(tmp_path / "b")
    assert names(tmp_path) == ["a.json", "a.nrrd", "b"]


def test_a_disk_error_after_the_last_rename_says_that_the_output_is_there(tmp_path, monkeypatch):
    sync = atomic._sync

    def files_only(path):
        if path.samefile(tmp_path):
            raise OSError(errno.EIO, "I/O error")
        sync(path)

    monkeypatch.setattr(atomic, "_sync", files_only)
    with pytest.raises(OutputError, match="was written and checked"):
        release_file(tmp_path / "a.nrrd")
    assert (tmp_path / "a.nrrd").read_text() == "new"


def test_without_hard_links_an_output_is_released_and_no_other_replaced(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(errno.ENOTSUP, "not offered")

    monkeypatch.setattr(os, "link", no_links)
    release_file(tmp_path / "a.nrrd")
    with pytest.raises(OutputError, match="somebody else"), released_file(tmp_path / "b.nrrd") as partial:
        [path.write_text("theirs") for path in (partial, tmp_path / "b.nrrd")]
    assert names(tmp_path) == ["a.nrrd", "b.nrrd"]


def test_an_old_folder_comes_back_when_the_process_died_between_the_two_renames(tmp_path):
    release_folder(tmp_path / "b", ["old.dcm"])
    code = """
        import os, signal
        from FaceDeidLNLib.core import guard
        keep = Path.rename
        def rename(a, b):
            keep(a, b)
            os.kill(guard._guard(os.getpid()).process_id, 9)  # or it would bring the folder back before anybody looks
            os.kill(os.getpid(), 9)
            signal.pause()  # it may take another instruction to die
        with released_folder(Path(sys.argv[1]) / 'b', overwrite=True) as p:
            (p / 'new.dcm').write_text('new')
            Path.rename = rename
    """
    process = start(code, tmp_path)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "b").exists()
    with pytest.raises(InputError, match="exists"):
        release_folder(tmp_path / "b")
    assert names(tmp_path / "b") == ["old.dcm"]


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path):
    code = """
        import resource, signal
        import numpy as np
        from FaceDeidLNLib.core.errors import OutputError
        from FaceDeidLNLib.core.geometry import Geometry
        from FaceDeidLNLib.core.volume import Volume
        from FaceDeidLNLib.input.case import CtInput
        from FaceDeidLNLib.output.images import write_image
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        noise = np.random.default_rng(0).integers(-1000, 1000, (40, 50, 60)).astype(np.int16)
        folder = Path(sys.argv[1])
        ct = CtInput(Volume(noise, Geometry(noise.shape, np.eye(4))), folder / "in" / "ct.nrrd", ".nrrd")
        for extension, size in ((".nrrd", 150_000), (".nii.gz", 150_000), (".mha", 150_000), (".nii", 150_000), (".nrrd", 0)):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            try:
                write_image(ct, ct.volume, folder / f"out{extension}")
            except OutputError as error:
                assert "nothing is left of it" in str(error), error
            else:
                raise AssertionError("a file larger than the limit was released")
    """
    process = start(code, tmp_path)
    assert process.communicate()[1].count("AssertionError") == 0
    assert process.returncode == 0
    assert names(tmp_path) == []


def _write_two(folder: Path, overwrite: bool = False) -> None:
    places = [(folder / name, folder / f"{name}.txt") for name in ("a", "b")]
    with released_together(places, overwrite) as hidden:
        for name, (_, companion) in zip(hidden, places, strict=True):
            name.mkdir()
            (name / "new").write_text("new")
            name.with_name(companion.name).write_text("new")


def test_several_outputs_appear_together(tmp_path):
    _write_two(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.txt", "b", "b.txt"]


@pytest.mark.parametrize("failing", ["a.txt", "a", "b.txt", "b"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_of_several_outputs_none_appears_where_one_cannot_and_what_was_there_comes_back(tmp_path, monkeypatch, failing, overwrite):
    if overwrite:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "old").write_text("old")
        (tmp_path / "b.txt").write_text("old")
    before = sorted(tmp_path.rglob("*"))
    rename = atomic._rename_to_free

    def fail(new: Path, place: Path) -> None:
        if place.name == failing:
            raise OSError(28, "No space left on device")
        rename(new, place)

    monkeypatch.setattr(atomic, "_rename_to_free", fail)
    with pytest.raises(OutputError):
        _write_two(tmp_path, overwrite)
    assert sorted(tmp_path.rglob("*")) == before
