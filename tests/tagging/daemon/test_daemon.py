"""Taggers as child processes: real pipes, exit statuses, and what reaches the user."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tagging.child import Child, source_media_of

Program = Callable[[str], Path]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Writes a `main.py`."""

    def write(source: str) -> Path:
        main = tmp_path / "main.py"
        main.write_text(textwrap.dedent(source))
        return main

    return write


NAMES = """
    from common_ml import AVModel, Tag, catch_errors, get_params, run_default

    class Names(AVModel):
        def tag(self, fpath):
            if "bad" in fpath:
                raise ValueError("cannot read " + fpath)
            return [Tag(start_time=0, end_time=10, tag=fpath, track="names")]

    if __name__ == "__main__":
        with catch_errors():
            params = get_params()
            run_default(Names())
"""


def test_a_file_is_tagged_as_soon_as_its_line_is_there(program: Program) -> None:
    with Child(program(NAMES)) as tagger:
        tagger.send("a.mp4")
        assert tagger.next_message() == {
            "type": "tag",
            "data": {
                "start_time": 0,
                "end_time": 10,
                "tag": "a.mp4",
                "source_media": "a.mp4",
                "track": "names",
                "additional_info": None,
                "frame_info": None,
            },
        }
        assert tagger.next_message() == {"type": "progress", "data": {"source_media": "a.mp4"}}
        tagger.send("b.mp4")  # only now: the daemon did not wait for it
        assert tagger.next_message()["data"]["tag"] == "b.mp4"
        outcome = tagger.finish()
    assert outcome.status == 0
    assert source_media_of(outcome.messages, "progress") == ["b.mp4"]


def test_an_empty_input_is_a_job_well_done(program: Program) -> None:
    with Child(program(NAMES)) as tagger:
        outcome = tagger.finish()
    assert (outcome.status, outcome.messages, outcome.stderr) == (0, [], "")


def test_unknown_arguments_are_tolerated(program: Program) -> None:
    with Child(program(NAMES), arguments=["--what", "ever", "--flag", "stray"]) as tagger:
        tagger.send("a.mp4")
        assert tagger.finish().status == 0


def test_completion_is_called_at_the_end_of_input(program: Program) -> None:
    main = program(
        """
        from common_ml import AVModel, Tag, run_default

        class Last(AVModel):
            def tag(self, fpath):
                self.last = fpath
                return []
            def on_completion(self):
                yield Tag(tag="the end", source_media=self.last)

        run_default(Last())
        """
    )
    with Child(main) as tagger:
        tagger.send("a.mp4")
        assert tagger.next_message()["type"] == "progress"
        outcome = tagger.finish()
    assert outcome.status == 0
    assert [message["data"]["tag"] for message in outcome.messages] == ["the end"]


def test_a_failure_stops_the_daemon_while_its_input_is_open(program: Program) -> None:
    with Child(program(NAMES)) as tagger:
        tagger.send("bad.mp4", "b.mp4")
        outcome = tagger.wait()  # stdin stays open: it must end by itself
    assert outcome.status == 1
    (error,) = outcome.messages
    assert error == {
        "type": "error",
        "data": {"message": "ValueError: cannot read bad.mp4", "source_media": "bad.mp4"},
    }
    assert 'raise ValueError("cannot read " + fpath)' in outcome.stderr
    assert "stopped at bad.mp4" in outcome.stderr


def test_continue_on_error_tags_the_rest_and_exits_with_0(program: Program) -> None:
    with Child(program(NAMES), params='{"continue_on_error": true}') as tagger:
        tagger.send("a.mp4", "bad1.mp4", "b.mp4")
        tagger.send("bad2.mp4", "c.mp4")
        outcome = tagger.finish()
    assert outcome.status == 0
    assert source_media_of(outcome.messages, "progress") == ["a.mp4", "b.mp4", "c.mp4"]
    assert source_media_of(outcome.messages, "error") == ["bad1.mp4", "bad2.mp4"]
    assert outcome.stderr.count("Traceback") == 2


