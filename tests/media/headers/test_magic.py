from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from common_ml.media.headers.magic import NON_MEDIA, PICTURES, binary_non_media, picture_format

BY_PILLOW = {
    "jpeg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "bmp": "BMP", "tiff": "TIFF",
    "heif": "AVIF", "jpeg2000": "JPEG2000", "pnm": "PPM",
}  # fmt: skip


@pytest.mark.parametrize("name", BY_PILLOW)
def test_a_picture_is_named_by_its_first_bytes(name: str) -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(file, BY_PILLOW[name])
    assert picture_format(file.getvalue()) == name
    assert binary_non_media(file.getvalue()) == ""


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b\x08", "an archive"),
        (bytes(257) + b"ustar", "an archive"),
        (b"%PDF-1.4", "a PDF document"),
        (b"\x7fELF", "a program, a database or a document"),
    ],
)
def test_what_is_not_media_is_named(head: bytes, words: str) -> None:
    assert binary_non_media(head) == words
    assert picture_format(head) == ""


def test_anything_else_has_no_name() -> None:
    for head in (b"", b"\0", b"RIFF____WAVE", b"\0\0\0\x18ftypisom", b"BM" + bytes(20)):
        assert picture_format(head) == binary_non_media(head) == ""


def test_no_pattern_repeats_without_a_bound_but_blanks() -> None:
    for pattern in [*PICTURES.values(), *NON_MEDIA.values()]:
        assert b"*" not in pattern.replace(rb"\x2a", b"")
        assert pattern.count(b"+") == pattern.count(b"]+") <= 1
