from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import DecodeError
from common_ml.media.audio import read_audio
from common_ml.media.headers.index_claims import excess_samples
from common_ml.media.probe import probe
from tests.media import corpus, recipes

if TYPE_CHECKING:
    from pathlib import Path

MILLIONS = 85_000_000


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def movie(*tables: bytes) -> bytes:
    body = b"".join(tables)
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        body = box(kind, body)
    return box(b"ftyp", b"isom") + body


SIZES = box(b"stsz", struct.pack(">III", 0, 1, MILLIONS))
TIMES = box(b"stts", struct.pack(">IIII", 0, 1, MILLIONS, 512))
OFFSETS = box(b"ctts", struct.pack(">IIII", 0, 1, MILLIONS, 512))
ONE_TICK_EACH = box(b"stts", struct.pack(">IIII", 0, 1, MILLIONS, 1))
RUN = box(b"moof", box(b"traf", box(b"trun", struct.pack(">II", 0, MILLIONS))))


@pytest.mark.parametrize(
    ("data", "claimed"),
    [
        (movie(SIZES), MILLIONS),
        (movie(TIMES), MILLIONS),
        (movie(OFFSETS), MILLIONS),
        (movie(SIZES, TIMES), MILLIONS),
        (movie(SIZES, ONE_TICK_EACH), 0),  # PCM
        (movie() + RUN, MILLIONS),
        (movie(box(b"stsz", struct.pack(">III", 0, 1, 90_000))), 0),  # in a file that was cut off
        (movie(box(b"stsz", b"")), 0),
        (box(b"JUNK", SIZES), 0),
        (b"", 0),
    ],
)
def test_claims_are_held_against_the_size_of_the_file(data: bytes, claimed: int) -> None:
    assert excess_samples(io.BytesIO(data), len(data)) == claimed


@pytest.mark.parametrize(
    "name", ["mp4_index_first", "mp4_fragmented", "mp4_fragmented_per_frame", "mov", "one_frame"]
)
def test_honest_files_claim_what_they_hold(name: str, tmp_path: Path) -> None:
    data = corpus.build(name, tmp_path).read_bytes()
    assert excess_samples(io.BytesIO(data), len(data)) == 0
    assert excess_samples(io.BytesIO(data), 1) == 0  # few samples are harmless


def test_a_false_index_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = corpus.build("mp4_index_first", tmp_path)
    data = bytearray(path.read_bytes())
    at = data.index(b"stts") + 12  # of the first run: its number of samples
    data[at : at + 4] = struct.pack(">I", MILLIONS)
    path.write_bytes(data)
    with pytest.raises(DecodeError, match=r"its index claims 850\d+ samples, more than it has byt"):
        probe(path)


def test_sound_of_one_byte_a_sample_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    recipes.write(path, recipes.Video(num_frames=30), sound="pcm_u8")
    assert len(read_audio(path)) > 16_000
