"""How much work voxels are, counted and not timed: grids that are resampled, noise that is drawn, memory that is held.

As in test_work.py, a figure that grows here makes every run slower. None depends on how many processors there are.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path

import FaceDeidLNLib
import numpy as np
import pytest
import SimpleITK as sitk
from FaceDeidLNLib import pipeline
from FaceDeidLNLib.anatomy import grids
from FaceDeidLNLib.anatomy.grids import is_above, sample
from FaceDeidLNLib.case.find import find_anatomy, find_face
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core import ahead, blur
from FaceDeidLNLib.core.by_parts import PART
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.base import apply_effect
from FaceDeidLNLib.effect.registry import effect_named
from FaceDeidLNLib.effect.tools import noise
from FaceDeidLNLib.output import nrrd
from FaceDeidLNLib.verify.coverage import share_of_body
from peaks import peak_of


def along_axes(shape, spacing_mm):
    """A grid of cubes along the patient's axes."""
    return Geometry(shape, np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0]))


@pytest.mark.parametrize("flipped", [(), (0,), (1, 2)])
@pytest.mark.parametrize("kind", [np.int16, np.float32, bool])
def test_what_lies_between_voxels_is_what_simpleitk_finds_there(kind, flipped):
    random = np.random.default_rng(len(flipped))
    for spacing in (0.7, 1.9):
        values = random.integers(-1000, 2000, (19, 23, 17))
        array = values > 300 if kind is bool else values.astype(kind)
        steps = np.where(np.isin(range(3), flipped), -1.0, 1.0) * (1.1, 0.9, 1.6)
        volume = Volume(array, Geometry(array.shape, np.diag([*steps, 1.0])))
        target = along_axes((37, 33, 41), spacing)
        target.ijk_to_lps[:3, 3] = random.uniform(-12.0, 4.0, 3)
        theirs = sitk.GetArrayFromImage(grids._resampled(volume, target))
        assert np.abs(sample(volume, target) - theirs).max() < 1e-4 * max(1.0, np.abs(theirs).max() / 1000)
        assert np.array_equal(is_above(volume, target, 0.5), theirs > 0.5)


_TOUCHED = """
import os
import pathlib
import numpy as np
from FaceDeidLNLib.verify.compare import different_bits

def held():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

before = np.zeros((128, 512, 512), np.int8)
after = before.copy()
after[::16, 7, 7] = 1
changed = different_bits(before, before)
begin = held()
changed = different_bits(before, after)
print(changed.nbytes, held() - begin, np.count_nonzero(changed))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what a process holds, page by page")
def test_which_voxels_changed_takes_memory_only_where_some_did():
    environment = {**os.environ, "PYTHONPATH": str(Path(FaceDeidLNLib.__file__).parents[1])}
    said = subprocess.run([sys.executable, "-c", _TOUCHED], env=environment, capture_output=True, text=True, check=True).stdout
    size, taken, found = map(int, said.split())
    assert (size, found) == (128 * 512 * 512, 8)
    assert taken < size / 8


def test_a_mask_is_laid_onto_a_fine_grid_without_its_numbers():
    coarse = Volume(np.indices((40, 40, 40)).sum(0) > 60, along_axes((40, 40, 40), 1.0))
    fine = along_axes((160, 160, 160), 0.25)
    assert peak_of(lambda: is_above(coarse, fine, 0.5)) < 2 * 160**3


def test_the_changed_share_of_the_body_is_counted_slab_by_slab():
    grid = along_axes((160, 128, 128), 0.5)
    body = Volume(np.ones((80, 64, 64), bool), along_axes((80, 64, 64), 1.0))
    ct, changed = Volume(np.zeros(grid.shape, np.int16), grid), np.ones(grid.shape, bool)
    assert share_of_body(changed, ct, body) == pytest.approx(1.0, abs=0.05)
    assert peak_of(lambda: share_of_body(changed, ct, body)) < changed.nbytes


@pytest.fixture(scope="module")
def found(phantom):
    """The phantom's anatomy and face, with how often SimpleITK resampled a grid for each."""
    patch, counted = pytest.MonkeyPatch(), []
    once = grids._resampled
    patch.setattr(grids, "_resampled", lambda *words: counted.append(words) or once(*words))
    try:
        anatomy = find_anatomy(phantom.ct, phantom.landmarks)
        of_anatomy = len(counted)
        face = find_face(Request(phantom.ct), anatomy, ())
    finally:
        patch.undo()
    return face, of_anatomy, len(counted) - of_anatomy


