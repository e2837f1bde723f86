"""One run at a time for an output that is merged from parts."""

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
    """Hold the lock of an output: two runs would merge into it, and remove each other's parts.

    It ends with the process.

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
    """Take the lock; False where another run has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # others: a file system without locks, where nobody can say who else writes
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    try:  # of a run that ended between open and flock, which has removed the file
        return os.path.samestat(os.fstat(file.fileno()), lock.stat())
    except FileNotFoundError:
        return False
