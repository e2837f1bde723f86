"""Interface of content stores."""

from __future__ import annotations

import errno
import re
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.errors import StoreError, StoreFullError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK_BYTES = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class LocalContent:
    """A content as a local file."""

    path: Path
    is_copy: bool
    """Whether it is a temporary copy, to be removed after use."""


class ContentStore(ABC):
    """Content-addressed, immutable blobs by SHA-256.

    A key is `contents/ab/abcd...`. Concurrent writers of the same content are safe: the bytes are
    equal.
    """

    @abstractmethod
    def put_file(self, path: Path, sha256: str) -> str:
        """Store a complete file, and return its key.

        The file stays, read-only: the caller removes it once the content is named in the database.

        Raises:
            StoreFullError: there is no space.
            StoreError: it cannot be stored.
        """

    @abstractmethod
    def has(self, key: str) -> bool:
        """Whether there is such a content.

        Raises:
            StoreError: the store does not answer.
        """

    @abstractmethod
    def size(self, key: str) -> int:
        """Return the bytes of a content.

        Raises:
            StoreError: it is not there, or the store does not answer.
        """

    @abstractmethod
    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to before `stop`, of a whole content by default.

        Raises:
            StoreError: at the first bytes: it is not there, or the store does not answer.
        """

    @abstractmethod
    def local_path(self, key: str) -> Path | None:
        """Return the file of a content, which must not be changed; None in an object store."""

    @abstractmethod
    def fetch(self, key: str, target: Path) -> LocalContent:
        """Bring a content to a path of this machine: as a link where that is possible.

        Raises:
            StoreError: it is not there, or the store does not answer.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove a content, if it is there."""

    @abstractmethod
    def entries(self) -> Iterator[tuple[str, float]]:
        """Yield the key of each content, and when it was stored, in seconds since 1970."""

    @abstractmethod
    def check(self) -> None:
        """Check that the store is writable, by writing and removing a few bytes.

        Raises:
            StoreFullError: there is no space.
            StoreError: it cannot be written.
        """

    @property
    @abstractmethod
    def parts_address(self) -> str:
        """Where parts are kept, for `common_ml.parts.open_parts`."""


def key_of(sha256: str) -> str:
    """Return the key of a content.

    Raises:
        ValueError: it is not a SHA-256 in hexadecimal digits.
    """
    if not _SHA256.match(sha256):
        raise ValueError(f"expected a SHA-256 in hexadecimal digits, got {sha256!r:.80}")
    return f"contents/{sha256[:2]}/{sha256}"


@contextmanager
def as_store_error(what: str) -> Iterator[None]:
    """Translate errors of the operating system."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        kind = StoreFullError if error.errno in _FULL else StoreError
        reason = error.strerror or str(error).strip().partition("\n")[0][:500]
        translated = kind(f"{what}: {reason}")
        is_missing = isinstance(error, FileNotFoundError)  # obstore's has no number
        translated.errno = error.errno or (errno.ENOENT if is_missing else errno.EIO)
        raise translated from error
