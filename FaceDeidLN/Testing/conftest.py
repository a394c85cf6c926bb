"""What holds before any test loads numpy."""

from __future__ import annotations

import os

import pytest

# As the command line has it (commands/main.py): many small products in threads of their own wait for each other's helpers.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Files go to the processes in their order: by number of tests, long ones of a single test would be last, and a process idle."""
    config.option.loadscopereorder = False
