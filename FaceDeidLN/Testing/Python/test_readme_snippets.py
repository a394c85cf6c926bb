"""The README: its console snippets, run one after the other on the synthetic head as somebody would type them, and its messages."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
import shlex
import sys
from pathlib import Path

import scripted
import slicer
from FaceDeidLNLib.commands.demo import write_phantom
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.effect.records import OWN_NUMBERS
from FaceDeidLNLib.phantom import make_phantom

README = Path(__file__).resolve().parents[3] / "README.md"


def snippets():
    text = README.read_text(encoding="utf-8")
    return [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "ctNode" in code]


def test_the_console_snippets_run_and_lead_to_a_pass(monkeypatch, tmp_path):
    assert snippets()
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


def headless_words():
    """What the README's headless line hands to the script, behind its two hyphens."""
    text = README.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("Slicer ") and "Scripts/deface.py" in line)
    return shlex.split(line)[shlex.split(line).index("--") + 1 :]


def test_the_headless_line_ends_with_0_on_the_files_of_the_demo(tmp_path, monkeypatch, capsys):
    write_phantom(make_phantom((2.5, 2.4, 3.0), seed=1), tmp_path)
    monkeypatch.chdir(tmp_path)
    script = runpy.run_path(str(README.parent / "FaceDeidLN" / "Scripts" / "deface.py"))
    assert script["main"](["--", *headless_words()]) == 0, capsys.readouterr()
    assert (tmp_path / "ct-deface.nrrd").is_file()


def told_by_the_program() -> str:
    """Every piece of text in the project's code, without what is filled in."""
    pieces = []
    for path in (README.parent / "FaceDeidLN").rglob("*.py"):
        if "Testing" not in path.parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            pieces += [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n".join(pieces)


def test_the_messages_under_troubleshooting_are_those_of_the_program():
    rows = README.read_text(encoding="utf-8").split("## Troubleshooting")[1].split("\n## ")[0]
    messages = re.findall(r"^\| `(.+?)` \|", rows, flags=re.MULTILINE)
    filled_in = r'\.\.\.|"|\d+%|\bN\b|pronasale|stomion'
    pieces = [piece.strip() for message in messages for piece in re.split(filled_in, message) if len(piece.strip()) > 8]
    program = told_by_the_program()
    assert len(messages) > 5
    assert [piece for piece in pieces if piece not in program] == []


def test_the_defaults_in_the_table_of_parameters_are_the_programs():
    told = re.findall(r"^\| `--([a-z-]+)` \| `?([^`|]*?)`? \|", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    default = {**{number.field: number.default for number in OWN_NUMBERS}, **vars(Parameters())}
    known = {name: default[name.replace("-", "_")] for name, _ in told if name != "preset"}
    shown = {
        name: "off"
        if value is False
        else ",".join(value)
        if isinstance(value, tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else value
        for name, value in known.items()
    }
    assert len(told) > 10
    assert {name: value for name, value in told if name != "preset"} == shown
