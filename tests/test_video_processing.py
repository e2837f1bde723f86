from __future__ import annotations

import math
import os
import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from common_ml.errors import DecodeError, MediaError, MissingMediaError, NoStreamError
from common_ml.media import decode
from common_ml.media.probe import probe
from common_ml.video_processing import (
    get_duration,
    get_fps,
    get_frames,
    get_key_frames,
    unfrag_video,
)
from tests.media.recipes import Video, concatenate, rotate, truncate, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two and a half seconds at 24 frames per second, with keyframes at 0, 20 and 40."""
    path = tmp_path / "clip.mp4"
    write(path, Video(keyframes_at=(0, 20, 40), gop_size=250))
    return path


class TestFrames:
    def test_frames_are_those_of_the_sampler(self, clip: Path) -> None:
        frames, indices, times = get_frames(clip, 2)
        with decode.sample(clip, fps=2) as sampled:
            wanted = list(sampled)
        assert indices == [frame.index for frame in wanted] == [0, 12, 24, 36, 48]
        assert times == [frame.seconds for frame in wanted] == [0, 0.5, 1, 1.5, 2]
        assert frames.shape == (5, 96, 160, 3)
        assert frames.dtype == np.uint8
        for got, want in zip(frames, wanted, strict=True):
            assert np.array_equal(got, want.rgb)

    def test_a_name_may_be_a_string(self, clip: Path) -> None:
        assert get_frames(os.fspath(clip), 0.1)[1] == [0]

    def test_key_frames(self, clip: Path) -> None:
        frames, indices, times = get_key_frames(clip)
        assert indices == [0, 20, 40]
        assert times == [0, float(Fraction(20, 24)), float(Fraction(40, 24))]
        assert frames.shape == (3, 96, 160, 3)

    def test_every_frame(self, clip: Path) -> None:
        """More of them than the array has room for at first, many times over."""
        frames, indices, _ = get_frames(clip, 24)
        assert indices == list(range(60))
        with decode.sample(clip, fps=None) as all_frames:
            assert np.array_equal(frames, np.stack([frame.rgb for frame in all_frames]))

    def test_frames_are_upright(self, clip: Path) -> None:
        rotate(clip, 90)
        assert get_frames(clip, 1)[0].shape == (3, 160, 96, 3)

    def test_no_frames_have_a_shape_too(self, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decode, "keyframes", lambda path: decode.frames(path, []))
        frames, indices, times = get_key_frames(clip)
        assert frames.shape == (0, 96, 160, 3)
        assert frames.dtype == np.uint8
        assert indices == times == []

    def test_frames_of_two_sizes_do_not_fit_one_array(self, tmp_path: Path) -> None:
        small, large = tmp_path / "small.ts", tmp_path / "large.ts"
        write(small, Video(codec="mpeg2video"))
        write(large, Video(codec="mpeg2video", width=192, height=128, edit=later))
        concatenate(tmp_path / "both.ts", [small, large])
        with pytest.raises(DecodeError, match=r"both\.ts differ in size: 160x96 and then 192x128"):
            get_frames(tmp_path / "both.ts", 5)

    @pytest.mark.parametrize("fps", [0, -1, math.nan, math.inf])
    def test_a_rate_that_is_none_is_refused(self, clip: Path, fps: float) -> None:
        with pytest.raises(ValueError, match="fps"):
            get_frames(clip, fps)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        for function in (get_key_frames, get_fps, get_duration):
            with pytest.raises(MissingMediaError):
                function(tmp_path / "no.mp4")


def later(packets: list[av.packet.Packet]) -> list[av.packet.Packet]:  # type: ignore[type-arg] # PyAV 15 has none
    """Move a clip behind another one of two and a half seconds."""
    for packet in packets:
        ticks = round(Fraction(5, 2) / packet.time_base)
        packet.pts, packet.dts = (packet.pts or 0) + ticks, (packet.dts or 0) + ticks
    return packets


class TestFacts:
    @pytest.mark.parametrize(
        ("rate", "fps"), [(Fraction(24), 24.0), (Fraction(30000, 1001), 30000 / 1001)]
    )
    def test_rate_and_duration(self, tmp_path: Path, rate: Fraction, fps: float) -> None:
        write(tmp_path / "a.mp4", Video(rate=rate))
        assert get_fps(tmp_path / "a.mp4") == fps
        assert isinstance(get_fps(tmp_path / "a.mp4"), float)
        assert get_duration(tmp_path / "a.mp4") == pytest.approx(60 / fps, abs=1e-3)
        assert isinstance(get_duration(tmp_path / "a.mp4"), float)

    def test_the_length_of_a_bare_stream(self, tmp_path: Path) -> None:
        write(tmp_path / "a.h264", Video(rate=Fraction(25)))
        assert probe(tmp_path / "a.h264").duration_seconds is None
        assert get_duration(tmp_path / "a.h264") == pytest.approx(2.4)

    @pytest.mark.parametrize(
        "ticks", [lambda number: 4 * number, lambda number: number * (number + 1)]
    )
    def test_a_length_is_never_shorter_than_the_last_frames_end(
        self, tmp_path: Path, ticks: Callable[[int], int]
    ) -> None:
        """Here the file states half of it, as one that has grown since its head was written."""
        path = tmp_path / "a.mkv"
        write(path, Video(rate=Fraction(25), ticks=ticks, time_base=Fraction(1, 100)))
        stated = get_duration(path)
        data = path.read_bytes()
        place = data.index(b"\x44\x89\x88") + 3  # Segment/Info/Duration, a double
        path.write_bytes(data[:place] + struct.pack(">d", 500.0) + data[place + 8 :])
        assert probe(path).duration_seconds == Fraction(1, 2)
        *_, last = decode.sample(path, fps=None)
        end = last.seconds + float(1 / Fraction(get_fps(path)))
        assert stated > 2
        assert get_duration(path) == pytest.approx(end, abs=1e-6)

    def test_sound_has_a_length_but_no_rate(self, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"
        with av.open(str(path), "w") as output:
            stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 12_000), np.int16), "s16", "mono")
            frame.sample_rate = 8000
            output.mux(stream.encode(frame))
        assert get_duration(path) == 1.5
        with pytest.raises(NoStreamError, match=r"there is no video in .*a\.wav"):
            get_fps(path)


class TestUnfrag:
    @pytest.fixture
    def fragmented(self, tmp_path: Path) -> Path:
        path = tmp_path / "in" / "fragmented.mp4"
        path.parent.mkdir()
        write(path, Video(keyframes_at=(0, 20, 40)), sound="aac", muxer=FRAGMENTED)
        assert path.read_bytes().count(b"moof") >= 3
        return path

    def test_the_same_pictures_and_sound_without_fragments(
        self, fragmented: Path, tmp_path: Path
    ) -> None:
        unfrag_video(fragmented, tmp_path / "plain.mp4")
        assert b"moof" not in (tmp_path / "plain.mp4").read_bytes()
        starts = {}
        for kind in ("video", "audio"):
            got_start, got_packets = packets(tmp_path / "plain.mp4", kind)
            want_start, want_packets = packets(fragmented, kind)
            assert got_packets == want_packets
            starts[kind] = got_start - want_start
        assert abs(starts["video"] - starts["audio"]) < Fraction(
            1, 1000
        )  # mp4's edit lists count in that
        got, want = get_frames(tmp_path / "plain.mp4", 24), get_frames(fragmented, 24)
        assert got[1:] == want[1:]
        assert np.array_equal(got[0], want[0])

    def test_a_file_of_a_live_stream_starts_at_zero(self, tmp_path: Path) -> None:
        hour = Video(ticks=lambda n: n + 24 * 3600, time_base=Fraction(1, 24))
        write(tmp_path / "a.mp4", hour, muxer=FRAGMENTED)
        unfrag_video(tmp_path / "a.mp4", tmp_path / "b.mp4")
        with av.open(str(tmp_path / "b.mp4")) as container:
            assert container.start_time == 0
        assert get_duration(tmp_path / "b.mp4") == pytest.approx(2.5, abs=0.05)
        assert get_frames(tmp_path / "b.mp4", 24)[2] == get_frames(tmp_path / "a.mp4", 24)[2]

    def test_rotation_is_kept(self, clip: Path, tmp_path: Path) -> None:
        rotate(clip, 90)
        unfrag_video(clip, tmp_path / "plain.mp4")
        assert np.array_equal(get_frames(tmp_path / "plain.mp4", 1)[0], get_frames(clip, 1)[0])

    def test_the_output_may_be_the_input(self, fragmented: Path) -> None:
        frames = get_frames(fragmented, 4)[0]
        unfrag_video(fragmented, fragmented)
        assert b"moof" not in fragmented.read_bytes()
        assert np.array_equal(get_frames(fragmented, 4)[0], frames)
        assert [path.name for path in fragmented.parent.iterdir()] == ["fragmented.mp4"]

    def test_the_file_is_as_readable_as_any_other(self, fragmented: Path, tmp_path: Path) -> None:
        unfrag_video(fragmented, tmp_path / "plain.mp4")
        (tmp_path / "other").touch()
        assert (tmp_path / "plain.mp4").stat().st_mode == (tmp_path / "other").stat().st_mode

    def test_of_a_truncated_file_nothing_is_written(self, fragmented: Path, tmp_path: Path) -> None:
        truncate(fragmented, 0.7)
        (tmp_path / "plain.mp4").write_text("as it was")
        with pytest.raises(DecodeError, match=r"fragmented\.mp4 is truncated"):
            unfrag_video(fragmented, tmp_path / "plain.mp4")
        assert (tmp_path / "plain.mp4").read_text() == "as it was"
        assert {path.name for path in tmp_path.iterdir()} == {"in", "plain.mp4"}

    def test_a_codec_that_mp4_does_not_hold(self, tmp_path: Path) -> None:
        write(tmp_path / "a.mkv", Video(codec="libvpx"))
        with pytest.raises(MediaError, match=r"cannot copy .*a\.mkv"):
            unfrag_video(tmp_path / "a.mkv", tmp_path / "b.mp4")
        assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(MissingMediaError):
            unfrag_video(tmp_path / "a.mp4", tmp_path / "b.mp4")
        assert list(tmp_path.iterdir()) == []


def packets(path: Path, kind: str) -> tuple[Fraction, list[tuple[Fraction, bytes]]]:
    """When the first stream of a kind starts; times from there, and content, of its packets."""
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        found = [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in container.demux(stream)
            if packet.pts is not None
        ]
    start = found[0][0]
    return start, [(time - start, data) for time, data in found]
