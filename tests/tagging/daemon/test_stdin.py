"""Lines on stdin become batches: real pipes, and every odd input."""

from __future__ import annotations

import gzip
import io
import os
import select
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.tagging.daemon.stdin import Intake

if TYPE_CHECKING:
    from collections.abc import Iterator


def batches(stdin: object, *, timeout: float = 0.0, limit: int | None = None) -> list[list[str]]:
    intake = Intake(stdin)  # type: ignore[arg-type] # odd inputs are what is tested
    return list(intake.batches(timeout_seconds=timeout, limit=limit))


def of_pipe(content: bytes, *, timeout: float = 0.0, limit: int | None = None) -> list[list[str]]:
    read_end, write_end = os.pipe()

    def write() -> None:
        with open(write_end, "wb") as pipe:
            pipe.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    with open(read_end) as stdin:
        found = batches(stdin, timeout=timeout, limit=limit)
    writer.join()
    return found


def flat(found: list[list[str]]) -> list[str]:
    return [path for batch in found for path in batch]


def test_lines_written_together_are_one_batch() -> None:
    assert of_pipe(b"a.mp4\nb.mp4\nc.mp4\n") == [["a.mp4", "b.mp4", "c.mp4"]]


def test_a_limit_splits_what_arrived_together() -> None:
    assert of_pipe(b"a\nb\nc\nd\ne\n", limit=2) == [["a", "b"], ["c", "d"], ["e"]]


def test_a_last_line_without_newline_counts() -> None:
    assert flat(of_pipe(b"a.mp4\nb.mp4")) == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize("replaces", [True, False])
def test_an_input_that_a_model_closes_or_replaces_is_read_on(replaces: bool) -> None:
    read_end, write_end = os.pipe()
    with open(read_end) as stdin, open(write_end, "wb", buffering=0) as writer:
        found = Intake(stdin).batches(timeout_seconds=0.0, limit=None)
        writer.write(b"a\n")
        assert next(found) == ["a"]
        with open(os.devnull) as null:
            if replaces:
                os.dup2(null.fileno(), read_end)
            else:
                os.close(read_end)
            writer.write(b"b\n")
            assert next(found) == ["b"]
            writer.write(b"c\n")
            writer.close()
            assert flat(list(found)) == ["c"]
            os.dup2(null.fileno(), read_end)  # for its owner to close


def test_an_input_of_which_nothing_is_left_is_a_failure() -> None:
    """Not the end of the input: the job would count as done."""
    read_end, write_end = os.pipe()
    with open(read_end) as stdin, open(write_end, "wb", buffering=0) as writer:
        identity = os.fstat(read_end).st_ino
        found = Intake(stdin).batches(timeout_seconds=0.0, limit=None)
        writer.write(b"a\n")
        assert next(found) == ["a"]
        with open(os.devnull) as null:
            for entry in Path("/proc/self/fd").iterdir():
                with suppress(OSError):  # the listing's own, which is closed by now
                    number = int(entry.name)
                    if number != write_end and os.fstat(number).st_ino == identity:
                        os.dup2(null.fileno(), number)
        with suppress(BrokenPipeError):  # no read has begun
            writer.write(b"b\n")
        with pytest.raises(OSError, match="has closed or replaced standard input"):
            assert flat(list(found)) in ([], ["b"])


def test_a_wait_is_that_of_the_select_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """gevent puts its own there: its threads are one, and a read would stop them all."""
    waits = []

    class Poll:
        def __init__(self) -> None:
            self.poller = poll()

        def register(self, descriptor: int, events: int) -> None:
            self.poller.register(descriptor, events)

        def poll(self, timeout: int | None = None) -> list[tuple[int, int]]:
            waits.append(timeout)
            return self.poller.poll(timeout)

    poll = select.poll
    monkeypatch.setattr(select, "poll", Poll)
    assert of_pipe(b"a\n") == [["a"]]
    assert waits == [None, None]  # the line, and the end

    monkeypatch.delattr(select, "poll")  # as eventlet does
    assert of_pipe(b"a\n") == [["a"]]


def test_only_the_end_of_a_line_is_cut_off() -> None:
    assert flat(of_pipe(b" a b .mp4 \r\n\n\r\n\"q'.mp4\n")) == [" a b .mp4 ", "\"q'.mp4"]


def test_bytes_that_are_no_utf8_come_back_as_the_same_file_name() -> None:
    (path,) = flat(of_pipe(b"caf\xe9.mp4\n"))
    assert os.fsencode(path) == b"caf\xe9.mp4"


def test_an_ended_input_gives_no_batch() -> None:
    assert of_pipe(b"") == []
    assert batches(None) == []


