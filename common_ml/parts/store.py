"""What keeps parts: create-only commits, notes of failures, reading."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from common_ml.errors import OutputError
from common_ml.tagging.messages import Error
from common_ml.tagging.tags_file.codec import encode
from common_ml.tagging.tags_file.resume import whole_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.parts.keys import PartKey
    from common_ml.tagging.messages import Message

SUFFIX = ".jsonl"
FAILED_SUFFIX = ".failed.jsonl"
PartState: TypeAlias = Literal["done", "failed", "missing"]
_BUFFER_BYTES = 1 << 20


class PartsStore(ABC):
    """Parts by key.

    A part is complete when it can be seen. A file that failed leaves a note with its messages up to
    the `Error`: it can be merged, but it is no part, and a later attempt replaces it.
    """

    @abstractmethod
    def has(self, key: PartKey) -> bool:
        """Whether the part is there."""

    @abstractmethod
    def states(self, keys: Iterable[PartKey]) -> dict[PartKey, PartState]:
        """Return the state of each part, from one listing."""

    @abstractmethod
    def delete(self, key: PartKey) -> None:
        """Delete a part and the note of a failure, if they are there."""

    @property
    @abstractmethod
    def address(self) -> str:
        """The folder or URL, for messages."""

    def writer(self, key: PartKey) -> PartWriter:
        """Return a writer for a part: nothing can be seen of it before its `commit`."""
        return PartWriter(self, key, self._writing_folder())

    def commit(self, key: PartKey, messages: Iterable[Message]) -> bool:
        """Create a part; with an `Error` about the file among the messages, the note of a failure.

        Returns:
            Whether it was created; False if it was there already.

        Raises:
            OutputError: it cannot be written.
        """
        with self.writer(key) as writer:
            for message in messages:
                writer.write(message)
            return writer.commit()

    def read(self, key: PartKey) -> Iterator[Message]:
        """Yield the messages of a part, or of the note of a failure.

        Raises:
            FileNotFoundError: neither is there.
        """
        with self._local_file(key) as path:
            yield from whole_messages(path)

    def clean_up(self) -> int:
        """Remove what killed writers of this machine have left; return how much it was."""
        return 0

    @abstractmethod
    def _local_file(self, key: PartKey) -> _LocalFile:
        """Return a file with the content of a part, or of the note of a failure."""

    @abstractmethod
    def _create(self, name: str, path: Path) -> bool:
        """Give a complete file its name unless that is taken; return whether it got it."""

    @abstractmethod
    def _replace(self, name: str, path: Path) -> None:
        """Give a complete file its name, whatever has it."""

    def _writing_folder(self) -> Path:
        """Return where parts are written before they are complete."""
        return Path(tempfile.gettempdir())


class PartWriter:
    """Write the messages of one file; a context manager that drops what is not committed."""

    def __init__(self, store: PartsStore, key: PartKey, folder: Path) -> None:
        self.key = key
        self.failed = False
        """Whether an `Error` about the file was written."""
        self.num_messages = 0
        self._store = store
        try:
            descriptor, name = tempfile.mkstemp(
                prefix=f"{WRITING_PREFIX}{os.getpid()}-", suffix=WRITING_SUFFIX, dir=folder
            )
        except OSError as error:
            raise _output_error(store, error) from error
        self._path = Path(name)
        self._file = os.fdopen(descriptor, "wb", buffering=_BUFFER_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, message: Message) -> None:
        """Add a message.

        Raises:
            MessageError: it cannot be encoded.
            OutputError: it cannot be written.
        """
        try:
            self._file.write(encode(message))
        except OSError as error:
            raise _output_error(self._store, error) from error
        self.num_messages += 1
        if isinstance(message, Error) and message.source_media is not None:
            self.failed = True

    def restart(self) -> None:
        """Forget the messages so far, as after `Retry`."""
        self._file.seek(0)
        self._file.truncate()
        self.num_messages, self.failed = 0, False

    def commit(self) -> bool:
        """Make the part visible, or the note of a failure; see `PartsStore.commit`.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._path.chmod(0o644)
            if not self.failed:
                return self._store._create(self.key.name + SUFFIX, self._path)
            self._store._replace(self.key.name + FAILED_SUFFIX, self._path)
        except OSError as error:
            raise _output_error(self._store, error) from error
        else:
            return True
        finally:
            self.close()

    def close(self) -> None:
        """Discard the part unless it is committed. Idempotent."""
        with suppress(OSError):  # of a full disk, at its last flush
            self._file.close()
        self._path.unlink(missing_ok=True)


class _LocalFile:
    """A file on this machine; a context manager that removes it if it is a copy."""

    def __init__(self, path: Path, *, is_copy: bool) -> None:
        self._path = path
        self._is_copy = is_copy

    def __enter__(self) -> Path:
        return self._path

    def __exit__(self, *_: object) -> None:
        if self._is_copy:
            self._path.unlink(missing_ok=True)


WRITING_PREFIX = ".part-"
WRITING_SUFFIX = ".tmp"


def _output_error(store: PartsStore, cause: OSError) -> OutputError:
    if isinstance(cause, OutputError):
        return cause
    reason = cause.strerror or str(cause)
    error = OutputError(
        f"a part cannot be written to {store.address}: {reason}", path=store.address
    )
    error.errno = cause.errno
    return error
