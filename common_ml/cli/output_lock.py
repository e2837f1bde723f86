"""File lock of an output that is merged from parts: one run at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from common_ml.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def output_lock(output: Path) -> Iterator[None]:
    """Hold the lock of an output; it is released with the process at the latest.

    Without it, two runs would merge into the output, and remove each other's parts.

    Raises:
        OutputError: another run holds it, or the folder cannot be written to.
    """
    lock = output.with_name(f".{output.name}.lock")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("ab")
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror}", path=output) from error
    with file:
        if not _is_taken(file, lock):
            raise OutputError(
                f"another run is writing {output}; hint: wait for its end, or choose another "
                "output with -o",
                path=output,
            )
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _is_taken(file: IO[bytes], lock: Path) -> bool:
    """Acquire the lock; return False if another run holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # others: a file system without locks, where other writers cannot be detected
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    try:  # of a run that ended between open and flock, which has removed the file
        return os.path.samestat(os.fstat(file.fileno()), lock.stat())
    except FileNotFoundError:
        return False
