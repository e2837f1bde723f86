"""Merge parts into one tags file: the bytes of a run that tagged the files one after the other."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import OutputError
from common_ml.tagging.messages import Tag
from common_ml.tagging.tags_file.writer import Writer, output_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from common_ml.parts.keys import PartKey
    from common_ml.parts.store import PartsStore
    from common_ml.tagging.messages import Message
    from common_ml.types import StrPath


@dataclass(frozen=True)
class MergeResult:
    """Result of a merge."""

    num_parts: int
    num_tags: int
    missing: tuple[str, ...]
    """The files without a part and without the note of a failure, in the order of the input."""


def merge(
    parts: PartsStore,
    keys: Iterable[PartKey],
    output: StrPath,
    *,
    on_message: Callable[[Message], None] | None = None,
) -> MergeResult:
    """Write the messages of parts into one tags file, in the order of the keys.

    Each message passes through `Writer` again: its padding depends on the place in the file, so
    parts cannot be joined byte by byte. The output appears when it is complete, and replaces an
    earlier one.

    Args:
        parts: Where the parts are.
        keys: In the order of the output.
        output: The tags file.
        on_message: Called with each message that was written.

    Raises:
        OutputError: the output cannot be written.
    """
    place = Path(output)
    beside = place.with_name(f".{place.name}.{os.getpid()}.merging")
    num_parts = num_tags = 0
    missing: list[str] = []
    try:
        with Writer(beside) as writer:
            for key in keys:
                try:
                    for message in parts.read(key):
                        writer.write(message)
                        num_tags += isinstance(message, Tag)
                        if on_message is not None:
                            on_message(message)
                except FileNotFoundError:
                    missing.append(key.file)
                else:
                    num_parts += 1
        _replace(place, beside)
    except OutputError as error:
        if error.path != os.fspath(beside):  # of a store of parts
            raise
        raise _renamed(error, place, beside) from error
    finally:
        with suppress(OSError):  # there is no such folder
            beside.unlink()
    return MergeResult(num_parts, num_tags, tuple(missing))


def _replace(place: Path, beside: Path) -> None:
    try:
        beside.replace(place)
    except OSError as error:
        raise output_error("replaced", os.fspath(place), error) from error


def _renamed(error: OutputError, place: Path, beside: Path) -> OutputError:
    """Return an error about the output, whose name the user knows."""
    renamed = OutputError(str(error).replace(os.fspath(beside), os.fspath(place)), path=place)
    renamed.errno = error.errno
    return renamed
