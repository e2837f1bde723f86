from __future__ import annotations

import itertools
import logging
import math
import shutil
import struct
import subprocess
import tracemalloc
import wave
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import DecodeError, LimitError, MissingMediaError, NoStreamError
from common_ml.media import audio, limits, sound
from common_ml.media.audio import audio_windows, read_audio
from common_ml.media.choices import Choices, reading
from common_ml.media.clock import clocked_packets
from common_ml.media.sound import sound_blocks
from tests.media import recipes

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Sound = npt.NDArray[Any]

RANDOM = np.random.default_rng(8)


def sine(hertz: float, *, rate: int, num_samples: int) -> Sound:
    return np.sin(2 * np.pi * hertz * np.arange(num_samples) / rate)


def wav(path: Path, samples: Sound, rate: int) -> Path:
    """Written by the standard library: shape (N, channels); uint8, int16 or int32."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(samples.dtype.itemsize)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def encoded(
    path: Path,
    samples: Sound,
    rate: int,
    *,
    codec: str = "pcm_s16le",
    container: str | None = None,
    start_seconds: float = 0,
    hole: tuple[int, float] | None = None,
    video_start_seconds: float | None = None,
) -> Path:
    """Write int16 mono sound with PyAV, on request with a hole (before which sample, how long)."""
    with av.open(str(path), "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=rate, layout="mono")
        packets: list[Any] = []
        if video_start_seconds is not None:
            packets += video_packets(output, video_start_seconds)
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 800
        for first in range(0, len(samples), size):
            late = hole[1] if hole and first >= hole[0] else 0
            frame = av.AudioFrame.from_ndarray(
                samples[np.newaxis, first : first + size], format="s16", layout="mono"
            )
            if codec == "ac3":
                floats = samples[np.newaxis, first : first + size] / np.float32(32768)
                frame = av.AudioFrame.from_ndarray(floats, format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = first + round((start_seconds + late) * rate)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            output.mux(packet)
    return path


def video_packets(output: av.container.OutputContainer, start_seconds: float) -> list[Any]:
    """Ten frames at ten per second."""
    stream = output.add_stream("mpeg4", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    packets: list[Any] = []
    for n in range(10):
        picture = av.VideoFrame(64, 48, "yuv420p")
        picture.pts, picture.time_base = n + round(start_seconds * 10), Fraction(1, 10)
        packets += stream.encode(picture)
    return packets + stream.encode(None)


def int16(samples: Sound) -> Sound:
    return np.asarray(np.rint(samples * 32767), np.int16)


class TestReadAudio:
    @pytest.mark.parametrize(
        ("dtype", "zero", "scale"),
        [(np.uint8, 128, 128), (np.int16, 0, 2**15), (np.int32, 0, 2**31)],
    )
    @pytest.mark.parametrize("channels", [1, 2, 3, 6, 9])
    def test_samples_are_those_of_the_file_averaged_over_the_channels(
        self, tmp_path: Path, dtype: Any, zero: int, scale: int, channels: int
    ) -> None:
        bounds = np.iinfo(dtype)
        samples = RANDOM.integers(bounds.min, bounds.max, (50_000, channels), dtype, endpoint=True)
        got = read_audio(wav(tmp_path / "a.wav", samples, 16000))
        want = ((samples.astype(np.float64) - zero) / scale).mean(axis=1)
        assert got.dtype == np.float32
        assert got.shape == (50_000,)
        assert np.abs(got - want).max() < 2e-7

    @pytest.mark.parametrize(
        ("codec", "suffix"),
        [("pcm_s24le", "wav"), ("pcm_f32le", "wav"), ("pcm_f64le", "wav"),
         ("flac", "flac"), ("alac", "m4a")],
    )  # fmt: skip
    def test_other_sample_formats(self, tmp_path: Path, codec: str, suffix: str) -> None:
        samples = int16(sine(300, rate=16000, num_samples=30_000) / 2)
        got = read_audio(encoded(tmp_path / f"a.{suffix}", samples, 16000, codec=codec))
        assert len(got) == 30_000
        assert np.abs(got - samples / 32768).max() < 1e-6

    @pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
    @pytest.mark.parametrize("wanted", [8000, 16000, 44100])
    def test_resampling_keeps_frequency_and_phase(
        self, tmp_path: Path, rate: int, wanted: int
    ) -> None:
        path = wav(
            tmp_path / "a.wav", int16(sine(440, rate=rate, num_samples=3 * rate))[:, None], rate
        )
        got = read_audio(path, sample_rate=wanted)
        want = sine(440, rate=wanted, num_samples=3 * wanted)
        assert got.shape == want.shape
        assert np.abs(got - want)[100:-100].max() < 1e-4  # the ends know one side only

    def test_what_the_lower_rate_cannot_hold_is_filtered_out(self, tmp_path: Path) -> None:
        """12 kHz would come back as 4 kHz at a rate of 16 kHz."""
        samples = int16(sine(12_000, rate=48_000, num_samples=48_000))[:, None]
        got = read_audio(wav(tmp_path / "a.wav", samples, 48_000))
        assert np.abs(got[100:-100]).max() < 0.01

    @pytest.mark.parametrize("num_samples", [0, 1, 2, 7, 100, 44_101, 99_999])
    def test_the_length_is_the_duration_rounded(self, tmp_path: Path, num_samples: int) -> None:
        samples = np.full((num_samples, 1), 9, np.int16)
        got = read_audio(wav(tmp_path / "a.wav", samples, 44_100))
        assert len(got) == round(Fraction(num_samples * 16_000, 44_100))

    def test_nothing_exceeds_full_scale(self, tmp_path: Path) -> None:
        loud = np.where(sine(3000, rate=44_100, num_samples=44_100) > 0, 32767, -32768)
        got = read_audio(wav(tmp_path / "a.wav", loud.astype(np.int16)[:, None], 44_100))
        assert np.abs(got).max() == 1

    @pytest.mark.parametrize(
        ("codec", "suffix"),
        [("aac", "m4a"), ("libmp3lame", "mp3"), ("libopus", "ogg")],
    )
    def test_lossy_sound_stays_where_it_is(self, tmp_path: Path, codec: str, suffix: str) -> None:
        """Encoders begin with padding, which the container says to skip."""
        samples = np.zeros(48_000, np.int16)
        samples[24_000:24_100] = int16(sine(2000, rate=48_000, num_samples=100))
        got = read_audio(encoded(tmp_path / f"a.{suffix}", samples, 48_000, codec=codec))
        assert abs(len(got) - 16_000) <= 400
        assert 7_990 <= int(np.abs(got).argmax()) <= 8_045

    def test_sound_of_a_video(self, tmp_path: Path) -> None:
        samples = int16(sine(300, rate=16_000, num_samples=16_000) / 2)
        got = read_audio(encoded(tmp_path / "a.mov", samples, 16_000, video_start_seconds=0))
        assert np.array_equal(got, samples / np.float32(32768))


class TestAlignment:
    """Zero is the first frame of the video, or the first sound where there is none."""

    SOUND = int16(sine(500, rate=16_000, num_samples=16_000) / 2)
    FLOATS = (SOUND / 32768).astype(np.float32)

    @pytest.mark.parametrize("suffix", ["mkv", "mov"])
    def test_sound_that_starts_later_has_silence_before_it(
        self, tmp_path: Path, suffix: str
    ) -> None:
        path = tmp_path / f"a.{suffix}"
        encoded(path, self.SOUND, 16_000, start_seconds=0.5, video_start_seconds=0)
        assert np.array_equal(read_audio(path), np.concatenate([np.zeros(8000), self.FLOATS]))

    def test_timestamps_of_a_transport_stream_start_anywhere(self, tmp_path: Path) -> None:
        samples = np.zeros(16_000, np.int16)
        samples[8000:8100] = int16(sine(2000, rate=16_000, num_samples=100))
        path = tmp_path / "a.ts"
        encoded(path, samples, 16_000, codec="mp2", start_seconds=3.5, video_start_seconds=3)
        assert abs(int(np.abs(read_audio(path)).argmax()) - 16_000) < 100

    def test_sound_before_the_first_frame_is_left_out(self, tmp_path: Path) -> None:
        path = encoded(tmp_path / "a.mkv", self.SOUND, 16_000, video_start_seconds=0.3)
        assert np.array_equal(read_audio(path), self.FLOATS[4800:])

    def test_sound_of_a_matroska_file_that_begins_below_zero(self, tmp_path: Path) -> None:
        """FFmpeg gives its pictures no times there: they are a period apart."""
        path = tmp_path / "a.mkv"
        video = recipes.Video(rate=Fraction(25), num_frames=75, max_b_frames=2, gop_size=25)
        shift = {"output_ts_offset": "-1", "avoid_negative_ts": "disabled"}
        recipes.write(path, video, sound="mp2", muxer=shift)
        assert abs(len(read_audio(path)) / 16_000 - 3) < 0.1

    def test_without_video_the_first_sound_is_at_zero(self, tmp_path: Path) -> None:
        path = encoded(tmp_path / "a.mkv", self.SOUND, 16_000, start_seconds=2.5)
        assert np.array_equal(read_audio(path), self.FLOATS)

    def test_a_hole_is_silence(self, tmp_path: Path) -> None:
        path = encoded(tmp_path / "a.mkv", self.SOUND, 16_000, hole=(4800, 4))
        want = np.concatenate([self.FLOATS[:4800], np.zeros(64_000), self.FLOATS[4800:]])
        assert np.array_equal(read_audio(path), want)

    def test_timestamps_rounded_to_milliseconds_make_no_holes(self, tmp_path: Path) -> None:
        """800 samples at 44.1 kHz are 18.14 ms."""
        samples = RANDOM.integers(-(2**15), 2**15, 44_100, np.int16)
        path = encoded(tmp_path / "a.mkv", samples, 44_100, container="matroska")
        assert np.array_equal(read_audio(path, 44_100), samples / np.float32(32768))


LAYOUTS = {
    "2.1": (0.7071, 0.7071, 0),
    "3.0": (0.7071, 0.7071, 1),
    "quad": (0.7071, 0.7071, 0.5, 0.5),
    "5.0(side)": (0.7071, 0.7071, 1, 0.5, 0.5),
    "5.1": (0.7071, 0.7071, 1, 0, 0.5, 0.5),
    "6.1": (0.7071, 0.7071, 1, 0, 0.5, 0.5, 0.5),
    "7.1": (0.7071, 0.7071, 1, 0, 0.5, 0.5, 0.5, 0.5),
}
"""ITU-R BS.775: left, right, centre, effects, surrounds."""


def in_layout(path: Path, layout: str, *, codec: str) -> Path:
    """A tone in each channel in turn, for a quarter of a second, at half of full scale."""
    rate, size = 48_000, 12_000
    num_channels = av.AudioLayout(layout).nb_channels
    tone = sine(500, rate=rate, num_samples=size) / 2
    samples = np.kron(np.eye(num_channels), tone)  # (channels, channels * size)
    packed = np.ascontiguousarray(int16(samples).T).reshape(1, -1)
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        fifo = av.AudioFifo()
        fifo.write(frame)
        stream.codec_context.open()
        converter = av.AudioResampler(stream.format, layout, rate)
        while part := fifo.read(stream.codec_context.frame_size or 4096, True):
            for converted in converter.resample(part):
                output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    return path


class TestDownmix:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_layouts_are_mixed_as_the_itu_says(self, layout: str, tmp_path: Path) -> None:
        got = read_audio(in_layout(tmp_path / "a.flac", layout, codec="flac"), 48_000)
        peaks = np.abs(got.reshape(len(LAYOUTS[layout]), -1)).max(axis=1)
        assert np.abs(peaks - np.array(LAYOUTS[layout]) / 2).max() < 1e-3

    def test_six_channels_of_aac_without_a_name_are_surround(self, tmp_path: Path) -> None:
        """The encoder lists the channels of 5.1(side) one by one, which FFmpeg 8 does not read."""
        path = in_layout(tmp_path / "a.m4a", "5.1(side)", codec="aac")
        with av.open(str(path)) as made:
            assert made.streams.audio[0].layout.name in {"6 channels", "5.1"}
        got = np.abs(read_audio(path, 48_000)[: 6 * 12_000]).reshape(6, 12_000)[:, 3_000:9_000]
        want = np.array([0.7071, 0.7071, 1, 0, 0.5, 0.5]) / 2
        assert np.abs(got.max(axis=1) - want).max() < 0.01

    @pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg program here")
    @pytest.mark.parametrize(
        ("codec", "suffix"),
        [("flac", "flac"), ("aac", "m4a"), ("ac3", "ac3"), ("libopus", "opus")],
    )
    @pytest.mark.parametrize("layout", ["quad", "5.1", "7.1"])
    def test_the_mix_is_that_of_the_program(
        self, layout: str, codec: str, suffix: str, tmp_path: Path
    ) -> None:
        if (codec, layout) == ("ac3", "7.1"):
            pytest.skip("AC-3 has no 7.1")
        path = in_layout(tmp_path / f"a.{suffix}", layout, codec=codec)
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-ac", "1", "-f", "f32le", "-"]
        raw = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        want = np.frombuffer(raw, np.float32)
        got = read_audio(path, 48_000)
        num_samples = min(len(got), len(want))
        assert num_samples > 48_000 * 0.9 * len(LAYOUTS[layout]) / 4
        assert np.abs(got[:num_samples] - want[:num_samples]).max() < 1e-4

    def test_the_layout_may_change_between_frames_of_whole_numbers(self, tmp_path: Path) -> None:
        """Broadcasts switch between mono and stereo, in MP2, whose samples have 16 bits."""
        mono = in_layout(tmp_path / "mono.mp2", "mono", codec="mp2").read_bytes()
        stereo = in_layout(tmp_path / "stereo.mp2", "stereo", codec="mp2").read_bytes()
        path = tmp_path / "joined.mp2"
        path.write_bytes(mono + stereo + mono)
        got = np.abs(read_audio(path, 48_000)[:48_000]).reshape(4, 12_000)[:, 2_000:10_000]
        assert np.abs(got.max(axis=1) - (0.5, 0.25, 0.25, 0.5)).max() < 0.02

    def test_stereo_is_averaged(self, tmp_path: Path) -> None:
        samples = RANDOM.integers(-(2**15), 2**15, (1000, 2), np.int16)
        got = read_audio(wav(tmp_path / "a.wav", samples, 16_000))
        assert np.abs(got - samples.mean(axis=1) / 32768).max() < 2e-7


class TestBounds:
    """What a small file claims to hold."""

    @pytest.mark.parametrize("rate", [1, 5])
    def test_a_rate_of_a_sample_a_second_is_refused(self, rate: int, tmp_path: Path) -> None:
        path = wav(tmp_path / "a.wav", np.full((45_000 * rate, 1), 128, np.uint8), rate)
        with pytest.raises(LimitError, match=r"the sound of .*a\.wav' is too long: it reaches"):
            read_audio(path)

    def test_blocks_are_small_whatever_the_rates(self, tmp_path: Path) -> None:
        path = wav(tmp_path / "a.wav", np.full((600, 1), 128, np.uint8), 1)
        sizes = [block.shape[1] for block in sound_blocks(path, sample_rate=48_000, channels=1)]
        assert sum(sizes) == 600 * 48_000
        assert max(sizes) < 1_000_000

    def test_holes_are_held_to_the_duration_that_is_allowed(self, tmp_path: Path) -> None:
        silent = np.zeros(16_000, np.int16)
        path = encoded(tmp_path / "a.mkv", silent, 16_000, hole=(8000, 500))
        with limits.applied(limits.Limits(max_file_seconds=60)), pytest.raises(LimitError):
            read_audio(path)
        path = encoded(tmp_path / "b.mkv", silent, 16_000, hole=(8000, 90_000))
        with pytest.raises(LimitError, match="at most"):
            read_audio(path)

    def test_a_jump_of_the_clock_is_no_silence(self, tmp_path: Path) -> None:
        """A transport stream of two recordings; the second one made eleven hours later."""
        samples = int16(sine(500, rate=16_000, num_samples=32_000) / 2)
        path = encoded(tmp_path / "a.ts", samples, 16_000, codec="mp2", hole=(16_000, 40_000))
        assert abs(len(read_audio(path)) - 32_000) < 2_500

    def test_empty_packets_are_passed_over(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """To a decoder an empty packet is the end, and all that follow are refused."""
        samples = int16(sine(500, rate=16_000, num_samples=16_000) / 2)
        path = encoded(tmp_path / "a.mka", samples, 16_000, codec="mp2")
        want = read_audio(path)

        def with_empty_ones(container: Any, stream: Any) -> Any:
            for packet in clocked_packets(container, stream):
                yield packet
                empty = av.Packet()
                empty.stream = stream
                yield empty

        monkeypatch.setattr(sound, "clocked_packets", with_empty_ones)
        assert np.array_equal(read_audio(path), want)


class TestDamage:
    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(MissingMediaError, match="no such file"):
            read_audio(tmp_path / "a.wav")

    def test_a_file_without_sound(self, tmp_path: Path) -> None:
        with av.open(str(tmp_path / "a.mp4"), "w") as output:
            for packet in video_packets(output, 0):
                output.mux(packet)
        with pytest.raises(NoStreamError, match=r"there is no sound in .*a\.mp4"):
            read_audio(tmp_path / "a.mp4")

    def test_no_media_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(RANDOM.bytes(5000))
        with pytest.raises(DecodeError, match=r"cannot open .*a\.wav': it is damaged"):
            read_audio(tmp_path / "a.wav")

    def test_of_a_truncated_file_the_windows_come_before_the_error(self, tmp_path: Path) -> None:
        samples = int16(sine(500, rate=16_000, num_samples=64_000))
        path = encoded(tmp_path / "a.mkv", samples, 16_000)
        path.write_bytes(path.read_bytes()[: 2 * 48_000])
        windows = audio_windows(path, window_seconds=1)
        starts = [next(windows).start_seconds, next(windows).start_seconds]
        assert starts == [0, 1]
        with (
            reading(Choices(damage="fail")),
            pytest.raises(DecodeError, match=r"a\.mkv' is damaged or truncated: decoded 3\.0 s"),
        ):
            next(windows)
        assert 46_000 < len(read_audio(path)) < 48_000

    def test_samples_of_64_bits(self, tmp_path: Path) -> None:
        samples = sine(500, rate=16_000, num_samples=8000) / 2
        data = (samples.astype(np.float64) * 2.0**63).astype("<i8").tobytes()
        form = struct.pack("<HHIIHH", 1, 1, 16_000, 128_000, 8, 64)
        path = tmp_path / "a.wav"
        path.write_bytes(
            struct.pack("<4sI4s4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", len(form))
            + form
            + struct.pack("<4sI", b"data", len(data))
            + data
        )
        assert np.abs(read_audio(path) - samples).max() < 1e-6

    def test_where_a_container_cannot_be_read_on_the_sound_before_is_used(
        self,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """As at the link of an Ogg chain that has other channels, which FFmpeg does not read."""
        path = encoded(
            tmp_path / "a.mka", int16(sine(500, rate=16_000, num_samples=32_000)), 16_000
        )

        def broken(container: Any, stream: Any) -> Any:
            yield from itertools.islice(clocked_packets(container, stream), 20)
            raise av.error.PatchWelcomeError(1163346256, "Not yet implemented", str(path))

        monkeypatch.setattr(sound, "clocked_packets", broken)
        with caplog.at_level(logging.WARNING):
            assert len(read_audio(path)) == 16_000
        assert "a.mka' is damaged: decoded 1.0 s" in caplog.text
        assert "Not yet implemented" in caplog.text
        with reading(Choices(damage="fail")), pytest.raises(DecodeError, match=r"decoded 1\.0 s"):
            read_audio(path)

    def test_a_damaged_packet_is_silent(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        samples = int16(sine(500, rate=16_000, num_samples=160_000) / 2)
        path = encoded(tmp_path / "a.mkv", samples, 16_000, codec="flac")
        data, whole = bytearray(path.read_bytes()), read_audio(path)
        frames = [n for n in range(len(data) - 1) if data[n : n + 2] == b"\xff\xf8"]
        data[frames[10] : frames[10] + 2] = b"\0\0"
        path.write_bytes(data)
        with caplog.at_level(logging.WARNING):
            got = read_audio(path)
        assert "1 packet of sound damaged, and silent" in caplog.text
        assert len(got) == len(whole)
        silent = np.flatnonzero(np.abs(got - whole) > 1e-6)
        assert 1000 < len(silent) <= 1152
        assert not got[silent].any()

    def test_a_decoder_s_own_errors_are_damage_too(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """AC-3 has error codes of its own, as for a bad checksum."""
        samples = int16(sine(500, rate=48_000, num_samples=96_000) / 2)
        path = encoded(tmp_path / "a.ac3", samples, 48_000, codec="ac3")
        data = path.read_bytes()
        size = len(data) // (len(samples) // 1536)
        path.write_bytes(data[: 20 * size + 2] + b"\xa5" * 400 + data[20 * size :])
        with caplog.at_level(logging.WARNING):
            got = read_audio(path)
        assert abs(len(got) / 16_000 - 2) < 0.04
        assert "of sound damaged" in caplog.text


def windows_of(samples: Sound, length: int, hop: int) -> list[tuple[int, int]]:
    """First sample and number of samples of each window, one by one until all are covered."""
    windows: list[tuple[int, int]] = []
    first = 0
    while not windows or sum(windows[-1]) < len(samples):
        windows.append((first, min(length, len(samples) - first)))
        first += hop
    return windows if len(samples) else []


class TestAudioWindows:
    @given(
        num_samples=st.integers(0, 300),
        length=st.integers(1, 60),
        overlap=st.integers(0, 59),
        cuts=st.lists(st.integers(0, 300)),
    )
    def test_windows_cover_everything_once(
        self, num_samples: int, length: int, overlap: int, cuts: list[int]
    ) -> None:
        """Whatever the blocks in which the decoder gives the samples; against a plain loop."""
        hop = max(1, length - overlap)
        samples = np.arange(1, num_samples + 1, dtype=np.float32)
        blocks = np.split(samples, sorted(cuts))
        got = list(audio._windows(iter(blocks), length, hop, 100))
        want = windows_of(samples, length, hop)
        assert [(w.start_seconds, w.duration_seconds) for w in got] == [
            (first / 100, size / 100) for first, size in want
        ]
        for window, (first, size) in zip(got, want, strict=True):
            assert window.samples.shape == (length,)
            assert np.array_equal(window.samples[:size], samples[first : first + size])
            assert not window.samples[size:].any()

    def test_times_are_exact_to_the_sample(self, tmp_path: Path) -> None:
        samples = RANDOM.integers(-(2**15), 2**15, (100_000, 1), np.int16)
        path = wav(tmp_path / "a.wav", samples, 16_000)
        whole = read_audio(path)
        windows = list(audio_windows(path, window_seconds=0.032, overlap_seconds=0.008))
        assert len(windows) == math.ceil((100_000 - 128) / 384)
        for n, window in enumerate(windows):
            assert window.start_seconds == n * 384 / 16_000
            part = whole[n * 384 : n * 384 + 512]
            assert np.array_equal(window.samples[: len(part)], part)

    def test_a_window_belongs_to_its_taker(self, tmp_path: Path) -> None:
        path = wav(tmp_path / "a.wav", np.full((1000, 1), 1000, np.int16), 1000)
        for window in audio_windows(
            path, window_seconds=0.1, overlap_seconds=0.05, sample_rate=1000
        ):
            assert np.abs(window.samples - 1000 / 32768).max() < 1e-6
            window.samples[:] = 0

    def test_memory_does_not_grow_with_duration(self, tmp_path: Path) -> None:
        """Ten minutes at 16 kHz would be 38 MB."""
        path = wav(tmp_path / "a.wav", np.zeros((9_600_000, 1), np.int16), 16_000)
        tracemalloc.start()
        for _ in audio_windows(path, window_seconds=1):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_000_000

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"window_seconds": 0}, "window_seconds must hold a sample at least, got 0"),
            ({"window_seconds": math.inf}, "window_seconds must hold a sample at least, got inf"),
            ({"window_seconds": 1, "overlap_seconds": 1}, "overlap_seconds must be >= 0 and less"),
            ({"window_seconds": 1, "overlap_seconds": -1}, "overlap_seconds must be >= 0 and less"),
            ({"window_seconds": 1, "sample_rate": 0}, "sample_rate must be >= 1, got 0"),
        ],
    )
    def test_wrong_numbers_are_refused_at_the_call(
        self, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            audio_windows("a.wav", **options)


def test_an_absurd_rate_is_an_error_of_the_file(tmp_path: Path) -> None:
    rate = 2**31 - 1
    path = tmp_path / "sound.au"
    path.write_bytes(b".snd" + struct.pack(">5I", 28, 16_000, 3, rate, 1) + bytes(4 + 16_000))
    with pytest.raises(DecodeError, match=r"cannot resample the sound of '.*sound\.au'"):
        list(sound_blocks(path, sample_rate=16_000, channels=1))
