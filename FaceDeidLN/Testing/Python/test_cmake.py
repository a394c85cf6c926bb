"""The extension's build files: complete metadata, and every file that Slicer must install."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "FaceDeidLN"
STAND_IN = MODULE / "Testing" / "CMake"
METADATA = (
    "EXTENSION_HOMEPAGE",
    "EXTENSION_CATEGORY",
    "EXTENSION_CONTRIBUTORS",
    "EXTENSION_DESCRIPTION",
    "EXTENSION_ICONURL",
    "EXTENSION_SCREENSHOTURLS",
    "EXTENSION_DEPENDS",
)


def there(*folders):
    """Every file below some folders of the module, without caches."""
    files = [path for folder in folders for path in (MODULE / folder).rglob("*") if path.is_file()]
    return [path.relative_to(MODULE).as_posix() for path in files if "__pycache__" not in path.parts]


@pytest.mark.parametrize("name", METADATA)
def test_the_metadata_are_one_quoted_value_on_one_line(name):
    lines = re.findall(rf'^set\({name} "([^"\n]+)"\)$', (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 1


def test_every_extension_that_is_depended_on_is_one_that_a_step_can_be_done_with():
    depends = re.search(r'^set\(EXTENSION_DEPENDS "([^"\n]+)"\)$', (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]
    engines = re.findall(r"^\w+_ENGINES = \[(.+)\]$", (MODULE / "FaceDeidLN.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(depends.split()) <= set(re.findall(r'"([^"]+)"', " ".join(engines)))


def test_the_icon_has_the_size_that_the_extension_index_asks_for():
    header = (MODULE / "Resources" / "Icons" / "FaceDeidLN.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")) == (128, 128)


def test_the_urls_of_icon_and_screenshots_are_files_of_this_repository():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    home = re.search(r'EXTENSION_HOMEPAGE "https://github.com/([^"]+)"', text)[1]
    for name in ("EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS"):
        for url in re.search(rf'{name} "([^"]+)"', text)[1].split():
            prefix = f"https://raw.githubusercontent.com/{home}/main/"
            assert url.startswith(prefix)
            assert (ROOT / url.removeprefix(prefix)).is_file(), url


@pytest.mark.parametrize("name", ["EXTENSION_LICENSE_FILE", "EXTENSION_README_FILE"])
def test_the_package_carries_its_own_licence_and_read_me_and_not_slicers(name):
    before = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8").split("find_package(Slicer")[0]
    named = re.search(rf'set\({name} "\$\{{CMAKE_CURRENT_SOURCE_DIR\}}/([^"]+)"\)', before)
    assert (ROOT / named[1]).is_file()


def configure(source, build):
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.skip("cmake is not installed")
    command = [cmake, "-S", source, "-B", build, f"-DSlicer_DIR={STAND_IN}", "-DBUILD_TESTING=ON"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path):
    """A copy of the extension's tree, to spoil."""
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(ROOT / "CMakeLists.txt", source)
    shutil.copytree(MODULE, source / "FaceDeidLN", ignore=shutil.ignore_patterns("__pycache__"))
    return source


def test_the_extension_configures(tmp_path):
    done = configure(ROOT, tmp_path / "build")
    assert done.returncode == 0, done.stderr


def installed(source, build, kind):
    """What Slicer would install: the SCRIPTS or RESOURCES that the module's CMakeLists.txt hands over."""
    done = configure(source, build)
    assert done.returncode == 0, done.stderr
    return [name for name in (build / f"{kind}.txt").read_text(encoding="utf-8").splitlines() if "__pycache__" not in name]


def test_every_python_file_is_installed_once(tmp_path):
    expected = {"FaceDeidLN.py", *(name for name in there("FaceDeidLNLib", "Scripts") if name.endswith(".py"))}
    names = installed(ROOT, tmp_path / "build", "SCRIPTS")
    assert set(names) == expected
    assert len(names) == len(expected)


def test_every_resource_is_installed_once(tmp_path):
    expected = {name for name in there("FaceDeidLNLib", "Resources", "Scripts") if not name.endswith(".py")}
    names = installed(ROOT, tmp_path / "build", "RESOURCES")
    assert set(names) == expected
    assert len(names) == len(expected)


def test_a_new_file_is_installed_without_a_line_in_cmake(copy, tmp_path):
    (copy / "FaceDeidLN" / "FaceDeidLNLib" / "effect" / "brand_new.py").write_text('"""New."""\n', encoding="utf-8")
    assert "FaceDeidLNLib/effect/brand_new.py" in installed(copy, tmp_path / "build", "SCRIPTS")


def test_the_index_entry_says_what_cmake_says():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    name = re.search(r"^project\((\w+)\)$", text, re.MULTILINE)[1]
    value = {key: re.search(rf'set\({key} "([^"]+)"\)', text)[1] for key in METADATA}
    entry = json.loads((ROOT / f"{name}.json").read_text(encoding="utf-8"))
    assert entry["scm_url"] == value["EXTENSION_HOMEPAGE"]
    assert entry["category"] == value["EXTENSION_CATEGORY"]
    assert entry["build_dependencies"] == value["EXTENSION_DEPENDS"].split()
    assert not name.startswith("Slicer")
    assert entry["scm_url"].rsplit("/", 1)[1].startswith("Slicer")


def test_the_index_entry_has_the_fields_of_the_schema_and_no_others():
    entry = json.loads((ROOT / "FaceDeidLN.json").read_text(encoding="utf-8"))
    allowed = {"$schema", "build_dependencies", "build_subdirectory", "category", "enabled", "scm_revision", "scm_type", "scm_url", "tier"}
    assert {"$schema", "category", "scm_url"} <= set(entry) <= allowed
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.1.json#")
    assert entry["tier"] in range(1, 6)
