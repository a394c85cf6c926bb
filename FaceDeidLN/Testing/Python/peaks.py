"""The most memory that a call holds at once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from FaceDeidLNLib.core.processors import LIMIT


def peak_of(function: Callable[[], object]) -> int:
    """The most bytes that a call holds at once in one thread, as Python and numpy count them, without what first use loads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LIMIT, "1")
        function()
        tracemalloc.start()
        try:
            function()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
