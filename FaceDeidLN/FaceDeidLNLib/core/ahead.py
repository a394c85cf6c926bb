"""A few results of a list made ahead by the other processors, for work that lets other threads run."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def made_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """``function`` of item after item, in their order; no more results than two a processor wait to be taken.

    The first item is worked on alone, so that libraries that set themselves up at first use do so once. Raises what ``function``
    raises, at that item's turn.
    """
    left, count = iter(items), os.cpu_count() or 1
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
