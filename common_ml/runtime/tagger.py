"""A tagger under way: started, fed through its stdin, read from its output, and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import TaggerError, WireError
from common_ml.runtime.backlog import Backlog
from common_ml.tagging.messages import Error, Progress, Tag
from common_ml.tagging.wire import read_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.runtime.media_folder import MediaFolder
    from common_ml.runtime.pipes import Child
    from common_ml.tagging.messages import Message
    from common_ml.tagging.reader import Reader

GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL, as in the contract."""
_POLL_SECONDS = 0.02


class Tagger(ABC):
    """A program that honours the contract, whoever wrote it.

    A context manager: it starts on entry; on exit it is stopped, if it still runs, and what it did
    not write to an `output` of yours is removed.

        with ProcessTagger(["python", "main.py"], params={"fps": 2}) as tagger:
            tagger.send(["clip.mp4"])
            tagger.close_input()
            for message in tagger.messages():
                print(message)

    Messages carry the paths as they were sent, whatever the tagger got to see. One thread may send
    and stop while another reads messages.
    """

    output: Path
    """The tags file; known once it has started. Its lines name files as the tagger saw them."""
    media_dir: Path
    """Where the tagger finds its media; known once it has started."""

    def __init__(
        self,
        *,
        output: str | os.PathLike[str] | None,
        media_dir: str | os.PathLike[str] | None,
        idle_timeout_seconds: float | None,
    ) -> None:
        """Prepare; nothing is touched before the start.

        Args:
            output: The tags file; what it holds stays. None for one that goes with the tagger.
            media_dir: None for a directory that goes with the tagger.
            idle_timeout_seconds: How long a tagger that has work may go without a message, > 0;
                None for any time.
        """
        if idle_timeout_seconds is not None and not idle_timeout_seconds > 0:
            raise ValueError(f"idle_timeout_seconds must be > 0, got {idle_timeout_seconds}")
        self._wanted_output = None if output is None else Path(os.path.abspath(output))  # noqa: PTH100 - resolve() would follow links
        self._wanted_media_dir = None if media_dir is None else Path(os.path.abspath(media_dir))  # noqa: PTH100 - the same
        self._idle_timeout_seconds = idle_timeout_seconds
        self._folder: Path | None = None
        self._child: Child | None = None
        self._reader: Reader | None = None
        self._media: MediaFolder | None = None
        self._old_tail = b""  # a torn line that stood in the output before
        self._backlog = Backlog()
        self._failed = False  # a file has
        self._last_error = ""
        self._stopped = False

    def __enter__(self) -> Self:
        if self._folder is not None:
            raise RuntimeError("a tagger starts once: make another one")
        self._folder = Path(tempfile.mkdtemp(prefix="common-ml-"))
        try:
            self._start(self._folder)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # whoever is interrupted once more while this waits wants no more patience
        grace = GRACE_SECONDS if error is None or isinstance(error, Exception) else 0.0
        try:
            self.stop(grace_seconds=grace)
        finally:
            self._tidy_up()

    @property
    def exit_status(self) -> int | None:
        """None while it runs; -N where signal N ended a process."""
        return None if self._child is None else self._child.exit_status

    @property
    def stderr_tail(self) -> str:
        """The last lines that it wrote to stderr."""
        return "" if self._child is None else self._child.stderr_tail

    @property
    def stderr(self) -> str:
        """All that it wrote to stderr so far."""
        return self._running().stderr

    @property
    def stdout(self) -> str:
        """All that it wrote to stdout so far, where no tag belongs."""
        return self._running().stdout

    @property
    def open_files(self) -> list[str]:
        """The paths, as sent, about which no last word was read yet."""
        return self._backlog.files

    @property
    def input_closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._backlog.input_closed

    @property
    @abstractmethod
    def name(self) -> str:
        """What to call it in a message: its command, or its image."""

    def send(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Send files to be tagged; never waits for the tagger.

        A file outside of the media directory is linked or copied into it, under a base name that no
        other file of this tagger has. A file that does not exist is sent as well: the tagger says
        what it thinks of it.

        Raises:
            OSError: a file can be neither linked nor copied.
            TypeError: it is one path, and no list of them.
            ValueError: the input is closed.
        """
        if isinstance(paths, (str, bytes, os.PathLike)):  # a text would be sent letter by letter
            raise TypeError(f"expected a list of paths, got one: send([{paths!r}])")
        child = self._running()
        if self.input_closed:
            raise ValueError("the input of the tagger is closed: nothing more can be sent")
        for given in paths:
            path = os.fspath(given)
            line = self.media.line_of(path)
            self._backlog.add(path)
            child.write(f"{line}\n".encode())

    def send_raw(self, *lines: str | bytes) -> None:
        r"""Send lines as they are: no file is brought in, and no newline is added.

        Messages keep the names that stand in these lines.
        """
        child = self._running()
        for line in lines:
            data = os.fsencode(line)
            self.media.note_raw(data.decode(errors="replace").splitlines())
            self._backlog.begin()
            child.write(data)

    def close_input(self) -> None:
        """End its stdin: it finishes what was sent, and exits. May be called again."""
        if not self.input_closed:
            self._backlog.close()
            self._running().close_input()

    def messages(self) -> Iterator[Message]:
        """Read messages as they are written, until the tagger ends.

        `source_media` is the path as it was sent. Called again, it goes on where it was left.

        Raises:
            TaggerError: it ended with another status than 0, or without a last word about a file;
                it wrote what is no message, or is about a file that was never sent; it had work and
                was silent for `idle_timeout_seconds`.
        """
        if self._reader is None:
            self._reader = self._open_reader()
        while True:
            try:
                message = next(self._reader)
            except StopIteration:
                break
            except WireError as error:
                if self._reader.line_number == 1 and self._old_tail:
                    continue  # the rest of somebody else's torn line
                raise self._error(f"{self.name} wrote rubbish: {error}") from error
            yield self._as_sent(message)
            self._backlog.restart()  # however long our caller took over it
        self._check_end()

    def stop(self, *, grace_seconds: float = GRACE_SECONDS) -> None:
        """Ask it to stop (SIGTERM), and end it (SIGKILL) if it still runs after the grace time."""
        if self._child is None or self.exit_status is not None:
            return
        self._stopped = True
        if grace_seconds > 0:
            self.send_signal(signal.SIGTERM)
            if self.wait(grace_seconds) is not None:
                return
        self._kill()

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Wait for its end: the exit status, or None if it still runs after the timeout."""
        return self._running().wait(timeout_seconds)

    @abstractmethod
    def send_signal(self, number: int) -> None:
        """Send a signal to the tagger itself; nothing happens once it has ended."""

    @property
    def media(self) -> MediaFolder:
        """What stands in the media directory, and by what lines."""
        if self._media is None:
            raise RuntimeError("the tagger has not started: use it as a context manager")
        return self._media

    @abstractmethod
    def _launch(self, folder: Path) -> Child:
        """Start it.

        Args:
            folder: Gets its stdout and stderr; goes with the tagger.

        Raises:
            TaggerError: it cannot be started.
        """

    @abstractmethod
    def _make_media_folder(self) -> MediaFolder:
        """Returns what brings files to `media_dir`."""

    @abstractmethod
    def _kill(self) -> None:
        """End it at once, and wait for that."""

    def _start(self, folder: Path) -> None:
        self.output = self._wanted_output or folder / "output" / "tags.jsonl"
        self.media_dir = self._wanted_media_dir or folder / "media"
        for place in (self.output.parent, self.media_dir):
            if not place.exists():
                place.mkdir(parents=True)
                place.chmod(0o755)
        self._offset, self._old_tail = _end_of_lines(self.output)
        self._media = self._make_media_folder()
        self._backlog.restart()
        self._child = self._launch(folder)

    def _tidy_up(self) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._child is not None:
            self._child.close()
        if self._media is not None and self._wanted_media_dir is not None:
            self._media.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _running(self) -> Child:
        if self._child is None:
            raise RuntimeError("the tagger has not started: use it as a context manager")
        return self._child

    def _open_reader(self) -> Reader:
        self._running()
        return read_messages(
            self.output,
            follow=True,
            stop=self._has_ended,
            poll_seconds=_POLL_SECONDS,
            offset=self._offset,
        )

    def _has_ended(self) -> bool:
        """Asked by the reader at the end of the file; raises where the tagger is silent."""
        if self.exit_status is not None:
            return True
        limit = self._idle_timeout_seconds
        if limit is not None and self._backlog.silent_seconds > limit:
            waiting = self._backlog.named
            about = f", waiting for {waiting}" if waiting else ""
            ended = " after the end of input" if self.input_closed and not waiting else ""
            raise self._error(
                f"{self.name} hangs: no message and no end for {limit:g} s{ended}{about}"
            )
        return False

    def _as_sent(self, message: Message) -> Message:
        """The message under the path as it was sent."""
        if not isinstance(message, (Tag, Progress, Error)):
            return message
        if isinstance(message, Error):
            text = self.media.with_paths(message.message, about=message.source_media)
            message = replace(message, message=text)
            self._last_error = message.message
            if message.source_media is None:
                return message
        path = self.media.path_of(message.source_media or "")
        if path is None:
            what = type(message).__name__.lower()
            named = f"{message.source_media!r}, which was never sent"
            raise self._error(f"{self.name} wrote rubbish: a {what} about {named}")
        if not isinstance(message, Tag):
            self._backlog.settle(path)
        return replace(message, source_media=path)

    def _check_end(self) -> None:
        if self._stopped:
            return  # by us
        status = self.exit_status
        if status != 0:
            raise self._error(self._death(status))
        if self._backlog.files:
            waiting = self._backlog.named
            raise self._error(
                f"{self.name} ended with status 0, but without progress or error for {waiting}"
            )

    def _death(self, status: int | None) -> str:
        if self._last_error:
            return f"{self.name} stopped with status {status}: {self._last_error}"
        how = "was ended by" if (status or 0) < 0 else "ended with status"
        what = signal.Signals(-status).name if status is not None and status < 0 else str(status)
        return f"{self.name} {how} {what}, without an error line"

    def _error(self, message: str) -> TaggerError:
        # where an error line says what happened, the log would only say it a second time
        tail = "" if self._last_error and self._last_error in message else self.stderr_tail
        return TaggerError(message, stderr_tail=tail, exit_status=self.exit_status)


def tag_files(tagger: Tagger, paths: Iterable[str | os.PathLike[str]]) -> list[Message]:
    """Start a tagger, have it tag files, and wait for its end.

    Args:
        tagger: One that has not started.
        paths: The files.

    Returns:
        All messages, with the paths as they are given here.

    Raises:
        TaggerError: it failed; see `Tagger.messages`.
    """
    with tagger:
        tagger.send(paths)
        tagger.close_input()
        return list(tagger.messages())


def _end_of_lines(path: Path) -> tuple[int, bytes]:
    """How many bytes of a file are whole lines, and what stands behind them."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            tail = b""
            while size > 0:
                start = max(0, size - (1 << 16))
                file.seek(start)
                block = file.read(size - start)
                newline = block.rfind(b"\n")
                if newline >= 0:
                    return start + newline + 1, block[newline + 1 :] + tail
                tail, size = block + tail, start
    except FileNotFoundError:
        return 0, b""
    return 0, tail
