"""Which attributes an object must have (types 1 and 2 of PS3.3), from the standard's module tables that highdicom carries.

Where the profile leaves a choice (X/Z/D) the type decides: what must have a value gets a dummy, what must be there is emptied, the rest
goes, so that a cleaned object is as valid as it came.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from functools import lru_cache

#: Strongest first; a conditional attribute that was there keeps its condition.
_ORDER = ("1", "1C", "2", "2C", "3")
Types = Mapping[tuple[str, str], str]
#: Sequences that the standard requires with an item whatever it refers to (a dose's plan, PS3.3 C.8.8.3): these items stay.
REQUIRED_REFERENCES = frozenset({"ReferencedRTPlanSequence"})


def _json(name: str) -> dict:
    data = pkgutil.get_data("highdicom", f"_standard/{name}.json")
    return json.loads(data or b"{}")


@lru_cache(maxsize=1)
def _modules() -> dict[str, dict[tuple[str, str], str]]:
    """The types by (keyword of the sequence around, keyword) of each module; "" around what stands at the top."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    for module, attributes in _json("module_attribute_map").items():
        types = found.setdefault(module, {})
        for one in attributes:
            _strongest(types, (one["path"][-1] if one["path"] else "", one["keyword"]), one["type"])
    return found


def _strongest(types: dict[tuple[str, str], str], key: tuple[str, str], kind: str) -> None:
    if kind in _ORDER and (key not in types or _ORDER.index(kind) < _ORDER.index(types[key])):
        types[key] = kind


@lru_cache(maxsize=64)
def types_of(sop_class: str) -> Types:
    """The types of an object's attributes by (keyword of the sequence around, keyword); of an unknown class those of every module."""
    iod = _json("sop_class_iod_map").get(sop_class)
    names = [module["key"] for module in _json("iod_module_map").get(iod, [])] if iod else ["patient", "general-study", "general-series"]
    found: dict[tuple[str, str], str] = {}
    for name in names:
        for key, kind in _modules().get(name, {}).items():
            _strongest(found, key, kind)
    return found
