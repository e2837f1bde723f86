"""SIGTERM and SIGINT, sent to real taggers at every kind of moment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tagging.child import Child, Outcome

Program = Callable[[str], Path]

SECONDS_TO_END = 2.0

HEAD = """
    import os, signal, sys, threading, time
    from common_ml import AVModel, Tag, catch_errors, run_default
    from common_ml.tagging import cancelled
    from common_ml.tagging.messages import Progress
    from common_ml.tagging.producer import TagMessageProducer

    def announce(text):
        os.write(int(os.environ["ANNOUNCE"]), text.encode())

    class Model(AVModel):
        def tag(self, fpath):
            if fpath.startswith("quick"):
                return [Tag(tag="quick")]
            return self.slow(fpath)
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    def write(source: str) -> Path:
        main = tmp_path / "main.py"
        main.write_text(textwrap.dedent(HEAD) + textwrap.dedent(source))
        return main

    return write


def ended_by(tagger: Child, number: signal.Signals) -> Outcome:
    start = time.monotonic()
    tagger.process.send_signal(number)
    outcome = tagger.wait()
    assert time.monotonic() - start < SECONDS_TO_END
    return outcome


def types(outcome: Outcome) -> list[str]:
    return [message["type"] for message in outcome.messages]


BLOCKS = """
        def slow(self, fpath):
            import ctypes
            announce("in the model")
            mutex = ctypes.create_string_buffer(64)
            for _ in range(2):  # never gets it a second time: one step of Python, without the GIL
                ctypes.CDLL(None).pthread_mutex_lock(mutex)

    run_default(Model())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_daemon_stops_at_once(program: Program, number: signal.Signals) -> None:
    with Child(program("\nrun_default(Model())")) as tagger:
        tagger.send("quick.mp4")
        assert [tagger.next_message()["type"] for _ in range(2)] == ["tag", "progress"]
        outcome = ended_by(tagger, number)
    assert outcome.status == 128 + number
    assert outcome.messages == []
    assert "1 files finished, 0 failed, 0 not finished" in outcome.stderr
    assert number.name in outcome.stderr


def test_a_call_that_holds_the_main_thread_does_not_hold_the_process(program: Program) -> None:
    with Child(program(BLOCKS)) as tagger:
        tagger.send("quick.mp4", "slow.mp4", "later.mp4")
        assert [tagger.next_message()["type"] for _ in range(2)] == ["tag", "progress"]
        assert tagger.announcement() == b"in the model"
        outcome = ended_by(tagger, signal.SIGTERM)
    assert outcome.status == 143
    assert outcome.messages == []
    assert "no step of the work within 1.0 s" in outcome.stderr
    assert "1 files finished, 0 failed, 2 not finished: slow.mp4, later.mp4" in outcome.stderr


def test_a_second_signal_ends_at_once(program: Program) -> None:
    with Child(program(BLOCKS)) as tagger:
        tagger.send("slow.mp4")
        assert tagger.announcement() == b"in the model"
        tagger.process.send_signal(signal.SIGTERM)
        outcome = ended_by(tagger, signal.SIGINT)  # two of a kind may arrive as one
    assert outcome.status in (143, 130)  # Linux does not say which of them is first
    assert "a second signal" in outcome.stderr


def test_a_model_can_ask_and_what_it_then_returns_is_not_written(program: Program) -> None:
    main = program(
        """
            def slow(self, fpath):
                announce("in the model")
                while not cancelled():
                    time.sleep(0.001)
                return [Tag(tag="half")]

        run_default(Model())
        """
    )
    with Child(main) as tagger:
        tagger.send("slow.mp4", "quick.mp4")
        assert tagger.announcement() == b"in the model"
        outcome = ended_by(tagger, signal.SIGTERM)
    assert (outcome.status, outcome.messages) == (143, [])
    assert "0 files finished, 0 failed, 2 not finished: slow.mp4, quick.mp4" in outcome.stderr


def test_a_call_that_the_signal_broke_is_no_failure_of_the_file(program: Program) -> None:
    main = program(
        """
            def slow(self, fpath):
                import ctypes
                announce("in the model")
                ctypes.CDLL(None).sleep(3600)  # returns at a signal
                raise RuntimeError("interrupted")

        run_default(Model())
        """
    )
    with Child(main) as tagger:
        tagger.send("slow.mp4")
        assert tagger.announcement() == b"in the model"
        outcome = ended_by(tagger, signal.SIGTERM)
    assert (outcome.status, outcome.messages) == (143, [])


def test_a_producer_is_left_at_its_next_message(program: Program) -> None:
    main = program(
        """
            pass

        class Endless(TagMessageProducer):
            def produce(self, files):
                number = 0
                while True:
                    yield Tag(tag=str(number), source_media=files[0])
                    number += 1

        run_default(Endless(), batch_limit=1)
        """
    )
    with Child(main) as tagger:
        tagger.send("a.mp4")
        assert tagger.next_message()["data"]["tag"] == "0"
        outcome = ended_by(tagger, signal.SIGTERM)
    assert outcome.status == 143
    assert set(types(outcome)) <= {"tag"}
    assert [message["data"]["tag"] for message in outcome.messages] == [
        str(number) for number in range(1, len(outcome.messages) + 1)
    ]


def test_completion_is_not_called(program: Program) -> None:
    main = program(
        """
            def on_completion(self):
                yield Tag(tag="the end", source_media="quick.mp4")

        run_default(Model())
        """
    )
    with Child(main) as tagger:
        tagger.send("quick.mp4")
        assert [tagger.next_message()["type"] for _ in range(2)] == ["tag", "progress"]
        outcome = ended_by(tagger, signal.SIGTERM)
    assert (outcome.status, outcome.messages) == (143, [])


def test_a_program_that_still_prepares_stops(program: Program) -> None:
    main = program(
        """
            pass

        with catch_errors():
            announce("loading weights")
            time.sleep(3600)
        """
    )
    with Child(main) as tagger:
        assert tagger.announcement() == b"loading weights"
        outcome = ended_by(tagger, signal.SIGTERM)
    assert (outcome.status, outcome.messages) == (143, [])


def test_a_thread_of_the_model_that_does_not_end_does_not_hold_the_process(
    program: Program,
) -> None:
    main = program(
        """
            def slow(self, fpath):
                threading.Thread(target=time.sleep, args=(3600,)).start()
                return [Tag(tag="begun")]

        run_default(Model())
        """
    )
    with Child(main) as tagger:
        tagger.send("slow.mp4")
        assert [tagger.next_message()["type"] for _ in range(2)] == ["tag", "progress"]
        outcome = ended_by(tagger, signal.SIGTERM)
    assert outcome.status == 143


def test_what_is_registered_for_the_exit_is_called(program: Program) -> None:
    main = program(
        """
            pass

        import atexit
        atexit.register(announce, "tidied up")
        with catch_errors():
            run_default(Model())
        """
    )
    with Child(main) as tagger:
        tagger.send("quick.mp4")
        assert [tagger.next_message()["type"] for _ in range(2)] == ["tag", "progress"]
        outcome = ended_by(tagger, signal.SIGTERM)
        assert tagger.announcement() == b"tidied up"
    assert outcome.status == 143


def test_the_end_of_the_interpreter_is_not_awaited(program: Program) -> None:
    """Large libraries take seconds to take themselves apart."""
    main = program(
        """
            pass

        class Large:
            def __del__(self, sleep=time.sleep):
                sleep(3600)

        large = Large()
        run_default(Model())
        """
    )
    with Child(main) as tagger:
        tagger.send("quick.mp4")
        assert [tagger.next_message()["type"] for _ in range(2)] == ["tag", "progress"]
        outcome = ended_by(tagger, signal.SIGTERM)
    assert outcome.status == 143


def test_a_forked_child_of_the_model_has_its_own_signals(program: Program) -> None:
    main = program(
        """
            def slow(self, fpath):
                pid = os.fork()
                if pid == 0:
                    time.sleep(3600)
                    os._exit(0)
                os.kill(pid, signal.SIGTERM)
                _, status = os.waitpid(pid, 0)
                return [Tag(tag=str(os.waitstatus_to_exitcode(status)))]

        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads: as models do
        run_default(Model())
        """
    )
    with Child(main) as tagger:
        tagger.send("slow.mp4", "quick.mp4")
        outcome = tagger.finish()
    assert outcome.status == 0
    assert [m["data"]["tag"] for m in outcome.messages if m["type"] == "tag"] == ["-15", "quick"]


def _can_make_a_pid_namespace() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    made = subprocess.run([unshare, "--pid", "--fork", "true"], capture_output=True, check=False)
    return made.returncode == 0


@pytest.mark.skipif(not _can_make_a_pid_namespace(), reason="needs unshare and the right to use it")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("file", ["quick.mp4", "slow.mp4"])
def test_pid_1_stops_as_well(program: Program, number: signal.Signals, file: str) -> None:
    main = program(BLOCKS.replace('"in the model', 'f"pid {os.getpid()}'))
    with Child(main, launcher=["unshare", "--pid", "--fork", "--kill-child"]) as tagger:
        if file == "slow.mp4":
            tagger.send(file)
            assert tagger.announcement() == b"pid 1"
        else:
            tagger.send(file)
            assert [tagger.next_message()["type"] for _ in range(2)] == ["tag", "progress"]
        children = Path(f"/proc/{tagger.process.pid}/task/{tagger.process.pid}/children")
        (python,) = map(int, children.read_text().split())
        start = time.monotonic()
        os.kill(python, number)
        outcome = tagger.wait()
    assert time.monotonic() - start < SECONDS_TO_END
    assert outcome.status == 128 + number
    assert outcome.messages == []


@pytest.mark.parametrize("seed", range(20))
def test_at_a_random_moment_all_lines_are_whole(program: Program, seed: int) -> None:
    """The child writes lines of 20 kB without pause; `Child` fails on a line that is torn."""
    main = program(
        """
            def slow(self, fpath):
                return (Tag(tag="x" * 20_000, start_time=n, end_time=n) for n in range(10**9))

        run_default(Model())
        """
    )
    with Child(main) as tagger:
        tagger.send("slow.mp4")
        for _ in range(1 + seed * 7):
            tagger.next_message()
        outcome = ended_by(tagger, signal.SIGTERM)
    assert outcome.status == 143
    assert set(types(outcome)) <= {"tag"}
    assert "1 not finished: slow.mp4" in outcome.stderr


def test_signals_are_the_programs_own_again_afterwards(tmp_path: Path) -> None:
    source = """
        import io, signal, sys, threading
        from common_ml import AVModel, run_default
        class Model(AVModel):
            def tag(self, fpath): return []
        before = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)]
        sys.stdin = io.StringIO("a.mp4\\n")
        run_default(Model())
        assert [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)] == before
        assert signal.set_wakeup_fd(-1) == -1
        left = {thread.name for thread in threading.enumerate()}
        assert left == {"MainThread", "common-ml-exit"}, left
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), "--output-path", tmp_path / "o.jsonl"],
        check=True,
    )
