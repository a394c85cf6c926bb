"""The errors a user meets: each message says what is wrong and what to do."""

from __future__ import annotations

#: Characters of a message, and how many of its end stay where it is longer: there stands what to do.
_LONGEST, _END = 2000, 200


class FaceDeidError(Exception):
    """Base of every error that the project raises on purpose; the work stops and nothing is released."""


class InputError(FaceDeidError):
    """The input or an argument cannot be used (exit code 2). What a file holds may stand in the message, but no more than can be read."""

    def __init__(self, message: str = "") -> None:
        cut = len(message) > _LONGEST
        super().__init__(f"{message[: _LONGEST - _END]} ... {message[-_END:]}" if cut else message)


class NotHounsfieldError(InputError):
    """A volume's values cannot be HU."""


class NoSegmentError(InputError):
    """A segment is asked for by a name that none has."""


class OutputError(FaceDeidError):
    """The output cannot be written (exit code 2); whatever was begun under a temporary name is removed."""


class FaceNotFoundError(FaceDeidError):
    """No usable face was found; the case goes to REVIEW (exit code 3) with this message as the reason."""


class Cancelled(FaceDeidError):
    """The user cancelled; nothing was released."""


def in_words(error: Exception) -> str:
    """What an error says; of an error of others its kind too, and no more than a line: what a file holds may stand in it."""
    if isinstance(error, FaceDeidError):
        return str(error)
    said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return said if len(said) <= _END else f"{said[:_END]} ..."
