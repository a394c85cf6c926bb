"""ARCHITECTURE.md is short, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_imports import LAYERS

ROOT = Path(__file__).resolve().parents[3]
LIBRARY = ROOT / "FaceDeidLN" / "FaceDeidLNLib"
PAGE = ROOT / "ARCHITECTURE.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the page is no part of an installed module")


def test_the_page_is_short():
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= 60


def test_every_path_of_the_page_is_there():
    text = PAGE.read_text(encoding="utf-8")
    named = {path for path in re.findall(r"[\w./]+(?:\.py|/)(?=[`\s|:;,)])", text) if "NAME" not in path and not path.startswith("./")}
    assert len(named) > 25
    assert [path for path in named if not (LIBRARY / path).exists() and not (ROOT / path).exists()] == []


def test_the_page_has_every_floor():
    rows = [row for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith("| `")]
    floors = [set(re.findall(r"`(\w+)(?:/|\.py)`", row)) for row in rows]
    named = [name for floor in floors for name in floor]
    for below, above in zip(floors, floors[1:], strict=False):
        level = {name: number for number, names in enumerate(LAYERS) for name in names}
        if below and above and below | above <= set(level):
            assert max(level[name] for name in below) <= min(level[name] for name in above)
    assert {name for names in LAYERS for name in names} - {"__init__", "sample_data"} <= set(named)
