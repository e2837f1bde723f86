"""Times of pictures whose packets do not all have one."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from common_ml.media import decode
from tests.media import made_h264, recipes
from tests.media.made_h264 import Slice, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.mark.parametrize("suffix", [".ts", ".mkv"])
def test_fields_in_packets_of_their_own_leave_a_pause_where_it_is(
    suffix: str, tmp_path: Path
) -> None:
    """A transport stream has a packet for each field, and a time for the first of two."""
    stream = Stream(fields=True)
    packets = [
        stream.picture(Slice(1 + 2 * n, n, 2 * n, is_idr=not n, bottom=False))
        + stream.picture(Slice(2 + 2 * n, n, 2 * n + 1, bottom=True))
        for n in range(24)
    ]
    path = tmp_path / f"fields{suffix}"
    made_h264.write(path, packets, pause=50)
    times = [frame.seconds for frame in decode.sample(path, fps=None)]
    assert times == pytest.approx([n / 25 + 2 * (n >= 12) for n in range(24)])
    sampled = {frame.index: frame.seconds for frame in decode.sample(path, fps=2)}
    assert all(times[index] == seconds for index, seconds in sampled.items())
    assert list(decode.frame_times(path)) == pytest.approx(times)


@pytest.mark.parametrize(
    ("codec", "in_order"), [("libx264", 0), ("libx265", 0), ("libx264", 40), ("libx264", 90)]
)
def test_decoding_times_that_were_copied_to_presentation_times_are_sorted(
    codec: str, in_order: int, tmp_path: Path
) -> None:
    """A bare stream with B-frames, put into MP4 by a program that did not decode it."""

    def copied(packets: recipes.Packets) -> recipes.Packets:
        for number, packet in enumerate(packets):
            packet.pts = packet.dts = number
        return packets

    parameters = {"libx264": "bframes=2", "libx265": "bframes=2:log-level=none:pools=none"}[codec]
    options = {"preset": "veryfast", codec[3:] + "-params": parameters}
    video = recipes.Video(
        codec, options, num_frames=90, keyframes_at=tuple(range(in_order)), gop_size=30
    )
    good, path = tmp_path / "good.mp4", tmp_path / "copied.mp4"
    recipes.write(good, video)
    recipes.write(path, replace(video, edit=copied))
    want = [frame.rgb for frame in decode.sample(good, fps=None)]
    got = {frame.index: frame for frame in decode.sample(path, fps=None)}
    assert list(got) == list(range(90))
    for index, frame in got.items():
        assert np.array_equal(frame.rgb, want[index])
        assert frame.seconds == pytest.approx(index / 24)
    for frame in decode.sample(path, fps=5):
        assert frame.seconds == got[frame.index].seconds
        assert np.array_equal(frame.rgb, got[frame.index].rgb)


def test_a_time_in_a_pack_is_that_of_its_first_picture(tmp_path: Path) -> None:
    """MPEG-PS has one time for all the pictures of a packet; the others follow a period apart."""
    path = tmp_path / "packs.mpg"
    shown = [n for n in range(100) if n % 7 > 2]
    _write_program_stream(path, shown)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stated = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
    assert 3 < len(stated) < len(shown)
    times = [frame.seconds for frame in decode.sample(path, fps=None)]
    assert len(times) == len(shown)
    assert times == sorted(times)
    for pts in stated:
        moment = (pts - stated[0]) / 90_000
        place = shown.index(shown[0] + round(moment * 25))
        assert times[place] == pytest.approx(moment)
    sampled = {frame.index: frame.seconds for frame in decode.sample(path, fps=2)}
    assert all(times[index] == seconds for index, seconds in sampled.items())
    assert list(decode.frame_times(path)) == pytest.approx(times)


def _write_program_stream(path: Path, shown: Sequence[int]) -> None:
    """H.264 pictures of some hundred bytes, shown at these 25ths of a second."""
    random = np.random.default_rng(1)
    with av.open(str(path), "w", format="vob") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "12"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for number in shown:
            noise = random.integers(118, 132, (48, 64, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(noise, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
