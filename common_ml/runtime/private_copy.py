"""Copy a file, by copy-on-write (reflink) where possible, so that the original is protected."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

How = Literal["reflink", "copy"]
_MAX_BUFFER = 1 << 20
_FICLONE = 0x40049409
"""ioctl of Linux: share the blocks of a file until one of the two is written."""


def private_copy(source: Path, target: Path) -> How:
    """Make `target` a copy of a file; without copying its bytes where the file system can.

    Returns:
        Whether the blocks are shared (btrfs, XFS and others), or the bytes were copied.

    Raises:
        FileExistsError: there is a `target` already.
        OSError: the file cannot be read, or there is no room for the copy.
    """
    try:
        with source.open("rb") as original, target.open("xb") as copy:
            how: How = "reflink" if _reflink(original.fileno(), copy.fileno()) else "copy"
            status = os.fstat(original.fileno())
            if how == "copy":
                # a buffer that is larger than the file costs more than to copy a small one
                shutil.copyfileobj(original, copy, min(_MAX_BUFFER, status.st_size + 1))
            os.fchmod(copy.fileno(), 0o644)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    except OSError as error:
        if not isinstance(error, FileExistsError):
            target.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "set TMPDIR to a folder with more room"
            raise OSError(error.errno, f"no room for a copy; hint: {hint}", str(source)) from error
        raise
    return how


def _reflink(original: int, copy: int) -> bool:
    try:
        fcntl.ioctl(copy, _FICLONE, original)
    except OSError:  # another file system, or one that cannot
        return False
    return True


def is_writable(path: Path) -> bool:
    """Whether a program of this user may write to a file."""
    return os.access(path, os.W_OK)
