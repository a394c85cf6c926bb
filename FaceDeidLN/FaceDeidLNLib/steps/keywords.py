"""The values of the module's keywords: each of its own kind, or one sentence that names the keyword."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from ..anatomy.level.table import level_named
from ..core.errors import InputError
from ..core.parameters import NUMBERS, Parameters, require_watermark
from ..effect.records import OWN_NUMBERS, own_numbers, record_of
from ..face.styles import style_named

_NUMBERS = {number.field: number for number in (*NUMBERS, *OWN_NUMBERS)}
_OWN = frozenset(number.field for number in OWN_NUMBERS)
#: Keyword arguments of the module's ``process`` and the fields of ``Parameters`` that they are, or of its ``own``.
LENGTHS = {number.keyword: name for name, number in _NUMBERS.items()}
#: Those, and any field by its own name; ``own`` is made of numbers.
_FIELDS = {**LENGTHS, **{name: name for name in (*(item.name for item in fields(Parameters)), *_OWN) if name != "own"}}
#: Who raises InputError for a text that a field cannot have.
_KNOWN = {"style": style_named, "effect": record_of, "levels": level_named, "watermark": require_watermark}


def parameters_of_keywords(style: str | None, effect: str | None, levels: Iterable[str] | None, others: Mapping[str, Any]) -> Parameters:
    """The pipeline's parameters, the default for None.

    ``others`` are those of ``LENGTHS`` and any other field of ``Parameters`` by its own name; TypeError for another name.
    """
    unknown = [name for name in others if name not in _FIELDS]
    if unknown:
        raise TypeError(f"there is no keyword '{unknown[0]}' (help(logic) lists all); numbers are: {', '.join(LENGTHS)}")
    named = {"style": style, "effect": effect, "levels": levels}
    given = {name: _value(name, name, value) for name, value in named.items() if value is not None}
    values = {_FIELDS[name]: _value(name, _FIELDS[name], value) for name, value in others.items()}
    own = {name: values.pop(name) for name in _OWN & values.keys()}
    return Parameters(**given, own=own_numbers(given.get("effect", Parameters.effect), own), **values)


def _value(keyword: str, field: str, value: Any) -> Any:  # noqa: ANN401  what was typed
    """The value of a field in Python's own types, which a certificate can hold and compare."""
    if field in _NUMBERS:
        _NUMBERS[field].require(value, keyword)
        return float(value)
    if field in ("ears", "lips"):
        return truth(keyword, value)
    if field == "seed":
        return whole(keyword, value)
    words = tuple(text(keyword, word) for word in listed(keyword, value, "names")) if field == "levels" else text(keyword, value)
    for word in words if field == "levels" else (words,):
        _KNOWN[field](word)
    return words


def truth(keyword: str, value: Any) -> bool:  # noqa: ANN401
    """True or False: "no" and 0 are neither, so that nothing is released or overwritten by mistake."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{keyword} is True or False, and not {value!r}.")
    return bool(value)


def whole(keyword: str, value: Any) -> int | None:  # noqa: ANN401
    """A whole number from 0 on, or None."""
    if value is None or (isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 0):
        return None if value is None else int(value)
    raise InputError(f"{keyword} takes a whole number from 0 on, or None, and not {value!r}.")


def text(keyword: str, value: Any) -> str:  # noqa: ANN401
    """A text."""
    if not isinstance(value, str):
        raise InputError(f"{keyword} takes a text, and not {value!r}.")
    return str(value)


def listed(keyword: str, values: Any, of: str) -> list[Any]:  # noqa: ANN401
    """What a list holds: a text is none, whose letters would be taken one by one."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InputError(f"{keyword} takes a list of {of}, and not {named(values)}.")
    return list(values)


def node_of(kind: str, **nodes: Any) -> None:  # noqa: ANN401  a node, or whatever was typed
    """Raises InputError, which names the keyword, for what is no node of a kind, and for a node that left its scene; None is no node."""
    for keyword, node in nodes.items():
        if node is not None and not (hasattr(node, "IsA") and node.IsA(kind)):
            raise InputError(f"{keyword} takes a {kind} and not {named(node)}.")
        if node is not None and node.GetScene() is None:
            raise InputError(f'"{node.GetName()}" ({keyword}) is not in the scene any more: give another node.')


def result_of(node: Any) -> Any:  # noqa: ANN401  a vtkMRMLScalarVolumeNode
    """The node of a result, or None; raises as ``node_of``."""
    node_of("vtkMRMLScalarVolumeNode", resultNode=node)
    return node


def place_of(keyword: str, value: Any) -> Path | None:  # noqa: ANN401
    """A file or folder, where ``~`` is the user's own; None for None and an empty text."""
    if not isinstance(value, (str, Path, NoneType)) or "\0" in str(value):
        raise InputError(f"{keyword} takes the name of a file or folder, and not {value!r}.")
    return Path(os.path.expanduser(value)) if value else None  # noqa: PTH111  pathlib raises where there is no such user


def callable_of(keyword: str, value: Any) -> Callable[..., None] | None:  # noqa: ANN401
    """What can be called, or None."""
    if value is not None and not callable(value):
        raise InputError(f"{keyword} takes a function of a fraction and a message, and not {value!r}.")
    return value


def named(value: Any) -> str:  # noqa: ANN401
    """What was given instead: a node by its class."""
    return value.GetClassName() if hasattr(value, "GetClassName") else repr(value)
