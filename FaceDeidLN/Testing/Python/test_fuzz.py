"""Damaged files: a few hundred in every run of the tests, and thousands by ``python benchmarks/fuzz.py``."""

from __future__ import annotations

import sys

import pytest

if sys.platform == "win32":
    pytest.skip("limits of memory and time are set by POSIX means", allow_module_level=True)

from fuzz_targets import TARGETS
from fuzzing import fuzzed

#: Damaged files of each kind: some 300 in all.
EACH = 17


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_damaged_file_is_read_right_or_refused_in_a_sentence(target):
    assert [one.finding for one in fuzzed((target.name,), range(EACH)) if one.finding is not None] == []
