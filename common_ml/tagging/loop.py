"""The daemon: paths come in, batches go to the producer, its messages to the output."""

from __future__ import annotations

import logging
import math
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from common_ml import stages
from common_ml.errors import MessageError, ModelOutputError, OutputError
from common_ml.media.limits import applied
from common_ml.tagging.intake import Intake
from common_ml.tagging.late_files import LateFiles
from common_ml.tagging.ledger import Ledger
from common_ml.tagging.log import logging_of_files, working_on
from common_ml.tagging.messages import Tag
from common_ml.tagging.oversight import judge, overseen
from common_ml.tagging.producer import FileProducer, TagMessageProducer
from common_ml.tagging.profile import profiled
from common_ml.tagging.resume import Past
from common_ml.tagging.stopping import SignalWatch, Stopped, check
from common_ml.tagging.time_limit import check_time, time_limit
from common_ml.tagging.wire import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike
    from types import FrameType

    from common_ml.tagging.messages import Message
    from common_ml.tagging.options import SdkOptions

logger = logging.getLogger(__name__)

_MOST_NAMED = 20
"""Files that the last words name; a job may have thousands left."""


def run_loop(
    producer: TagMessageProducer,
    *,
    stdin: Iterable[str] | None,
    output_path: str | PathLike[str],
    batch_timeout: float,
    batch_limit: int | None,
    options: SdkOptions,
) -> None:
    """Tag the paths on `stdin` until it ends, then finish.

    Args:
        producer: Turns the paths into messages.
        stdin: One path a line.
        output_path: The messages are appended here, a line each.
        batch_timeout: Seconds to wait for more lines to join a batch, finite and >= 0. Nobody
            waits where files are tagged one by one anyway.
        batch_limit: The largest batch, >= 1; None for no limit.
        options: Whether files may fail, and what else concerns the job as a whole.

    Raises:
        AbortTaggingException: a file failed and `continue_on_error` is off.
        OutputError: the output file cannot be opened or written.
        Exception: the input cannot be read; what had arrived before has been tagged.
        SystemExit: (128 + signal) the process was asked to stop by SIGTERM or SIGINT.
        ValueError: batch_timeout or batch_limit is out of range.
    """
    _check_batches(batch_timeout, batch_limit)
    if isinstance(producer, FileProducer) and not producer.gains_from_batches:
        batch_timeout = 0.0
    together = not isinstance(producer, FileProducer)
    with (
        SignalWatch(),  # from before the first line is read
        logging_of_files(),
        overseen(options, judged_last=together),
        applied(options.limits),
        profiled(producer),
    ):
        past = Past.of(output_path) if options.resume else Past()
        with Writer(output_path) as writer:
            ledger = Ledger(writer, continue_on_error=options.continue_on_error, past=past)
            job = _Job(Intake(stdin), ledger, LateFiles(options.wait_for_file_seconds))
            with SignalWatch(job):
                try:
                    job.run(producer, timeout_seconds=batch_timeout, limit=batch_limit)
                except Stopped as stop:
                    logger.warning("%s: %s", stop, job.last_words())
                    raise SystemExit(stop.status) from None


