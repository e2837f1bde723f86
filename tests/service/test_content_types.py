"""Media types under which contents are served."""

from __future__ import annotations

import pytest

from common_ml.service.content_types import content_type


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("image", "a.JPG", "image/jpeg"),
        ("video", "a.mov", "video/mp4"),
        ("video", "a", "video/mp4"),
        ("audio", "a.opus", "audio/ogg"),
        ("audio", "a.mp4", "audio/mpeg"),
        ("text", "a.txt", "text/plain; charset=utf-8"),
    ],
)
def test_the_type_is_that_of_kind_and_extension(kind: str, name: str, expected: str) -> None:
    assert content_type(kind, name) == expected


@pytest.mark.parametrize("kind", ["image", "video", "audio", "text", "unknown"])
@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.js", "a.xhtml", "a.pdf", "a.xml", "html"])
def test_no_name_makes_a_file_a_document_or_script(kind: str, name: str) -> None:
    expected = {
        "text": "text/plain; charset=utf-8",
        "video": "video/mp4",
        "audio": "audio/mpeg",
    }.get(kind, "application/octet-stream")

    assert content_type(kind, name) == expected
