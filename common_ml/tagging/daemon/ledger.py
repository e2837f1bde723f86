"""Track the outcome of each file; every message passes through here to the output."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from common_ml.errors import (
    AbortTaggingException,
    ModelOutputError,
    UnfinishedFileError,
    call_place,
    describe_error,
)
from common_ml.stages import within
from common_ml.tagging.calls.authors_code import authors_part
from common_ml.tagging.calls.held_memory import release_frames
from common_ml.tagging.daemon.received_files import ReceivedFiles
from common_ml.tagging.job.log import SafeLogger
from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.tags_file.resume import ResumeState

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = SafeLogger(__name__)

AboutFile = TypeVar("AboutFile", bound="Tag | Progress | Error")


class Sink(Protocol):
    """Takes messages: the writer of a tags file, or a list."""

    def write(self, message: Message) -> None:
        """Take one message."""


class Ledger:
    """Ensure that every accepted file ends in exactly one `progress` or one `error` line."""

    def __init__(
        self, writer: Sink, *, continue_on_error: bool, earlier: ResumeState | None = None
    ) -> None:
        self._write = within("write")(writer.write)
        self._earlier = earlier or ResumeState()
        self._continue_on_error = continue_on_error
        self._open: Counter[str] = Counter()  # received and unfinished, with multiplicity
        self._received = ReceivedFiles()  # messages about failed ones are dropped
        self.num_finished = 0
        self.num_failed = 0

    def accept(self, files: Iterable[str]) -> list[str]:
        """Register received files; a repeated path is a new file.

        Returns:
            The files to tag: all but those that an earlier run has finished.
        """
        accepted = []
        for file in files:
            self._received.add(file)
            logger.info("Got %s", file)  # the runtime's tests of containers wait for this line
            if file in self._earlier.finished:
                logger.info("skipped, an earlier run has finished it: %s", file)
            else:
                self._open[file] += 1
                accepted.append(file)
        return accepted

    def open_files(self, among: Iterable[str] | None = None) -> list[str]:
        """Return the unfinished files, with multiplicity: all, or those in `among`."""
        if among is None:
            return list(self._open.elements())
        asked = Counter(among)  # not `self._open & asked`, which iterates over all open files
        for file in asked:
            asked[file] = min(asked[file], self._open.get(file, 0))
        return list(asked.elements())

    def send(self, message: Message) -> None:
        """Write a message, unless it is about a file that has failed.

        Raises:
            AbortTaggingException: it is an `Error`, and `continue_on_error` is off.
            MessageError: it cannot be encoded as JSON.
            ModelOutputError: it is not a message, or a tag without a file.
            OutputError: the output file cannot be written.
        """
        if isinstance(message, (Tag, Progress)):
            self._send_about_file(self._as_received(message))
        elif isinstance(message, Error):
            message = self._as_received(message)
            self._record(message)
            self._abort_unless_allowed(message)
        elif isinstance(message, Message):
            self._write(message)
        else:
            raise ModelOutputError(
                "a producer must yield messages such as Tag and Progress, "
                f"got {type(message).__name__}"
            )

    def fail(self, files: Iterable[str], error: BaseException) -> None:
        """Report an error, once for each of `files`, or once without a file.

        Raises:
            AbortTaggingException: `continue_on_error` is off, or `error` is one itself.
        """
        sources: list[str | None] = [*files] or [None]
        _log_failure(error, ", ".join(map(str, sources)))
        for source in sources:
            last = self._as_received(Error(message=describe_error(error), source_media=source))
            self._record(last)
        release_frames(error)  # before the next file is tagged
        self._abort_unless_allowed(last, asked=issubclass(type(error), AbortTaggingException))

    def close(self) -> None:
        """End the job: files without progress or error have failed.

        Raises:
            AbortTaggingException: there are such files, and `continue_on_error` is off.
        """
        if self._open:
            self.fail(
                self.open_files(),
                UnfinishedFileError("the producer ended without Progress or Error for this file"),
            )

    def _send_about_file(self, message: Tag | Progress) -> None:
        file = message.source_media
        if file not in self._open and self._received.has_failed(file):
            logger.warning("not written, since the file has failed: %s", message)
            return
        if isinstance(message, Tag):
            if not self._earlier.has(message):
                self._write(message)
        elif file not in self._open and file in self._received:
            logger.warning("not written, since the file is finished already: %s", message)
        else:
            self._write(message)
            self._earlier.discard(file)
            self._settle(file)
            self.num_finished += 1

    def _record(self, error: Error) -> None:
        """Write an error line, unless its file has one already."""
        file = error.source_media
        if file is not None and file in self._received and file not in self._open:
            logger.error("%s has its progress or error already: %s", file, error.message)
            if self._continue_on_error or (file is not None and self._received.has_failed(file)):
                return
            error, file = replace(error, source_media=None), None  # the reason why the job ends
        self._write(error)
        if file is not None:
            self._settle(file)
            self._received.mark_failed(file)
            self.num_failed += 1

    def _settle(self, file: str) -> None:
        if self._open[file] > 1:
            self._open[file] -= 1
        else:
            del self._open[file]  # a Counter does not raise where the key is absent

    def _abort_unless_allowed(self, error: Error, *, asked: bool = False) -> None:
        if asked or not self._continue_on_error:
            abort = AbortTaggingException(
                f"stopped at {error.source_media or 'an error'}: {error.message}"
            )
            abort.reported = True
            # without cause: the traceback of the failure is in the log already
            raise abort from None

    def _as_received(self, message: AboutFile) -> AboutFile:
        """Return the message with the path as received, if it names a file by its base name."""
        source = message.source_media
        if source is None or source in self._open or source in self._received:
            return message
        if source == "":
            raise ModelOutputError(f"source_media must name the file of a message, got {message}")
        known = self._received.find(source)
        if known is None:
            logger.warning("the runtime refuses this, %r was never sent: %s", source, message)
            return message
        return replace(message, source_media=known)


def _log_failure(error: BaseException, files: str) -> None:
    """Log the failure of files: the call, and the traceback from the author's code on."""
    traceback = object.__getattribute__(error, "__traceback__")  # whatever the author overrides
    exc_info = (type(error), error, authors_part(traceback))
    call = call_place(error)
    if call:  # on a line of its own: names of files may contain anything
        logger.error("failed: %s\nin %s", files, call, exc_info=exc_info)
    else:
        logger.error("failed: %s", files, exc_info=exc_info)
