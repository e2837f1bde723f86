"""Read a tags file: media files with their tags, and errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from common_ml.errors import WireError
from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.tags_file.reader import read_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.tagging.tags_file.reader import Reader
    from common_ml.types import StrPath

MAX_BAD_LINES = 100
"""Invalid lines that are listed one by one."""


@dataclass
class TaggedFile:
    """A media file with the content of its messages."""

    source_media: str
    """Its name, exactly as the tagger received it."""
    tags: list[Tag] = field(default_factory=list)
    """Tags by start, then end; equal ones once."""
    is_done: bool = False
    """Whether its `progress` message was written."""
    num_errors: int = 0


@dataclass
class Contents:
    """The content of a tags file."""

    files: list[TaggedFile] = field(default_factory=list)
    """Files in the order in which they first appear."""
    errors: list[Error] = field(default_factory=list)
    """Errors as written, then one for each invalid line."""

    @property
    def num_tags(self) -> int:
        """Number of tags in all files."""
        return sum(len(file.tags) for file in self.files)


def read_contents(path: StrPath) -> Contents:
    """Read a tags file, also one that is still being written or has been damaged.

    Raises:
        OSError: the file cannot be read.
        WireError: it is not a tags file: it has lines, but no message.
    """
    contents = Contents()
    files: dict[str, TaggedFile] = {}

    def file_of(source_media: str) -> TaggedFile:
        if source_media not in files:
            files[source_media] = TaggedFile(source_media)
        return files[source_media]

    bad_lines: list[WireError] = []
    num_messages = 0
    with read_messages(path) as reader:
        for message in _good_messages(reader, bad_lines):
            num_messages += 1
            if isinstance(message, Tag):
                file_of(message.source_media).tags.append(message)
            elif isinstance(message, Progress):
                file_of(message.source_media).is_done = True
            elif isinstance(message, Error):
                contents.errors.append(message)
                if message.source_media is not None:
                    file_of(message.source_media).num_errors += 1
        torn_tail = reader.torn_tail
    if bad_lines and not num_messages:
        raise bad_lines[0]
    contents.errors += [Error(str(error)) for error in bad_lines[:MAX_BAD_LINES]]
    if len(bad_lines) > MAX_BAD_LINES:
        more = len(bad_lines) - MAX_BAD_LINES
        contents.errors.append(Error(f"{more} more lines are not messages"))
    if torn_tail:
        contents.errors.append(Error(f"the last line is incomplete: {len(torn_tail)} bytes"))
    for file in files.values():
        file.tags = _in_order(file.tags)
    contents.files = list(files.values())
    return contents


def _good_messages(reader: Reader, bad_lines: list[WireError]) -> Iterator[Message]:
    while (message := _next(reader)) is not None:
        if isinstance(message, Message):
            yield message
        else:
            bad_lines.append(message)


def _next(reader: Reader) -> Message | WireError | None:
    """Return the next message, or the error of its line; None at the end."""
    try:
        return next(reader, None)
    except WireError as error:
        return error


def _in_order(tags: list[Tag]) -> list[Tag]:
    unique = {_identity(tag): tag for tag in tags}
    return sorted(unique.values(), key=lambda tag: (tag.start_time, tag.end_time))


def _identity(tag: Tag) -> tuple[object, ...]:
    """Return all of a tag but its file, as a comparable value."""
    info, frame, vector = tag.additional_info, tag.frame_info, tag.vector
    return (
        tag.start_time,
        tag.end_time,
        tag.tag,
        tag.track,
        None if info is None else repr(info),
        None if frame is None else (frame.frame_idx, frame.box and tuple(frame.box.values())),
        None if vector is None else tuple(vector),
    )
