"""Run a model in this process, without a daemon; yields the messages a tagger would write."""

from __future__ import annotations

import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from common_ml.context import entered
from common_ml.errors import CommonMLError, MediaError, UnfinishedFileError, call_place
from common_ml.runtime.interactive_progress import InteractiveProgress
from common_ml.tagging.calls.call_policy import CallPolicy, current_policy
from common_ml.tagging.daemon.ledger import Ledger
from common_ml.tagging.job.context import JobContext
from common_ml.tagging.messages import Tag
from common_ml.tagging.producer import FileProducer, TagMessageProducer, threads_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.tagging.messages import Message
    from common_ml.tagging.params.sdk_options import SdkOptions


def tag_in_process(
    model: Any,
    paths: Sequence[str],
    options: SdkOptions,
    *,
    params: dict[str, Any],
    messages: list[Message],
) -> None:
    """Tag files with a model, as `run_default` would.

    The process stays as it is: no signal handlers, no logging, no exit. It may be called where an
    event loop runs. A failing file raises what the model raised, with its own traceback, unless
    `continue_on_error` is on.

    Args:
        model: A model of any kind, or a TagMessageProducer.
        paths: The files.
        options: The SDK's options; those about the daemon have no meaning here.
        params: What the model finds as the job's params.
        messages: Receives the messages as they come.

    Raises:
        MediaError: a file cannot be used.
        ModelOutputError: the model returned something other than tags.
        Exception: whatever the model raises.
    """
    producer = model if isinstance(model, TagMessageProducer) else _producer_of(model, options)
    policy = CallPolicy.of(options, validated_last=not isinstance(producer, FileProducer))
    job = JobContext(options.limits, options.choices, policy, params=params)
    progress = InteractiveProgress(len(paths))
    ledger = Ledger(_Kept(messages, progress), continue_on_error=options.continue_on_error)
    run = _InProcessRun(job, ledger, continue_on_error=options.continue_on_error)
    with closing(progress), entered(job), policy.summarised(), threads_of(producer):
        ledger.accept(paths)
        if isinstance(producer, FileProducer):
            run.tag_one_by_one(producer, paths)
        else:
            run.tag_together(producer, paths)
        run.complete(producer)


class _Kept:
    """In-memory replacement of a tags file writer."""

    def __init__(self, messages: list[Message], progress: InteractiveProgress) -> None:
        self._messages = messages
        self._progress = progress

    def write(self, message: Message) -> None:
        self._messages.append(message)
        self._progress.add(message)


class _InProcessRun:
    def __init__(self, job: JobContext, ledger: Ledger, *, continue_on_error: bool) -> None:
        self._job = job
        self._ledger = ledger
        self._continue_on_error = continue_on_error

    def tag_one_by_one(self, producer: FileProducer, paths: Sequence[str]) -> None:
        job = self._job
        with closing(producer.per_file(paths)) as of_files:
            for file, messages in of_files:
                with (
                    self._failures_of([file]),
                    closing(messages),
                    job.current_file(file, timeout_seconds=job.file_timeout_seconds),
                ):
                    for message in messages:
                        job.check_time()
                        self._ledger.send(message)

    def tag_together(self, producer: TagMessageProducer, paths: Sequence[str]) -> None:
        with self._failures_of(paths), self._job.current_file(*paths):
            for message in producer.produce(list(paths)):
                self._ledger.send(self._checked(message, producer, "produce"))

    def complete(self, producer: TagMessageProducer) -> None:
        with self._failures_of(None):
            last: Iterator[Message] | None = producer.on_completion()
            for message in () if last is None else last:  # None where it only cleans up
                self._ledger.send(self._checked(message, producer, "on_completion"))
            left = self._ledger.open_files()
            if left:
                raise UnfinishedFileError(
                    f"the producer ended without Progress or Error for {', '.join(left[:3])}"
                )

    def _checked(self, message: Message, producer: TagMessageProducer, method: str) -> Message:
        if isinstance(message, Tag):
            name = f"{type(producer).__name__}.{method}"
            return current_policy().validator.tag(message, method=name, is_last=True)
        return message

    @contextmanager
    def _failures_of(self, files: Sequence[str] | None) -> Iterator[None]:
        """Raise a failure with its place, or report it and continue."""
        try:
            yield
        except SystemExit as error:  # would end the caller's interpreter
            failure = CommonMLError(f"the model ended the program: sys.exit({error.code!r})")
            self._fail(failure, files, cause=error)
        except Exception as error:  # noqa: BLE001 - raised again, unless the caller goes on after errors
            self._fail(error, files, cause=None)

    def _fail(
        self, error: Exception, files: Sequence[str] | None, *, cause: BaseException | None
    ) -> None:
        if self._continue_on_error:
            self._ledger.fail(self._ledger.open_files(files), error)
            return
        if not isinstance(error, MediaError) and files and sys.version_info >= (3, 11):
            place = call_place(error)
            error.add_note(f"while tagging {', '.join(files[:3])}{place and f', in {place}'}")
        if cause is not None:
            raise error from cause
        raise error


def _producer_of(model: Any, options: SdkOptions) -> TagMessageProducer:
    return TagMessageProducer.from_model(
        model,
        fps=options.fps,
        allow_single_frame=options.allow_single_frame,
        options=options,
    )
