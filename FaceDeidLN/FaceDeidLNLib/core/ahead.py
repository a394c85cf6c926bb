"""Work for the other processors, where it lets other threads run: a few results of a list made ahead, or one thing beside another."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from .errors import Cancelled
from .processors import processors
from .progress import Alive

Item = TypeVar("Item")
Result = TypeVar("Result")


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
