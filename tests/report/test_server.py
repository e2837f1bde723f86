"""The server of the page: ranges, what it refuses, verdicts, and a page that follows a run."""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.media.images import write_png
from common_ml.report.comparison import write_comparison
from common_ml.report.ranges import Range, UnsatisfiableRangeError, requested_range
from common_ml.report.server import LivePage, PageServer
from common_ml.tagging.messages import Progress
from common_ml.tagging.tags_file.codec import encode
from common_ml.tagging.tags_file.verdicts import (
    Verdict,
    encode_verdict,
    key_of,
    read_verdicts,
    verdicts_path,
)
from tests.report.clip import picture
from tests.report.tags import run, write_tags

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAG = run(0, 9, "cat", file="media/a.png")
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def tags(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    write_png(tmp_path / "media" / "a.png", picture(0))
    return write_tags(tmp_path / "tags.jsonl", [TAG])


@pytest.fixture
def server(tags: Path) -> Iterator[PageServer]:
    with PageServer(LivePage(tags)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: PageServer, path: str, *, method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Ask below the secret, or for a whole path that begins with `/`."""
    url = urlsplit(server.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
    whole = path if path.startswith("/") else url.path + path
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, whole, body or None, named)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


@given(st.integers(0, 30), st.none() | st.integers(0, 40), st.none() | st.integers(0, 40))
def test_a_range_is_what_a_list_would_give(size: int, first: int | None, last: int | None) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    numbers = list(range(size))
    if first is None:
        wanted = numbers[max(size - (last or 0), 0) :] if last is not None else None
    elif last is not None and last < first:
        wanted = None
    else:
        wanted = numbers[first : None if last is None else last + 1]
    if wanted == []:
        with pytest.raises(UnsatisfiableRangeError):
            requested_range(header, size)
        return
    found = requested_range(header, size)
    assert (None if found is None else numbers[slice(*found)]) == wanted


@pytest.mark.parametrize("header", [None, "", "bytes=0-1,3-4", "pages=0-1", "bytes=x-", "bytes=-"])
def test_what_is_no_single_range_is_all(header: str | None) -> None:
    assert requested_range(header, 10) is None
    assert requested_range("bytes=2-", 10) == Range(2, 10)


def test_the_page_and_its_media(server: PageServer, tags: Path) -> None:
    status, headers, page = ask(server, "")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'"src":"media/0/a.png"' in page
    assert b"connect-src 'self'" in page
    assert headers["Cache-Control"] == "no-store"

    content = (tags.parent / "media" / "a.png").read_bytes()
    status, headers, got = ask(server, "media/0/a.png")
    assert (status, headers["Content-Type"], got) == (200, "image/png", content)
    status, headers, got = ask(server, "media/0/a.png", Range="bytes=5-9")
    assert (status, got) == (206, content[5:10])
    assert headers["Content-Range"] == f"bytes 5-9/{len(content)}"
    status, headers, got = ask(server, "media/0/a.png", Range=f"bytes={len(content)}-")
    assert (status, headers["Content-Range"], got) == (416, f"bytes */{len(content)}", b"")
    status, headers, got = ask(server, "media/0/a.png", method="HEAD")
    assert (status, headers["Content-Length"], got) == (200, str(len(content)), b"")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/guess/", {}),
        ("media/1/a.png", {}),
        ("media/-1/a.png", {}),
        ("media/0/../../tags.jsonl", {}),
        ("tags.jsonl", {}),
        ("", {"Host": "attacker.example"}),
        ("media/0/a.png", {"Host": "attacker.example:80"}),
    ],
)
def test_nothing_else_is_there(server: PageServer, path: str, headers: dict[str, Any]) -> None:
    ask(server, "")  # the page knows its files

    assert ask(server, path, **headers)[0] == 404


def test_a_page_is_reached_through_a_tunnel_of_another_port(server: PageServer) -> None:
    assert ask(server, "", Host="localhost:9000")[0] == 200


def test_verdicts_are_appended(server: PageServer, tags: Path) -> None:
    lines = [encode_verdict(Verdict(key_of(TAG), said)) for said in ("accepted", "rejected")]
    for line in lines:
        assert ask(server, "verdicts", method="POST", body=line, **JSON)[0] == 204

    saved = verdicts_path(tags)
    assert saved.read_bytes() == b"".join(lines)
    assert read_verdicts(saved) == {key_of(TAG): Verdict(key_of(TAG), "rejected")}
    assert b'"verdicts":[[0,"rejected",""]]' in ask(server, "")[2]
    refused: list[tuple[int, dict[str, Any]]] = [
        (400, {"body": b"{}", **JSON}),
        (403, {"body": lines[0]}),
        (403, {"body": lines[0], "Content-Type": "text/plain"}),
        (403, {"body": lines[0], "Origin": "https://attacker.example", **JSON}),
        (413, {"body": b"x" * 200_000, **JSON}),
    ]
    for status, request in refused:
        assert ask(server, "verdicts", method="POST", **request)[0] == status
    assert ask(server, "", method="POST", body=lines[0], **JSON)[0] == 404
    assert saved.read_bytes() == b"".join(lines)


def test_the_page_has_what_a_run_has_written_since(server: PageServer, tags: Path) -> None:
    before = ask(server, "version")[2]
    assert ask(server, "version")[2] == before
    with tags.open("ab") as file:
        file.write(encode(run(0, 9, "dog", file="media/a.png")) + encode(Progress("media/a.png")))

    assert ask(server, "version")[2] != before
    assert b'"texts":["cat","dog"]' in ask(server, "")[2]
    tags.write_bytes(b"no message\n")
    status, _, said = ask(server, "")
    assert status == 503
    assert b"is not valid JSON" in said
    tags.unlink()
    assert ask(server, "version")[2] == b'"gone"'


def test_two_runs_are_served_as_they_would_be_written(tags: Path, tmp_path: Path) -> None:
    before = write_tags(tmp_path / "before.jsonl", [TAG, run(0, 9, "dog", file="media/a.png")])
    write_comparison(before, tags, tmp_path / "page.html")
    live = LivePage(tags, before=before)

    served, written = data_of(live.page()), data_of((tmp_path / "page.html").read_bytes())

    assert served["compare"] == written["compare"] == {
        "same": 1, "moved": 0, "new": 0, "gone": 1, "share": 0.5
    }  # fmt: skip
    changing = {"live": True, "version": live.version(), "files": served["files"]}
    assert served == written | changing
    assert [file["tags"] for file in served["files"]] == [2]
    version = live.version()
    with before.open("ab") as file:
        file.write(encode(run(0, 9, "cow", file="media/a.png")))
    assert live.version() != version


def data_of(page: bytes) -> dict[str, Any]:
    text = page.decode().partition('id="page-data">')[2].partition("</script>")[0]
    data: dict[str, Any] = json.loads(text)
    return data
