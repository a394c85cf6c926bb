"""Fixtures that every test may ask for: the phantom, its files, and the folder of real data."""

from __future__ import annotations

import hashlib
import importlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest
from batches import STAND_IN
from FaceDeidLNLib.anatomy.landmark import detect
from FaceDeidLNLib.anatomy.landmark.net import Prediction, predict_landmarks
from FaceDeidLNLib.case.find import find_anatomy
from FaceDeidLNLib.case.records import Anatomy
from FaceDeidLNLib.commands.batches import child
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.progress import Alive, idle
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.phantom import Phantom, PhantomOptions, make_phantom
from hypothesis import HealthCheck, settings
from written import write_volume

if TYPE_CHECKING:
    from FaceDeidLNLib.case.find import Finder
    from study_bench import Bench

# A slow machine is no failure.
settings.register_profile("facedeidln", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("facedeidln")

#: Voxels of the phantom that most tests use: coarse, and different along every axis.
TEST_SPACING_MM = (2.5, 2.4, 3.0)


@pytest.fixture(scope="session", autouse=True)
def seen_once() -> Iterator[None]:
    """The landmark network, which is half of what most tests do, sees the very same voxels at the same place once.

    It says as often as it did the first time that it is alive. What the tests of the network itself call is not remembered.
    """
    known: dict[tuple[object, ...], tuple[dict[str, Prediction], int]] = {}

    def predict(ct: Volume, alive: Alive = idle) -> dict[str, Prediction]:
        voxels = hashlib.sha256(np.ascontiguousarray(ct.array)).digest()
        key = (voxels, ct.array.shape, ct.array.dtype.str, ct.geometry.ijk_to_lps.tobytes())
        if key in known:
            for _ in range(known[key][1]):
                alive()
        else:
            told = Told(alive)
            known[key] = (predict_landmarks(ct, alive=told), told.times)
        return known[key][0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detect, "predict_landmarks", predict)
        yield


class Told:
    """Counts how often a step says that it is alive."""

    def __init__(self, alive: Alive) -> None:
        self.alive, self.times = alive, 0

    def __call__(self) -> None:
        """Say it."""
        self.times += 1
        self.alive()


@pytest.fixture
def looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this test the landmark network looks at every CT, whether it saw it before or not."""
    monkeypatch.setattr(detect, "predict_landmarks", predict_landmarks)


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    """A small synthetic head; the same object for all tests, so never write into its arrays."""
    return make_phantom(TEST_SPACING_MM, seed=1)


@pytest.fixture(scope="session")
def phantom_anatomy(phantom: Phantom) -> Anatomy:
    """What is found in it with its own landmarks; the same object for all tests, too."""
    return find_anatomy(phantom.ct, phantom.landmarks)


@pytest.fixture(scope="session")
def fine_phantom() -> Phantom:
    """A synthetic head with 1.5 mm voxels, for what needs details."""
    return make_phantom((1.5, 1.5, 1.5), seed=1, options=PhantomOptions())


@pytest.fixture(scope="session")
def finder() -> Finder:
    """Looks for landmarks, skin and node levels of a CT once, for tests of what comes after them.

    It finds the very same as a new search (see test_anatomy_cache.py), whichever test asks first.
    """
    from FaceDeidLNLib.steps.anatomy_cache import AnatomyCache

    return AnatomyCache()


@pytest.fixture(scope="module")
def heads_remembered() -> Iterator[None]:
    """While a module's tests run, the same CT with the same parameters is de-identified once."""
    from synthetic_study import remembered  # with the libraries that write a study's objects, which few tests need

    with pytest.MonkeyPatch.context() as patch:
        remembered(patch)
        yield


@pytest.fixture(scope="module")
def bench(heads_remembered: None, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A study of every family whose CT is de-identified already."""
    from study_bench import bench_in

    return bench_in(tmp_path_factory)


@pytest.fixture(scope="session")
def phantom_ct_file(phantom: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantom's CT as an NRRD file."""
    return write_volume(phantom.ct, tmp_path_factory.mktemp("phantom") / "phantom_ct.nrrd")


@pytest.fixture(scope="session")
def phantom_nodes_file(phantom: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantom's lymph nodes as one label map, numbered from 1 in the order of ``phantom.nodes``."""
    labels = np.zeros(phantom.ct.array.shape, dtype=np.uint8)
    for number, node in enumerate(phantom.nodes, start=1):
        labels[node.mask.array] = number
    return write_volume(phantom.ct.with_array(labels), tmp_path_factory.mktemp("phantom") / "phantom_nodes.nrrd")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real test data; a test that asks for it is skipped, visibly, where there is none."""
    default = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
    folder = Path(os.environ.get("FACEDEIDLN_TEST_DATA", default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real test data: {folder} is not there (set FACEDEIDLN_TEST_DATA)")
    return folder


@pytest.fixture
def coarse_skin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The skin in a scene is of triangles of 3 mm: a curve finds its way on them in a sixth of the time that it needs on those of 1 mm."""
    from FaceDeidLNLib.anatomy.skin import skin_surface  # with VTK and MRML, which few tests need
    from FaceDeidLNLib.mrml import case
    from FaceDeidLNLib.steps import steps

    def coarse(depth: Volume) -> object:
        array, matrix = depth.array[::3, ::3, ::3], depth.geometry.ijk_to_lps @ np.diag([3.0, 3.0, 3.0, 1.0])
        return skin_surface(Volume(np.ascontiguousarray(array), Geometry(array.shape, matrix)))

    for user in (case, steps):
        monkeypatch.setattr(user, "skin_surface", coarse)


@pytest.fixture
def module(coarse_skin: None) -> Iterator[ModuleType]:
    """The Slicer module, imported on top of the stand-ins; the scene is empty again afterwards."""
    import scripted
    import slicer

    with pytest.MonkeyPatch.context() as patch:
        scripted.install(patch, "FaceDeidLN")
        yield importlib.import_module("FaceDeidLN")
        slicer.mrmlScene.Clear(False)
        sys.modules.pop("FaceDeidLN", None)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cases are done by a stand-in, so that a batch of them takes no time; gives the folder of inputs to fill."""
    script = tmp_path / "stand_in"
    script.write_text(STAND_IN.format(python=sys.executable))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(child, "interpreter", lambda: str(script))
    (tmp_path / "in").mkdir()
    return tmp_path / "in"
