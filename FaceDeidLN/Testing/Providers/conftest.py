"""Fixtures of the tests against the real packages: a small CT, and a world without network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.phantom import make_phantom


@pytest.fixture(scope="session")
def head():
    """A coarse synthetic head."""
    return make_phantom((4.0, 4.0, 4.0), seed=1)


@pytest.fixture(scope="session")
def ct(head) -> Volume:
    """A block of the synthetic head around the jaw: small enough for half a millimetre."""
    middle = head.ct.geometry.to_kji(head.landmarks.position("pogonion")[None])[0].round().astype(int)
    box = head.ct.geometry.box_around(head.ct.geometry.to_lps(np.array([middle - 4, middle + 4])))
    return head.ct.crop(box)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch, tmp_path):
    """Nothing is downloaded or reported; the commands are those of the environment that runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "totalseg"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