def test_output_is_appended(program: Program, tmp_path: Path) -> None:
    output = tmp_path / "tags.jsonl"
    output.write_text('{"type":"progress","data":{"source_media":"before.mp4"}}\n')
    subprocess.run(
        [sys.executable, program(NAMES), "--output-path", output],
        input=b"a.mp4\n",
        check=True,
    )
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["data"]["source_media"] for line in lines] == ["before.mp4", "a.mp4", "a.mp4"]


def test_names_come_back_byte_for_byte(program: Program) -> None:
    names = ["a b.mp4", "'quoted\".mp4", "täg 標籤.mp4", "x" * 4096, "tab\there.mp4"]
    with Child(program(NAMES)) as tagger:
        tagger.send(*names, end=b"\r\n")
        outcome = tagger.finish()
    assert source_media_of(outcome.messages, "progress") == names


def test_a_name_that_is_no_utf8_fails_and_is_named_in_the_message(program: Program) -> None:
    with Child(program(NAMES), params='{"continue_on_error": true}') as tagger:
        tagger.send(b"caf\xe9.mp4", "b.mp4")
        outcome = tagger.finish()
    assert outcome.status == 0
    assert source_media_of(outcome.messages, "progress") == ["b.mp4"]
    (error,) = [message for message in outcome.messages if message["type"] == "error"]
    assert error["data"]["source_media"] is None
    assert r"caf\udce9.mp4" in error["data"]["message"]


def test_logging_goes_to_stderr_with_the_file(program: Program) -> None:
    main = program(
        """
        import logging
        from common_ml import AVModel, run_default

        class Talks(AVModel):
            def tag(self, fpath):
                logging.getLogger("my.model").info("looking closely")
                return []

        run_default(Talks())
        """
    )
    with Child(main) as tagger:
        tagger.send("a.mp4")
        outcome = tagger.finish()
    assert "INFO my.model [a.mp4] looking closely" in outcome.stderr


def test_without_arguments_two_lines_say_how_it_is_started(program: Program) -> None:
    result = subprocess.run(
        [sys.executable, program(NAMES)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert first.startswith("usage: python ")
    assert "--output-path" in first
    assert "stdin" in second


WITH_SCHEMA = """
    from dataclasses import dataclass
    from common_ml import AVModel, Tag, {catch}get_params, run_default

    @dataclass
    class Params:
        confidence_threshold: float = 0.5
        words: int = 1

    class Shows(AVModel):
        def __init__(self, params):
            self.params = params
        def tag(self, fpath):
            return [Tag(tag=repr(self.params))]

    {catch_call}
    run_default(Shows(get_params(Params)))
"""
WITH_CATCH = WITH_SCHEMA.format(catch="catch_errors, ", catch_call="catch_errors()")
WITHOUT_CATCH = WITH_SCHEMA.format(catch="", catch_call="")


def test_params_arrive_as_the_schema(program: Program) -> None:
    params = '{"confidence_threshold": 1, "fps": 2, "continue_on_error": true}'
    with Child(program(WITH_CATCH), params=params) as tagger:
        tagger.send("a.mp4")
        tag = tagger.next_message()["data"]["tag"]
        assert tagger.finish().status == 0
    assert tag == "Params(confidence_threshold=1.0, words=1)"


@pytest.mark.parametrize("source", [WITH_CATCH, WITHOUT_CATCH], ids=["caught", "uncaught"])
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ('{"fps": 1', ["ParamsError: "]),
        ("[1, 2]", ["object"]),
        (
            '{"confidence_treshold": 0.5, "words": "many"}',
            [
                'did you mean "confidence_threshold"?',
                "@ $.confidence_treshold",
                "@ $.words",
            ],
        ),
        ('{"common_ml": {"max_pixels": -1}}', ["max_pixels must be a whole number >= 1, got -1"]),
        ('{"continue_on_error": "yes"}', ["@ $.continue_on_error"]),
    ],
    ids=["malformed", "no object", "unknown and wrong", "fps", "flag"],
)
def test_bad_params_reach_the_user_as_one_error_line(
    program: Program, source: str, params: str, expected: list[str]
) -> None:
    with Child(program(source), params=params) as tagger:
        outcome = tagger.wait()
    assert outcome.status == 1
    (error,) = outcome.messages
    assert error["type"] == "error"
    assert error["data"]["source_media"] is None
    assert error["data"]["message"].startswith("ParamsError: ")
    for text in expected:
        assert text in error["data"]["message"]
    assert "Traceback" in outcome.stderr


