"""What stands in a table stands once: help, README, parameter node and panel say the very same."""

from __future__ import annotations

import argparse
import ast
import re
from pathlib import Path

import pytest
from FaceDeidLNLib.anatomy.level.table import LEVEL_RECORDS
from FaceDeidLNLib.commands.options import add_header, add_work
from FaceDeidLNLib.core.parameters import NUMBERS, Parameters
from FaceDeidLNLib.effect.records import OWN_NUMBERS, PRESETS, RECORDS, effects_with
from FaceDeidLNLib.face.styles import REGIONS
from FaceDeidLNLib.header.options import OPTIONS
from FaceDeidLNLib.providers.registry import KINDS

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "FaceDeidLN" / "FaceDeidLN.py"
PANEL = ROOT / "FaceDeidLN" / "Resources" / "UI" / "FaceDeidLN.ui"
README = ROOT / "README.md"
needs_readme = pytest.mark.skipif(not README.is_file(), reason="README.md is no part of an installed module")
CHOICES = {
    "style": list(REGIONS),
    "effect": [record.name for record in RECORDS],
    "preset": list(PRESETS),
    "levels": [record.name for record in LEVEL_RECORDS],
    "provider": [kind.words for kind in KINDS if kind.made_by],
}
SHARED = [number for number in NUMBERS if number.is_option]


def helps() -> dict[str, str]:
    """What the command line's help says of each option."""
    parser = argparse.ArgumentParser()
    add_work(parser)
    add_header(parser)
    return {action.dest: action.help for action in parser._actions}


def readme_row(option: str) -> list[str]:
    """Default and meaning that README gives an option."""
    rows = re.findall(rf"^\| `--{option}` \|(.*)\|(.*)\|$", README.read_text(encoding="utf-8"), re.M)
    assert len(rows) == 1, f"README has {len(rows)} rows of --{option}"
    return [cell.strip() for cell in rows[0]]


@pytest.mark.parametrize("option", CHOICES)
def test_the_help_names_all_that_can_be_chosen(option):
    said = helps()[option]
    assert [name for name in CHOICES[option] if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said)] == []


def test_the_help_names_every_header_option():
    assert [name for name in OPTIONS if name not in helps()["header"]] == []


@needs_readme
@pytest.mark.parametrize("option", [name for name in CHOICES if name != "provider"])
def test_readme_names_all_that_can_be_chosen(option):
    said = set(re.findall(r"`([^`]+)`", " ".join(readme_row(option))))
    assert [name for name in CHOICES[option] if name not in said] == []


@needs_readme
@pytest.mark.parametrize("number", [*SHARED, *OWN_NUMBERS], ids=lambda number: number.field)
def test_readme_gives_every_number_its_default_and_its_effects(number):
    default, meaning = readme_row(number.flag.removeprefix("--"))
    assert float(default) == number.default
    assert [effect for effect in effects_with(number.field) if f"`{effect}`" not in meaning] == []


@needs_readme
def test_readme_gives_the_defaults_of_the_choices():
    default = Parameters()
    assert [readme_row(name)[0] for name in ("style", "effect", "levels")] == [
        f"`{value}`" for value in (default.style, default.effect, ",".join(default.levels))
    ]


@needs_readme
def test_readme_names_every_program_that_segments():
    text = README.read_text(encoding="utf-8")
    assert [kind.title for kind in KINDS if kind.title.split(" (")[0] not in text] == []


def parameter_node() -> dict[str, ast.AnnAssign]:
    """The fields of the module's parameter node, as its source has them."""
    tree = ast.parse(MODULE.read_text(encoding="utf-8"))
    node = next(item for item in tree.body if isinstance(item, ast.ClassDef) and item.name == "FaceDeidLNParameterNode")
    return {item.target.id: item for item in node.body if isinstance(item, ast.AnnAssign)}


@pytest.mark.parametrize("number", SHARED, ids=lambda number: number.field)
def test_the_parameter_node_takes_every_number_from_the_table(number):
    field = parameter_node()[number.keyword]
    assert f"RANGES['{number.field}']" in ast.unparse(field.annotation)
    assert ast.unparse(field.value) == f"Parameters.{number.field}"


@pytest.mark.parametrize("number", SHARED, ids=lambda number: number.field)
def test_the_panel_has_a_slider_for_every_number(number):
    sliders = re.findall(r'<widget class="ctkSliderWidget" name="(\w+)">(.*?)</widget>', PANEL.read_text(encoding="utf-8"), re.S)
    names = [name for name, text in sliders if f"<string>{number.keyword}</string>" in text]
    assert len(names) == 1
