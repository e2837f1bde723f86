"""Compare decodes that skip packets with a decode of everything."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import pytest

from common_ml.media import decode
from common_ml.media.video.bitstream.h264_frames import FrameHeaderReader
from common_ml.media.video.h264_references import needed_packets
from tests.depth import scaled
from tests.media import made_references, recipes
from tests.media.recipes import Video

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from av.packet import Packet
    from av.video.stream import VideoStream


STRUCTURES = {
    "one reference, pyramid": "keyint=60:ref=1:bframes=3:b-pyramid=normal:b-adapt=0:scenecut=0",
    "one reference, long pyramid": "keyint=60:ref=1:bframes=7:b-pyramid=normal:b-adapt=0",
    "two references": "keyint=60:ref=2:bframes=3:b-pyramid=normal:b-adapt=0:weightp=2",
    "strict pyramid": "keyint=60:ref=1:bframes=3:b-pyramid=strict:b-adapt=0",
    "no B pictures": "keyint=60:ref=1:bframes=0",
    "open groups": "keyint=20:min-keyint=20:open-gop=1:ref=1:bframes=3:b-pyramid=normal",
    "slices": "keyint=60:ref=1:bframes=3:b-pyramid=normal:b-adapt=0:slices=3",
    "temporal direct": "keyint=60:ref=1:bframes=3:b-pyramid=normal:b-adapt=0:direct=temporal",
    "many references": "keyint=60:ref=8:bframes=5:b-pyramid=normal:b-adapt=0",
}


class Film:
    """A film as packets, and what a decode of all of them gives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            self.extradata = stream.codec_context.extradata
            self.packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
        self.pts: list[int | None] = []
        self.whole = self.decoded(range(len(self.packets)))

    def decoded(self, places: Collection[int]) -> dict[int, bytes]:
        """Pictures by time, where only packets at `places` are decoded and the others skipped."""
        pictures: dict[int, bytes] = {}
        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            context.thread_count = 1
            packets: list[Packet[VideoStream]] = [
                packet for packet in container.demux(stream) if packet.size
            ]
            self.pts = [packet.pts for packet in packets]
            frames = []
            for place, packet in enumerate(packets):
                context.skip_frame = "DEFAULT" if place in places else "NONINTRA"
                frames += context.decode(packet)
            frames += context.decode(None)
            for frame in frames:
                pictures[frame.pts or 0] = frame.to_ndarray().tobytes()
        return pictures


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Film]:
    made: dict[str, Film] = {}

    def make(structure: str) -> Film:
        if structure not in made:
            path = tmp_path_factory.mktemp("film") / "film.mp4"
            options = {"preset": "veryfast", "crf": "30", "x264-params": STRUCTURES[structure]}
            recipes.write(path, replace(Video(codec="libx264", options=options), num_frames=120))
            made[structure] = Film(path)
        return made[structure]

    return make


@pytest.mark.parametrize("structure", STRUCTURES)
def test_wanted_pictures_are_those_of_a_decode_of_everything(
    structure: str, film: Callable[[str], Film]
) -> None:
    whole = film(structure)
    dice = random.Random(structure)
    size = len(whole.packets)
    for count in (1, 1, 2, 5, 12, 40):
        wanted = set(dice.sample(range(size), count))
        packets = [memoryview(packet) for packet in whole.packets]
        needed = needed_packets(whole.extradata, packets, wanted)
        if needed is None:
            continue
        assert wanted <= needed.exact
        pictures = whole.decoded(needed.exact | needed.kept)
        for place in needed.exact:
            time = whole.pts[place] or 0
            assert pictures[time] == whole.whole[time], (place, sorted(wanted))


def test_a_pyramid_with_one_reference_is_left_out(film: Callable[[str], Film]) -> None:
    """A picture in each second: less than three quarters of the references are decoded."""
    whole = film("one reference, pyramid")
    reader = FrameHeaderReader(whole.extradata)
    frames = [reader.read(memoryview(packet)) for packet in whole.packets]
    num_references = sum(frame is not None and frame.first.is_reference for frame in frames)

    packets = [memoryview(packet) for packet in whole.packets]
    needed = needed_packets(whole.extradata, packets, range(0, len(packets), 25))

    assert needed is not None
    assert len(needed.exact | needed.kept) < 0.75 * num_references
    assert needed.num_saved > 0.3 * num_references


def test_every_structure_is_understood(film: Callable[[str], Film]) -> None:
    for structure in STRUCTURES:
        whole = film(structure)
        reader = FrameHeaderReader(whole.extradata)
        assert all(reader.read(memoryview(packet)) for packet in whole.packets), structure


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 40, b"\xff" * 40, b"\0\0\0\5\x41\xff\xff\xff\xff", b"\0\0\0\1\x41"]
)
def test_damaged_headers_leave_nothing_out(damage: bytes, film: Callable[[str], Film]) -> None:
    whole = film("one reference, pyramid")
    packets = [memoryview(packet) for packet in whole.packets[:30]]
    packets[13] = memoryview(damage)

    assert needed_packets(whole.extradata, packets, [20]) is None


def test_without_parameter_sets_nothing_is_left_out(film: Callable[[str], Film]) -> None:
    packets = [memoryview(packet) for packet in film("no B pictures").packets[:3]]
    assert needed_packets(None, packets, [0]) is None


@pytest.mark.parametrize("with_b", [False, True])
@pytest.mark.parametrize("fields", [False, True])
def test_long_term_references_and_fields_are_followed(
    fields: bool,
    with_b: bool,
    tmp_path: Path,
) -> None:
    """Random films; a wrong reference shows, as most of each picture is copied from its own."""
    num_saved = 0
    for seed in range(scaled(4, 60)):
        path = tmp_path / f"{seed}.mp4"
        made_references.Film(seed, fields=fields, with_b=with_b).write(path)
        whole = Film(path)
        packets = [memoryview(packet) for packet in whole.packets]
        dice = random.Random(seed)
        for count in (1, 3):
            wanted = set(dice.sample(range(len(packets)), count))
            needed = needed_packets(whole.extradata, packets, wanted)
            if needed is None:
                continue
            num_saved += needed.num_saved
            pictures = whole.decoded(needed.exact | needed.kept)
            for place in needed.exact:
                time = whole.pts[place] or 0
                assert pictures[time] == whole.whole[time], (seed, place, sorted(wanted))
    assert num_saved > 40


@pytest.mark.parametrize("fields", [False, True])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_made_films_are_the_same_with_any_strategy(
    suffix: str,
    fields: bool,
    tmp_path: Path,
) -> None:
    path = tmp_path / f"made{suffix}"
    made_references.Film(1, fields=fields, with_b=True, num_frames=60).write(path)
    whole = {f.index: f for f in decode.sample(path, fps=None, strategy="sequential", workers=1)}
    assert len(whole) >= 59
    for workers in (1, 2):
        for frame in decode.sample(path, fps=2, workers=workers):
            assert frame.seconds == whole[frame.index].seconds
            assert (frame.rgb == whole[frame.index].rgb).all()
