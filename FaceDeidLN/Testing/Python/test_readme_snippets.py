"""The README's console snippets, run one after the other on the synthetic head as somebody would type them."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest
import scripted
import slicer

README = Path(__file__).resolve().parents[3] / "README.md"


def snippets():
    text = README.read_text(encoding="utf-8") if README.is_file() else ""
    return [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "ctNode" in code]


def test_the_console_snippets_run_and_lead_to_a_pass(monkeypatch, tmp_path):
    if not snippets():
        pytest.skip("the README has no console snippets yet")
    scripted.install(monkeypatch, "FaceDeidLN")
    module = importlib.import_module("FaceDeidLN")
    logic = module.FaceDeidLNLogic()
    monkeypatch.setattr(slicer.util, "getModuleLogic", lambda name: logic)
    monkeypatch.chdir(tmp_path)
    ct, nodes = module.loadPhantom(spacingMm=(2.5, 2.4, 3.0))
    names = {"slicer": slicer, "ctNode": ct, "nodesNode": nodes}
    try:
        for code in snippets():
            exec(compile(code, str(README), "exec"), names)
        assert names["result"].verdict == "PASS", names["result"].reasons
    finally:
        slicer.mrmlScene.Clear(False)
        sys.modules.pop("FaceDeidLN", None)
