"""The container file and the workflow example: what they name is there, pinned, and does what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[3]
CONTAINER, PINNED = ROOT / "Containerfile", ROOT / "containers" / "requirements.txt"
pytestmark = pytest.mark.skipif(not CONTAINER.exists(), reason="only the module's folder is here, not the project")


def steps() -> list[tuple[str, str]]:
    """The instructions of the container file, comments and continuations joined."""
    text = re.sub(r"^\s*#.*\n", "", CONTAINER.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def pins() -> dict[str, str]:
    return dict(line.split("==") for line in PINNED.read_text().splitlines() if line and not line.startswith("#"))


def test_the_image_is_of_one_version_and_runs_the_program_with_nobodys_rights():
    found = dict(steps())
    assert re.search(r":\d+\.\d+\.\d+-", found["FROM"])
    assert found["USER"].isdigit()
    assert found["USER"] != "0"
    assert found["ENTRYPOINT"] == '["facedeidln"]'
    last = [name for name, _ in steps()]
    assert "RUN" not in last[last.index("USER") :]


def test_what_is_copied_is_there():
    for _, words in (step for step in steps() if step[0] == "COPY"):
        *sources, _ = words.split()
        assert all((ROOT / source).exists() for source in sources)


def test_nothing_is_installed_that_is_not_pinned():
    installs = [words for name, words in steps() if name == "RUN" and "pip install" in words]
    assert installs
    assert all("--no-deps" in words for words in installs)
    assert all(re.fullmatch(r"[0-9][\w.]*", version) for version in pins().values())


def test_the_pinned_versions_are_those_that_the_project_asks_for():
    tomllib = pytest.importorskip("tomllib")
    requirements = pytest.importorskip("packaging.requirements")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in [*project["dependencies"], *project["optional-dependencies"]["dask"], *project["optional-dependencies"]["signing"]]:
        asked = requirements.Requirement(text)
        assert asked.specifier.contains(pins()[asked.name.lower().replace("_", "-")]), text


def program(name: str) -> str:
    """Where a program lies, of the system or of this environment; without it the test is skipped."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.parametrize(
    ("linter", "file"), [("hadolint", "Containerfile"), ("shellcheck", "run"), ("shellcheck", "examples/slurm_array.sh")]
)
def test_linters_find_nothing(linter, file):
    done = subprocess.run([program(linter), str(ROOT / file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_workflow_does_three_cases_of_which_one_waits_for_a_person(tmp_path):
    snakemake = program("snakemake")
    stand_in = tmp_path / "bin" / "facedeidln"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\necho "{\\"words\\": \\"$*\\"}"\ncase "$2" in *review*) exit 3;; esac\n')
    stand_in.chmod(0o755)
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b b", "review"):
        (tmp_path / "in" / f"{name}.nrrd").touch()
    (tmp_path / "out" / "review.nrrd").write_text("of an earlier run")
    environment = {**ENVIRONMENT, "PATH": f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    words = [snakemake, "--snakefile", str(ROOT / "examples" / "Snakefile"), "--cores", "2", "--directory", str(tmp_path)]
    words += ["--config", f"inputs={tmp_path / 'in'}", f"results={tmp_path / 'out'}", "options=--effect reface"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").glob("*.json")) == ["a.json", "b b.json", "review.json"]
    assert not (tmp_path / "out" / "review.nrrd").exists()
    assert f"deface {tmp_path / 'in' / 'a.nrrd'} {tmp_path / 'out' / 'a.nrrd'}" in (tmp_path / "out" / "a.json").read_text()
