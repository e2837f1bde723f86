"""What `main.py` calls, in this process: arguments, dispatch, and the legacy signatures."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import AbortTaggingException, ParamsError
from common_ml.tagging import run_helpers
from common_ml.tagging.messages import Message, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import TagMessageProducer
from tests.tagging.numbers import Reads, ReadsBatches, itself

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Names(AVModel):
    def tag(self, fpath: str) -> list[Tag]:
        if "bad" in fpath:
            raise ValueError("no")
        return [Tag(tag=fpath)]


class Done(TagMessageProducer):
    def produce(self, files: list[str]) -> Iterator[Message]:
        return (Progress(file) for file in files)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "tags.jsonl"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, output: Path) -> Callable[..., None]:
    """Sets the command line and stdin of the program."""

    def start(*, params: object = None, lines: str = "") -> None:
        argv = ["main.py", "--output-path", str(output)]
        if params is not None:
            argv += ["--params", params if isinstance(params, str) else json.dumps(params)]
        monkeypatch.setattr(sys, "argv", argv)
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))

    return start


def written(output: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    return [(line["type"], line["data"]["source_media"]) for line in lines]


def test_params_come_as_they_were_sent(started: Callable[..., None]) -> None:
    started(params={"fps": 2, "my own": [1, {"x": None}]})
    assert run_helpers.get_params() == {"fps": 2, "my own": [1, {"x": None}]}


def test_absent_params_are_an_empty_dictionary(started: Callable[..., None]) -> None:
    started()
    assert run_helpers.get_params() == {}


@dataclass
class Params:
    words: int = 1


def test_a_schema_gets_what_is_its_own(started: Callable[..., None]) -> None:
    started(params={"fps": 2, "words": 3, "allow_single_frame": False})
    assert run_helpers.get_params(Params) == Params(words=3)


@dataclass
class OwnSampling:
    sampling: str = "uniform"
    max_pixels: str = "few"


def test_top_level_keys_named_like_later_ones_of_the_sdk_are_the_authors(
    started: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(run_helpers, "start_loop_from_frame_model", lambda **how: calls.append(how))
    for sampling in ("random", "keyframes"):
        started(params={"sampling": sampling, "max_pixels": "many"})
        assert run_helpers.get_params(OwnSampling) == OwnSampling(sampling, "many")
        run_helpers.run_default(Reads(itself))
    started(params={"sampling": "random", "common_ml": {"sampling": "keyframes"}})
    assert run_helpers.get_params(OwnSampling) == OwnSampling("random")
    run_helpers.run_default(Reads(itself))
    expected = [None, None, SdkOptions(sampling="keyframes")]
    assert [how.get("options") for how in calls] == expected


def test_an_error_of_the_params_is_written_once(started: Callable[..., None], output: Path) -> None:
    started(params={"wards": 3})
    with (
        pytest.raises(ParamsError, match=r'did you mean "words"\?'),
        run_helpers.catch_errors(),
    ):
        run_helpers.get_params(Params)
    (line,) = output.read_text().splitlines()
    assert json.loads(line)["data"]["message"].startswith("ParamsError: ")


def test_problems_with_keys_of_both_sides_come_together(started: Callable[..., None]) -> None:
    started(params={"wards": 3, "words": "many", "fps": 0})
    with pytest.raises(ParamsError) as raised:
        run_helpers.get_params(Params, model=Reads)
    assert [problem.rpartition(" @ ")[2] for problem in raised.value.problems] == [
        "$.fps",
        "$.wards",
        "$.words",
    ]


@pytest.mark.parametrize("fps", [0, "auto", None, {"a": 1}])
def test_fps_is_looked_at_only_where_frames_are_sampled(
    started: Callable[..., None], output: Path, fps: Any
) -> None:
    """In other programs it may be a key of the author's."""
    for model in (Names(), Done()):
        started(params={"fps": fps, "allow_single_frame": "yes"}, lines="a\n")
        assert run_helpers.get_params()["fps"] == fps
        run_helpers.run_default(model)
    started(params={"fps": fps}, lines="a\n")
    with pytest.raises(ParamsError, match=r"fps must be a finite number > 0, got .* @ \$\.fps$"):
        run_helpers.run_default(Reads(itself))
    kinds = [kind for kind, _ in written(output)]
    assert kinds == ["tag", "progress", "progress", "error"]


def test_stdin_is_taken_as_it_is_at_the_call(started: Callable[..., None], output: Path) -> None:
    started(lines="a\nb\n")
    run_helpers.run_default(Names())
    assert written(output) == [("tag", "a"), ("progress", "a"), ("tag", "b"), ("progress", "b")]


def test_every_kind_of_model_runs(started: Callable[..., None], output: Path) -> None:
    for model in (Names(), Done(), Reads(itself), ReadsBatches(itself)):
        started(params={"continue_on_error": True}, lines="missing.png\n")
        run_helpers.run_default(model)
    assert [kind for kind, _ in written(output)] == [
        "tag",
        "progress",
        "progress",
        "error",
        "error",
    ]


