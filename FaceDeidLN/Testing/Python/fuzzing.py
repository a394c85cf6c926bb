"""Damaged files of every kind that the project reads: each is read right or refused in a sentence, within bounds of time and memory.

A worker process reads one file after the other under limits of the operating system, so that an endless loop, a bomb or a crash of a
library is a finding and not the end of the test.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import random
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
from FaceDeidLNLib.core.processors import LIMIT
from fuzz_mutations import bytes_changed
from fuzz_roads import WHOLE_ROADS
from fuzz_targets import TARGETS, Target

#: Bounds of one reading: CPU seconds (and so many times as long in all), and memory beyond what the libraries take; and what the stack
#: of a thread takes of it, of which algebra libraries keep one per processor.
MOST_SECONDS, WAIT, MOST_BYTES, STACK_BYTES = 30, 20, 1 << 30, 8 << 20


@dataclass(frozen=True)
class Finding:
    """What went wrong with one damaged file."""

    target: str
    seed: int
    what: str


@dataclass(frozen=True)
class Tried:
    """One damaged file: was it read to its end, and what was wrong with the outcome, if anything."""

    seed: int
    was_read: bool
    finding: Finding | None = None


def tried(target: Target, whole: Path, seed: int) -> Tried:
    """One damaged copy of a whole file, read: every third by random bytes, the others by changes that keep the file's form."""
    content, draw = whole.read_bytes(), random.Random(seed)
    try:
        whole.write_bytes((target.change if seed % 3 else bytes_changed)(content, draw))
        return _outcome(target, whole, seed)
    finally:
        whole.write_bytes(content)


def _outcome(target: Target, path: Path, seed: int) -> Tried:
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)  # of CPU: other work on the machine does not count
    signal.alarm(WAIT * MOST_SECONDS)  # for what waits for ever
    try:
        target.read(path)
    except FaceDeidError as refusal:
        said = str(refusal)
        is_sentence = "\n" not in said and len(said) <= 1000 and said.endswith(".")
        return Tried(seed, False, None if is_sentence else Finding(target.name, seed, f"no sentence: {said!r}"))
    except BaseException:
        return Tried(seed, False, Finding(target.name, seed, traceback.format_exc(limit=-4)))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    return Tried(seed, True)


def _worker(connection: multiprocessing.connection.Connection, names: tuple[str, ...], seeds: range) -> None:
    warnings.simplefilter("ignore")
    sys.stderr = io.StringIO()
    os.environ[LIMIT] = "1"  # what each thread reserves counts in the limit
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what the libraries of the independent readers print
    draw = random.Random(1)
    uuid.uuid4 = lambda: uuid.UUID(int=draw.getrandbits(128))  # the same UIDs in every run
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, _too_long)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        limit = pages * resource.getpagesize() + MOST_BYTES + (os.cpu_count() or 1) * STACK_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for target in (*TARGETS, *WHOLE_ROADS):
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


def fuzzed(names: tuple[str, ...], seeds: range) -> Iterator[Tried]:
    """What became of so many damaged files of each of the targets, read in one process of their own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_worker, args=(theirs, names, seeds))
    process.start()
    theirs.close()
    last = ("", -1)
    try:
        while True:
            name, seed, outcome = ours.recv()
            last = (name, seed)
            if outcome is not None:
                yield outcome
    except EOFError:
        process.join()
    if process.exitcode:
        yield Tried(last[1], False, Finding(*last, f"the process ended with {process.exitcode}"))
