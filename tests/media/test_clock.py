"""The file's clock, packet by packet, and files whose clock jumps."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.media import decode
from common_ml.media.audio import audio_windows, read_audio
from common_ml.media.clock import FileClock
from tests.media import recipes
from tests.media.differential import ffmpeg_program
from tests.media.differential.matrix import Case

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TICK = Fraction(1, 90_000)


@dataclass
class _Packet:
    """What the clock looks at."""

    stream: SimpleNamespace
    dts: int | None
    pts: int | None
    duration: int
    time_base: Fraction


def _packet(stream: int, seconds: float, step: float = 0.04) -> Any:
    ticks = round(Fraction(str(seconds)) / TICK)
    return _Packet(
        SimpleNamespace(index=stream), ticks, ticks, round(Fraction(str(step)) / TICK), TICK
    )


def corrected(packets: Iterable[Any]) -> list[tuple[int, float]]:
    """Stream and seconds of each packet, after correction."""
    clock = FileClock()
    found = []
    for packet in packets:
        clock.correct(packet)
        found.append((packet.stream.index, round(float(packet.dts * TICK), 6)))
    return found


def test_a_jump_is_taken_out_for_all_streams_alike() -> None:
    before = [_packet(0, 0), _packet(1, 0.01), _packet(0, 0.04), _packet(1, 0.05)]
    after = [_packet(0, 40000), _packet(1, 40000.01), _packet(0, 40000.04)]
    assert corrected([*before, *after])[4:] == [(0, 0.08), (1, 0.09), (0, 0.12)]


def test_a_step_back_is_a_reset_where_it_is_more_than_a_tenth_of_a_second() -> None:
    assert corrected([_packet(0, 1), _packet(0, 0.95)]) == [(0, 1), (0, 0.95)]
    assert corrected([_packet(0, 1), _packet(0, 0.85)]) == [(0, 1), (0, 1.04)]


@pytest.mark.parametrize(("pause", "expected"), [(9.9, 9.9), (10.1, 0.04)])
def test_a_step_of_more_than_ten_seconds_is_a_jump(pause: float, expected: float) -> None:
    assert corrected([_packet(0, 0), _packet(0, pause)])[1] == (0, expected)


def test_a_pause_of_one_stream_is_none_of_the_clock() -> None:
    pictures = [_packet(0, n) for n in range(30)]
    sound = [_packet(1, 0), _packet(1, 28.5)]
    order = sorted([*pictures, *sound], key=lambda packet: packet.dts)
    assert [seconds for _, seconds in corrected(order)] == [
        float(packet.dts * TICK) for packet in order
    ]


def test_a_stream_that_begins_after_a_jump_is_where_the_others_are() -> None:
    packets = [_packet(0, 0), _packet(0, 500), _packet(1, 500.02)]
    assert corrected(packets) == [(0, 0), (0, 0.04), (1, 0.06)]


def test_a_packet_from_before_the_join_does_not_move_the_clock() -> None:
    before = [_packet(0, 2), _packet(1, 2), _packet(0, 2.04)]
    after = [_packet(0, 0.5), _packet(1, 2.04), _packet(1, 0.52), _packet(0, 0.54)]
    assert corrected([*before, *after])[3:] == [(0, 2.08), (1, 2.04), (1, 2.1), (0, 2.12)]


@given(st.lists(st.floats(0, 9.9).map(lambda value: round(value, 2)), max_size=40))
def test_a_clock_that_goes_on_is_left_alone(steps: list[float]) -> None:
    times = np.cumsum([0, *steps]).round(2).tolist()
    assert corrected(_packet(0, time) for time in times) == [(0, time) for time in times]


@given(st.lists(st.floats(-40_000, 40_000), min_size=1, max_size=20))
def test_however_the_clock_jumps_times_ascend_and_end_soon(jumps: list[float]) -> None:
    times, time = [50_000.0], 50_000.0
    for jump in jumps:
        time += jump
        times += [time, time + 0.04]
    found = [seconds for _, seconds in corrected(_packet(0, round(time, 3)) for time in times)]
    assert min(np.diff(found)) >= -0.1
    assert found[-1] - found[0] <= 10.05 * len(times)


OTHER_OFFSETS = [(40_000, 0), (0, 0), (95_440, 100)]
"""Back, the same again, and after the 33 bits of the clock have ended."""


def recording(path: Path, offset: int, *, codec: str, first: int) -> Path:
    """Two seconds of 50 pictures and a tone, beginning at `offset` seconds."""
    video = recipes.Video(
        codec=codec, rate=Fraction(25), num_frames=50, first_picture=first, gop_size=12
    )
    recipes.write(path, video, sound="mp2", muxer={"output_ts_offset": str(offset)})
    return path


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".ts", "libx264"), (".ts", "mpeg2video"), (".mpg", "mpeg2video")]
)
@pytest.mark.parametrize(
    "offsets", [(0, 40_000), *(pytest.param(o, marks=pytest.mark.slow) for o in OTHER_OFFSETS)]
)
def test_recordings_behind_one_another_are_one(
    suffix: str, codec: str, offsets: tuple[int, int], tmp_path: Path
) -> None:
    parts = [
        recording(tmp_path / f"{n}{suffix}", offset, codec=codec, first=50 * n)
        for n, offset in enumerate(offsets)
    ]
    path = tmp_path / f"joined{suffix}"
    recipes.concatenate(path, parts)
    by_one = list(decode.sample(path, fps=None, strategy="sequential", workers=1))
    assert [frame.index for frame in by_one] == list(range(100))
    # up to a packet of sound, where that comes first at the join
    assert max(abs(frame.seconds - n / 25) for n, frame in enumerate(by_one)) < 0.1
    for fps in (1, 7):
        sampled = {frame.index: frame.seconds for frame in decode.sample(path, fps=fps, workers=2)}
        assert sampled.items() <= {frame.index: frame.seconds for frame in by_one}.items()
    assert abs(len(read_audio(path)) / 16_000 - 4) < 0.2
    assert len(list(audio_windows(path, window_seconds=1))) <= 5


@pytest.mark.skipif(
    not ffmpeg_program.IS_INSTALLED, reason="PyAV cannot write Theora: it takes the ffmpeg program"
)
def test_headers_of_a_further_link_take_no_time(tmp_path: Path) -> None:
    """Ogg: a link begins with three packets of headers, which are no pictures."""
    link = Case("link", ".ogv", "libtheora", None).make(tmp_path)
    path = tmp_path / "chain.ogv"
    recipes.concatenate(path, [link, link])
    once, both = ([frame.seconds for frame in decode.sample(one, fps=None)] for one in (link, path))
    assert both == pytest.approx([*once, *(2 + seconds for seconds in once)])
