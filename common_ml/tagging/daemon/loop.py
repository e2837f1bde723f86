"""Main loop of the daemon: read paths, pass batches to the producer, write its messages."""

from __future__ import annotations

import math
import signal
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from common_ml.context import entered
from common_ml.errors import (
    MediaError,
    MessageError,
    ModelOutputError,
    OutputError,
    is_reported,
    mark_reported,
)
from common_ml.stages import tally, within
from common_ml.tagging.calls.call_policy import CallPolicy, current_policy, leaving_forked_children
from common_ml.tagging.calls.file_stamp import FileStamps
from common_ml.tagging.daemon.breakpoints import refusing_breakpoints
from common_ml.tagging.daemon.exit_watch import watch_exit
from common_ml.tagging.daemon.late_files import LateFiles
from common_ml.tagging.daemon.ledger import Ledger
from common_ml.tagging.daemon.native_crashes import enable_faulthandler
from common_ml.tagging.daemon.profile import profiled
from common_ml.tagging.daemon.reloading import reloading
from common_ml.tagging.daemon.stdin import Intake
from common_ml.tagging.job.context import JobContext, current_job
from common_ml.tagging.job.forked_child import become_tagger
from common_ml.tagging.job.log import SafeLogger, escaped_name, logging_of_files
from common_ml.tagging.job.signals import StopRequested
from common_ml.tagging.job.standard_descriptors import open_standard_descriptors
from common_ml.tagging.messages import Progress, Tag
from common_ml.tagging.params.parsing import sent_params
from common_ml.tagging.producer import FileProducer, TagMessageProducer, threads_of
from common_ml.tagging.tags_file.resume import ResumeState, warn_of_other_params
from common_ml.tagging.wire import Writer

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator

    from common_ml.tagging.messages import Message
    from common_ml.tagging.params.sdk_options import SdkOptions
    from common_ml.types import StrPath

logger = SafeLogger(__name__)

_MAX_NAMED = 20
"""Maximum number of files named in the shutdown summary; thousands may be left."""
_SIGNAL_SECONDS = 0.1
"""Maximum delay until the listening thread has seen a signal."""


def run_loop(
    producer: TagMessageProducer,
    *,
    stdin: Iterable[str] | None,
    output_path: StrPath,
    batch_timeout: float,
    batch_limit: int | None,
    options: SdkOptions,
) -> None:
    """Tag the paths on `stdin` until it ends, then finish.

    Args:
        producer: Turns the paths into messages.
        stdin: One path per line.
        output_path: The tags file; the messages are appended, one per line.
        batch_timeout: Seconds to wait for more lines to join a batch, finite and >= 0; 0 if
            files are tagged one by one anyway.
        batch_limit: Maximum number of files in a batch, >= 1; None for no limit.
        options: The SDK's options.

    Raises:
        AbortTaggingException: a file failed and `continue_on_error` is off.
        OutputError: the output file cannot be opened or written.
        Exception: reading stdin failed; the files received before have been tagged.
        SystemExit: (128 + signal) the process was asked to stop by SIGTERM or SIGINT.
        ValueError: batch_timeout or batch_limit is out of range.
    """
    become_tagger()
    _check_batches(batch_timeout, batch_limit)
    if isinstance(producer, FileProducer) and not producer.gains_from_batches:
        batch_timeout = 0.0
    open_standard_descriptors()
    enable_faulthandler()
    policy = CallPolicy.of(options, validated_last=not isinstance(producer, FileProducer))
    job = JobContext(
        options.limits,
        options.choices,
        policy,
        shutdown=current_job().shutdown,
        params=sent_params(),
    )
    with (
        watch_exit(options.exit_grace_seconds),
        entered(job),
        job.shutdown.capture_signals(),  # from before the first line is read
        logging_of_files(job),
        policy.summarised(),
        profiled(producer),
        refusing_breakpoints(),
        threads_of(producer),
    ):
        earlier = ResumeState()
        if options.resume:
            earlier = ResumeState.of(output_path)
            warn_of_other_params(output_path, sent_params())
        with Writer(output_path, lock=job.output_lock) as writer:
            writer.warn_of_other_writers()
            ledger = Ledger(writer, continue_on_error=options.continue_on_error, earlier=earlier)
            daemon = _Daemon(job, producer, Intake(stdin), ledger)
            late = LateFiles(options.wait_for_file_seconds)
            with job.shutdown.capture_signals(daemon), reloading(producer, daemon.use):
                try:
                    daemon.run(late, timeout_seconds=batch_timeout, limit=batch_limit)
                except (StopRequested, KeyboardInterrupt) as error:
                    # a model's own handler of SIGINT may run just before ours is installed again
                    stop = (
                        error if isinstance(error, StopRequested) else StopRequested(signal.SIGINT)
                    )
                    logger.warning("%s: %s", stop, daemon.shutdown_summary())
                    raise SystemExit(stop.status) from None


