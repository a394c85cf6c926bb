"""The house's rules about imports, read from the source of every file."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import ENVIRONMENT

LIBRARY = Path(__file__).resolve().parents[2] / "FaceDeidLNLib"
#: What a folder or file on top may import, from the bottom upward: only what stands on a line above its own.
LAYERS = (
    {"core", "__init__", "sample_data"},
    {"input", "phantom"},
    {"anatomy", "providers"},
    {"face"},
    {"effect"},
    {"verify"},
    {"header"},
    {"output"},
    {"case"},
    {"pipeline"},
    {"facts", "attack", "clearance", "stacks"},
    {"release"},
    {"study"},
    {"mrml"},
    {"programs"},
    {"steps"},
    {"commands", "widget"},
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
QT = {"qt", "ctk", "PySide6", "PyQt5", "PyQt6", "PythonQt"}
MRML = {"slicer", "slicer_core", "vtkMRML"}
MRML_ROOMS = ("mrml", "programs", "steps", "widget")
BENCHMARKS = sorted((LIBRARY.parents[1] / "benchmarks").rglob("*.py"))
FILES = sorted(path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py"))


def imported(name: str) -> Iterator[str]:
    """Every module that a file imports, anywhere in it; those of the library as ``FaceDeidLNLib.x.y``."""
    path = LIBRARY / name
    package = ("FaceDeidLNLib", *path.relative_to(LIBRARY).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def stage(name: str) -> str:
    """The folder on top, or the file on top without its ending."""
    return name.split("/")[0].removesuffix(".py")


def test_every_part_of_the_library_has_a_layer():
    assert {stage(name) for name in FILES} <= set(LEVEL)


@pytest.mark.parametrize("name", FILES)
def test_imports_point_downward(name):
    own = stage(name)
    used = {module.split(".")[1] for module in imported(name) if module.startswith("FaceDeidLNLib.")} - {"__version__", own}
    assert {other for other in used if LEVEL[other] >= LEVEL[own]} == set()


@pytest.mark.parametrize("name", [name for name in FILES if stage(name) != "widget"])
def test_the_library_knows_nothing_of_qt(name):
    assert not {module.split(".")[0] for module in imported(name)} & QT


@pytest.mark.parametrize("name", [name for name in FILES if stage(name) not in MRML_ROOMS])
def test_mrml_stays_in_its_folders(name):
    assert not {module.split(".")[0] for module in imported(name)} & MRML


def told_at_top(module: Path) -> set[str]:
    """The names that a module's own lines, not those of its functions, give."""
    names = set()
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name for alias in node.names}
        names |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return names


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_what_a_benchmark_takes_from_the_library_is_there(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "FaceDeidLNLib":
            place = LIBRARY.parent.joinpath(*node.module.split("."))
            module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
            parts = {part.stem for part in place.glob("*")}
            assert {alias.name for alias in node.names} <= told_at_top(module) | parts, node.module


def test_the_command_line_starts_without_the_heavy_libraries():
    heavy = ("numpy", "scipy", "SimpleITK", "pydicom", "vtk", "vtkmodules", "slicer", "matplotlib")
    code = f"import sys, FaceDeidLNLib.commands.main; print([name for name in {heavy} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_the_panels_of_a_review_are_drawn_without_what_draws_letters():
    code = "import sys, FaceDeidLNLib.output.panels; print([name for name in sys.modules if name.startswith('vtk')])"
    ended = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]", "they are drawn while that is loaded"


def test_the_pipeline_needs_neither_mrml_nor_a_renderer():
    code = "import sys, FaceDeidLNLib.release; print([n for n in sys.modules if n.startswith(('slicer', 'vtkmodules.vtkRendering'))])"
    ended = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
