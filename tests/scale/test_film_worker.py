"""A worker and its parts: what is returned of a batch, and what is not tagged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.parts import FolderParts
from common_ml.runtime.targets import find_target
from common_ml.scale.film_worker import FilmWorker, WorkSpec
from common_ml.scale.plan import Film
from common_ml.scale.pool import BatchResult, FilmResult
from common_ml.tagging.messages import Error
from tests.parts.made_messages import messages_of
from tests.scale.taggers import films_in, tagger_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def spec(tmp_path: Path) -> WorkSpec:
    """A tagger that ends at once, and is not to be started."""
    target = find_target(tagger_in(tmp_path / "tagger", "sys.exit('started')"))
    return WorkSpec(target, parts=str(tmp_path / "parts"), revision="1", params={"a": 1})


def test_a_film_that_has_a_part_is_not_tagged_again(spec: WorkSpec) -> None:
    films = [Film("a.mp4", "/gone/a.mp4"), Film("b.mp4", "/gone/b.mp4")]
    for film in films:
        FolderParts(spec.parts).commit(spec.key_of(film), messages_of(film.name))
    worker = FilmWorker(spec)
    result = worker.tag(1, films)
    worker.close()
    assert result.results == tuple(FilmResult(film, "there") for film in films)
    assert (result.broken, result.warnings, result.log) == ("", (), "")
    assert worker.position() is None


def test_a_film_that_is_gone_fails_with_a_note(spec: WorkSpec) -> None:
    film = Film("a.mp4", "/gone/a.mp4")
    worker = FilmWorker(spec)
    (result,) = worker.tag(1, [film]).results
    worker.close()
    assert (result.outcome, result.num_tags) == ("failed", 0)
    assert result.error == ("FileNotFoundError: [Errno 2] No such file or directory: '/gone/a.mp4'")
    parts = FolderParts(spec.parts)
    assert parts.states([spec.key_of(film)]) == {spec.key_of(film): "failed"}
    assert list(parts.read(spec.key_of(film))) == [Error(result.error, "a.mp4")]


def test_a_batch_that_was_recalled_is_dropped(spec: WorkSpec) -> None:
    """Also if an earlier one begins only after it was recalled."""
    worker = FilmWorker(spec)
    film = Film("a.mp4", "/gone/a.mp4")
    assert worker.recall(2)
    assert worker.recall(2)
    assert worker.tag(1, []).results == ()
    assert not worker.recall(1)  # it has begun
    assert worker.tag(2, [film]) == BatchResult((), 0.0)
    assert [result.film for result in worker.tag(3, [film]).results] == [film]
    assert not worker.recall(3)
    worker.close()


def test_a_key_depends_on_the_tagger_and_its_params(spec: WorkSpec) -> None:
    film = Film("a.mp4", "/films/a.mp4", 5.0)
    key = spec.key_of(film)
    assert (key.file, key.revision) == ("a.mp4", "1")
    assert key == spec.key_of(Film("a.mp4", "/elsewhere/a.mp4"))
    others = [
        WorkSpec(spec.target, spec.parts, revision="2", params={"a": 1}),
        WorkSpec(spec.target, spec.parts, revision="1", params={"a": 2}),
        WorkSpec(spec.target, spec.parts, revision="1"),
    ]
    assert key not in [other.key_of(film) for other in others]


def test_the_log_of_a_batch_travels_with_its_result(tmp_path: Path) -> None:
    """Each line once, also of a tagger that has ended."""
    body = """
for line in lines:
    print("tagging", os.path.basename(line), file=sys.stderr, flush=True)
    if line.endswith("2.mp4"): sys.exit("too dark")
    put("progress", source_media=line)
"""
    names = films_in(tmp_path / "films", 4)
    target = find_target(tagger_in(tmp_path / "tagger", body))
    worker = FilmWorker(WorkSpec(target, parts=str(tmp_path / "parts")))

    results = [worker.tag(number, [Film(name, name, 1.0)]) for number, name in enumerate(names)]
    worker.close()

    lines = [result.log.splitlines() for result in results]
    assert lines == [
        ["tagging 000.mp4"],
        ["tagging 001.mp4"],
        ["tagging 002.mp4", "too dark"],
        ["tagging 003.mp4"],
    ]
