"""Damaged files of every kind that the project reads: each is read right or refused in a sentence, within bounds of time and memory.

A worker process reads one file after the other under limits of the operating system, so that an endless loop, a bomb or a crash of a
library is a finding and not the end of the test.
"""

from __future__ import annotations

import gzip
import io
import multiprocessing
import random
import re
import resource
import signal
import sys
import tempfile
import traceback
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from FaceDeidLNLib.core.errors import FaceDeidError
from fuzz_targets import TARGETS, WHOLE_ROAD, Target

#: Bounds of one reading: seconds, and memory beyond what the libraries take.
MOST_SECONDS, MOST_BYTES = 60, 1 << 30
#: Numbers that headers are not made for.
NUMBERS = (
    b"-1",
    b"0",
    b"1",
    b"65536",
    b"4294967296",
    b"99999999999999999999",
    b"nan",
    b"inf",
    b"1e308",
    b"-1e-308",
    b"0x10",
    b"1_0",
    b"\xff",
)


@dataclass(frozen=True)
class Finding:
    """What went wrong with one damaged file."""

    target: str
    seed: int
    what: str


def damaged(content: bytes, seed: int) -> bytes:
    """The content with one to four random changes: most of them near the beginning, where headers are."""
    draw, out = random.Random(seed), bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(min(len(out), 400)) if draw.random() < 0.7 and out else draw.randrange(max(1, len(out)))
        match draw.randrange(7):
            case 0:
                out[place : place + 1] = bytes([out[place] ^ 1 << draw.randrange(8)]) if place < len(out) else b""
            case 1:
                out[place : place + draw.randint(1, 8)] = draw.randbytes(draw.randint(1, 8))
            case 2:
                del out[place : place + draw.randint(1, 40)]
            case 3:
                out[place:place] = out[place : place + draw.randint(1, 40)]
            case 4:
                out[place:place] = draw.choice(NUMBERS)
            case 5:
                out[:] = _other_number(bytes(out), draw)
            case _:
                del out[draw.randrange(max(1, len(out))) :]
    return bytes(out)


def _other_number(content: bytes, draw: random.Random) -> bytes:
    """The content with one of the numbers of its text exchanged."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", content[:4000]))
    if not found:
        return content
    number = draw.choice(found)
    return content[: number.start()] + draw.choice(NUMBERS) + content[number.end() :]


def tried(target: Target, whole: Path, seed: int) -> Finding | None:
    """One damaged copy of a whole file, read; what is wrong with the outcome, None where nothing is."""
    content = whole.read_bytes()
    try:
        if target.packed and seed % 3:
            whole.write_bytes(gzip.compress(damaged(gzip.decompress(content), seed), 1))
        else:
            whole.write_bytes(damaged(content, seed))
        return _outcome(target, whole, seed)
    finally:
        whole.write_bytes(content)


def _outcome(target: Target, path: Path, seed: int) -> Finding | None:
    signal.alarm(MOST_SECONDS)
    try:
        target.read(path)
    except FaceDeidError as refusal:
        said = str(refusal)
        return Finding(target.name, seed, f"no sentence: {said!r}") if "\n" in said or len(said) > 1000 or not said.endswith(".") else None
    except BaseException:
        return Finding(target.name, seed, traceback.format_exc(limit=-4))
    finally:
        signal.alarm(0)
    return None


def _worker(connection: multiprocessing.connection.Connection, names: tuple[str, ...], seeds: range) -> None:
    warnings.simplefilter("ignore")
    sys.stderr = io.StringIO()
    draw = random.Random(1)
    uuid.uuid4 = lambda: uuid.UUID(int=draw.getrandbits(128))  # the same UIDs in every run
    signal.signal(signal.SIGALRM, _too_long)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST_BYTES,) * 2)
    for target in (*TARGETS, *WHOLE_ROAD):
        if target.name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            whole = target.make(Path(folder))
            connection.send((target.name, -1, None))
            target.read(whole)
            for seed in seeds:
                connection.send((target.name, seed, None))
                connection.send((target.name, seed, tried(target, whole, seed)))
    connection.close()


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"more than {MOST_SECONDS} s")


def fuzzed(names: tuple[str, ...], seeds: range) -> Iterator[Finding]:
    """The findings of so many damaged files of each of the targets, read in one process of their own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_worker, args=(theirs, names, seeds))
    process.start()
    theirs.close()
    last = ("", -1)
    try:
        while True:
            name, seed, finding = ours.recv()
            last = (name, seed)
            if finding is not None:
                yield finding
    except EOFError:
        process.join()
    if process.exitcode:
        yield Finding(*last, f"the process ended with {process.exitcode}")
