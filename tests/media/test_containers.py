from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import av
import pytest

from common_ml.errors import NoStreamError
from common_ml.media import decode
from common_ml.media.choices import Choices, reading
from common_ml.media.containers import interleaved_packets
from common_ml.media.kinds import media_kind
from common_ml.media.probe import probe
from tests.media import corpus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_empty_packets_on_the_way_are_passed_over_and_the_last_drains_the_decoder() -> None:
    stream = SimpleNamespace(index=0)

    def demux(*_: object) -> Iterator[Any]:
        for size in (5, 0, 7, 0, 0):
            yield SimpleNamespace(size=size, stream=stream)

    container: Any = SimpleNamespace(demux=demux)
    assert [packet.size for packet in interleaved_packets(container, [])] == [5, 7, 0]


def without_first_stream(source: Path, path: Path) -> Path:
    """The same two streams, the first of them announced and empty."""
    with av.open(str(source)) as film, av.open(str(path), "w") as output:
        copies = [output.add_stream_from_template(stream) for stream in film.streams.video]
        for packet in film.demux(video=1):
            if packet.dts is not None:
                packet.stream = copies[1]
                output.mux(packet)
    return path


def test_a_stream_without_packets_is_passed_over(tmp_path: Path) -> None:
    source = corpus.build("two_video_streams_mkv", tmp_path)
    path = without_first_stream(source, tmp_path / "first_is_empty.mkv")
    assert media_kind(path) == "video"
    video = probe(path).video
    assert video is not None
    assert (video.index, video.width) == (1, 192)
    frames = list(decode.sample(path, fps=None))
    assert len(frames) == 60
    assert frames[0].rgb.shape == (112, 192, 3)


def test_a_stream_is_chosen_by_its_place(tmp_path: Path) -> None:
    path = corpus.build("two_video_streams", tmp_path)
    widths = {}
    for choice in (None, 0, 1):
        with reading(Choices(video_stream=choice)):
            widths[choice] = next(decode.sample(path, fps=1)).rgb.shape[1]
    assert widths == {None: 160, 0: 160, 1: 192}
    with (
        reading(Choices(video_stream=2)),
        pytest.raises(NoStreamError, match=r"must be one of 0 und, 1 und, got 2 @ \$\.common_ml\."),
    ):
        probe(path)


def test_packets_that_are_left_half_way_close_the_generator() -> None:
    """One of PyAV that is only dropped leaks memory."""
    closed = []

    class Packets:
        def __iter__(self) -> Packets:
            return self

        def __next__(self) -> Any:
            return SimpleNamespace(size=1)

        def close(self) -> None:
            closed.append(self)

    container: Any = SimpleNamespace(demux=lambda *_: Packets())
    packets = interleaved_packets(container, [])
    next(packets)
    assert closed == []
    del packets
    assert len(closed) == 1
