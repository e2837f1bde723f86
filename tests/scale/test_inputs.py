"""Films that arguments name, and addresses of parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from common_ml.errors import MissingMediaError, ServiceError
from common_ml.scale.inputs import find_films
from common_ml.scale.node_cache import store_of

obstore: Any = pytest.importorskip("obstore")
from obstore.store import MemoryStore  # noqa: E402 - it may not be installed


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """What every URL's host stands for; names of objects are those of the real `store_of`."""
    store = MemoryStore()
    monkeypatch.setattr("common_ml.scale.inputs.store_of", lambda url: (store, store_of(url)[1]))
    return store


def put(bucket: MemoryStore, *names: str) -> None:
    for name in names:
        bucket.put(name, b"x")


def names_of(*arguments: str) -> list[str]:
    return [film.name for film in find_films(arguments)]


def test_media_below_a_url_are_found_in_the_order_of_their_names(bucket: MemoryStore) -> None:
    put(bucket, "run/b.mp4", "run/a/c.JPG", "run/notes.txt", "run/a.wav", "other/d.mp4", "run.mp4")
    expected = ["s3://films/run/a.wav", "s3://films/run/a/c.JPG", "s3://films/run/b.mp4"]
    assert names_of("s3://films/run/") == expected
    assert names_of("s3://films/run/a/", "s3://films/run/") == [
        expected[1], expected[0], expected[2]
    ]  # fmt: skip
    assert len(names_of("s3://films/")) == 5


def test_urls_of_objects_lead_back_to_them(bucket: MemoryStore) -> None:
    """Whatever characters a name holds, and whether the argument was escaped or not."""
    names = ["my films/a b.mp4", "my films/50%.mp4", "my films/50%25.mp4", "my films/c?d#e.mp4",
             "my films/\u00e9.mp4"]  # fmt: skip
    put(bucket, *names)
    for argument in ("s3://films/my films/", "s3://films/my%20films/"):
        urls = names_of(argument)
        assert [store_of(url)[1] for url in urls] == sorted(names)
        assert {urlsplit(url).netloc for url in urls} == {"films"}
        assert "s3://films/my films/a b.mp4" in urls  # readable
    stored = {found["path"] for page in bucket.list() for found in page}
    assert stored == set(names)


def test_the_order_is_not_that_of_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which may be any: the shards of each machine are divided alike."""

    class Store:
        def list(self, _: str | None) -> list[list[dict[str, str]]]:
            return [[{"path": "run/b.mp4"}, {"path": "run/c.mp4"}], [{"path": "run/a.mp4"}]]

    monkeypatch.setattr("common_ml.scale.inputs.store_of", lambda _: (Store(), "run/"))
    assert names_of("s3://b/run/") == [f"s3://b/run/{name}.mp4" for name in "abc"]


def test_a_single_url_is_taken_as_it_is() -> None:
    """Nothing is requested: the tagger's machine will."""
    url = "https://films.example/a%20b.mp4?sign=1"
    (film,) = find_films([url, url])
    assert (film.name, film.path) == (url, url)


def test_files_folders_and_urls_stand_in_the_order_of_the_arguments(
    bucket: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(bucket, "run/a.mp4")
    Path("films").mkdir()
    for name in ("films/b.mp4", "films/a.mp4", "films/notes.txt", "z.bin"):
        Path(name).touch()
    assert names_of("z.bin", "s3://b/run/", "films", "gs://c/d.mp4", "films/a.mp4") == [
        "z.bin", "s3://b/run/a.mp4", "films/a.mp4", "films/b.mp4", "gs://c/d.mp4"
    ]  # fmt: skip
    assert find_films([]) == []


def test_a_url_without_media_below_is_named(bucket: MemoryStore) -> None:
    put(bucket, "run/notes.txt", "runs/a.mp4")
    for url in ("s3://films/run/", "s3://films/none/"):
        with pytest.raises(MissingMediaError, match=f"^no media below {url}$"):
            find_films([url])


def test_a_missing_file_is_named_before_anything_is_probed(tmp_path: Path) -> None:
    with pytest.raises(MissingMediaError, match="gone"):
        find_films([str(tmp_path / "gone.mp4")])


def test_a_store_that_cannot_be_listed_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Store:
        def list(self, _: str | None) -> list[Any]:
            raise obstore.exceptions.GenericError("no route to host\n\nCaused by: ...")

    monkeypatch.setattr("common_ml.scale.inputs.store_of", lambda _: (Store(), "run/"))
    with pytest.raises(ServiceError) as caught:
        find_films(["s3://films/run/"])
    assert str(caught.value) == "s3://films/run/ cannot be listed: no route to host"