def test_a_hundred_thousand_lines_keep_their_order() -> None:
    names = [f"media/{number:06}.mp4" for number in range(100_000)]
    assert flat(of_pipe("".join(f"{name}\n" for name in names).encode())) == names


def test_a_text_object_without_descriptor_is_read_line_by_line() -> None:
    assert flat(batches(io.StringIO("a\nb\nc"))) == ["a", "b", "c"]


def test_what_replaces_stdin_decodes_its_lines_itself(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "names.gz", "wt") as packed:
        packed.write("a\nb\n")
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    (tmp_path / "marked").write_text("a\nb\n", encoding="utf-8-sig")

    with gzip.open(tmp_path / "names.gz", "rt") as stdin:
        assert flat(batches(stdin)) == ["a", "b"]
    with (tmp_path / "latin").open(encoding="latin-1") as stdin:
        assert flat(batches(stdin)) == ["café"]
    with (tmp_path / "marked").open(encoding="utf-8-sig") as stdin:
        assert flat(batches(stdin)) == ["a", "b"]
    assert flat(batches(io.BytesIO(b"a\ncaf\xe9\n"))) == ["a", "caf\udce9"]


def test_a_file_in_place_of_stdin_goes_on_where_the_program_left_it(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("header\na\nb\n")
    with (tmp_path / "names").open() as stdin:
        assert stdin.readline() == "header\n"
        assert flat(batches(stdin)) == ["a", "b"]


def test_a_wrapped_pipe_is_read_below_its_buffers() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"a\nb\n")
    os.close(write_end)
    with io.TextIOWrapper(open(read_end, "rb"), encoding="utf-8") as stdin:
        assert batches(stdin) == [["a", "b"]]  # one read, one batch


def test_any_iterable_of_lines_will_do() -> None:
    assert flat(batches(["a\n", "b\r\n", "\n", "c"])) == ["a", "b", "c"]


def test_waiting_joins_lines_that_come_one_by_one() -> None:
    assert batches(iter(["a\n", "b\n", "c\n"]), timeout=3600.0) == [["a", "b", "c"]]


def test_a_batch_waits_no_longer_than_its_time() -> None:
    """The next line comes after the batch of the line before: who waits past the time hangs."""
    received = threading.Semaphore()

    def lines() -> Iterator[str]:
        for number in range(1_000):
            received.acquire()
            yield f"{number}\n"

    for timeout in (0.0, 1e-6, 3e-6, 1e-5, 3e-5):
        found = []
        for batch in Intake(lines()).batches(timeout_seconds=timeout, limit=None):
            found.append(batch)
            received.release()
        assert found == [[str(number)] for number in range(1_000)]


def test_a_batch_that_is_full_is_not_kept_waiting() -> None:
    never = threading.Event()

    def lines() -> Iterator[str]:
        yield "a\n"
        yield "b\n"
        never.wait()

    intake = Intake(lines())
    assert next(intake.batches(timeout_seconds=3600.0, limit=2)) == ["a", "b"]
    never.set()


def test_an_input_that_breaks_gives_what_came_before_and_then_its_error() -> None:
    def lines() -> Iterator[str]:
        yield "a\n"
        raise OSError("the cable is out")

    found = Intake(lines()).batches(timeout_seconds=0.0, limit=None)
    assert next(found) == ["a"]
    with pytest.raises(OSError, match="the cable is out"):
        next(found)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n"), min_size=1)), st.integers(1, 5))
def test_every_line_arrives_once_and_in_order(names: list[str], limit: int) -> None:
    content = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogatepass")
    found = of_pipe(content, limit=limit)
    sent = [name.encode("utf-8", "surrogatepass") for name in names]
    assert [path.encode("utf-8", "surrogateescape") for path in flat(found)] == sent
    assert all(1 <= len(batch) <= limit for batch in found)


@pytest.mark.parametrize(
    ("unit", "num_bytes"),
    [(b"x", 10**7), (b"\r", 10**7), (b"\xff", 10**7), (b"\n", 300_000), (b"a b/c.mp4\r\n", 10**6)],
)
def test_ten_times_the_bytes_take_about_ten_times_as_long(
    tmp_path: Path, unit: bytes, num_bytes: int
) -> None:
    """One line without an end, and many short ones: a quadratic reader takes a hundred times."""

    def seconds(size: int) -> float:
        path = tmp_path / "lines"
        path.write_bytes(unit * (size // len(unit)))
        times = []
        for _ in range(3):  # the least: the collector takes some of it
            with path.open("rb") as stdin:
                start = time.process_time()  # of all threads
                for _batch in Intake(stdin).batches(timeout_seconds=0.0, limit=None):
                    pass
                times.append(time.process_time() - start)
        return min(times)

    assert seconds(num_bytes) < 30 * seconds(num_bytes // 10) + 0.05
