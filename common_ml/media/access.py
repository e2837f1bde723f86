"""Open local files for reading, without blocking on pipes or devices."""

from __future__ import annotations

import errno
import os
import re
import stat
from io import FileIO
from typing import TYPE_CHECKING

from common_ml.errors import DecodeError, MediaError, MissingMediaError

if TYPE_CHECKING:
    from common_ml.types import StrPath


def open_file(path: StrPath) -> FileIO:
    """Open a media file for reading; the caller closes it.

    A path is a local file and nothing else: `http://...` or `concat:...` are files of that name.
    Symbolic links are followed.

    Raises:
        MissingMediaError: there is no such file.
        DecodeError: it is empty.
        MediaError: it is a directory, a pipe, a socket or a device, or may not be read.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise access_error(error, path) from error
    check_regular(path, mode)  # before opening, which may have side effects on a device
    try:
        # O_NONBLOCK, since the file may have been replaced by a pipe: opening one waits for its
        # other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise access_error(error, path) from error
    try:
        status = os.fstat(descriptor)
        check_regular(path, status.st_mode)
        if not status.st_size:
            raise DecodeError(f"{quoted(path)} is empty: there is nothing in it", path=path)
    except MediaError:
        os.close(descriptor)
        raise
    return FileIO(descriptor, "rb")


def check_regular(path: StrPath, mode: int) -> None:
    """Raise unless the file is a regular one.

    Args:
        path: The file, for the message.
        mode: Its `st_mode`.

    Raises:
        MediaError: it is a directory, a pipe, a socket or a device.
    """
    if not stat.S_ISREG(mode):
        what = _SPECIAL.get(stat.S_IFMT(mode), "something special")
        raise MediaError(f"{quoted(path)} is {what}, not a file", path=path)


def access_error(error: OSError | ValueError, path: StrPath) -> MediaError:
    """Describe why a file cannot be read."""
    name = quoted(path)
    if not isinstance(error, OSError):
        return MissingMediaError(f"no such file: {name}: no name holds a NUL", path=path)
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return MissingMediaError(f"no such file: {name}{_why_missing(path)}", path=path)
    reason = _REASONS.get(error.errno or 0) or error.strerror or "the system refuses it"
    return MediaError(f"cannot read {name}: {reason}", path=path)


def is_about_access(error: OSError) -> bool:
    """Whether the error is about access to the file, not about its content."""
    return error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ENOSPC, errno.EDQUOT, *_REASONS}


def quoted(path: StrPath) -> str:
    """Quote a path for a message, so that blanks at its ends can be seen."""
    return repr(os.fspath(path))


_SPECIAL = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_REASONS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ELOOP: "its symbolic links lead round in a circle",
    errno.EIO: "the disk or the network that it lies on fails",
    errno.ESTALE: "the disk or the network that it lies on fails",
    errno.EMFILE: "too many files are open in this process",
    errno.ENFILE: "too many files are open in this system",
}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def _why_missing(path: StrPath) -> str:
    if os.path.islink(path):
        return f" is a symbolic link to {os.readlink(path)!r}, which is not there"
    if _ADDRESS.match(os.fspath(path)):
        return ": a path names a local file, never an address"
    return ""
