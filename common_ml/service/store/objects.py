"""Content store in an object store: S3, Google Cloud Storage, Azure."""

from __future__ import annotations

import errno
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from common_ml.errors import MissingExtraError, StoreError
from common_ml.service.store.store import ContentStore, LocalContent, as_store_error, key_of
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_SINGLE_PUT_BYTES = 64 << 20
"""Bytes; larger contents use a multipart upload."""
_PIECE_BYTES = 16 << 20


class ObjectStore(ContentStore):
    """Objects below a URL; credentials and endpoint are those of the environment."""

    def __init__(self, url: str, **options: Any) -> None:
        """Initialise; nothing is requested yet.

        Args:
            url: Such as `s3://bucket/prefix`.
            options: Of `obstore.store.from_url`, where the environment does not say them.

        Raises:
            MissingExtraError: obstore is not installed.
        """
        try:
            import obstore
            from obstore.store import from_url
        except ImportError as error:
            raise MissingExtraError("obstore", extra="s3") from error
        self._obstore = obstore
        self._url = url.rstrip("/")
        self._store = from_url(self._url, **options)

    @property
    def parts_address(self) -> str:
        """The URL of parts."""
        return f"{self._url}/parts"

    def put_file(self, path: Path, sha256: str) -> str:
        """Upload the file; a content that is there already is not sent again."""
        key = key_of(sha256)
        with self._translated(f"cannot store a file in {self._url}"):
            if not self._is_there(key):
                self._create(key, path)
        return key

    def has(self, key: str) -> bool:
        """Whether there is such a content."""
        with self._translated(f"cannot look into {self._url}"):
            return self._is_there(key)

    def size(self, key: str) -> int:
        """Return the bytes of a content."""
        with self._translated(f"cannot read {key}"):
            return int(self._obstore.head(self._store, key)["size"])

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to before `stop`."""
        if stop is not None and stop <= start:
            return
        wanted: Any = {"offset": start} if stop is None else (start, stop)
        with self._translated(f"cannot read {key}"):
            found = self._obstore.get(self._store, key, options={"range": wanted})
            for data in found.stream(min_chunk_size=1 << 20):
                yield bytes(data)

    def local_path(self, key: str) -> Path | None:
        """None: there is no file."""
        del key
        return None

    def fetch(self, key: str, target: Path) -> LocalContent:
        """Download a content."""
        with as_store_error(f"cannot write {target}"), replacing(target, mode=0o444) as file:
            for data in self.read(key):
                file.write(data)
        return LocalContent(target, is_copy=True)

    def delete(self, key: str) -> None:
        """Remove a content, if it is there."""
        with self._translated(f"cannot remove {key}"), suppress(FileNotFoundError):
            self._obstore.delete(self._store, key)

    def entries(self) -> Iterator[tuple[str, float]]:
        """Yield the key of each content, and when it was stored."""
        with self._translated(f"cannot list {self._url}"):
            for page in self._obstore.list(self._store, "contents", chunk_size=1000):
                for found in page:
                    yield found["path"], found["last_modified"].timestamp()

    def check(self) -> None:
        """Write and remove a few bytes."""
        key = f"checks/{uuid4().hex}"
        with self._translated(f"cannot write to {self._url}"):
            self._obstore.put(self._store, key, b"common-ml")
            self._obstore.delete(self._store, key)

    def _is_there(self, key: str) -> bool:
        try:
            self._obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        return True

    def _create(self, key: str, path: Path) -> None:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        if path.stat().st_size <= _MAX_SINGLE_PUT_BYTES:
            # If-None-Match: *; another writer has stored the same bytes
            with suppress(AlreadyExistsError, PreconditionError):
                self._obstore.put(self._store, key, path, mode="create", use_multipart=False)
            return
        # a multipart upload cannot be create-only; it replaces the same bytes atomically
        self._obstore.put(
            self._store, key, path, use_multipart=True, chunk_size=_PIECE_BYTES, max_concurrency=4
        )

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            with as_store_error(what):
                yield
        except self._obstore.exceptions.BaseError as error:
            first = str(error).strip().partition("\n")[0]
            translated = StoreError(f"{what}: {first[:500]}")
            translated.errno = errno.EIO
            raise translated from error
