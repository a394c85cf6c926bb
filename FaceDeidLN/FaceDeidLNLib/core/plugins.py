"""What a row of a table is made by, imported when it is needed: the tables themselves are read at every start, and must be light."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def made_by(name: str, package: str) -> Any:  # noqa: ANN401  whatever the table's Protocol says
    """The object that "file:Name" means in a package: class or function ``Name`` of its module ``file``."""
    file, _, what = name.partition(":")
    return getattr(import_module(f".{file}", package), what)
