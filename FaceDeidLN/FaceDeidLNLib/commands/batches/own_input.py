"""Is a release that of this case? A certificate belongs to an output by its hash, and nothing in it may tell what the input was."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import FaceDeidError
from ...header.base import HeaderPolicy
from ...output.own import is_made_of
from .cases import STUDY, Case


def is_of_case(case: Case, output: Path, policy: HeaderPolicy) -> bool:
    """The output was made from the case's input: most of its voxels are the input's, or its studies have the UIDs that theirs became."""
    if case.command != STUDY:
        options = dict(zip(case.options[::2], case.options[1::2], strict=True))
        return is_made_of(case.input, options.get("--series", ""), output, policy)
    try:
        return _studies(output) == {policy.uid(uid) for uid in _studies(case.input)}
    except (FaceDeidError, OSError):
        return False


def _studies(folder: Path) -> set[str]:
    from ...study.instances import find_instances

    return {instance.text("StudyInstanceUID") for instance in find_instances(folder).instances}