def test_grids_along_the_axes_of_the_ct_are_not_resampled_as_oblique_ones(found):
    _, of_anatomy, of_face = found
    assert (of_anatomy, of_face) == (0, 0)


def test_a_new_face_is_drawn_with_four_blocks_of_noise_one_of_them_the_grain_of_both_tissues(found, phantom, monkeypatch):
    face, drawn, white = found[0], [], noise._white
    monkeypatch.setattr(noise, "_white", lambda shape, random: drawn.append(np.prod(shape)) or white(shape, random))
    apply_effect(effect_named("reface"), phantom.ct, face, Parameters(effect="reface", seed=1))
    assert len(drawn) == 4  # grain, patches, and the mottle of each tissue
    assert max(drawn) < 1.2 * face.segment.array.size


def test_what_a_new_face_is_made_with_is_no_more_than_its_boxes_few_times(found, phantom):
    face = found[0]
    parameters = Parameters(effect="reface", seed=1)
    peak = peak_of(lambda: apply_effect(effect_named("reface"), phantom.ct, face, parameters))
    at_work = 440 * PART  # a part of it, all of its voxels behind the new surface
    assert peak < phantom.ct.array.nbytes + 24 * face.segment.array.size + at_work


def test_the_noise_of_a_seed_is_the_same_however_many_processors_draw_it(monkeypatch):
    monkeypatch.setattr(noise, "DRAWN_TOGETHER", 1000)
    blocks = []
    for count in (1, 3, 8):
        for module in (ahead, blur):
            monkeypatch.setattr(module, "processors", lambda count=count: count)
        blocks.append(noise.Noise.drawn(np.array([0.2, 0.4, 0.6]), 12.0, (30, 20, 10), np.random.default_rng(4)).block)
    assert np.array_equal(blocks[0], blocks[1])
    assert np.array_equal(blocks[0], blocks[2])


def test_parts_of_the_noise_are_not_alike(monkeypatch):
    monkeypatch.setattr(noise, "DRAWN_TOGETHER", 1000)
    block = noise._white((40, 10, 10), np.random.default_rng(4))
    alike = np.corrcoef(block.reshape(4, -1))
    assert np.abs(alike - np.eye(4)).max() < 0.15


def test_a_file_that_processors_compress_together_is_one_stream_and_the_same_for_any_number_of_them(monkeypatch):
    planes = [np.random.default_rng(n).integers(0, 9, (n + 1, 70), dtype=np.int16) for n in range(9)]
    packed = []
    for count in (1, 4):
        monkeypatch.setattr(ahead, "processors", lambda count=count: count)
        packed.append(b"".join(nrrd._packed(iter(planes), 1)))
    assert packed[0] == packed[1]
    stream = zlib.decompressobj(wbits=31)
    assert stream.decompress(packed[0]) == b"".join(plane.tobytes() for plane in planes)
    assert stream.eof
    assert not stream.unused_data


def test_every_step_gives_back_what_it_freed(monkeypatch):
    given = []
    monkeypatch.setattr(pipeline, "give_back", lambda: given.append(1))
    watch = pipeline.Stopwatch(lambda fraction, message: None)
    for name in ("skin", "effect"):
        with watch.step(name, 0.0):
            pass
    assert len(given) == len(watch.seconds) == 2
