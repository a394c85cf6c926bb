"""How much work a run does, counted and not timed: files opened and parsed, slices decoded, memory, libraries loaded.

A figure that grows here makes every run slower, on every machine. Where more work is worth it, the figure is changed with it.
"""

import io
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import FaceDeidLNLib
import numpy as np
import pydicom
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.core import apart, memory
from FaceDeidLNLib.core.ahead import made_ahead, made_beside
from FaceDeidLNLib.core.errors import Cancelled
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.processors import processors
from FaceDeidLNLib.core.volume import Volume, block_mean
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.input import dicom_geometry, dicom_header, dicom_pixels
from FaceDeidLNLib.input.case import CtInput
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.dicom import find_series
from FaceDeidLNLib.output import dicom_clean, dicom_encoder
from FaceDeidLNLib.output.dicom import write_dicom_series
from FaceDeidLNLib.output.dicom_header import Marks, derived_header, require_headers, source_header
from FaceDeidLNLib.output.dicom_plain import PlainHeaders
from FaceDeidLNLib.output.images import write_image
from FaceDeidLNLib.output.representable import representable
from FaceDeidLNLib.verify.compare import compare
from peaks import peak_of

SLICES = 12
#: Of each source file: looked at (is it DICOM, how large is it unpacked), its data set, its pixels.
MOST_OPENED = 4
#: Of each written file: the same, and it is written.
MOST_OPENED_AGAIN = 5
#: The libraries that take longer to load than to say what is wrong with the arguments.
HEAVY = ("scipy", "SimpleITK", "pydicom", "vtkmodules")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """What a series is done to on its way in, out and back: names of files opened, of files parsed, and slices decoded."""
    folder, patch = tmp_path_factory.mktemp("work"), pytest.MonkeyPatch()
    write_series(folder / "in", Series(stored_head(shape=(SLICES, 20, 24))))
    counted = {"opened": Counter(), "parsed": Counter(), "decoded": Counter()}

    def counting(what, function):
        def call(first, *rest, **named):
            counted[what][Path(first).parent.name if isinstance(first, (str, Path)) else ""] += 1
            return function(first, *rest, **named)

        return call

    patch.setattr(io, "open", counting("opened", io.open))
    patch.setattr("builtins.open", counting("opened", open))
    patch.setattr(pydicom, "dcmread", counting("parsed", pydicom.dcmread))
    patch.setattr(dicom_pixels, "_whole_values", counting("decoded", dicom_pixels._whole_values))
    try:
        ct = read_ct(folder / "in")
        require_headers(ct)
        write_dicom_series(ct, ct.volume.with_array(ct.volume.array + np.int16(1)), folder / "out", Marks("done"))
    finally:
        patch.undo()
    return counted


def written(counter):
    """What was counted of files that were written: they stand in a folder of a passing name."""
    return sum(number for name, number in counter.items() if name not in ("", "in"))


def test_a_source_file_is_parsed_once_to_be_read_and_to_be_written(work):
    assert work["parsed"]["in"] == SLICES


def test_a_written_file_is_parsed_once_to_be_proved(work):
    assert written(work["parsed"]) == SLICES


def test_files_are_opened_so_often(work):
    assert work["opened"]["in"] <= MOST_OPENED * SLICES
    assert written(work["opened"]) <= MOST_OPENED_AGAIN * SLICES


def test_a_slice_is_decoded_once_on_the_way_in_and_once_to_be_proved(work):
    assert work["decoded"].total() == 2 * SLICES


def test_what_slices_share_is_decoded_once(tmp_path, monkeypatch):
    files = write_series(tmp_path, Series(stored_head(shape=(4, 8, 8))))
    headers, decoded = PlainHeaders(), []
    once = PlainHeaders._decoded
    monkeypatch.setattr(PlainHeaders, "_decoded", lambda self, source, tag, level: decoded.append(tag) or once(self, source, tag, level))
    first = headers.plain(pydicom.dcmread(files[0], stop_before_pixels=True))
    of_first = len(decoded)
    headers.plain(pydicom.dcmread(files[1], stop_before_pixels=True))
    assert len(first) <= of_first <= len(first) + 1
    assert len(decoded) - of_first <= 4  # instance, place, number ...


def test_a_value_that_slices_share_is_decoded_once_to_be_read(tmp_path, monkeypatch):
    write_series(tmp_path, Series(stored_head(shape=(SLICES, 8, 8))))
    decoded, once = [], dicom_header.require_decoded
    monkeypatch.setattr(dicom_header, "require_decoded", lambda header, name, tags: decoded.append(len(tags)) or once(header, name, tags))
    headers = [item.header for item in find_series(tmp_path).placed.slices]
    assert max(decoded[1:]) <= 4 < decoded[0]  # instance, place, number ...
    assert [float(header.ImagePositionPatient[2]) for header in headers] == sorted({float(h.ImagePositionPatient[2]) for h in headers})


