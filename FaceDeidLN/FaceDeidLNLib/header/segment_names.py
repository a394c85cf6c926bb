"""What a certificate may tell where headers are cleaned: names of segments hold what people typed, as descriptions do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .base import HeaderPolicy

#: Under these keys stand names of segments and structures.
_NAMES = frozenset({"name", "clipped", "made_anew"})
#: Under these, places in the output, which this program named.
_PLACES = frozenset({"file", "first_file"})
#: Names that a sentence quotes, up to the last one: whatever stands in them.
_QUOTED = re.compile(r"(?<!\w)'(.*)'(?!\w)", re.DOTALL)
_NEXT = "', '"


def without_names(content: object, policy: HeaderPolicy, key: str = "") -> object:
    """A part of a certificate (JSON's types) with its names cleaned as descriptions are, and its sentences without known identifiers."""
    if isinstance(content, Mapping):
        return {name: without_names(value, policy, str(name)) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [without_names(value, policy, key) for value in content]
    if isinstance(content, str) and key not in _PLACES:
        return policy.label(content) if key in _NAMES else _sentence(content, policy)
    return content


def _sentence(text: str, policy: HeaderPolicy) -> str:
    """A sentence as it may leave, the names that it quotes too: those of persons whom no header names may stand in them."""
    return policy.sentence(_QUOTED.sub(lambda found: f"'{_NEXT.join(map(policy.label, found[1].split(_NEXT)))}'", text))
