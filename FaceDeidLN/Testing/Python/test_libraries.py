"""Libraries that are loaded before their package is imported (core/libraries.py)."""

import subprocess
import sys

import pytest
from FaceDeidLNLib.core.libraries import load_ahead

_LOADED = """
from pathlib import Path
from FaceDeidLNLib.core.libraries import load_ahead
thread = load_ahead("slicer_core")
thread.join()
before = Path("/proc/self/maps").read_text().count("slicer_core/")
import slicer
print(before, slicer.vtkMRMLScene().GetNumberOfNodes())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells it on Linux alone")
def test_a_package_is_imported_as_ever_after_its_libraries_were_loaded():
    found = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True).stdout.split()
    assert int(found[0]) > 100
    assert found[1:] == ["0"]


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.3, 0.6])
def test_a_program_that_ends_meanwhile_ends(after_s):
    code = "import sys, time\nfrom FaceDeidLNLib.core.libraries import load_ahead\nload_ahead('slicer_core')\n"
    code += f"time.sleep({after_s})\nsys.exit(2)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 2


def test_a_program_waits_for_the_library_at_work():
    thread = load_ahead("slicer_core")
    assert thread is None or not thread.daemon  # else one run in twenty crashes at its end, or never ends
    if thread is not None:
        thread.join()


def test_what_is_not_imported_yet_stays_so():
    modules = set(sys.modules)
    thread = load_ahead("scipy.cluster")
    if thread is not None:
        thread.join()
    assert "scipy.cluster._hierarchy" not in set(sys.modules) - modules


@pytest.mark.parametrize("package", ["no_package_of_this_name", "json"])
def test_a_package_without_libraries_is_no_error(package):
    assert load_ahead(package) is None


def test_a_file_that_is_no_library_is_left_to_whoever_imports_it(tmp_path, monkeypatch):
    folder = tmp_path / "with_a_broken_library"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "broken.so").write_bytes(b"no library")
    monkeypatch.syspath_prepend(tmp_path)
    thread = load_ahead("with_a_broken_library")
    if thread is not None:
        thread.join(10)
        assert not thread.is_alive()
