"""Films of a URL on one machine: fetched once, within a bound, and tagged."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common_ml.data import Dataset
from common_ml.errors import MissingMediaError
from common_ml.scale import tag
from common_ml.scale.inputs import find_films
from common_ml.scale.node_cache import NodeCache, is_url
from common_ml.tagging.messages import Error, Progress
from tests.scale.taggers import MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("obstore")


class FilmServer(http.server.ThreadingHTTPServer):
    """Films of any size by their names, and how often each was fetched."""

    fetched: list[str]


class Handler(http.server.BaseHTTPRequestHandler):
    server: FilmServer

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if not name[0].isdigit():
            self.send_error(404)
            return
        body = b"x" * int(name.partition(".")[0])
        self.server.fetched.append(name)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Mon, 05 Jan 2026 10:00:00 GMT")
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[FilmServer]:
    made = FilmServer(("127.0.0.1", 0), Handler)
    made.fetched = []
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def url(server: FilmServer, name: str) -> str:
    return f"http://127.0.0.1:{server.server_port}/films/{name}"


def test_a_film_is_fetched_once_for_all(server: FilmServer, tmp_path: Path) -> None:
    film = url(server, "1000.mp4")
    found: list[int] = []

    def use() -> None:
        with NodeCache(tmp_path, max_bytes=10_000).file(film) as path:
            found.append(Path(path).stat().st_size)

    threads = [threading.Thread(target=use) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [1000] * 5
    assert server.fetched == ["1000.mp4"]


def test_what_was_not_used_for_longest_goes_first(server: FilmServer, tmp_path: Path) -> None:
    cache = NodeCache(tmp_path, max_bytes=2500)
    for name in ("1000.mp4", "1001.mp4"):
        cache.fetch(url(server, name))
    cache.fetch(url(server, "1000.mp4"))  # used again
    cache.fetch(url(server, "1002.mp4"))

    assert sorted(path.name for path in tmp_path.rglob("*.mp4")) == ["1000.mp4", "1002.mp4"]
    assert server.fetched == ["1000.mp4", "1001.mp4", "1002.mp4"]


def test_a_film_in_use_stays(server: FilmServer, tmp_path: Path) -> None:
    cache = NodeCache(tmp_path, max_bytes=1)
    with cache.file(url(server, "1000.mp4")) as path:
        cache.fetch(url(server, "1001.mp4"))
        assert Path(path).exists()
    cache.fetch(url(server, "1002.mp4"))
    assert sorted(path.name for path in tmp_path.rglob("*.mp4")) == ["1002.mp4"]


def test_what_cannot_be_fetched_is_named(server: FilmServer, tmp_path: Path) -> None:
    cache = NodeCache(tmp_path, max_bytes=1)
    with pytest.raises(MissingMediaError, match="no such file: http"):
        cache.fetch(url(server, "missing.mp4"))
    assert not list(tmp_path.rglob("*.mp4"))


def test_films_of_urls_are_tagged_under_their_urls(
    server: FilmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    films = [url(server, name) for name in ("5.mp4", "6.mp4", "missing.mp4")]
    assert [film.path for film in find_films(films)] == films
    assert not is_url("films/http.mp4")

    messages = list(tag(films, tagger_in(tmp_path / "tagger", MANY_TAGS)))

    ends = {m.source_media: m for m in messages if isinstance(m, (Progress, Error))}
    assert set(ends) == set(films)
    assert isinstance(ends[films[2]], Error)
    assert "no such file" in getattr(ends[films[2]], "message", "")
    assert sum(m not in ends.values() for m in messages) == 5 + 6


def test_a_folder_of_parts_is_a_dataset(tmp_path: Path) -> None:
    """As it is, with the note of a film that failed, and without what is being written."""
    films = films_in(tmp_path / "films", 4, step=1)
    parts = tmp_path / "parts"
    messages = list(tag(films, tagger_in(tmp_path / "tagger", MANY_TAGS), parts=parts))
    (parts / ".writing" / ".part-1-x.tmp").write_text("{")
    assert len(list(parts.glob("*.jsonl"))) == 4

    with Dataset.open(parts, media_root=tmp_path / "films", per="media") as dataset:
        num_tags = sum(len(sample.record.annotations) for sample in dataset)
    assert num_tags == len(messages) - 4 == 1 + 2 + 3 + 4