class _Daemon:
    """One run of the daemon, until the end of input or a signal."""

    def __init__(
        self, job: JobContext, producer: TagMessageProducer, intake: Intake, ledger: Ledger
    ) -> None:
        self._job = job
        self._producer = producer
        self._intake = intake
        self._ledger = ledger
        self._input_failure: Exception | None = None

    def use(self, producer: TagMessageProducer) -> None:
        """Tag what comes next with another producer."""
        self._producer = producer

    @property
    def output_lock(self) -> threading.Lock:
        return self._job.output_lock

    def interrupt(self) -> None:
        self._intake.interrupt()

    def shutdown_summary(self) -> str:
        ledger = self._ledger
        unfinished = [*ledger.open_files(), *self._intake.waiting_files()]
        named = ", ".join(map(escaped_name, unfinished[:_MAX_NAMED]))
        more = len(unfinished) - _MAX_NAMED
        return (
            f"{ledger.num_finished} files finished, {ledger.num_failed} failed, "
            f"{len(unfinished)} not finished"
            + (f": {named}" if unfinished else "")
            + (f" and {more} more" if more > 0 else "")
        )

    def run(self, late: LateFiles, *, timeout_seconds: float, limit: int | None) -> None:
        for ready in self._ready(late, timeout_seconds=timeout_seconds, limit=limit):
            for files in _batches(ready, limit=limit):
                with self._failures_of(files):
                    if isinstance(self._producer, FileProducer):
                        self._tag_one_by_one(self._producer, files)
                    else:
                        self._tag_together(files)
        self._job.raise_if_stopped()  # a signal ends the batches as well, but the job is incomplete
        with self._failures_of(None):
            self._complete()
        self._ledger.close()
        if self._input_failure is not None:
            self._ledger.fail([], self._input_failure)
            mark_reported(self._input_failure)
            raise self._input_failure

    def _ready(
        self, late: LateFiles, *, timeout_seconds: float, limit: int | None
    ) -> Iterator[list[str]]:
        """Yield batches of files as they arrive or, if late, begin to exist."""

        def poll_interval() -> float | None:
            self._job.shutdown.rearm()  # before each wait
            return late.poll_interval()

        try:
            arriving = self._intake.batches(
                timeout_seconds=timeout_seconds, limit=limit, poll_interval=poll_interval
            )
            for received in within("idle").each(arriving):
                self._job.raise_if_stopped()
                yield late.ready(self._ledger.accept(received))
        except Exception as error:  # noqa: BLE001 - raised again once the files received before are done
            self._input_failure = error
        yield from within("idle").each(late.drain(self._job.shutdown.wait))

    def _tag_one_by_one(self, producer: FileProducer, files: list[str]) -> None:
        """Tag files one by one, so that a failure is isolated."""
        job, timeout_seconds = self._job, self._job.file_timeout_seconds
        with closing(producer.per_file(files)) as of_files:
            for file, messages in of_files:
                with (
                    self._failures_of([file]),
                    closing(messages),
                    job.current_file(file, timeout_seconds=timeout_seconds),
                ):
                    for message in messages:
                        job.raise_if_stopped()
                        job.check_time()
                        self._ledger.send(message)

    def _tag_together(self, files: list[str]) -> None:
        """Pass the whole batch to an author's producer."""
        method = f"{_author_of(self._producer)}.produce"
        with self._job.current_file(*files), leaving_forked_children():
            tally("calls")
            stamps = FileStamps(files)
            messages = within("model")(self._producer.produce)(files)
            self._send_all(messages, method=method, stamps=stamps)

    def _complete(self) -> None:
        method = f"{_author_of(self._producer)}.on_completion"
        with self._job.current_file(), leaving_forked_children():
            last = within("model")(self._producer.on_completion)()
            if last is not None:  # None where `on_completion` only cleans up
                self._send_all(last, method=method)

    def _send_all(
        self, messages: Iterable[Message], *, method: str, stamps: FileStamps | None = None
    ) -> None:
        for message in messages:
            self._job.raise_if_stopped()
            try:
                self._ledger.send(self._checked(message, method=method, stamps=stamps))
            except (MediaError, MessageError, ModelOutputError) as error:
                source = getattr(message, "source_media", None)
                if isinstance(error, ModelOutputError) and not source:
                    raise  # not a message, or a tag without a file: it may concern any file
                # a message of one file: the producer can continue
                self._ledger.fail([source] if source else [], error)

    def _checked(self, message: Message, *, method: str, stamps: FileStamps | None) -> Message:
        if isinstance(message, Tag):
            return current_policy().validator.tag(message, method=method, is_last=True)
        if isinstance(message, Progress) and stamps is not None:
            stamps.check(message.source_media)
        return message

    @contextmanager
    def _failures_of(self, among: Iterable[str] | None) -> Iterator[None]:
        """Fail the open files, all or those in `among`, with the exception raised inside."""
        try:
            yield
        except (StopRequested, OutputError):
            raise
        except BaseException as error:
            # SystemExit, too: a library that exits must not end the other files, nor make the job
            # look finished. asyncio's CancelledError and the panics of Rust extensions are not
            # subclasses of Exception.
            if is_reported(error):
                raise
            if issubclass(type(error), KeyboardInterrupt):
                self._job.shutdown.wait(_SIGNAL_SECONDS)  # the thread will see a real SIGINT soon
            self._job.raise_if_stopped()  # a signal interrupted a system call of the model
            self._ledger.fail(self._ledger.open_files(among), error)


def _batches(files: list[str], *, limit: int | None) -> Iterator[list[str]]:
    """Split files into batches within the limit; late files may make more than one batch."""
    size = limit or len(files) or 1
    return (files[start : start + size] for start in range(0, len(files), size))


def _author_of(producer: TagMessageProducer) -> str:
    """Return the name of the author's class."""
    return producer.author if isinstance(producer, FileProducer) else type(producer).__name__


def _check_batches(timeout: float, limit: int | None) -> None:
    if not (math.isfinite(timeout) and timeout >= 0):
        raise ValueError(f"batch_timeout must be a finite number of seconds >= 0, got {timeout!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"batch_limit must be None or >= 1, got {limit!r}")
