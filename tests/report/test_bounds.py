"""Pages of untrusted tags files: what may be embedded, and limits of size."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from common_ml.media.synthesis import write_picture
from common_ml.report.columns import MAX_INFO_BYTES, MAX_TEXT_LENGTH, columns, numbered, shown
from common_ml.report.page import write_page
from common_ml.tagging.messages import Progress, Tag
from common_ml.tagging.wire import Writer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tags; beside it one with a secret picture. Another one is the current one."""
    for name in ("job", "secrets", "elsewhere"):
        (tmp_path / name).mkdir()
    write_picture(tmp_path / "secrets" / "secret.png", word="SECRET")
    write_picture(tmp_path / "job" / "own.png")
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "job"


def write_tags(job: Path, *names: str) -> Path:
    with Writer(job / "tags.jsonl") as writer:
        for name in names:
            writer.write(Tag(0, 0, "tag", name))
            writer.write(Progress(name))
    return job / "tags.jsonl"


@pytest.mark.parametrize("name", ["../secrets/secret.png", "{root}/secrets/secret.png", "link.png"])
def test_media_outside_of_the_folders_named_are_not_embedded(job: Path, name: str) -> None:
    """Neither whole nor as a small picture: the page may be published."""
    (job / "link.png").symlink_to("../secrets/secret.png")
    name = name.format(root=job.parent)
    tags = write_tags(job, name, "own.png")

    written = write_page(tags, job / "page.html", embed=True)

    assert written.outside == (name,)
    assert written.linked == (name,)
    page = (job / "page.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 1  # that of its own picture
    assert page.count('<script type="text/plain" id="media-') == 1


def test_a_folder_that_is_named_may_be_embedded(job: Path) -> None:
    tags = write_tags(job, "../secrets/secret.png")

    written = write_page(tags, job / "page.html", embed=True, media=[job.parent / "secrets"])

    assert (written.outside, written.linked) == ((), ())


def test_the_home_directory_is_too_wide_to_be_implied(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(job.parent))
    monkeypatch.chdir(job.parent)
    tags = write_tags(job, "secrets/secret.png")

    assert write_page(tags, job / "page.html", embed=True).outside == ("secrets/secret.png",)
    assert write_page(tags, job / "page.html", embed=True, media=[job.parent]).outside == ()


def test_the_media_folder_of_the_contract_may_be_embedded(job: Path) -> None:
    """`output/tags.jsonl` beside `media/`, as a container leaves them."""
    (job / "output").mkdir()
    (job / "media").mkdir()
    write_picture(job / "media" / "a.png")
    tags = write_tags(job / "output", "media/a.png")

    assert write_page(tags, job / "page.html", embed=True).outside == ()


@pytest.mark.parametrize("depth", [10, 300, 900])
def test_any_depth_of_details_is_shown(depth: int) -> None:
    """The encoder has a limit of its own; what is beyond is shown as a text."""
    info: dict[str, object] = {"end": 1}
    for _ in range(depth):
        info = {"x": info}
    tag = Tag(0, 0, "a", "f", additional_info=info)

    table = columns([tag], texts={"a": 0}, tracks={"": 0})

    (text,) = table["infos"]
    assert len(text) <= 2 * MAX_INFO_BYTES
    assert isinstance(json.loads(text), dict)


def test_long_texts_are_cut() -> None:
    assert shown("x" * MAX_TEXT_LENGTH) == "x" * MAX_TEXT_LENGTH
    assert shown("x" * (MAX_TEXT_LENGTH + 1)) == "x" * MAX_TEXT_LENGTH + "…"


def test_a_page_of_huge_texts_is_small(job: Path) -> None:
    text = "x" * 1_000_000
    with Writer(job / "tags.jsonl") as writer:
        for number in range(10):
            writer.write(Tag(0, 0, f"{number}{text}", text, text))

    written = write_page(job / "tags.jsonl", job / "page.html")

    assert written.num_bytes < 300_000
    assert len(numbered(f"{number}{text}" for number in range(10))) == 10  # still ten tags
