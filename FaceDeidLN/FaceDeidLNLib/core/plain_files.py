"""Files of others that are read whole: plain files only, because a pipe or device has no end, and none larger than its kind can be."""

from __future__ import annotations

import codecs
import csv
import errno
import json
import os
import stat
from pathlib import Path
from typing import BinaryIO

#: No key, and no certificate or table that this project writes, is larger (bytes).
MOST_KEY, MOST_TABLE = 1 << 16, 1 << 26
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def open_plain(path: Path) -> BinaryIO:
    """Open a file to read; what it is is asked of the open file, so that nobody can exchange it in between.

    :raises OSError: it cannot be opened, or is a pipe, device or folder.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "no regular file but a pipe, device or folder", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path, most: int = MOST_TABLE) -> bytes:
    """The content of a plain file.

    :raises OSError: as for ``open_plain``, or it has more than ``most`` bytes.
    """
    with open_plain(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most / 2**20:g} MB", str(path))
    return content


def encoding_of(content: bytes) -> str:
    """UTF-16 where a byte order mark tells it, as in the Unicode text of spreadsheets; else UTF-8, which may have such a mark too."""
    return next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), "utf-8")


def read_table_text(path: Path) -> str:
    """The text of a table that may come out of a spreadsheet, without its byte order mark; raises the same as ``read_plain_text``."""
    content = read_plain(path)
    return content.decode(encoding_of(content)).removeprefix("\ufeff")


def read_plain_text(path: Path, most: int = MOST_TABLE, encoding: str = "utf-8") -> str:
    """The text of a plain file; raises the same, and UnicodeDecodeError."""
    return read_plain(path, most).decode(encoding)


def unread(problem: Exception) -> str:
    """Why a text was not read, in words: what the system or a table's reader says, that it is not in UTF-8, no JSON, or of another form."""
    if isinstance(problem, OSError):
        return problem.strerror or str(problem)
    if isinstance(problem, UnicodeDecodeError):
        return "it is no text in UTF-8"
    if isinstance(problem, json.JSONDecodeError):
        return f"line {problem.lineno} of it is no JSON"
    return str(problem) if isinstance(problem, csv.Error) else "it is of another form"
