"""A folder that somebody swaps for a link while an output is written there."""

import contextlib
import os
import stat
import sys
import threading
from pathlib import Path

import pytest
from FaceDeidLNLib.core.errors import OutputError
from FaceDeidLNLib.output.atomic import released_file, released_folder
from releases import companion_of, release_file, release_folder


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_a_link_that_takes_the_place_of_the_folder_meanwhile_gets_nothing_and_shows_nothing(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "theirs").mkdir()

    def swap(partial):
        partial.write_text("half")
        (tmp_path / "out").rename(tmp_path / "moved")
        (tmp_path / "out").symlink_to(tmp_path / "theirs")

    with pytest.raises(OutputError), released_file(tmp_path / "out" / "a.nrrd") as partial:
        swap(partial)
    assert list((tmp_path / "theirs").iterdir()) == []
    left = [path for path in (tmp_path / "moved").iterdir() if path.is_dir()]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in left)


def swap_a_file(tmp_path, partial):
    partial.write_bytes(b"whole")
    (tmp_path / "out").rename(tmp_path / "moved")
    (tmp_path / "out").symlink_to(tmp_path / "shared")
    (tmp_path / "shared" / partial.parent.name).mkdir()
    partial.write_bytes(b"more")  # where the system knows the folder by its name alone, this lands in the other one


def swap_a_folder(tmp_path, partial):
    (partial / "deep").mkdir()
    (partial / "deep" / "1.dcm").write_bytes(b"slice")
    (partial / "link").symlink_to(tmp_path / "shared")
    (tmp_path / "out").rename(tmp_path / "moved")
    (tmp_path / "out").symlink_to(tmp_path / "shared")


@pytest.mark.skipif(os.name == "nt", reason="a folder with open files cannot be renamed there")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_swapped_for_a_link_while_it_is_written_to_leaves_no_partial_file_anywhere(tmp_path, overwrite):
    (tmp_path / "out").mkdir()
    (tmp_path / "shared").mkdir()
    with pytest.raises(OutputError), released_file(tmp_path / "out" / "ct.nrrd", overwrite) as partial:
        swap_a_file(tmp_path, partial)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.endswith(".lock")]


def _open_to_others(path, root):
    """Everybody can read a file: no folder above it, up to ``root``, keeps others out."""
    modes = [folder.stat().st_mode for folder in path.parents if folder.is_relative_to(root)]
    return path.stat().st_mode & 0o044 and all(mode & 0o055 for mode in modes)


def _look(folder, stop, seen):
    """Note what of an output others can read before it has its name."""
    while not stop.is_set():
        files = [Path(place, name) for place, _, names in os.walk(folder) if ".partial" in place for name in names]
        for path in files:
            with contextlib.suppress(OSError):  # it is gone again
                if _open_to_others(path, folder):
                    seen.append(path)


def _swap(link, folders, stop):
    """Let a link lead to one folder and then to the other, over and over."""
    other = link.with_name("other")
    while not stop.is_set():
        for folder in folders:
            other.symlink_to(folder)
            other.replace(link)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a folder is known by its name alone")
@pytest.mark.parametrize("release", [release_file, release_folder])
def test_a_folder_that_is_swapped_all_the_time_never_shows_or_keeps_a_part_of_an_output(release, tmp_path):
    folders, stop, seen = [tmp_path / "a", tmp_path / "b"], threading.Event(), []
    for folder in folders:
        folder.mkdir()
    (tmp_path / "out").symlink_to("a")
    threads = [threading.Thread(target=_swap, args=(tmp_path / "out", folders, stop))]
    threads += [threading.Thread(target=_look, args=(folder, stop, seen)) for folder in folders]
    for thread in threads:
        thread.start()
    try:
        for number in range(40):
            output = tmp_path / "out" / f"{number}.nrrd"
            with contextlib.suppress(OutputError):
                release(output, companion=companion_of(output, "c"))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert seen == []
    for folder in folders:
        assert {path.name.split(".")[1] for path in folder.iterdir()} <= {"nrrd", "json"}, "a hidden file stayed"
        assert all(path.with_suffix(".json").exists() for path in folder.glob("*.nrrd"))


@pytest.mark.skipif(os.name == "nt", reason="a folder with open files cannot be renamed there")
def test_a_folder_output_whose_place_was_swapped_leaves_no_partial_folder(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "shared").mkdir()
    with pytest.raises(OutputError), released_folder(tmp_path / "out" / "ct") as partial:
        swap_a_folder(tmp_path, partial)
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(("partial", ".dcm"))]
    assert not any((tmp_path / "shared").iterdir())