@pytest.mark.parametrize("call", ["catch_errors()", "with catch_errors():"], ids=["call", "with"])
def test_an_uncaught_exception_is_an_error_line_with_its_traceback(
    program: Program, call: str
) -> None:
    indent = "    " if call.startswith("with") else ""
    main = program(f"from common_ml import catch_errors\n{call}\n{indent}raise KeyError('weights')")
    with Child(main) as tagger:
        outcome = tagger.wait()
    assert outcome.status == 1
    assert outcome.messages == [
        {"type": "error", "data": {"message": "KeyError: 'weights'", "source_media": None}}
    ]
    assert "Traceback" in outcome.stderr
    assert "KeyError: 'weights'" in outcome.stderr


def test_an_exception_in_a_thread_is_an_error_line_and_a_failing_status(program: Program) -> None:
    main = program(
        """
        import threading
        from common_ml import AVModel, Tag, catch_errors, run_default

        def fail():
            raise ValueError("in a thread")

        class Threads(AVModel):
            def tag(self, fpath):
                thread = threading.Thread(target=fail)
                thread.start()
                thread.join()
                return [Tag(tag="after")]

        catch_errors()
        run_default(Threads())
        """
    )
    with Child(main) as tagger:
        tagger.send("a.mp4")
        outcome = tagger.finish()
    assert outcome.status == 1
    assert [message["type"] for message in outcome.messages] == ["error", "tag", "progress"]
    assert outcome.messages[0]["data"]["message"] == "ValueError: in a thread"
    assert 'raise ValueError("in a thread")' in outcome.stderr


def test_a_thread_may_fail_after_the_block_that_started_it(program: Program) -> None:
    main = program(
        """
        import threading
        from common_ml import catch_errors

        def fail():
            threading.main_thread().join()
            raise ValueError("after the block")

        with catch_errors():
            threading.Thread(target=fail).start()
        """
    )
    with Child(main) as tagger:
        outcome = tagger.wait()
    assert outcome.status == 1
    (error,) = outcome.messages
    assert error["data"]["message"] == "ValueError: after the block"


def test_without_catch_errors_an_exception_is_only_a_traceback(program: Program) -> None:
    with Child(program("raise KeyError('weights')")) as tagger:
        outcome = tagger.wait()
    assert (outcome.status, outcome.messages) == (1, [])


def test_a_producer_that_raises_in_the_middle_of_a_batch(program: Program) -> None:
    main = program(
        """
        from common_ml import Tag, catch_errors, run_default
        from common_ml.tagging.messages import Progress
        from common_ml.tagging.producer import TagMessageProducer

        class Breaks(TagMessageProducer):
            def produce(self, files):
                yield Tag(tag="one", source_media=files[0])
                yield Progress(files[0])
                raise RuntimeError("lost the thread")

        with catch_errors():
            run_default(Breaks(), batch_timeout=3600, batch_limit=3)
        """
    )
    with Child(main, params='{"continue_on_error": true}') as tagger:
        tagger.send("a", "b", "c")
        outcome = tagger.finish()
    assert outcome.status == 0
    assert source_media_of(outcome.messages, "progress") == ["a"]
    assert source_media_of(outcome.messages, "error") == ["b", "c"]


def test_an_interrupt_that_a_model_raises_fails_its_file(program: Program) -> None:
    main = program(
        """
        from common_ml import AVModel, catch_errors, run_default

        class Interrupted(AVModel):
            def tag(self, fpath):
                raise KeyboardInterrupt

        with catch_errors():
            run_default(Interrupted())
        """
    )
    with Child(main) as tagger:
        tagger.send("a.mp4")
        outcome = tagger.wait()
    (error,) = outcome.messages
    assert error["data"] == {"message": "KeyboardInterrupt", "source_media": "a.mp4"}
    assert outcome.status == 1
