"""Parts in a folder and in an object store: created once, read, removed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from common_ml.parts import PartKey, params_digest
from common_ml.tagging.messages import Error, Tag
from tests.parts.made_messages import messages_of

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.parts import PartsStore


def test_a_part_is_created_once(parts: PartsStore) -> None:
    key = PartKey("a.mp4", revision="sha256:1", params=params_digest({"fps": 2}))
    assert not parts.has(key)

    assert parts.commit(key, messages_of("a.mp4", "cat"))
    assert not parts.commit(key, messages_of("a.mp4", "dog"))

    assert parts.has(key)
    assert list(parts.read(key)) == messages_of("a.mp4", "cat")


def test_of_many_who_commit_one_wins(parts: PartsStore) -> None:
    key = PartKey("a.mp4")
    barrier = threading.Barrier(6)
    won: list[str] = []

    def commit(text: str) -> None:
        with parts.writer(key) as writer:
            for message in messages_of("a.mp4", text):
                writer.write(message)
            barrier.wait()
            if writer.commit():
                won.append(text)

    threads = [threading.Thread(target=commit, args=[str(number)]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (winner,) = won
    assert list(parts.read(key)) == messages_of("a.mp4", winner)


def test_a_failure_is_a_note_that_a_part_replaces(parts: PartsStore) -> None:
    key, other = PartKey("a.mp4"), PartKey("b.mp4")
    failure = [Tag(0, 1, "cat", "a.mp4"), Error("too dark", "a.mp4")]
    assert parts.commit(key, failure)
    assert parts.commit(key, failure)  # and again

    assert not parts.has(key)
    assert parts.states([key, other]) == {key: "failed", other: "missing"}
    assert list(parts.read(key)) == failure

    assert parts.commit(key, messages_of("a.mp4", "cat"))
    assert parts.states([key]) == {key: "done"}
    assert list(parts.read(key)) == messages_of("a.mp4", "cat")

    parts.delete(key)
    assert parts.states([key]) == {key: "missing"}
    with pytest.raises(FileNotFoundError):
        list(parts.read(key))


def test_a_writer_that_leaves_early_leaves_nothing(parts: PartsStore, tmp_path: Path) -> None:
    key = PartKey("a.mp4")
    with parts.writer(key) as writer:
        writer.write(Tag(0, 1, "cat", "a.mp4"))
    assert not parts.has(key)
    assert not list(tmp_path.glob("parts/.writing/*"))


def test_a_restart_drops_what_was_written(parts: PartsStore) -> None:
    key = PartKey("a.mp4")
    with parts.writer(key) as writer:
        writer.write(Tag(0, 1, "x" * 10_000, "a.mp4"))
        writer.write(Error("the tagger died", "a.mp4"))
        writer.restart()
        for message in messages_of("a.mp4", "cat"):
            writer.write(message)
        assert writer.num_messages == 2
        assert writer.commit()
    assert list(parts.read(key)) == messages_of("a.mp4", "cat")


def test_an_error_about_no_file_is_no_failure_of_the_part(parts: PartsStore) -> None:
    key = PartKey("a.mp4")
    messages = [Error("the disk is slow"), *messages_of("a.mp4", "cat")]
    assert parts.commit(key, messages)
    assert parts.states([key]) == {key: "done"}
    assert list(parts.read(key)) == messages


def test_a_part_without_messages_is_a_part(parts: PartsStore) -> None:
    key = PartKey("a.mp4")
    assert parts.commit(key, [])
    assert parts.has(key)
    assert list(parts.read(key)) == []
