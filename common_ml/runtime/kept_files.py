"""Queue of the files of a `TaggerKeeper`, until their progress or error."""

from __future__ import annotations

from dataclasses import dataclass, replace

from common_ml.tagging.messages import Error, Message, Progress, Tag


@dataclass(eq=False)
class KeptFile:
    """An open file: one without progress or error so far."""

    path: str
    """The path as sent to the tagger."""
    name: str
    """The `source_media` of its events."""
    num_tries: int = 0
    """Failed attempts: those in which its tagger ended."""
    is_sent: bool = False
    """Whether it was sent to the running tagger."""
    is_cancelled: bool = False
    has_messages: bool = False
    """Whether the running tagger has written messages about it."""

    def under_name(self, message: Tag | Progress | Error) -> Message:
        """Return a message with the file's path replaced by its name."""
        if self.name == self.path:
            return message
        if isinstance(message, Error):
            return replace(message, message=self.named(message.message), source_media=self.name)
        return replace(message, source_media=self.name)

    def named(self, text: str) -> str:
        """Return a text with the file's path replaced by its name."""
        return text.replace(self.path, self.name)


class KeptFiles:
    """FIFO queue of open files."""

    def __init__(self) -> None:
        self._files: list[KeptFile] = []

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, file: KeptFile) -> bool:
        return file in self._files

    @property
    def names(self) -> list[str]:
        """The `source_media` of each file, in order."""
        return [file.name for file in self._files]

    @property
    def are_all_sent(self) -> bool:
        """Whether all files were sent to the running tagger."""
        return all(file.is_sent for file in self._files)

    @property
    def has_sent(self) -> bool:
        """Whether any file was sent to the running tagger."""
        return any(file.is_sent for file in self._files)

    def add(self, path: str, name: str) -> None:
        """Add a file."""
        self._files.append(KeptFile(path, name))

    def remove(self, file: KeptFile) -> None:
        """Remove a file: it has its progress or error, or could not be sent."""
        self._files.remove(file)

    def named(self, name: str) -> KeptFile | None:
        """Return the first file of that name."""
        return next((file for file in self._files if file.name == name), None)

    def sent_as(self, path: str) -> KeptFile | None:
        """Return the first file that was sent to the running tagger under that path."""
        return next((file for file in self._files if file.is_sent and file.path == path), None)

    def has_path(self, path: str) -> bool:
        """Whether there is a file under that path."""
        return any(file.path == path for file in self._files)

    def to_send(self) -> list[KeptFile]:
        """Return the waiting files; one with a failed attempt is sent alone."""
        is_suspect = bool(self._files) and self._files[0].num_tries > 0
        files = self._files[:1] if is_suspect else self._files
        return [file for file in files if not (file.is_sent or file.is_cancelled)]

    def requeue_sent(self) -> list[KeptFile]:
        """Mark the files that were sent to a tagger that has ended as unsent; return them."""
        sent = [file for file in self._files if file.is_sent]
        for file in sent:
            file.is_sent = False
        return sent

    def drop_cancelled(self) -> list[KeptFile]:
        """Remove and return the cancelled files that were not sent."""
        dropped = [file for file in self._files if file.is_cancelled and not file.is_sent]
        for file in dropped:
            self._files.remove(file)
        return dropped
