"""Compare decodes of HEVC that skip packets with a decode of everything."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from av.codec.context import Flags
from hypothesis import given
from hypothesis import strategies as st

from common_ml.media import decode
from common_ml.media.video import groups
from common_ml.media.video.hevc_references import needed_packets
from tests.media import recipes, reference
from tests.media.recipes import Video

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

STRUCTURES = {
    "one reference": ("ultrafast", "keyint=60:bframes=3"),
    "three references": ("medium", "keyint=60:bframes=4"),
    "open groups": ("ultrafast", "keyint=20:open-gop=1:bframes=3"),
    "no B pictures": ("ultrafast", "keyint=60:bframes=0:ref=1"),
    "temporal layers": ("ultrafast", "keyint=60:bframes=3:temporal-layers=3"),
    "weights": ("medium", "keyint=60:weightb=1:ref=5:bframes=5:b-adapt=0"),
}


class Film:
    """A film as packets, and what a decode of all of them gives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            self.extradata = stream.codec_context.extradata
            packets = [packet for packet in container.demux(stream) if packet.size]
            self.packets = [bytes(packet) for packet in packets]
            self.pts = [packet.pts or 0 for packet in packets]
        self.whole = self.decoded(range(len(self.packets)))

    def decoded(self, places: Collection[int]) -> dict[int, bytes]:
        """Pictures by time, where only packets at `places` are decoded and the others skipped."""
        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            context.thread_count = 1
            context.flags |= Flags.output_corrupt
            frames = []
            packets = [packet for packet in container.demux(stream) if packet.size]
            for place, packet in enumerate(packets):
                context.skip_frame = "DEFAULT" if place in places else "NONINTRA"
                frames += context.decode(packet)
            frames += context.decode(None)
            return {frame.pts or 0: frame.to_ndarray().tobytes() for frame in frames}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Film]:
    made: dict[str, Film] = {}

    def make(structure: str) -> Film:
        if structure not in made:
            path = tmp_path_factory.mktemp("film") / "film.mp4"
            preset, parameters = STRUCTURES[structure]
            options = {"preset": preset, "x265-params": f"log-level=none:pools=none:{parameters}"}
            recipes.write(path, replace(Video(codec="libx265", options=options), num_frames=100))
            made[structure] = Film(path)
        return made[structure]

    return make


@pytest.mark.parametrize("structure", STRUCTURES)
def test_wanted_pictures_are_those_of_a_decode_of_everything(
    structure: str, film: Callable[[str], Film]
) -> None:
    whole = film(structure)
    dice = random.Random(structure)
    packets = [memoryview(packet) for packet in whole.packets]
    for count in (1, 2, 5, 30):
        wanted = set(dice.sample(range(len(packets)), count))
        needed = needed_packets(whole.extradata, packets, wanted)
        assert needed is not None
        assert wanted <= needed.exact
        pictures = whole.decoded(needed.exact | needed.kept)
        for place in needed.exact:
            time = whole.pts[place]
            assert pictures[time] == whole.whole[time], (place, sorted(wanted))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_frames_at_a_rate_are_those_of_a_decode_of_everything(
    structure: str, film: Callable[[str], Film]
) -> None:
    path = film(structure).path
    truth = reference.decode(path)
    for workers in (1, 2):
        with decode.sample(path, fps=1, workers=workers) as frames:
            for frame in frames:
                assert np.array_equal(frame.rgb, truth.pictures[frame.index].rgb)


def test_a_pyramid_is_left_out(
    film: Callable[[str], Film], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture a second: of the references half are decoded, and nothing comes twice."""
    whole = film("one reference")
    packets = [memoryview(packet) for packet in whole.packets]
    needed = needed_packets(whole.extradata, packets, range(0, len(packets), 25))
    assert needed is not None
    assert needed.share_saved > 0.3

    def sequentially(*_: object) -> None:
        raise AssertionError("the groups did not suffice")

    monkeypatch.setattr(groups.DeviationError, "__init__", sequentially)
    assert len(list(decode.sample(whole.path, fps=1, workers=1))) == 5


@pytest.mark.parametrize("damage", [b"\0" * 40, b"\xff" * 40, b"\0\0\0\5\2\1\xff\xff\xff\xff"])
def test_damaged_headers_leave_nothing_out(damage: bytes, film: Callable[[str], Film]) -> None:
    whole = film("one reference")
    packets = [memoryview(packet) for packet in whole.packets[:30]]
    packets[13] = memoryview(damage)
    assert needed_packets(whole.extradata, packets, [20]) is None


def test_a_lost_reference_leaves_nothing_out(film: Callable[[str], Film]) -> None:
    whole = film("no B pictures")
    packets = [memoryview(packet) for packet in whole.packets[:30]]
    del packets[13]
    assert needed_packets(whole.extradata, packets, [20]) is None


def test_counts_that_wrap_are_derived_as_before(tmp_path: Path) -> None:
    """Of 300 pictures of one group a late one is wanted, whose references are near it."""
    path = tmp_path / "film.mp4"
    options = {
        "preset": "ultrafast",
        "x265-params": "log-level=none:pools=none:keyint=-1:bframes=3:ref=1",
    }
    video = Video(codec="libx265", options=options, num_frames=300, width=64, height=64)
    recipes.write(path, video)
    whole = Film(path)
    packets = [memoryview(packet) for packet in whole.packets]
    needed = needed_packets(whole.extradata, packets, [299])
    assert needed is not None
    pictures = whole.decoded(needed.exact | needed.kept)
    time = whole.pts[299]
    assert pictures[time] == whole.whole[time]


def test_without_parameter_sets_nothing_is_left_out(film: Callable[[str], Film]) -> None:
    packets = [memoryview(packet) for packet in film("no B pictures").packets[:3]]
    assert needed_packets(None, packets, [0]) is None


@given(data=st.data())
def test_any_bytes_are_understood_or_not(data: st.DataObject, film: Callable[[str], Film]) -> None:
    """Damage anywhere in record and packets raises nothing, and leaves wanted pictures in."""
    whole = film("three references")

    def damaged(original: bytes, limit: int) -> bytes:
        changed = bytearray(original)
        for place, value in data.draw(
            st.lists(st.tuples(st.integers(0, limit), st.integers(0, 255)), max_size=4)
        ):
            changed[place % len(changed)] = value
        return bytes(changed)

    packets = [memoryview(damaged(packet, 40)) for packet in whole.packets[:12]]
    needed = needed_packets(damaged(whole.extradata or b"", 200), packets, [7])
    assert needed is None or {0, 7} <= needed.exact


@given(st.binary(max_size=200), st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_foreign_bytes_leave_nothing_out(record: bytes, packets: list[bytes]) -> None:
    views = [memoryview(packet) for packet in packets]
    assert needed_packets(record, views, [0]) is None


def test_a_record_that_counts_millions_is_no_work() -> None:
    record = bytes([1] * 22) + b"\xff" + b"\x21\xff\xff\0\0" * 10
    assert needed_packets(record, [memoryview(b"\0\0\0\1\2")], [0]) is None
