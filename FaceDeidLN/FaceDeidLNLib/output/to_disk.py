"""What was written, on the disk itself: before that a file that is read back may be lost with the power."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

#: So many files are synchronised at a time.
SYNCED_TOGETHER = 8
#: Network and user-space file systems that cannot synchronise folders, or have no hard links, answer with these.
NOT_OFFERED = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM, errno.EMLINK)


@contextlib.contextmanager
def synchronising() -> Iterator[Callable[[Path], None]]:
    """Gives what has the disk hold a file as soon as it is written, while the body goes on; raises what that raised when the body ends."""
    begun: list[Future[None]] = []
    with ThreadPoolExecutor(SYNCED_TOGETHER) as pool:
        try:
            yield lambda path: begun.append(pool.submit(sync, path))
        except BaseException:  # nobody wants the files any more
            pool.shutdown(cancel_futures=True)
            raise
    for one in begun:
        one.result()


def sync(path: Path) -> None:
    """Have the disk hold what was written; folders cannot be synchronised everywhere."""
    is_folder = path.is_dir()
    if is_folder and sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if not is_folder or error.errno not in NOT_OFFERED:
            raise
    finally:
        os.close(handle)
