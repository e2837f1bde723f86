"""Files of recorders that could not go back and write how long they are."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from common_ml.errors import LimitError
from common_ml.media import decode
from common_ml.media.audio import read_audio
from common_ml.media.headers.unknown_sizes import real_sizes
from common_ml.media.limits import Limits, applied
from common_ml.media.probe import probe
from tests.media import recipes
from tests.media.test_audio import encoded, int16, sine

if TYPE_CHECKING:
    from pathlib import Path

W64_DATA = b"data\xf3\xac\xd3\x11"


def unsized(path: Path, unknown: bytes) -> None:
    """Put `unknown`, of four bytes, where the sizes are."""
    data = bytearray(path.read_bytes())
    if path.suffix == ".au":
        data[8:12] = unknown
    elif path.suffix == ".w64":
        at = data.index(W64_DATA) + 16
        data[at : at + 8] = unknown * 2
        data[16:24] = unknown * 2
    else:
        at = data.index(b"SSND") + 4
        data[at : at + 4] = data[4:8] = unknown
        at = data.index(b"COMM") + 10
        data[at : at + 4] = bytes(4)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [
        ("a.au", "pcm_s16be", "au"),
        ("a.au", "pcm_mulaw", "au"),
        ("a.aiff", "pcm_s16be", "aiff"),
        ("a.aifc", "pcm_f32be", "aiff"),
        ("a.w64", "pcm_s16le", "w64"),
        ("a.w64", "pcm_s24le", "w64"),
    ],
)
@pytest.mark.parametrize("unknown", [bytes(4), b"\xff" * 4])
def test_sound_is_read_to_the_end_of_the_file_within_the_limit(
    tmp_path: Path, name: str, codec: str, container: str, unknown: bytes
) -> None:
    path = tmp_path / name
    samples = int16(sine(440, rate=16000, num_samples=32000))
    if codec in {"pcm_f32be", "pcm_s24le"}:
        reencoded(path, samples, codec, container)
    else:
        encoded(path, samples, 16000, codec=codec, container=container)
    expected = read_audio(path, 16000)
    assert len(expected) == 32000
    unsized(path, unknown)
    with applied(Limits(max_file_seconds=2)):
        assert np.array_equal(read_audio(path, 16000), expected)
    with applied(Limits(max_file_seconds=1.9)), pytest.raises(LimitError):
        read_audio(path, 16000)


def reencoded(
    path: Path, samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]], codec: str, container: str
) -> None:
    """Write with the sample format of the codec."""
    kind = "flt" if "f32" in codec else "s32"
    scaled = samples / np.float32(32768) if kind == "flt" else samples.astype(np.int32) << 16
    with av.open(str(path), "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=16000)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(scaled[np.newaxis], format=kind, layout="mono")
        frame.sample_rate, frame.pts = 16000, 0
        output.mux([*stream.encode(frame), *stream.encode(None)])


@pytest.mark.parametrize("container", ["au", "aiff", "w64"])
def test_sizes_that_are_stated_stay(tmp_path: Path, container: str) -> None:
    codec = "pcm_s16le" if container == "w64" else "pcm_s16be"
    path = tmp_path / f"a.{container}"
    encoded(path, int16(sine(440, rate=8000, num_samples=800)), 8000, codec=codec)
    data = path.read_bytes()
    assert real_sizes(io.BytesIO(data)) == {}
    for length in (4, 12, 20, 30, 50):
        assert isinstance(real_sizes(io.BytesIO(data[:length])), dict)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_the_length_of_an_avi_from_a_pipe_is_no_placeholder(tmp_path: Path, size: int) -> None:
    """FFmpeg states 2**30 pictures where it does not know."""
    path = tmp_path / "a.avi"
    recipes.write(path, recipes.Video(codec="mpeg4", num_frames=50), sound="pcm_s16le")
    data = bytearray(path.read_bytes()[: path.read_bytes().rindex(b"idx1")])
    at = data.index(b"movi") - 4
    data[at : at + 4] = data[4:8] = struct.pack("<I", size)
    at = data.index(b"strh") + 8 + 32
    data[at : at + 4] = struct.pack("<I", 1 << 30)
    path.write_bytes(data)
    facts = probe(path)
    assert facts.duration_seconds is None
    assert facts.video is not None
    assert (facts.video.num_frames, facts.video.duration_seconds) == (None, None)
    with applied(Limits(max_file_seconds=3)):
        assert sum(1 for _ in decode.sample(path, fps=None)) == 50
        assert len(read_audio(path)) > 32000
