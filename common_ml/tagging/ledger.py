"""What became of each file: every message passes here on its way to the output."""

from __future__ import annotations

import logging
import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from common_ml import stages
from common_ml.errors import (
    AbortTaggingException,
    ModelOutputError,
    UnfinishedFileError,
    describe,
)
from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.resume import Past

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common_ml.tagging.wire import Writer

logger = logging.getLogger(__name__)

AboutFile = TypeVar("AboutFile", bound="Tag | Progress | Error")


class Ledger:
    """Sees to it that every accepted file ends in exactly one `progress` or one `error` line."""

    def __init__(
        self, writer: Writer, *, continue_on_error: bool, past: Past | None = None
    ) -> None:
        self._write = stages.timed("write", writer.write)
        self._past = past or Past()
        self._continue_on_error = continue_on_error
        self._open: Counter[str] = Counter()  # received and not settled, as often as it was sent
        self._failed: set[str] = set()  # nothing more is written about these
        self._received: set[str] = set()
        self.num_finished = 0
        self.num_failed = 0
        self._by_base_name: dict[str, str] = {}

    def accept(self, files: Iterable[str]) -> list[str]:
        """Note files that have been received; one that was sent before counts anew.

        Returns:
            Those that are to be tagged: all but what an earlier run has finished.
        """
        accepted = []
        for file in files:
            self._received.add(file)
            self._by_base_name[_base_name(file)] = file
            if file in self._past.finished:
                logger.info("skipped, an earlier run has finished it: %s", file)
            else:
                self._open[file] += 1
                accepted.append(file)
        return accepted

    def open_files(self, among: Iterable[str] | None = None) -> list[str]:
        """The files that are not settled, each as often as it is open: all, or those `among`."""
        found = self._open if among is None else self._open & Counter(among)
        return list(found.elements())

    def send(self, message: Message) -> None:
        """Write a message, unless it is about a file that has failed.

        Raises:
            AbortTaggingException: it is an `Error`, and no file may fail.
            MessageError: it cannot be written as JSON.
            ModelOutputError: it is no message, or a tag of no file.
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
        """Tell what went wrong, once for each of `files`, or once for no file in particular.

        Raises:
            AbortTaggingException: no file may fail, or `error` itself asks to stop.
        """
        sources: list[str | None] = [*files] or [None]
        logger.error("failed: %s", ", ".join(map(str, sources)), exc_info=error)
        for source in sources:
            last = self._as_received(Error(message=describe(error), source_media=source))
            self._record(last)
        self._abort_unless_allowed(last, asked=isinstance(error, AbortTaggingException))

    def close(self) -> None:
        """Nothing more will come: files about which no last word was said have failed.

        Raises:
            AbortTaggingException: there are such files, and no file may fail.
        """
        if self._open:
            self.fail(
                self.open_files(),
                UnfinishedFileError("the producer ended without Progress or Error for this file"),
            )

    def _send_about_file(self, message: Tag | Progress) -> None:
        file = message.source_media
        if file in self._failed and file not in self._open:
            logger.warning("not written, since the file has failed: %s", message)
            return
        if isinstance(message, Tag):
            if not self._past.has(message):
                self._write(message)
        elif file in self._received and file not in self._open:
            logger.warning("not written, since the file is finished already: %s", message)
        else:
            self._write(message)
            self._past.forget(file)
            self._settle(file)
            self.num_finished += 1

    def _record(self, error: Error) -> None:
        """Write an error line; a file that has failed already keeps its first one."""
        file = error.source_media
        if file in self._received and file not in self._open:
            logger.error("%s has its last word already: %s", file, error.message)
            if self._continue_on_error or file in self._failed:
                return
            error, file = replace(error, source_media=None), None  # why the job ends
        self._write(error)
        if file is not None:
            self._settle(file)
            self._failed.add(file)
            self.num_failed += 1

    def _settle(self, file: str) -> None:
        if self._open[file] > 1:
            self._open[file] -= 1
        else:
            del self._open[file]  # a Counter forgives a key that is not there

    def _abort_unless_allowed(self, error: Error, *, asked: bool = False) -> None:
        if asked or not self._continue_on_error:
            abort = AbortTaggingException(
                f"stopped at {error.source_media or 'an error'}: {error.message}"
            )
            abort.reported = True
            # The traceback of the failure is in the log: here it would only come a second time.
            raise abort from None

    def _as_received(self, message: AboutFile) -> AboutFile:
        """The message under the line as received, where it names a file by its base name."""
        source = message.source_media
        if source is None or source in self._received:
            return message
        if source == "":
            raise ModelOutputError(f"source_media must name the file of a message, got {message}")
        known = self._by_base_name.get(_base_name(source))
        if known is None:
            logger.warning("the runtime will refuse this, %r was never sent: %s", source, message)
            return message
        return replace(message, source_media=known)


def _base_name(path: str) -> str:
    return os.path.basename(path)  # noqa: PTH119 - a Path would change the string
