"""Work in other threads, where it lets them run: a few results made ahead, one thing beside another, or beside what is told of it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

from .errors import Cancelled
from .processors import processors
from .progress import Alive, Progress, silent

Item = TypeVar("Item")
Result = TypeVar("Result")
#: A window that was not redrawn for so long (s) still seems to follow the hand.
_TOLD_AGAIN_S = 0.1
#: Whoever waits for another thread tells as often (s) that it is alive.
_ALIVE_S = 0.2


def shared_out(function: Callable[..., Result], *items: Iterable) -> list[Result]:
    """``list(map(function, *items))``, worked on by this thread and by others, as many as there are processors.

    Each takes the next item that nobody has taken. Raises what ``function`` raises, once the others have ended theirs.
    """
    asked = list(zip(*items, strict=False))
    count = min(processors(), len(asked))
    if count < 2:
        return [function(*one) for one in asked]
    made: list[Any] = [None] * len(asked)
    left = iter(range(len(asked)))

    def work() -> None:
        try:
            for number in left:
                made[number] = function(*asked[number])
        except BaseException:
            deque(left, maxlen=0)  # nobody takes another
            raise

    with ThreadPoolExecutor(count - 1) as pool:
        helpers = [pool.submit(work) for _ in range(count - 1)]
        work()
    for helper in helpers:
        helper.result()
    return made


def made_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """``function`` of item after item, in their order; no more results than two a processor wait to be taken.

    The first item is worked on alone, so that libraries that set themselves up at first use do so once. Raises what ``function``
    raises, at that item's turn.
    """
    left, count = iter(items), processors()
    for first in left:
        yield function(first)
        break
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count) as pool:
        try:
            for item in left:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def made_beside(function: Callable[[Alive], Result]) -> Iterator[Future[Result]]:
    """``function`` at work while the body runs. Where the body ends first, it is stopped the next time that it tells it is alive."""
    over = threading.Event()

    def alive() -> None:
        if over.is_set():
            raise Cancelled("What was made beside it is not needed any more.")

    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool.submit(function, alive)
        finally:
            over.set()


def awaited(made: Future[Result], alive: Alive) -> Result:
    """What is made beside, or what that raised; ``alive`` is called as long as it takes."""
    while wait((made,), _ALIVE_S).not_done:
        alive()
    return made.result()


def told_beside(work: Callable[[Progress], Result], progress: Progress) -> Result:
    """What ``work`` gives, done in a thread of its own; this one tells ``progress`` all that it tells, and the last again and again.

    So a window lives through pieces that tell nothing. Where ``progress`` raises, the work is stopped the next time that it tells
    something, and this ends when it has stopped. For work on arrays: a scene is for the thread that shows it.
    """
    if progress is silent:
        return work(progress)
    said: queue.SimpleQueue[tuple[float, str] | None] = queue.SimpleQueue()
    over = threading.Event()

    def tell(fraction: float, message: str) -> None:
        if over.is_set():
            raise Cancelled("The work is not wanted any more.")
        said.put((fraction, message))

    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(work, tell)
        made.add_done_callback(lambda done: said.put(None))
        try:
            _tell_until_done(said, progress)
        finally:
            over.set()
    return made.result()


def _tell_until_done(said: queue.SimpleQueue[tuple[float, str] | None], progress: Progress) -> None:
    """Tell what is said, until None is."""
    last: tuple[float, str] | None = None
    while True:
        try:
            last = said.get(timeout=_TOLD_AGAIN_S)
            if last is None:
                return
        except queue.Empty:
            pass
        if last is not None:
            progress(*last)
