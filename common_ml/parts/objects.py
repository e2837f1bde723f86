"""Parts in an object store: S3, Google Cloud Storage, Azure."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import MissingExtraError, OutputError
from common_ml.parts.folder import _state
from common_ml.parts.store import FAILED_SUFFIX, SUFFIX, PartsStore, _LocalFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.parts.keys import PartKey
    from common_ml.parts.store import PartState

SCHEMES = ("s3://", "gs://", "az://", "azure://", "abfs://", "abfss://")


class ObjectParts(PartsStore):
    """Parts as objects below a URL; created with `If-None-Match: *`.

    Credentials and endpoints are those of the environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`,
    `GOOGLE_APPLICATION_CREDENTIALS`, ...).
    """

    def __init__(self, url: str, **options: Any) -> None:
        """Prepare; nothing is requested.

        Args:
            url: Such as `s3://bucket/run-7`.
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
        self._store = from_url(url, **options)
        self._url = url

    @property
    def address(self) -> str:
        """The URL."""
        return self._url

    def has(self, key: PartKey) -> bool:
        """Whether the part is there."""
        return self._has(key.name + SUFFIX)

    def states(self, keys: Iterable[PartKey]) -> dict[PartKey, PartState]:
        """Return the state of each part, from one listing."""
        with self._translated("parts cannot be listed in"):
            names = {
                os.path.basename(found["path"])  # noqa: PTH119 - not a path of this system
                for page in self._obstore.list(self._store, chunk_size=1000)
                for found in page
            }
        return {key: _state(key, names) for key in keys}

    def delete(self, key: PartKey) -> None:
        """Delete a part and the note of a failure, if they are there."""
        for suffix in (SUFFIX, FAILED_SUFFIX):
            with self._translated("a part cannot be removed from"), suppress(FileNotFoundError):
                self._obstore.delete(self._store, key.name + suffix)

    def _has(self, name: str) -> bool:
        try:
            with self._translated("a part cannot be looked up in"):
                self._obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def _local_file(self, key: PartKey) -> _LocalFile:
        name = key.name + SUFFIX
        wanted = name if self._has(name) else key.name + FAILED_SUFFIX
        descriptor, path = tempfile.mkstemp(suffix=SUFFIX)
        try:
            with (
                os.fdopen(descriptor, "wb") as file,
                self._translated("a part cannot be read from"),
            ):
                found = self._obstore.get(self._store, wanted)
                for chunk in found.stream(min_chunk_size=1 << 20):
                    file.write(chunk)
        except BaseException:
            Path(path).unlink()
            raise
        return _LocalFile(Path(path), is_copy=True)

    def _create(self, name: str, path: Path) -> bool:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        try:
            # in one request: a multipart upload cannot be create-only
            with self._translated("a part cannot be written to"):
                self._obstore.put(self._store, name, path, mode="create", use_multipart=False)
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    def _replace(self, name: str, path: Path) -> None:
        with self._translated("a part cannot be written to"):
            self._obstore.put(self._store, name, path)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Translate errors of obstore; what is missing or there already is for the caller."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        try:
            yield
        except (FileNotFoundError, AlreadyExistsError, PreconditionError):
            raise
        except self._obstore.exceptions.BaseError as error:
            first = str(error).strip().partition("\n")[0][:500]
            translated = OutputError(f"{what} {self._url}: {first}", path=self._url)
            translated.errno = errno.EIO
            raise translated from error
