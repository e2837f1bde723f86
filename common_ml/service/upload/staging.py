"""Staged files: written and hashed in one pass, before they enter the store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from common_ml.service.upload.recognition import FileKind, file_kind

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class StagedFile:
    """A complete staged file."""

    path: Path
    name: str
    """The client's name of it: the last part of a path, without control characters."""
    size: int
    """Bytes."""
    sha256: str
    md5: str
    kind: FileKind


class Hashes:
    """Incremental SHA-256 and MD5."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size = 0
        """Bytes so far."""

    def update(self, data: bytes) -> None:
        """Add bytes."""
        self._sha256.update(data)
        self._md5.update(data)
        self.size += len(data)

    def copy(self) -> Hashes:
        """Return an independent copy."""
        twin = Hashes.__new__(Hashes)
        twin._sha256, twin._md5 = self._sha256.copy(), self._md5.copy()
        twin.size = self.size
        return twin

    def update_from(self, path: Path) -> None:
        """Add the content of a file."""
        with path.open("rb") as file:
            while chunk := file.read(_READ_BYTES):
                self.update(chunk)

    @property
    def sha256(self) -> str:
        """In hexadecimal digits."""
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        """In hexadecimal digits."""
        return self._md5.hexdigest()


class Staging:
    """Writer of a staged file; a context manager that removes it if it was not finished.

    Its methods block: call them in a thread.
    """

    def __init__(self, folder: Path, *, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = clean_name(name)
        self.path = folder / f"{uuid4().hex}.part"
        self.hashes = Hashes()
        self._file = self.path.open("xb", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.discard()

    def write(self, data: bytes) -> None:
        """Append and hash.

        Raises:
            OSError: the disk is full.
        """
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self.hashes.update(data)

    def finish(self) -> StagedFile:
        """Close the file and return what is known of it; the caller moves or removes it."""
        self._file.close()
        return staged(self.path, name=self.name, hashes=self.hashes)

    def discard(self) -> None:
        """Close and remove the file, if it is still there."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def staged(path: Path, *, name: str, hashes: Hashes) -> StagedFile:
    """Return what is known of a complete file."""
    return StagedFile(
        path=path,
        name=clean_name(name),
        size=hashes.size,
        sha256=hashes.sha256,
        md5=hashes.md5,
        kind=file_kind(path, name=name),
    )


def clean_name(name: str) -> str:
    """Return the last part of a client's file name, without control characters; never empty."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = "".join(c for c in last if c.isprintable()).strip()
    return "unnamed" if shown in {"", ".", ".."} else shown[:255]
