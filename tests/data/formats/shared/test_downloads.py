"""Downloads: on demand, bounded, cached, and never from forbidden addresses."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from common_ml.data.formats import csv
from common_ml.data.formats.shared.downloads import Downloads
from common_ml.data.formats.shared.web import Web
from common_ml.data.record import Record
from common_ml.errors import MissingExtraError, ServiceError
from tests.data.formats.server import Answer, Asked, serving

if TYPE_CHECKING:
    from pathlib import Path


def png(size: tuple[int, int] = (4, 4)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "PNG")
    return file.getvalue()


def quick(**options: object) -> Web:
    return Web(pause=lambda _: None, attempts=1, **options)  # type: ignore[arg-type] # as given


def test_a_media_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMON_ML_CACHE", str(tmp_path / "cache"))
    with serving(lambda _: Answer(png())) as server:
        record = Record(media=f"{server.url}/a.png?signature=1", kind="image")
        csv.write([record], tmp_path / "a.csv")

        (offline,) = csv.read(tmp_path / "a.csv")
        assert (offline.media, server.asked) == (record.media, [])
        (first,) = csv.read(tmp_path / "a.csv", download=True)
        (again,) = csv.read(tmp_path / "a.csv", download=True)
        assert len(server.asked) == 1
    assert first == again
    assert first.media.startswith(str(tmp_path / "cache" / "media"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "cannot be fetched"),
        ("ftp://x.example/a.png", "cannot be fetched"),
        ("http://x.example/a.png", "must be an https address"),
        ("http://127.0.0.1.x.example/a.png", "must be an https address"),
        ("https:///a.png", "must be an https address"),
        ("https://x.example:port/a.png", "must be an https address"),
    ],
)
def test_other_addresses_are_refused(tmp_path: Path, url: str, reason: str) -> None:
    with pytest.raises(ServiceError, match=reason):
        Downloads(tmp_path, web=quick()).fetch(url)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://x/a", "http://x.example/a.png", "data:,x", "gopher://x"]
)
def test_redirects_keep_to_the_rule(tmp_path: Path, target: str) -> None:
    with serving(lambda _: Answer(b"", 302, {"Location": target})) as server:
        with pytest.raises(ServiceError):
            Downloads(tmp_path, web=quick()).fetch(f"{server.url}/a.png")
        assert len(server.asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_credentials_stay_with_their_origin(tmp_path: Path) -> None:
    headers = {"Authorization": "Basic x", "Cookie": "c", "X-Plain": "1"}
    with serving(lambda _: Answer(png())) as other:

        def answer(asked: Asked) -> Answer:
            place = "/near" if asked.path == "/a" else f"{other.url}/far"
            return Answer(b"", 302, {"Location": place})

        with serving(answer) as server:
            quick(headers=headers).download(f"{server.url}/a", tmp_path / "x")
            near = server.asked[1].headers
    far = other.asked[0].headers
    assert (near["Authorization"], near["Cookie"]) == ("Basic x", "c")
    assert not {"Authorization", "Cookie"} & far.keys()
    assert far["X-Plain"] == "1"


def test_size_and_time_are_bounded(tmp_path: Path) -> None:
    with serving(lambda _: Answer(png((50, 50)) + bytes(200_000))) as server:
        with pytest.raises(ServiceError, match="more than 1000 bytes"):
            Downloads(tmp_path, max_file_bytes=1000, web=quick()).fetch(f"{server.url}/a.png")
        ticks = iter(range(0, 10**6, 100))
        slow = quick(max_seconds=50, clock=lambda: float(next(ticks)))
        with pytest.raises(ServiceError, match="takes longer than 50 s"):
            Downloads(tmp_path, web=slow).fetch(f"{server.url}/a.png")
    # and a body that does not say how long it is
    with (
        serving(lambda _: Answer(bytes(5000), 200, {"Content-Length": "100000"})) as server,
        pytest.raises(ServiceError, match="more than 1000 bytes"),
    ):
        Downloads(tmp_path, max_file_bytes=1000, web=quick()).fetch(f"{server.url}/a.png")
    assert list(tmp_path.iterdir()) == []


def test_only_media_are_kept_and_an_error_is_one_line(tmp_path: Path) -> None:
    page = b"<!doctype html>\n<html><head><title>Sign in</title></head>\n<body>x</body></html>"
    with serving(lambda asked: Answer(page, 403 if asked.path == "/b.png" else 200)) as server:
        with pytest.raises(ServiceError, match="neither picture, video nor sound"):
            Downloads(tmp_path, web=quick()).fetch(f"{server.url}/a.png")
        with pytest.raises(ServiceError) as caught:
            Downloads(tmp_path, web=quick()).fetch(f"{server.url}/b.png")
    assert "\n" not in str(caught.value)
    assert "a page of HTML (Sign in)" in str(caught.value)


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    content = png((64, 64))
    store = Downloads(tmp_path, max_cache_bytes=2 * len(content), web=quick())
    with serving(lambda _: Answer(content)) as server:
        paths = [store.fetch(f"{server.url}/{number}.png") for number in range(4)]
    assert paths[-1].is_file()
    assert len(list(tmp_path.iterdir())) == 2


def test_objects_of_a_cloud_come_through_fsspec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec", reason="the extra `cloud` is not installed")
    memory = fsspec.filesystem("memory")
    memory.pipe({"/bucket/a.png": png(), "/bucket/b.png": png()})
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda url: (memory, url.removeprefix("s3:/")))
    path = Downloads(tmp_path).fetch("s3://bucket/a.png")

    assert path.read_bytes() == png()
    with pytest.raises(ServiceError, match="cannot be read"):
        Downloads(tmp_path).fetch("s3://bucket/absent.png")
    with pytest.raises(ServiceError, match="more than 10 bytes"):
        Downloads(tmp_path, max_file_bytes=10).fetch("s3://bucket/b.png")


def test_without_fsspec_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"\.\[cloud\]"):
        Downloads(tmp_path).fetch("s3://bucket/a.png")