def test_run_default_calls_the_loops_by_name_and_with_keywords(
    started: Callable[..., None], output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs replace these functions to add their own behaviour."""
    calls: list[tuple[str, dict[str, Any]]] = []
    for kind in ("frame_model", "av_model", "producer"):
        monkeypatch.setattr(
            run_helpers,
            f"start_loop_from_{kind}",
            lambda kind=kind, **how: calls.append((kind, how)),
        )
    started(params={"fps": 3, "allow_single_frame": False, "continue_on_error": True})
    frame_model, av_model, producer = ReadsBatches(itself), Names(), Done()
    for model in (frame_model, av_model, producer):
        run_helpers.run_default(model, batch_timeout=1.5, batch_limit=4)
    how = {
        "output_path": str(output),
        "continue_on_error": True,
        "batch_timeout": 1.5,
        "batch_limit": 4,
    }
    assert calls == [
        ("frame_model", {"model": frame_model, "fps": 3, "allow_single_frame": False, **how}),
        ("av_model", {"model": av_model, **how}),
        ("producer", {"producer": producer, **how}),
    ]


def test_later_keys_are_passed_on_only_where_they_say_something(
    started: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that replaces one of these may know the published keywords only."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(run_helpers, "start_loop_from_frame_model", lambda **how: calls.append(how))
    for params in (
        {"common_ml": {"sampling": "keyframes"}},
        {"fps": 5, "common_ml": {"sampling": "rate"}},
    ):
        started(params=params)
        run_helpers.run_default(Reads(itself))
    assert [how.get("options") for how in calls] == [SdkOptions(sampling="keyframes"), None]


def test_published_signatures_work_by_position(started: Callable[..., None], output: Path) -> None:
    started(lines="a\n")
    run_helpers.start_loop_from_av_model(Names(), str(output), False, 0.1)
    started(lines="a\n")
    run_helpers.start_loop_from_producer(Done(), str(output), False, 0.1)
    started(lines="a.png\n")
    run_helpers.start_loop_from_frame_model(Reads(itself), str(output), True, 0.1, 2.0, True)
    assert [kind for kind, _ in written(output)] == ["tag", "progress", "progress", "error"]


def test_a_text_as_batch_timeout_is_converted_or_refused_by_its_name(
    started: Callable[..., None], output: Path
) -> None:
    timeout: Any = "0.5"  # as it comes from an environment variable
    started(lines="a\n")
    run_helpers.run_default(Names(), batch_timeout=timeout)
    assert written(output) == [("tag", "a"), ("progress", "a")]
    refused: list[Any] = ["soon", "", None, "nan", "-1", []]
    for timeout in refused:
        with pytest.raises(ValueError, match="batch_timeout must be a finite number of seconds"):
            run_helpers.run_default(Names(), batch_timeout=timeout)


def test_a_failure_stops_with_the_error_that_repos_know(
    started: Callable[..., None], output: Path
) -> None:
    started(lines="bad\n")
    with pytest.raises(AbortTaggingException), run_helpers.catch_errors():
        run_helpers.run_default(Names())
    assert written(output) == [("error", "bad")]  # one line, not one more by catch_errors


@pytest.mark.parametrize("model", [Names, "model", None])
def test_what_is_no_model_is_refused(started: Callable[..., None], model: Any) -> None:
    started()
    with pytest.raises(TypeError, match="run_default takes a FrameModel, BatchFrameModel"):
        run_helpers.run_default(model)


def test_catch_errors_writes_what_nobody_caught(started: Callable[..., None], output: Path) -> None:
    started()
    before = sys.excepthook
    with pytest.raises(KeyError), run_helpers.catch_errors():
        raise KeyError("weights")
    assert json.loads(output.read_text()) == {
        "type": "error",
        "data": {"message": "KeyError: 'weights'", "source_media": None},
    }
    assert sys.excepthook is before


def test_an_exit_that_says_why_is_told(started: Callable[..., None], output: Path) -> None:
    started()
    with pytest.raises(SystemExit), run_helpers.catch_errors():
        sys.exit("weights are missing")
    assert json.loads(output.read_text())["data"]["message"] == "SystemExit: weights are missing"


def test_catch_errors_leaves_exits_alone(started: Callable[..., None], output: Path) -> None:
    started()
    with pytest.raises(SystemExit), run_helpers.catch_errors():
        sys.exit(3)
    assert not output.exists()


def test_catch_errors_without_an_output_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py"])
    with pytest.raises(KeyError), run_helpers.catch_errors():
        raise KeyError("weights")


def test_an_output_that_cannot_be_written_does_not_hide_the_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py", "--output-path", "/dev/full"])
    with pytest.raises(KeyError), run_helpers.catch_errors():
        raise KeyError("weights")
    assert "the error does not reach the user" in caplog.text