class _Job:
    """One life of the daemon: all that arrives until the input ends, or a signal comes."""

    def __init__(self, intake: Intake, ledger: Ledger, late: LateFiles) -> None:
        self._intake = intake
        self._ledger = ledger
        self._late = late
        self._input_failure: Exception | None = None

    def run(
        self, producer: TagMessageProducer, *, timeout_seconds: float, limit: int | None
    ) -> None:
        for ready in self._ready(timeout_seconds=timeout_seconds, limit=limit):
            for files in _batches(ready, limit=limit):
                with _failures_of(self._ledger, among=files):
                    self._tag(producer, files)
        check()  # a signal ends the batches, too, but then nothing is complete
        with _failures_of(self._ledger):
            _complete(producer, self._ledger)
        self._ledger.close()
        if self._input_failure is not None:
            self._ledger.fail([], self._input_failure)
            self._input_failure.reported = True  # type: ignore[attr-defined] # any exception takes it
            raise self._input_failure

    def _ready(self, *, timeout_seconds: float, limit: int | None) -> Iterator[list[str]]:
        """What can be tagged, as it arrives or, later than its line, begins to exist."""
        try:
            arriving = self._intake.batches(
                timeout_seconds=timeout_seconds, limit=limit, nap_seconds=self._late.nap_seconds
            )
            for received in stages.iterated("idle", arriving):
                yield self._late.ready(self._ledger.accept(received))
        except Exception as error:  # noqa: BLE001 - raised once all that had arrived has ended
            self._input_failure = error
        yield from stages.iterated("idle", self._late.rest())

    def _tag(self, producer: TagMessageProducer, files: list[str]) -> None:
        if isinstance(producer, FileProducer):
            _tag_one_by_one(producer, files, self._ledger)
        else:
            _tag_together(producer, files, self._ledger)

    def interrupt(self) -> None:
        self._intake.interrupt()

    def is_writing(self, frame: FrameType | None) -> bool:
        return frame is not None and frame.f_code is Writer.write.__code__

    def last_words(self) -> str:
        ledger = self._ledger
        unfinished = [*ledger.open_files(), *self._intake.waiting_files()]
        named = ", ".join(unfinished[:_MOST_NAMED])
        more = len(unfinished) - _MOST_NAMED
        return (
            f"{ledger.num_finished} files finished, {ledger.num_failed} failed, "
            f"{len(unfinished)} not finished"
            + (f": {named}" if unfinished else "")
            + (f" and {more} more" if more > 0 else "")
        )


def _batches(files: list[str], *, limit: int | None) -> Iterator[list[str]]:
    """The files in batches that are not too large: late ones come on top of those on time."""
    size = limit or len(files) or 1
    return (files[start : start + size] for start in range(0, len(files), size))


def _tag_one_by_one(producer: FileProducer, files: list[str], ledger: Ledger) -> None:
    """A failing file fails alone."""
    with closing(producer.per_file(files)) as of_files:
        for file, messages in of_files:
            with _failures_of(ledger, among=[file]), closing(messages), time_limit(file):
                for message in messages:
                    check()
                    check_time()
                    ledger.send(message)


def _tag_together(producer: TagMessageProducer, files: list[str], ledger: Ledger) -> None:
    """An author's producer takes the batch as a whole."""
    with working_on(*files):
        stages.tally("calls")
        messages = stages.called("model", producer.produce, files)
        _send_all(messages, ledger, method=f"{_author_of(producer)}.produce")


def _complete(producer: TagMessageProducer, ledger: Ledger) -> None:
    last: Iterator[Message] | None = stages.called("model", producer.on_completion)
    if last is not None:  # one that only tidies up returns nothing
        _send_all(last, ledger, method=f"{_author_of(producer)}.on_completion")


def _send_all(messages: Iterable[Message], ledger: Ledger, *, method: str) -> None:
    for message in messages:
        check()
        try:
            if isinstance(message, Tag):
                ledger.send(judge().tag(message, method=method, is_last=True))
            else:
                ledger.send(message)
        except (MessageError, ModelOutputError) as error:
            source = getattr(message, "source_media", None)
            if isinstance(error, ModelOutputError) and not source:
                raise  # no message, or a tag of no file: nobody knows which files can be trusted
            # one file's message: the producer need not stop for it
            ledger.fail([source] if source else [], error)


def _author_of(producer: TagMessageProducer) -> str:
    """The name of the class that an author wrote."""
    return producer.author if isinstance(producer, FileProducer) else type(producer).__name__


@contextmanager
def _failures_of(ledger: Ledger, *, among: Iterable[str] | None = None) -> Iterator[None]:
    """What is raised inside fails the files that are open: all, or those `among`."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if isinstance(error, OutputError) or getattr(error, "reported", False):
            raise  # no fault of a file, or told already
        check()  # a signal broke into a system call of the model: no fault of the file either
        # SystemExit, too: a library that exits must not take the other files with it, nor make
        # the runtime believe in a job well done.
        ledger.fail(ledger.open_files(among), error)


def _check_batches(timeout: float, limit: int | None) -> None:
    if not (math.isfinite(timeout) and timeout >= 0):
        raise ValueError(f"batch_timeout must be a finite number of seconds >= 0, got {timeout!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"batch_limit must be None or >= 1, got {limit!r}")
