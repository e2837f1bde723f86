"""Kinds of files by their content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.service.upload.recognition import file_kind
from common_ml.service.upload.staging import clean_name

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "unknown"),
        (b"plain words\n", "text"),
        ("größer, 漢字\n".encode() * 1000, "text"),
        (b"<html><script>alert(1)</script></html>", "text"),
        (b"#EXTM3U\nhttp://example.com/a.ts\n", "text"),
        (b"caf\xe9", "unknown"),
        (b"a\x00b", "unknown"),
        (b"PK\x03\x04" + bytes(100), "unknown"),
        (b"P1 2 2 1 0 0 1\n", "image"),
        (b"text that ends within a letter \xc3", "unknown"),
    ],
)
def test_the_kind_of_a_content(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    assert file_kind(path) == kind


def test_a_clip_is_a_video_whatever_its_name(repository: Path) -> None:
    assert file_kind(repository / "examples/media/clip.mp4", name="notes.txt") == "video"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.mp4", "a.mp4"),
        ("C:\\films\\a.mp4", "a.mp4"),
        ("../../etc/passwd", "passwd"),
        ("folder/", "folder"),
        ("a\x00\n\x1bb", "ab"),
        ("", "unnamed"),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_name_is_the_last_part_without_control_characters(given: str, kept: str) -> None:
    assert clean_name(given) == kept