def test_headers_of_one_shape_are_judged_once(tmp_path, monkeypatch):
    write_series(tmp_path, Series(stored_head(shape=(SLICES, 8, 8))))
    judged, once = [], dicom_clean._remove_from
    monkeypatch.setattr(dicom_clean, "_remove_from", lambda dataset: judged.append(dataset) or once(dataset))
    dicom_clean._places_of_pictures.cache_clear()
    headers = [source_header(path) for path in sorted(tmp_path.iterdir())]
    for header in headers:
        dicom_clean.remove_pictures(header)
    shapes = {dicom_clean._shape(header) for header in headers}
    assert len(judged) == len(shapes) < SLICES


def test_an_element_that_slices_share_is_encoded_once(tmp_path, monkeypatch):
    write_series(tmp_path / "in", Series(stored_head(shape=(4, 8, 8))))
    encoder, encoded, once = dicom_encoder.Encoder(), [], dicom_encoder.write_data_element
    monkeypatch.setattr(dicom_encoder, "write_data_element", lambda *words: encoded.append(words[1].tag) or once(*words))
    counts = []
    for path in sorted((tmp_path / "in").iterdir())[:2]:
        encoder.save(source_header(path), tmp_path / path.name)
        counts.append(len(encoded) - sum(counts))
    assert counts[1] <= 4 < counts[0]  # instance, place, number ...


def test_of_a_second_derived_header_only_what_is_its_own_is_encoded(tmp_path, monkeypatch):
    write_series(tmp_path / "in", Series(stored_head(shape=(2, 8, 8))))
    encoder, encoded, once = dicom_encoder.Encoder(), [], dicom_encoder.write_data_element
    monkeypatch.setattr(dicom_encoder, "write_data_element", lambda *words: encoded.append(words[1].tag) or once(*words))
    policy, counts = KeepHeader(), []
    for path in sorted((tmp_path / "in").iterdir()):
        header = source_header(path)
        policy.learn(header)
        encoder.save(derived_header(header, Marks("done", True), policy, frozenset()), tmp_path / path.name)
        counts.append(len(encoded) - sum(counts))
    assert counts[1] <= 4 < counts[0]  # instance, place, number ...


def test_averaging_blocks_holds_no_more_than_the_means_and_a_part():
    array = np.zeros((128, 128, 128), np.int16)
    assert peak_of(lambda: block_mean(Volume(array, read_geometry(array.shape)), 2.0)) < array.nbytes


def test_a_nrrd_is_written_and_proved_without_a_copy_of_the_ct(tmp_path):
    array = np.random.default_rng(1).integers(-1000, 1000, (256, 128, 128), dtype=np.int16)
    ct = CtInput(Volume(array, read_geometry(array.shape)), tmp_path / "ct.nrrd", ".nrrd")
    names = iter(("first.nrrd", "again.nrrd"))
    assert peak_of(lambda: write_image(ct, ct.volume, tmp_path / next(names))) < 0.6 * array.nbytes


