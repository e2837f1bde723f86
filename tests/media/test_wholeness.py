from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.media.index import read_index
from common_ml.media.wholeness import missing_end
from tests.media import corpus

if TYPE_CHECKING:
    from pathlib import Path

CLIPS = {
    "mp4_index_first": "mov,mp4,m4a,3gp,3g2,mj2",
    "mp4_fragmented": "mov,mp4,m4a,3gp,3g2,mj2",
    "mkv": "matroska,webm",
    "variable_webm": "matroska,webm",
    "ts": "mpegts",
    "avi": "avi",
}


@pytest.mark.parametrize("name", CLIPS)
def test_every_missing_byte_is_noticed(name: str, tmp_path: Path) -> None:
    path = corpus.build(name, tmp_path)
    whole = path.read_bytes()
    assert missing_end(path, CLIPS[name]) == ""
    for missing in (1, 100, 1000):
        path.write_bytes(whole[:-missing])
        if name == "mp4_fragmented":  # ends in an index of its own, behind the last fragment
            assert "missing" in missing_end(path, CLIPS[name])
        elif name != "ts":
            assert missing_end(path, CLIPS[name]).startswith(f"{missing} bytes of ")
        elif missing % 188:
            assert missing_end(path, CLIPS[name]) == (
                f"{missing % 188} bytes of its last packet are missing"
            )


def test_what_states_no_size_is_not_accused(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    cases = {
        "matroska,webm": bytes.fromhex("1A45DFA3 80 18538067 01FFFFFFFFFFFFFF") + b"\0" * 40,
        "avi": b"RIFF\0\0\0\0AVI " + b"\0" * 40,
        "mov,mp4,m4a,3gp,3g2,mj2": b"\0\0\0\x08free" + b"\0\0\0\0mdat" + b"\0" * 40,
        "mpegts": b"junk" * 1000,
        "flv": b"FLV",
    }
    for container, data in cases.items():
        path.write_bytes(data)
        assert missing_end(path, container) == ""
        path.write_bytes(data[:13])
        assert missing_end(path, container) == ""


def test_boxes_of_64_bits(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\0\0\0\1mdat" + (40).to_bytes(8, "big") + b"\0" * 20)
    assert missing_end(path, "mov,mp4,m4a,3gp,3g2,mj2") == (
        "4 bytes of its last part (mdat) are missing"
    )


def test_the_corpus_accuses_only_what_is_broken(tmp_path: Path) -> None:
    for name in ("flv", "nut", "mxf", "gif", "raw_h264", "ivf", "mpeg1", "wmv2", "hevc_ts"):
        assert read_index(corpus.build(name, tmp_path)).damage == "", name
