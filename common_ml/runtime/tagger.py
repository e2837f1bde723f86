"""Base class of running taggers: start, feed by stdin, read the output, stop."""

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
from common_ml.runtime import orphans
from common_ml.runtime.exit_report import describe_end
from common_ml.runtime.log_lines import warnings_in
from common_ml.runtime.open_files import OpenFiles
from common_ml.runtime.output_file import OutputFile
from common_ml.tagging.messages import Error, Progress, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.runtime.child import Child
    from common_ml.runtime.media_folder import MediaFolder
    from common_ml.tagging.messages import Message
    from common_ml.types import StrPath

GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL, as in the contract."""
_CRASH_REPORT_BYTES = 1 << 16


class Tagger(ABC):
    """A running program that honours the contract.

    A context manager: it starts on entry; on exit it is stopped, if it still runs, with all of its
    child processes, and its temporary files are removed. If this process is killed, the tagger is
    stopped, too.

        with ProcessTagger(["python", "main.py"], params={"fps": 2}) as tagger:
            tagger.send(["clip.mp4"])
            tagger.close_input()
            for message in tagger.messages():
                print(message)

    Messages carry the paths as they were sent, also where the tagger received other names. One
    thread may send and stop while another reads messages.
    """

    output: Path
    """The tags file, set at the start. Its lines name files as the tagger received them."""
    media_dir: Path
    """The media directory, set at the start."""

    def __init__(
        self,
        *,
        output: StrPath | None,
        media_dir: StrPath | None,
        idle_timeout_seconds: float | None,
        log: StrPath | None = None,
    ) -> None:
        """Initialise; nothing is touched before the start.

        Args:
            output: The tags file, which is appended to; None for a temporary one.
            media_dir: None for a temporary directory.
            idle_timeout_seconds: Time without a message after which a tagger that has work counts
                as hanging, > 0; None for no limit.
            log: A file that its stderr is appended to; None for a temporary one.
        """
        if idle_timeout_seconds is not None and not idle_timeout_seconds > 0:
            raise ValueError(f"idle_timeout_seconds must be > 0, got {idle_timeout_seconds}")
        self._wanted_output = None if output is None else Path(os.path.abspath(output))
        self._log = None if log is None else Path(os.path.abspath(log))
        self._wanted_media_dir = None if media_dir is None else Path(os.path.abspath(media_dir))
        self._idle_timeout_seconds = idle_timeout_seconds
        self._folder: Path | None = None
        self._child: Child | None = None
        self._media: MediaFolder | None = None
        self._output: OutputFile | None = None
        self._open_files = OpenFiles()
        self._last_error = ""
        self._stopped = False

    def __enter__(self) -> Self:
        if self._folder is not None:
            raise RuntimeError("a tagger starts once: make another one")
        self._folder = Path(tempfile.mkdtemp(prefix=orphans.FOLDER_PREFIX))
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
        # a second interrupt ends the grace time
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
    def has_started(self) -> bool:
        """Whether its program was started; what it printed can be read then."""
        return self._child is not None

    @property
    def stderr_tail(self) -> str:
        """The last lines that it wrote to stderr."""
        return "" if self._child is None else self._child.stderr_tail

    def stderr_since(self, offset: int) -> bytes:
        """Return its stderr after the first `offset` bytes, as far as it is kept."""
        return self._running().stderr_since(offset)

    @property
    def stderr(self) -> str:
        """All that it wrote to stderr so far."""
        return self._running().stderr

    @property
    def warnings(self) -> list[str]:
        """The warnings of its log so far, each once, under the paths as they were sent."""
        return [self.media.with_paths(text, about=None) for text in warnings_in(self.stderr)]

    @property
    def stdout(self) -> str:
        """All that it wrote to stdout so far."""
        return self._running().stdout

    @property
    def captured(self) -> list[Path]:
        """The files that it writes: its tags file, and what it prints if it has started."""
        printed = [] if self._child is None else self._child.captured
        return [self._opened_output.path, *printed]

    @property
    def open_files(self) -> list[str]:
        """The paths, as sent, without progress or error so far."""
        return self._open_files.paths

    @property
    def input_closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._open_files.input_closed

    @property
    @abstractmethod
    def name(self) -> str:
        """Its command, or its image, for messages."""

    def send(self, paths: Iterable[StrPath]) -> None:
        """Send files to be tagged; never waits for the tagger.

        A file outside of the media directory is linked or copied into it, under a base name that no
        other file of this tagger has, and so that the tagger cannot change it (see `MediaFolder`).
        A file that does not exist is sent as well: the tagger reports it.

        Raises:
            OSError: a file can be neither linked nor copied.
            TypeError: it is a single path instead of a list.
            ValueError: the input is closed.
        """
        # a text would be sent character by character
        if isinstance(paths, (str, bytes, os.PathLike)):
            raise TypeError(f"expected a list of paths, got one: send([{paths!r}])")
        child = self._running()
        if self.input_closed:
            raise ValueError("the input of the tagger is closed: nothing more can be sent")
        for given in paths:
            path = os.fspath(given)
            line = self.media.line_of(path)
            self._open_files.add(path)
            child.write(f"{line}\n".encode())

    def send_raw(self, *lines: str | bytes) -> None:
        r"""Send lines as they are: no file is brought in, and no newline is added.

        Messages keep the names that stand in these lines.
        """
        child = self._running()
        for line in lines:
            data = os.fsencode(line)
            self.media.note_raw(data.decode(errors="replace").splitlines())
            self._open_files.begin()
            child.write(data)

    def close_input(self) -> None:
        """End its stdin: it finishes what was sent, and exits. May be called again."""
        if not self.input_closed:
            self._open_files.close()
            self._running().close_input()

    def messages(self) -> Iterator[Message]:
        """Read messages as they are written, until the tagger ends.

        `source_media` is the path as it was sent. A second call continues after the first.

        Raises:
            TaggerError: it ended with another status than 0, or without progress or error for a
                file; it violated the protocol, with a line that is not a message, a file that was
                never sent, or an output that is not a regular file; it had work and was silent for
                `idle_timeout_seconds`.
        """
        output = self._opened_output
        wake_on = self._running().end_descriptors
        while True:
            try:
                message = output.next_message(stop=self._has_ended, wake_on=wake_on)
            except WireError as error:
                raise self._violation(str(error)) from error
            except OSError as error:
                raise self._violation(f"its output {error.strerror or error}") from error
            if message is None:
                break
            yield self._as_sent(message)
            self._open_files.restart()  # the caller's time does not count
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
        """The files of the media directory, and their lines."""
        if self._media is None:
            raise RuntimeError("the tagger has not started: use it as a context manager")
        return self._media

    @abstractmethod
    def _launch(self, folder: Path) -> Child:
        """Start it.

        Args:
            folder: The tagger's temporary folder; gets its stdout and stderr.

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
        orphans.clean_up(folder.parent)
        self._output = OutputFile(self.output)  # before the tagger may replace it
        self._media = self._make_media_folder()
        self._open_files.restart()
        self._child = self._launch(folder)

    def _tidy_up(self) -> None:
        if self._output is not None:
            self._output.close()
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

    @property
    def _opened_output(self) -> OutputFile:
        if self._output is None:
            raise RuntimeError("the tagger has not started: use it as a context manager")
        return self._output

    def _has_ended(self) -> bool:
        """Called by the reader at the end of the file; raises where the tagger hangs."""
        if self.exit_status is not None:
            return True
        limit = self._idle_timeout_seconds
        if limit is not None and self._open_files.silent_seconds > limit:
            waiting = self._open_files.summary
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
            raise self._violation(f"a {what} about {message.source_media!r}, which was never sent")
        if not isinstance(message, Tag):
            self._open_files.finish(path)
            self.media.finish(path)
        return replace(message, source_media=path)

    def _check_end(self) -> None:
        if self._stopped:
            return  # by us
        status = self.exit_status
        if status != 0:
            raise self._error(self._describe_end(status))
        if self._open_files.paths:
            waiting = self._open_files.summary
            never_wrote = self._opened_output.num_lines_read == 0
            hint = "; hint: does it call run_default(Model())?" if never_wrote else ""
            raise self._error(
                f"{self.name} ended with status 0, but without progress or error for {waiting}"
                f"{hint}"
            )

    def _describe_end(self, status: int | None) -> str:
        return describe_end(
            self.name,
            status,
            last_error=self._last_error,
            open_file=next(iter(self._open_files.paths), ""),
            stderr=self._running().stderr_end(_CRASH_REPORT_BYTES),
        )

    def _violation(self, problem: str) -> TaggerError:
        return self._error(f"{self.name} violated the protocol: {problem}")

    def _error(self, message: str) -> TaggerError:
        # an error line that is part of the message needs no log beside it
        tail = "" if self._last_error and self._last_error in message else self.stderr_tail
        return TaggerError(message, stderr_tail=tail, exit_status=self.exit_status)


def messages_of(tagger: Tagger, paths: Iterable[StrPath]) -> list[Message]:
    """Start a tagger, tag files, and wait for its end.

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
