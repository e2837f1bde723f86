"""Content store in a folder."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

from common_ml.service.store.store import (
    CHUNK_BYTES,
    ContentStore,
    LocalContent,
    as_store_error,
    key_of,
)
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""Another file system, or one without links, or too many of them."""


class LocalStore(ContentStore):
    """Content store in a local or shared folder."""

    def __init__(self, folder: Path) -> None:
        """Create the folder if it does not exist.

        Raises:
            StoreError: it cannot be created.
        """
        self.folder = folder.absolute()
        with as_store_error(f"cannot create {self.folder}"):
            self._contents.mkdir(parents=True, exist_ok=True)

    @property
    def parts_address(self) -> str:
        """The folder of parts."""
        return str(self.folder / "parts")

    def put_file(self, path: Path, sha256: str) -> str:
        """Link the file, or copy it from another file system."""
        key = key_of(sha256)
        place = self.folder / key
        with as_store_error(f"cannot store a file in {self.folder}"):
            if place.exists():
                return key
            place.parent.mkdir(exist_ok=True)  # not `contents`: what was mounted there is gone
            self._sync(path)
            path.chmod(0o444)
            try:
                place.hardlink_to(path)
            except FileExistsError:  # another request was first, with the same bytes
                return key
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                self._copy(path, place)
            self._sync(place.parent)
        return key

    def has(self, key: str) -> bool:
        """Whether there is such a content."""
        with as_store_error(f"cannot look into {self.folder}"):
            return (self.folder / key).exists()

    def size(self, key: str) -> int:
        """Return the bytes of a content."""
        with as_store_error(f"cannot read {key}"):
            return (self.folder / key).stat().st_size

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to before `stop`."""
        with as_store_error(f"cannot read {key}"), (self.folder / key).open("rb") as file:
            file.seek(start)
            left = None if stop is None else max(0, stop - start)
            while left is None or left > 0:
                data = file.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
                if not data:
                    return
                left = None if left is None else left - len(data)
                yield data

    def local_path(self, key: str) -> Path | None:
        """Return the file of a content."""
        return self.folder / key

    def fetch(self, key: str, target: Path) -> LocalContent:
        """Link the content under another name."""
        with as_store_error(f"cannot fetch {key}"):
            source = self.folder / key
            source.stat()
            target.unlink(missing_ok=True)
            try:
                os.link(source, target)
            except OSError:  # another file system, or none with links
                target.symlink_to(source)
        return LocalContent(target, is_copy=False)

    def delete(self, key: str) -> None:
        """Remove a content, if it is there."""
        with as_store_error(f"cannot remove {key}"):
            (self.folder / key).unlink(missing_ok=True)

    def entries(self) -> Iterator[tuple[str, float]]:
        """Yield the key of each content, and when it was stored."""
        with as_store_error(f"cannot list {self.folder}"):
            for path in sorted((self.folder / "contents").glob("*/*")):
                yield str(path.relative_to(self.folder)), path.stat().st_mtime

    def check(self) -> None:
        """Write and remove a few bytes."""
        with (
            as_store_error(f"cannot write to {self.folder}"),
            tempfile.TemporaryFile(dir=self._contents) as file,
        ):
            file.write(bytes(4096))
            file.flush()

    @property
    def _contents(self) -> Path:
        return self.folder / "contents"

    def _copy(self, source: Path, place: Path) -> None:
        with replacing(place, mode=0o444, sync=True) as target, source.open("rb") as file:
            shutil.copyfileobj(file, target, CHUNK_BYTES)

    def _sync(self, path: Path) -> None:
        """Flush a file or folder to disk (fsync), to survive a power loss."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
