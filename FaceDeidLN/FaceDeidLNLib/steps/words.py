"""What the pipeline tells those who type commands, in the words of Slicer: keywords for its console, neither for the panel."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from ..core.errors import FaceDeidError, InputError

#: The module's keywords by the options of the command line: alone, they are given so; what followed an option is their value.
_KEYWORDS = {
    "accept-recognisable": "acceptRecognisable=True",
    "also": "alsoVolumes=[...]",
    "curve": "curve=...",
    "effect": "effect=...",
    "header": "header=...",
    "key": "keyFile=...",
    "landmarks": "landmarks=...",
    "node-segments": "segmentIDs=[...]",
    "nodes": "protectedSegmentation=...",
    "overwrite": "overwrite=True",
    "protect": "protectedSegmentation=...",
    "signing-key": "signingKey=...",
    "style": "style=...",
}
#: An option, and its value where the sentence ends with it or names it in capitals: "(--effect mask)", "--key FILE".
_TYPED = re.compile(r"--([a-z][a-z-]*[a-z])(?: ([A-Z]+\b|\w[\w,-]*(?=[:).]|$)))?")
_ONE = r"(?:--[\w-]+|\b(?:{keywords})(?:True|\.{{3}}|\[\.{{3}}\]|[\w,-]+))".format(
    keywords="|".join(sorted({keyword.partition("=")[0] + "=" for keyword in _KEYWORDS.values()}))
)
#: "(--overwrite)", "place it in Slicer and give it with landmarks=..." The panel has neither options nor keywords.
_REMARK = re.compile(rf"\s*\({_ONE}[^()]*\)|( in Slicer)? and give [^,;:.]*? with {_ONE}|,? or give {_ONE}|( with)? {_ONE}( or {_ONE})*")

_Class = TypeVar("_Class", bound=type)


def in_keywords(text: str) -> str:
    """A message with the console's keywords in place of the command line's options."""
    return _TYPED.sub(_keyword, text)


def _keyword(typed: re.Match[str]) -> str:
    option, value = typed.groups()
    if option not in _KEYWORDS:
        return typed.group()
    return f"{_KEYWORDS[option].partition('=')[0]}={value}" if value else _KEYWORDS[option]


def without_options(text: str) -> str:
    """A message without what only those who type can do, be it an option or a keyword."""
    return _REMARK.sub("", text)


def saying_keywords(cls: _Class) -> _Class:
    """A class whose public methods say keywords in their errors, and are called from the main thread only."""
    for name, method in list(vars(cls).items()):
        if callable(method) and not name.startswith("_"):
            setattr(cls, name, _saying_keywords(method))
    return cls


def _saying_keywords(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def said(*words: Any, **keywords: Any) -> Any:  # noqa: ANN401  those of the method
        try:
            _require_main_thread()
            return method(*words, **keywords)
        except FaceDeidError as error:
            error.args = (in_keywords(str(error)),)
            raise

    return said


def _require_main_thread() -> None:
    """Raises InputError in any other thread: what changes in a scene is drawn there at once, which ends the application."""
    if threading.current_thread() is not threading.main_thread():
        raise InputError("The scene belongs to the application's main thread: call this from there, and not from a thread of your own.")