_FREED = """
import os
import pathlib
from FaceDeidLNLib.core.memory import give_back

def held():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

parts = [bytes(100_000) for _ in range(1000)]
last = parts[-1]
del parts
before = held()
give_back()
print(before - held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked for what it keeps")
def test_memory_that_was_freed_goes_back_to_the_system():
    environment = {**os.environ, "PYTHONPATH": str(Path(FaceDeidLNLib.__file__).parents[1])}
    given = subprocess.run([sys.executable, "-c", _FREED], env=environment, capture_output=True, text=True, check=True).stdout
    assert int(given) > 50_000_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked for one heap")
def test_threads_share_one_heap():
    code = "from FaceDeidLNLib.core import memory; print(memory._of_glibc('mallopt')(memory._M_ARENA_MAX, 1))"
    environment = {**os.environ, "PYTHONPATH": str(Path(FaceDeidLNLib.__file__).parents[1])}
    assert subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout == "1\n"


def test_where_the_c_library_is_another_nothing_is_asked(monkeypatch):
    memory._of_glibc.cache_clear()
    monkeypatch.setattr(sys, "platform", "win32")
    try:
        assert memory.give_back() is None
        assert memory._of_glibc("malloc_trim")(0) is None
    finally:
        memory._of_glibc.cache_clear()


def test_results_made_ahead_come_in_order_and_few_wait():
    begun = []

    def work(number):
        begun.append(number)
        return number

    most = 0
    for done, number in enumerate(made_ahead(work, range(200))):
        assert number == done
        most = max(most, len(begun) - done)
    assert most <= 2 * processors() + 2


def test_what_is_made_beside_ends_where_it_is_not_needed_any_more():
    stopped = []

    def work(alive):
        try:
            while True:
                alive()
                time.sleep(0.005)
        except Cancelled as error:
            stopped.append(error)
            raise

    with pytest.raises(ValueError, match="first"), made_beside(work):
        raise ValueError("first")
    assert stopped


def test_what_fails_while_it_is_made_ahead_fails_at_its_turn():
    def work(number):
        if number == 5:
            raise ValueError(str(number))
        return number

    taken = []
    with pytest.raises(ValueError, match="5"):
        taken.extend(made_ahead(work, range(100)))
    assert taken == [0, 1, 2, 3, 4]


def test_a_comparison_holds_no_more_than_which_voxels_changed():
    array = np.zeros((64, 64, 64), np.int16)
    original = Volume(array, read_geometry(array.shape))
    result = original.with_array(array.copy())
    assert peak_of(lambda: compare(original, result, None, ())) < 0.7 * array.nbytes


def test_a_result_that_can_be_stored_is_not_copied(tmp_path):
    write_series(tmp_path / "in", Series(stored_head(shape=(16, 64, 64))))
    ct = read_ct(tmp_path / "in")
    result = ct.volume.with_array(ct.volume.array + np.int16(1))
    assert peak_of(lambda: representable(ct, result)) < 0.05 * result.array.nbytes


def test_a_series_that_is_only_looked_at_holds_no_elements_to_be_written(tmp_path):
    write_series(tmp_path / "in", Series(stored_head(shape=(SLICES, 8, 8))))
    assert all(item.before_pixels is None for item in find_series(tmp_path / "in").placed.slices)
    assert len(read_ct(tmp_path / "in").elements) == SLICES


def test_numbers_that_slices_share_are_compared_once(tmp_path, monkeypatch):
    write_series(tmp_path, Series(stored_head(shape=(SLICES, 8, 8))))
    compared, once = [], np.allclose
    monkeypatch.setattr(dicom_geometry.np, "allclose", lambda *words, **named: compared.append(words) or once(*words, **named))
    find_series(tmp_path)
    assert len(compared) <= 2  # is the direction perpendicular?


def test_what_inputs_have_in_common_is_looked_at_once(tmp_path, monkeypatch):
    looked, once = Counter(), apart._state
    monkeypatch.setattr(apart, "_state", lambda path: looked.update([path]) or once(path))
    folder = tmp_path.resolve() / "in"
    folder.mkdir()
    files = [folder / str(n) for n in range(SLICES)]
    for file in files:
        file.touch()
    assert apart.first_that_reaches(files, folder.parent / "out") is None
    assert max(looked.values()) == 1
    assert apart.first_that_reaches(files, folder) == files[0]


def read_geometry(shape):
    """A grid of millimetres."""
    return Geometry(shape, np.eye(4))


def loaded_by(code, libraries=HEAVY):
    """Which of these libraries a program has loaded when it ends."""
    code += f"\nimport sys\nprint(*[name for name in {libraries} if name in sys.modules])"
    path = str(Path(FaceDeidLNLib.__file__).parents[1])
    words = [sys.executable, "-c", f"import sys; sys.path.insert(0, {path!r})\n{code}"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def test_wrong_arguments_are_told_without_loading_anything_heavy():
    words = ["deface", "no-such-file.nrrd", "out.nrrd", "--effect", "reface"]
    assert loaded_by(f"from FaceDeidLNLib.commands.main import main\nassert main({words}) == 2") == []


def test_the_program_has_matrices_multiplied_on_one_thread():
    code = "import os, sys; from FaceDeidLNLib.commands import main\nsys.argv = ['facedeidln', '--version']\n"
    code += "try: main.run()\nexcept SystemExit: print('numpy' in sys.modules, os.environ['OPENBLAS_NUM_THREADS'])"
    path = str(Path(FaceDeidLNLib.__file__).parents[1])
    said = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True).stdout
    assert said.split()[-2:] == ["False", "1"]


def test_the_road_does_without_parts_of_scipy_that_take_long_to_load():
    road = "import FaceDeidLNLib.input.dicom, FaceDeidLNLib.pipeline, FaceDeidLNLib.release"
    assert loaded_by(road, ("scipy.interpolate", "scipy.optimize", "scipy.stats", "scipy.signal")) == []


def test_image_files_do_without_the_libraries_for_dicom_and_for_triangles():
    road = "import FaceDeidLNLib.input.ct, FaceDeidLNLib.pipeline, FaceDeidLNLib.release, FaceDeidLNLib.input.beside"
    assert not {"pydicom", "vtkmodules"} & set(loaded_by(road))
