from __future__ import annotations

import time

import pytest

from common_ml.media.headers.non_media import non_media_kind

COMMENTS = b"<!---->" * 7

KNOWN = {
    b"#EXTM3U\n": "a playlist (m3u8), which names other files",
    b"\xef\xbb\xbf \n#extm3u": "a playlist (m3u8), which names other files",
    b"ffconcat version 1.0\n": "a playlist (ffconcat), which names other files",
    b"[Reference]\nRef1=a": "a playlist (pls), which names other files",
    b'<asx version="3.0">': "a playlist (asx), which names other files",
    b"<MPD>": "a playlist (MPD), which names other files",
    b'<?xml version="1.0"?>' + COMMENTS + b"\n<x:mpd>": "a playlist (MPD), which names other files",
    COMMENTS + b"<!-- > --> <html>": "an HTML page",
    b"<!DOCTYPE\n HTML>": "an HTML page",
    b"<svg/>": "an XML document",
    b"<?xml ?><!-- without an end": "an XML document",
    b"<?xml ": "an XML document",
    b'{ "a": 1}': "JSON",
    b"v=0\r\no=-\r\nm=video 1": "a session description (SDP)",
    b";FFMETADATA1\n": "a text of metadata (ffmetadata)",
    b"<!-- without an end": "text",
    COMMENTS: "text",
    b"P7\nWIDTH 3": "",
    b"YUV4MPEG2 W3": "",
}


@pytest.mark.parametrize(("head", "words"), KNOWN.items())
def test_a_text_is_named_by_its_first_word_or_element(head: bytes, words: str) -> None:
    assert non_media_kind(head) == words


REPEATED = [
    b"<!---->", b"<!-- ", b"<", b" ", b"\n", b"<?xml?>", b"a:", b"<a:", b"v=0\n", b"v=0\r\n\n",
    b"{ ", b"\xef\xbb\xbf", b"--> ", b"<!--><!-->", b"<!doctype ", b"P1 ", b"#", b"P6\n#\n", b"[",
    b"RIFF", b"\xff", b"#?RADIANCE", b"PK", b"MZ", b"\xc3\xa9", b"\xff\xfe",
]  # fmt: skip


def seconds(data: bytes) -> float:
    start = time.process_time()
    non_media_kind(data)
    return time.process_time() - start


@pytest.mark.parametrize("start", [b"", b"<?xml?>", b"<!--", b"v=0\n", b"\xff\xfe"])
@pytest.mark.parametrize("unit", REPEATED)
def test_time_grows_as_the_length_whatever_is_repeated(start: bytes, unit: bytes) -> None:
    """Ten times the bytes: a quadratic scanner would take a hundred times as long."""
    small, large = start + unit * (20_000 // len(unit)), start + unit * (200_000 // len(unit))
    fast = min(seconds(small) for _ in range(3))
    assert min(seconds(large) for _ in range(3)) < 40 * fast + 0.02
