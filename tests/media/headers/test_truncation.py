from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from common_ml.media.headers.truncation import truncation_reason
from common_ml.media.media_file import MediaFile
from tests.media import corpus

if TYPE_CHECKING:
    from pathlib import Path

CLIPS = {
    "mp4_index_first": "mov,mp4,m4a,3gp,3g2,mj2",
    "mp4_fragmented": "mov,mp4,m4a,3gp,3g2,mj2",
    "mkv": "matroska,webm",
    "variable_webm": "matroska,webm",
}


def reason_of(path: Path, container: str) -> str:
    with path.open("rb") as file:
        return truncation_reason(file, container)


@pytest.mark.parametrize("name", CLIPS)
def test_every_missing_byte_is_noticed(name: str, tmp_path: Path) -> None:
    path = corpus.build(name, tmp_path)
    whole = path.read_bytes()
    assert reason_of(path, CLIPS[name]) == ""
    for missing in (1, 100, 1000):
        path.write_bytes(whole[:-missing])
        if name != "mp4_fragmented":
            assert reason_of(path, CLIPS[name]).startswith(f"{missing} bytes of ")
    # it ends in an index of its own, behind the last fragment
    if name == "mp4_fragmented":
        path.write_bytes(whole[: len(whole) * 9 // 10])
        assert "of its last part (mdat) are missing" in reason_of(path, CLIPS[name])


def test_a_missing_part_of_a_chunk_is_noticed(tmp_path: Path) -> None:
    path = corpus.build("avi", tmp_path)
    whole = path.read_bytes()
    end = whole.index(b"movi") + int.from_bytes(whole[whole.index(b"movi") - 4 :][:4], "little")
    path.write_bytes(whole[: end - 1000])
    assert reason_of(path, "avi") == ("1000 bytes of its list of pictures and sound are missing")
    path.write_bytes(whole[:end])  # only its index
    assert reason_of(path, "avi") == ""


@pytest.mark.parametrize(
    ("riff_size", "data_size", "missing"),
    [
        (0x7FFFF024, 0x7FFFF000, 0),  # sox to a pipe
        (0xFFFFFFFF, 0xFFFFFFFF, 0),  # ffmpeg to a pipe
        (0xFFFFFFFF, 0xFFFFFFDB, 0),  # the header taken off
        (0, 0, 0),
        (3036 + 36, 3000, 0),  # 36 too many
        (3036, 3036, 0),  # the header counted in
        (3036, 3000 + 500, 500),
        (36, 1_000_000, 997_000),
    ],
)
def test_only_the_size_of_the_sound_counts_in_a_wav(
    tmp_path: Path, riff_size: int, data_size: int, missing: int
) -> None:
    path = tmp_path / "a.wav"
    form = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    data = b"data" + struct.pack("<I", data_size) + bytes(3000)
    path.write_bytes(b"RIFF" + struct.pack("<I", riff_size) + form + data)
    reason = f"{missing} bytes of its sound are missing" if missing else ""
    assert reason_of(path, "wav") == reason


@pytest.mark.parametrize(
    "tail",
    [
        b"9e107d9d372bb6826bd81d3542a419d6",
        b'{"title": "a", "id": 17}',
        b"TAG" + b"Title".ljust(125, b"\0"),
        b"\0" * 7,
        b"\0\0\1\0junk",
    ],
)
def test_bytes_behind_the_last_box_say_nothing(tmp_path: Path, tail: bytes) -> None:
    path = corpus.build("mp4_index_first", tmp_path)
    path.write_bytes(path.read_bytes() + tail)
    assert reason_of(path, "mov,mp4,m4a,3gp,3g2,mj2") == ""


def test_what_states_no_size_is_not_accused(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    cases = {
        "matroska,webm": bytes.fromhex("1A45DFA3 80 18538067 01FFFFFFFFFFFFFF") + b"\0" * 40,
        "avi": b"RIFF\0\0\0\0AVI " + b"\0" * 40,
        "mov,mp4,m4a,3gp,3g2,mj2": b"\0\0\0\x08free" + b"\0\0\0\0mdat" + b"\0" * 40,
        "flv": b"FLV",
    }
    for container, data in cases.items():
        path.write_bytes(data)
        assert reason_of(path, container) == ""
        path.write_bytes(data[:13])
        assert reason_of(path, container) == ""


def test_boxes_of_64_bits(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\0\0\0\1mdat" + (40).to_bytes(8, "big") + b"\0" * 20)
    assert reason_of(path, "mov,mp4,m4a,3gp,3g2,mj2") == (
        "4 bytes of its last part (mdat) are missing"
    )


def test_the_corpus_accuses_only_what_is_broken(tmp_path: Path) -> None:
    for name in ("flv", "nut", "mxf", "gif", "raw_h264", "ivf", "mpeg1", "wmv2", "hevc_ts"):
        assert MediaFile(corpus.build(name, tmp_path)).head.truncation == "", name
