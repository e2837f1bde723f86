from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import MediaError, MissingMediaError, NoStreamError
from common_ml.media.audio import read_audio
from common_ml.media.probe import probe
from common_ml.utils.audio import AudioPart, AudioStitcher
from common_ml.video_processing import get_duration
from tests.media.recipes import Video, write

if TYPE_CHECKING:
    import numpy.typing as npt

    Sound = npt.NDArray[np.int16]

RATE = 8000
RANDOM = np.random.default_rng(4)


def noise(seconds: float, *, rate: int = RATE, channels: int = 2) -> Sound:
    shape = (round(seconds * rate), channels)
    return RANDOM.integers(-(2**15), 2**15, shape, np.int16)


def saved(path: Path, samples: Sound, *, rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def heard(data: bytes) -> tuple[int, Sound]:
    """Rate and samples, shape (N, channels)."""
    with wave.open(io.BytesIO(data)) as file:
        assert file.getsampwidth() == 2
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return file.getframerate(), samples.reshape(-1, file.getnchannels())


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[AudioStitcher, Sound]:
    """Parts of 1 s, 1 s and 0.25 s, and all their samples."""
    directory = tmp_path_factory.mktemp("parts")
    sounds = [noise(1), noise(1), noise(0.25)]
    files = [saved(directory / f"{n}.wav", sound) for n, sound in enumerate(sounds)]
    return AudioStitcher().probe(files), np.concatenate(sounds)


def test_parts_follow_one_another(three: tuple[AudioStitcher, Sound]) -> None:
    stitcher, _ = three
    assert [(part.start_offset, part.end_offset, part.duration) for part in stitcher.parts] == [
        (0, 1, 1),
        (1, 2, 1),
        (2, 2.25, 0.25),
    ]
    assert stitcher.total_duration == 2.25


@given(st.integers(0, 17_999), st.integers(1, 18_000))
def test_a_stretch_is_what_the_parts_hold(
    three: tuple[AudioStitcher, Sound], first: int, length: int
) -> None:
    """Exact to the bit, wherever the cuts are: MP4 does not hold PCM, so it comes as WAV."""
    stitcher, samples = three
    length = min(length, len(samples) - first)
    rate, got = heard(stitcher.stitch(first / RATE, (first + length) / RATE))
    assert rate == RATE
    assert np.array_equal(got, samples[first : first + length])


def test_other_rates_and_channels_become_those_of_the_first_part(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000) * 16_000
    mono = np.rint(tone).astype(np.int16)[:, np.newaxis]
    files = [
        saved(tmp_path / "1.wav", noise(1)),
        saved(tmp_path / "2.wav", mono, rate=16_000),
    ]
    rate, got = heard(AudioStitcher().probe(files).stitch(1, 2))
    assert (rate, got.shape) == (8000, (8000, 2))
    assert np.array_equal(got[:, 0], got[:, 1])
    assert np.abs(got[100:-100, 0] - tone[::2][100:-100]).max() < 10


def test_a_part_without_sound_is_silent_and_takes_its_time(tmp_path: Path) -> None:
    write(tmp_path / "1.mp4", Video(num_frames=24))
    samples = noise(1)
    stitcher = AudioStitcher().probe([tmp_path / "1.mp4", saved(tmp_path / "2.wav", samples)])
    assert [part.channels for part in stitcher.parts] == [0, 2]
    _, got = heard(stitcher.stitch(0.5, 1.5))
    assert not got[:4000].any()
    assert np.array_equal(got[4000:], samples[:4000])


def test_sound_that_mp4_holds_is_copied_into_an_mp4(tmp_path: Path) -> None:
    """The packets are those of the parts; FFmpeg's own decoder hears what it hears in them."""
    for n in range(3):
        write(tmp_path / f"{n}.mp4", Video(num_frames=48), sound="aac")
    stitcher = AudioStitcher()
    assert stitcher.probe([tmp_path / f"{n}.mp4" for n in (2, 0, 1)]) is stitcher
    assert [Path(part.path).name for part in stitcher.parts] == ["0.mp4", "1.mp4", "2.mp4"]
    assert stitcher.total_duration == pytest.approx(6, abs=0.2)  # AAC pads each

    data = stitcher.stitch(1, 3)

    assert data[4:8] == b"ftyp"
    (tmp_path / "cut.mp4").write_bytes(data)
    assert probe(tmp_path / "cut.mp4").video is None
    assert get_duration(tmp_path / "cut.mp4") == pytest.approx(2, abs=0.05)
    packets = [packet for n in range(3) for packet in packets_in(tmp_path / f"{n}.mp4")]
    copied = packets_in(tmp_path / "cut.mp4")
    assert copied
    assert set(copied) <= set(packets)
    assert len(read_audio(tmp_path / "cut.mp4")) == pytest.approx(2 * 16_000, rel=0.03)


def packets_in(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_a_stream_that_states_no_length_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    saved(path, noise(1))
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"  # as a recorder leaves it that was cut off
    path.write_bytes(data)
    assert AudioStitcher().probe([path]).total_duration == 1


def test_parts_of_unlike_length_are_refused_but_for_the_last(tmp_path: Path) -> None:
    lengths = (1, 1.05, 0.5, 2)
    files = [saved(tmp_path / f"{n}.wav", noise(length)) for n, length in enumerate(lengths)]
    stitcher = AudioStitcher()
    with pytest.raises(MediaError, match=r"must be of the same length, got 0\.50 s for .*2\.wav"):
        stitcher.probe(files)
    assert stitcher.parts == []
    assert stitcher.probe(files, expect_same_length=False).total_duration == 4.55
    assert stitcher.probe([*files[:2], files[3]]).total_duration == 4.05


@pytest.mark.parametrize(
    "times", [(-1, 1), (2, 1), (1, 1), (0, 2.26), (float("nan"), 1), (0, float("nan"))]
)
def test_times_out_of_range_are_refused(three: tuple[AudioStitcher, Sound], times: Any) -> None:
    with pytest.raises(ValueError, match=r"expected 0 <= start_time < end_time <= 2\.25"):
        three[0].stitch(*times)


def test_nothing_to_hear(tmp_path: Path) -> None:
    write(tmp_path / "1.mp4", Video(num_frames=2))
    with pytest.raises(NoStreamError, match=r"there is no sound in .*1\.mp4"):
        AudioStitcher().probe([tmp_path / "1.mp4"]).stitch(0, 1)
    assert AudioStitcher().total_duration == 0
    with pytest.raises(NoStreamError, match="there is no sound in no files"):
        AudioStitcher().stitch(0, 1)
    with pytest.raises(MissingMediaError):
        AudioStitcher().probe([tmp_path / "2.mp4"])


def test_parts_may_be_given(tmp_path: Path) -> None:
    samples = noise(1)
    part = AudioPart(saved(tmp_path / "1.wav", samples), 1.0, 0.0, RATE, 2)
    assert np.array_equal(heard(AudioStitcher([part]).stitch(0, 1))[1], samples)
