"""Check the content of a page, without a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import OutputError
from common_ml.media.images import write_png
from common_ml.report import write_page
from common_ml.tagging.messages import Error, Progress, Tag
from tests.report.clip import picture
from tests.report.tags import FILE, run, seen, write_tags

if TYPE_CHECKING:
    from pathlib import Path


class Elements(HTMLParser):
    """Scripts by id, policy and title of a page, as a parser that is not ours sees them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.by_id: dict[str, str] = {}
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self.policy = ""
        self._open: tuple[str, str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag in self.texts:
            self._open = (tag, given.get("id") or "")
            self.texts[tag].append("")

    def handle_data(self, data: str) -> None:
        if self._open:
            tag, name = self._open
            self.texts[tag][-1] += data
            if name:
                self.by_id[name] = self.by_id.get(name, "") + data

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[0] == tag:
            self._open = None

    def json(self, name: str) -> Any:
        return json.loads(self.by_id[name])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "media" / "photo.png"
    path.parent.mkdir()
    write_png(path, picture(0))
    return path


def elements_of(path: Path) -> Elements:
    return Elements(path.read_text(encoding="utf-8"))


def test_the_data_of_the_page(tmp_path: Path, photo: Path) -> None:
    name = "media/photo.png"
    box = (0.25, 0.5, 0.75, 1.0)
    tags = write_tags(
        tmp_path / "tags.jsonl",
        [
            seen(0, "dog", box, file=name, track="b", confidence=0.75),
            Tag(0, 0, "cat", name, "a", {"note": [1, 2]}, None, [0.5] * 3),
            Progress(name),
            Error("broken", FILE),
        ],
    )

    written = write_page(tags, tmp_path / "page.html", params={"fps": 2})

    page = elements_of(written.path)
    data = page.json("page-data")
    assert (data["texts"], data["tracks"]) == (["cat", "dog"], ["a", "b"])
    assert data["params"] == {"fps": 2}
    assert data["errors"] == [{"file": FILE, "message": "broken"}]
    image, missing = data["files"]
    assert (image["name"], image["kind"], image["src"]) == (name, "image", "./media/photo.png")
    assert (image["width"], image["height"], image["done"]) == (640, 360, True)
    assert (missing["note"], missing["src"], missing["errors"]) == ("file not found", None, 1)
    table = page.json("tags-0")
    assert table == {
        "start": [0, 0], "end": [0, 0], "text": [1, 0], "track": [1, 0], "frame": [0, -1],
        "box": [0, -1], "corners": list(box), "sure": [0.75, None], "info": [0, 1],
        "infos": ['{"confidence":0.75}', '{"note":[1,2]}'], "vector": [0, 3], "verdicts": [],
    }  # fmt: skip
    assert (written.num_files, written.num_tags, written.num_errors) == (2, 2, 1)
    assert (written.missing, written.linked) == ((FILE,), (name,))
    assert written.num_bytes == written.path.stat().st_size


@pytest.mark.parametrize(
    "text",
    ["</script><script>x", "<!--<script>", "<img src=x onerror=y>", "&lt;", "\u2028", "{{title}}"],
)
def test_what_a_tag_says_cannot_leave_its_element(tmp_path: Path, text: str) -> None:
    tags = write_tags(tmp_path / "tags.jsonl", [run(0, 1, text, track=text), Error(text)])

    page = elements_of(write_page(tags, tmp_path / "page.html", params={text: text}).path)

    assert len(page.texts["script"]) == 3
    data = page.json("page-data")
    assert (data["texts"], data["tracks"], data["params"]) == ([text], [text], {text: text})


def test_a_name_cannot_leave_the_title(tmp_path: Path) -> None:
    tags = write_tags(tmp_path / "<b>{{script}}&amp;.jsonl", [])

    page = elements_of(write_page(tags, tmp_path / "page.html").path)

    assert page.texts["title"] == [tags.name]


def test_the_policy_names_the_one_script_and_style(tmp_path: Path) -> None:
    page = elements_of(write_page(write_tags(tmp_path / "t.jsonl", []), tmp_path / "p.html").path)

    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        digest = hashlib.sha256(page.texts[tag][-1].encode()).digest()
        assert f"{directive} 'sha256-{base64.b64encode(digest).decode()}'" in page.policy
    assert "default-src 'none'" in page.policy
    assert "unsafe" not in page.policy
    assert "http" not in page.policy


def test_the_page_asks_for_nothing_from_elsewhere(tmp_path: Path) -> None:
    path = write_page(write_tags(tmp_path / "t.jsonl", []), tmp_path / "p.html").path

    assert re.findall(r"https?://|@import|url\(|importmap", path.read_text()) == []


@pytest.mark.parametrize("name", ["a b#?%.png", "é 语.png", "x:y.png", "'\".png"])
def test_links_lead_from_the_page_to_the_media(tmp_path: Path, name: str) -> None:
    from urllib.parse import unquote, urljoin, urlsplit

    write_png(tmp_path / name, picture(0))
    tags = write_tags(tmp_path / "out" / "tags.jsonl", [run(0, 1, file=f"media/{name}")])
    (tmp_path / "pages").mkdir()

    page = write_page(tags, tmp_path / "pages" / "page.html", media=[tmp_path])

    link = elements_of(page.path).json("page-data")["files"][0]["src"]
    url = urlsplit(urljoin(page.path.as_uri(), link))
    assert (url.scheme, url.query, url.fragment) == ("file", "", "")
    assert unquote(url.path) == str(tmp_path / name)


def test_embedding_keeps_to_its_limits(tmp_path: Path, photo: Path) -> None:
    """The one that is small enough is carried, the other one linked; both have thumbnails."""
    large = photo.with_name("large.png")
    large.write_bytes(photo.read_bytes() + bytes(10_000))
    names = [f"media/{path.name}" for path in (photo, large)]
    tags = write_tags(tmp_path / "tags.jsonl", [run(0, 0, file=name) for name in names])

    written = write_page(
        tags, tmp_path / "p.html", embed=True, media_limit_bytes=photo.stat().st_size
    )

    page = elements_of(written.path)
    assert base64.b64decode(page.by_id["media-0"]) == photo.read_bytes()
    assert "media-1" not in page.by_id
    small, linked = page.json("page-data")["files"]
    assert (small["carried"], small["src"], small["mime"]) == (True, None, "image/png")
    assert (linked["carried"], linked["src"]) == (False, "./media/large.png")
    assert all(file["thumbs"][0].startswith("data:image/jpeg;base64,") for file in (small, linked))
    assert written.linked == ("media/large.png",)


def test_all_carried_media_have_a_limit_together(tmp_path: Path, photo: Path) -> None:
    names = [f"media/{n}.png" for n in range(6)]
    for name in names:
        (tmp_path / name).write_bytes(photo.read_bytes())
    tags = write_tags(tmp_path / "tags.jsonl", [run(0, 0, file=name) for name in names])

    written = write_page(
        tags, tmp_path / "p.html", embed=True, media_limit_bytes=photo.stat().st_size
    )

    assert written.linked == ("media/4.png", "media/5.png")


@pytest.mark.parametrize("victim", ["tags.jsonl", "media/photo.png"])
def test_no_page_replaces_what_it_shows(tmp_path: Path, photo: Path, victim: str) -> None:
    tags = write_tags(tmp_path / "tags.jsonl", [run(0, 0, file="media/photo.png")])
    before = (tmp_path / victim).read_bytes()

    with pytest.raises(OutputError, match="would replace"):
        write_page(tags, tmp_path / victim)

    assert (tmp_path / victim).read_bytes() == before


def test_the_same_tags_give_the_same_page(tmp_path: Path, photo: Path) -> None:
    tags = write_tags(tmp_path / "tags.jsonl", [run(0, 0, file="media/photo.png")])

    first, second = (
        write_page(tags, tmp_path / f"{n}.html", embed=True).path.read_bytes() for n in range(2)
    )

    assert first == second
