"""The queue of a keeper's open files."""

from __future__ import annotations

from common_ml.runtime.kept_files import KeptFile, KeptFiles
from common_ml.tagging.messages import Error, Progress


def queue_of(*names: str) -> KeptFiles:
    """A queue of files whose paths are `/media/NAME`."""
    files = KeptFiles()
    for name in names:
        files.add(f"/media/{name}", name)
    return files


def send(files: KeptFiles) -> list[str]:
    """Send what waits; the names."""
    sent = files.to_send()
    for file in sent:
        file.is_sent = True
    return [file.name for file in sent]


def test_files_are_sent_once_in_the_order_of_their_submission() -> None:
    files = queue_of("a", "b")

    assert send(files) == ["a", "b"]
    assert send(files) == []
    files.add("/media/c", "c")
    assert not files.are_all_sent
    assert send(files) == ["c"]
    assert files.are_all_sent


def test_after_a_failed_attempt_the_first_file_is_sent_alone() -> None:
    files = queue_of("a", "b")
    send(files)

    sent = files.requeue_sent()
    sent[0].num_tries += 1

    assert [file.name for file in sent] == ["a", "b"]
    assert not files.has_sent
    assert send(files) == ["a"]
    files.remove(sent[0])
    assert send(files) == ["b"]


def test_a_cancelled_file_is_dropped_unless_a_tagger_has_it() -> None:
    files = queue_of("a", "b", "c")
    for name in ("a", "b"):
        file = files.named(name)
        assert file is not None
        file.is_cancelled = True
        file.is_sent = name == "a"

    assert [file.name for file in files.drop_cancelled()] == ["b"]
    assert files.names == ["a", "c"]
    assert send(files) == ["c"]


def test_messages_about_the_path_are_returned_under_the_name() -> None:
    file = KeptFile("/media/a", "clip 1")

    assert file.under_name(Progress("/media/a")) == Progress("clip 1")
    assert file.under_name(Error("no video in /media/a", "/media/a")) == Error(
        "no video in clip 1", "clip 1"
    )
