"""Count the messages of a run: by tag, by file, and their durations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from common_ml.tagging.messages import Error, Progress, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common_ml.tagging.messages import Message

FileState = Literal["tagged", "failed", "not tagged", "done before"]


@dataclass
class FileTally:
    """Counts of a file."""

    state: FileState = "not tagged"
    num_tags: int = 0
    last_ms: int = 0
    """The end of the latest tag, in milliseconds."""
    error: str = ""


@dataclass
class TagTally:
    """Counts of a tag text on a track."""

    count: int = 0
    total_ms: int = 0
    """Total length of its time ranges, in milliseconds."""


@dataclass
class Tally:
    """Count the messages of a run."""

    files: dict[str, FileTally]
    """Path -> its counts."""
    tracks: dict[str, dict[str, TagTally]] = field(default_factory=dict)
    """Track -> text -> its counts."""
    num_tags: int = 0
    error: str = ""
    """Last error without a file."""

    @classmethod
    def of(cls, paths: Iterable[str]) -> Tally:
        """Return an empty tally."""
        return cls({path: FileTally() for path in paths})

    def add_earlier(self, messages: Iterable[Message]) -> None:
        """Count the messages of an earlier run; its failed files are retried."""
        for message in messages:
            if getattr(message, "source_media", None) in self.files:
                self.add(message)
        for file in self.files.values():
            done = file.state == "tagged"
            file.state, file.error = ("done before" if done else "not tagged"), ""

    def add(self, message: Message) -> None:
        """Count one message."""
        if isinstance(message, Tag):
            self._add_tag(message)
        elif isinstance(message, Progress):
            self._file(message.source_media).state = "tagged"
        elif isinstance(message, Error) and message.source_media is None:
            self.error = message.message
        elif isinstance(message, Error) and message.source_media is not None:
            file = self._file(message.source_media)
            file.state, file.error = "failed", message.message

    @property
    def has_begun(self) -> bool:
        """Whether there is a tag, or a file that is tagged or has failed."""
        return bool(self.num_tags) or self.num_of("not tagged") < len(self.files)

    def num_of(self, *states: FileState) -> int:
        """Number of files in one of these states."""
        counts = Counter(file.state for file in self.files.values())
        return sum(counts[state] for state in states)

    def _add_tag(self, tag: Tag) -> None:
        self.num_tags += 1
        file = self._file(tag.source_media)
        file.num_tags += 1
        file.last_ms = max(file.last_ms, tag.end_time)
        of_text = self.tracks.setdefault(tag.track, {}).setdefault(tag.tag, TagTally())
        of_text.count += 1
        of_text.total_ms += tag.end_time - tag.start_time

    def _file(self, path: str) -> FileTally:
        return self.files.setdefault(path, FileTally())
