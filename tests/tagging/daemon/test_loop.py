"""The daemon in this process: what becomes of every file, whatever a producer does."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import AbortTaggingException, OutputError
from common_ml.tagging.daemon.loop import run_loop
from common_ml.tagging.messages import Error, Message, Progress, ProgressRatio, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import TagMessageProducer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Lines = list[tuple[str, Any]]


class Scripted(TagMessageProducer):
    """Does what the test says with each batch."""

    def __init__(
        self,
        produce: Callable[[list[str]], Iterator[Message]],
        on_completion: Callable[[], Iterator[Message]] = lambda: iter(()),
    ) -> None:
        self._produce = produce
        self._on_completion = on_completion

    def produce(self, files: list[str]) -> Iterator[Message]:
        return self._produce(files)

    def on_completion(self) -> Iterator[Message]:
        return self._on_completion()


class Named(AVModel):
    """Tags a file with its own name; a name with `bad` in it raises."""

    def tag(self, fpath: str) -> list[Tag]:
        if "bad" in fpath:
            raise ValueError(f"cannot read {fpath}")
        return [Tag(tag=fpath)]


def run(
    producer: TagMessageProducer,
    files: Sequence[str],
    output: Path,
    *,
    continue_on_error: bool = True,
    batch_limit: int | None = None,
) -> Lines:
    try:
        run_loop(
            producer,
            stdin=[f"{file}\n" for file in files],
            output_path=output,
            batch_timeout=0.2,
            batch_limit=batch_limit,
            options=SdkOptions(continue_on_error=continue_on_error),
        )
    finally:
        lines = [json.loads(line) for line in output.read_text().splitlines()]
        written: Lines = [
            (line["type"], line["data"].get("source_media", line["data"])) for line in lines
        ]
    return written


def errors(output: Path) -> list[tuple[str | None, str]]:
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    return [
        (line["data"]["source_media"], line["data"]["message"])
        for line in lines
        if line["type"] == "error"
    ]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "tags.jsonl"


def done(files: list[str]) -> Iterator[Message]:
    for file in files:
        yield Tag(tag="seen", source_media=file)
        yield Progress(file)


def test_a_file_has_its_tags_and_then_its_progress(output: Path) -> None:
    producer = TagMessageProducer.from_model(Named())
    assert run(producer, ["a", "b"], output) == [
        ("tag", "a"),
        ("progress", "a"),
        ("tag", "b"),
        ("progress", "b"),
    ]


def test_a_failing_file_fails_alone(output: Path) -> None:
    producer = TagMessageProducer.from_model(Named())
    written = run(producer, ["a", "bad", "b"], output)
    assert written == [
        ("tag", "a"),
        ("progress", "a"),
        ("error", "bad"),
        ("tag", "b"),
        ("progress", "b"),
    ]
    assert errors(output) == [("bad", "ValueError: cannot read bad")]


def test_without_continue_on_error_the_first_failure_stops(output: Path) -> None:
    producer = TagMessageProducer.from_model(Named())
    with pytest.raises(AbortTaggingException, match="stopped at bad: ValueError: cannot read bad"):
        run(producer, ["a", "bad", "b"], output, continue_on_error=False)
    assert errors(output) == [("bad", "ValueError: cannot read bad")]
    assert "progress" in output.read_text()
    assert '"b"' not in output.read_text()


def test_the_same_path_twice_is_tagged_twice_even_after_a_failure(output: Path) -> None:
    calls = iter([True, False])

    class FailsOnce(AVModel):
        def tag(self, fpath: str) -> list[Tag]:
            if next(calls):
                raise OSError("not yet")
            return [Tag(tag="now")]

    written = run(TagMessageProducer.from_model(FailsOnce()), ["a", "a"], output)
    assert written == [("error", "a"), ("tag", "a"), ("progress", "a")]


def test_a_producer_that_raises_fails_every_unfinished_file_of_the_batch(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        yield from done(files[:1])
        yield Tag(tag="half", source_media=files[1])
        raise RuntimeError("out of ideas")

    written = run(Scripted(produce), ["a", "b", "c"], output)
    assert written == [
        ("tag", "a"),
        ("progress", "a"),
        ("tag", "b"),
        ("error", "b"),
        ("error", "c"),
    ]
    assert {message for _, message in errors(output)} == {"RuntimeError: out of ideas"}


def test_a_producer_that_raises_still_gets_the_next_batch(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        if "b" in files:
            raise RuntimeError("not this one")
        return done(files)

    written = run(Scripted(produce), ["a", "b", "c"], output, batch_limit=1)
    assert [pair for pair in written if pair[0] != "tag"] == [
        ("progress", "a"),
        ("error", "b"),
        ("progress", "c"),
    ]


def test_files_of_earlier_batches_are_not_failed_by_a_later_one(output: Path) -> None:
    kept: list[str] = []

    def produce(files: list[str]) -> Iterator[Message]:
        if "b" in files:
            raise RuntimeError("not this one")
        kept.extend(files)
        return iter(())

    written = run(Scripted(produce, lambda: done(kept)), ["a", "b"], output, batch_limit=1)
    assert written == [("error", "b"), ("tag", "a"), ("progress", "a")]


def test_an_error_message_of_a_producer_is_a_failure(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        for file in files:
            yield Error("too dark", source_media=file)

    assert run(Scripted(produce), ["a", "b"], output) == [("error", "a"), ("error", "b")]
    assert errors(output) == [("a", "too dark"), ("b", "too dark")]


def test_an_error_message_stops_where_no_file_may_fail(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        for file in files:
            yield Error("too dark", source_media=file)

    with pytest.raises(AbortTaggingException, match="stopped at a: too dark"):
        run(Scripted(produce), ["a", "b"], output, continue_on_error=False)
    assert errors(output) == [("a", "too dark")]


def test_no_progress_and_no_second_error_after_a_failure(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        for file in files:
            yield Error("first", source_media=file)
            yield Error("second", source_media=file)
            yield Tag(tag="late", source_media=file)
            yield Progress(file)

    assert run(Scripted(produce), ["a"], output) == [("error", "a")]
    assert errors(output) == [("a", "first")]


def test_no_second_progress_of_a_file_that_was_sent_once(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        yield from done(files)
        yield from map(Progress, files)

    written = run(Scripted(produce), ["a", "b", "a"], output)
    assert [file for kind, file in written if kind == "progress"] == ["a", "b", "a"]


def test_a_file_without_a_last_word_has_failed(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        return done(files[:1])

    written = run(Scripted(produce), ["a", "b"], output)
    assert written == [("tag", "a"), ("progress", "a"), ("error", "b")]
    assert errors(output) == [
        ("b", "UnfinishedFileError: the producer ended without Progress or Error for this file")
    ]


def test_tags_of_completion_come_last(output: Path) -> None:
    class Counts(Named):
        def __init__(self) -> None:
            self.files: list[str] = []

        def tag(self, fpath: str) -> list[Tag]:
            self.files.append(fpath)
            return []

        def on_completion(self) -> Iterator[Tag]:
            yield Tag(tag=f"{len(self.files)} files", source_media=self.files[-1])

    written = run(TagMessageProducer.from_model(Counts()), ["a", "b"], output)
    assert written == [("progress", "a"), ("progress", "b"), ("tag", "b")]


def test_a_completion_that_raises_fails_what_is_open_or_else_nothing_in_particular(
    output: Path,
) -> None:
    def complete() -> Iterator[Message]:
        raise RuntimeError("no summary")

    def keep(files: list[str]) -> Iterator[Message]:
        return done(files[1:])

    assert run(Scripted(keep, complete), ["a", "b"], output)[-1] == ("error", "a")
    output.unlink()
    assert run(Scripted(done, complete), ["a", "b"], output)[-1] == ("error", None)
    assert errors(output) == [(None, "RuntimeError: no summary")]


def test_a_completion_that_returns_nothing_is_fine(output: Path) -> None:
    producer = Scripted(done, lambda: None)  # type: ignore[arg-type,return-value] # as some do
    assert run(producer, ["a"], output)[-1] == ("progress", "a")


def test_a_tag_that_cannot_be_written_fails_its_file_only(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        for file in files:
            info = {"scores": [0, {1}]} if file == "a" else None
            yield Tag(tag="x", source_media=file, additional_info=info)
            yield Progress(file)

    written = run(Scripted(produce), ["a", "b"], output)
    assert written == [("error", "a"), ("tag", "b"), ("progress", "b")]
    ((_, message),) = errors(output)
    assert message.startswith("MessageError: ")
    assert "additional_info.scores[1]" in message


def test_a_bad_tag_under_a_base_name_fails_the_file_as_received(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        for file in files:
            yield Tag(tag="x", source_media=Path(file).name, additional_info={"x": {1}})

    assert run(Scripted(produce), ["media/a.mp4"], output) == [("error", "media/a.mp4")]


def test_a_base_name_is_put_back_to_the_line_as_received(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        for file in files:
            yield from done([Path(file).name])

    written = run(Scripted(produce), ["media/a.mp4", "media/b.mp4"], output)
    assert written == [
        ("tag", "media/a.mp4"),
        ("progress", "media/a.mp4"),
        ("tag", "media/b.mp4"),
        ("progress", "media/b.mp4"),
    ]


def test_a_name_that_was_never_sent_is_written_with_a_warning(
    output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        yield Tag(tag="x", source_media="other.mp4")
        yield from done(files)

    assert run(Scripted(produce), ["a"], output)[0] == ("tag", "other.mp4")
    assert "the runtime refuses this, 'other.mp4' was never sent" in caplog.text


def test_a_tag_of_no_file_fails_the_batch(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        yield Tag(tag="whose?")

    run(Scripted(produce), ["a"], output)
    ((file, message),) = errors(output)
    assert file == "a"
    assert message.startswith("ModelOutputError: source_media must name the file")


def test_what_is_no_message_fails_the_batch(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        return iter(["a tag?"])  # type: ignore[list-item] # the mistake that is tested

    run(Scripted(produce), ["a"], output)
    ((_, message),) = errors(output)
    assert message.startswith("ModelOutputError: a producer must yield messages")


def test_a_ratio_goes_out_as_the_producer_gave_it(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        yield ProgressRatio(0.5)
        yield from done(files)

    assert run(Scripted(produce), ["a"], output)[0] == ("progress_ratio", {"progress": 0.5})


def test_a_model_can_stop_the_tagger_whatever_the_params_say(output: Path) -> None:
    class Lost(AVModel):
        def tag(self, fpath: str) -> list[Tag]:
            raise AbortTaggingException("the GPU is gone")

    with pytest.raises(AbortTaggingException, match="the GPU is gone"):
        run(TagMessageProducer.from_model(Lost()), ["a", "b"], output, continue_on_error=True)
    assert errors(output) == [("a", "AbortTaggingException: the GPU is gone")]


@pytest.mark.parametrize("code", [None, 0, 3, "gone"])
def test_a_model_that_exits_fails_its_file_and_no_other(output: Path, code: object) -> None:
    class Leaves(Named):
        def tag(self, fpath: str) -> list[Tag]:
            if fpath == "a":
                raise SystemExit(code)
            return super().tag(fpath)

    producer = TagMessageProducer.from_model(Leaves())
    assert run(producer, ["a", "b"], output) == [("error", "a"), ("tag", "b"), ("progress", "b")]
    with pytest.raises(AbortTaggingException, match="stopped at a: SystemExit"):
        run(producer, ["a", "b"], output, continue_on_error=False)


def test_an_error_after_progress_is_no_second_word_on_the_file(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        yield from done(files)
        yield Error("late", source_media=files[0])

    assert run(Scripted(produce), ["a"], output) == [("tag", "a"), ("progress", "a")]
    output.unlink()
    with pytest.raises(AbortTaggingException, match="late"):
        run(Scripted(produce), ["a"], output, continue_on_error=False)
    assert errors(output) == [(None, "late")]  # the user has to see why the job failed


def test_an_output_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        run_loop(
            TagMessageProducer.from_model(Named()),
            stdin=[],
            output_path=tmp_path / "missing" / "tags.jsonl",
            batch_timeout=0.0,
            batch_limit=None,
            options=SdkOptions(continue_on_error=False),
        )


def test_an_output_that_cannot_be_written_is_no_fault_of_a_file() -> None:
    with pytest.raises(OutputError, match="/dev/full"):
        run_loop(
            TagMessageProducer.from_model(Named()),
            stdin=["a\n"],
            output_path="/dev/full",
            batch_timeout=0.0,
            batch_limit=None,
            options=SdkOptions(continue_on_error=True),
        )


@pytest.mark.parametrize(
    ("timeout", "limit", "message"),
    [
        (-1.0, None, "batch_timeout must be a finite number of seconds >= 0, got -1.0"),
        (float("inf"), None, "batch_timeout must be a finite number"),
        (0.2, 0, "batch_limit must be None or >= 1, got 0"),
    ],
)
def test_limits_out_of_range_are_refused(
    output: Path, timeout: float, limit: int | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run_loop(
            TagMessageProducer.from_model(Named()),
            stdin=[],
            output_path=output,
            batch_timeout=timeout,
            batch_limit=limit,
            options=SdkOptions(continue_on_error=False),
        )


def test_log_records_carry_the_file_being_tagged(
    output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Talks(AVModel):
        def tag(self, fpath: str) -> list[Tag]:
            logging.getLogger("a.model").warning("looking")
            return []

    run(TagMessageProducer.from_model(Talks()), ["a", "b"], output)
    said = [record for record in caplog.records if record.name == "a.model"]
    assert [record.source_media for record in said] == ["a", "b"]  # type: ignore[attr-defined] # set by us


def test_the_traceback_of_a_failure_is_logged(
    output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(TagMessageProducer.from_model(Named()), ["bad"], output)
    assert "Traceback" in caplog.text
    assert 'raise ValueError(f"cannot read {fpath}")' in caplog.text
