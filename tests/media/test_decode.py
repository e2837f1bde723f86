from __future__ import annotations

import gc
import os
import re
import resource
import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from common_ml.errors import DecodeError, MissingMediaError, NoStreamError
from common_ml.media import decode
from common_ml.media.choices import Choices, reading
from common_ml.media.video import engine, reader
from common_ml.media.video.groups import DeviationError, GroupDecoder
from common_ml.media.video.sequential import SequentialDecoder
from tests.media import corpus, recipes, reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.media.video.options import Strategy
    from common_ml.media.video.plan import Group
    from common_ml.media.video.selection import Picture


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture
def clip(clips: Path) -> Path:
    """60 frames of 160x96 at 24 fps in groups of 12."""
    return corpus.build("h264_gop_12", clips)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_file_of_which_no_picture_can_be_decoded_is_an_error(tmp_path: Path) -> None:
    """Bytes were put in before the media, as by a program that does not know the index."""
    path = tmp_path / "clip.mp4"
    recipes.write(path, recipes.Video(num_frames=12))
    data = path.read_bytes()
    at = data.index(b"mdat") - 4
    path.write_bytes(data[:at] + b"\0\0\0\x1cfree12345678901234567890" + data[at:])
    with (
        pytest.raises(DecodeError, match=r"decoded 0\.0 s of 0\.5 s"),
        decode.sample(path, fps=1) as frames,
    ):
        assert list(frames) == []


def test_frames_carry_index_time_and_pixels(clip: Path) -> None:
    with decode.sample(clip, fps=1) as frames:
        taken = list(frames)
        assert frames.frame_period_seconds == Fraction(1, 24)
        assert frames.facts.codec == "h264"
    assert [(frame.index, frame.seconds) for frame in taken] == [(0, 0.0), (24, 1.0), (48, 2.0)]
    assert all(frame.rgb.shape == (96, 160, 3) for frame in taken)
    assert all(frame.rgb.flags.writeable for frame in taken)


def test_frames_by_index_count_from_the_end_too(clip: Path) -> None:
    assert [frame.index for frame in decode.frames(clip, [-1, 0, -60, 7, 7])] == [59, 0, 0, 7, 7]
    for beyond in (60, -61):
        with pytest.raises(IndexError, match=f"below 60, the number of frames, got {beyond}"):
            decode.frames(clip, [beyond])
    assert list(decode.frames(clip, [])) == []


def test_frames_out_of_order_stay_within_the_budget(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for 4 frames, 60 backwards are decoded in parts of 4."""
    parts: list[int] = []
    whole = engine.decoded_frames

    def noted(media: Any, video: Any, selection: Any, options: Any) -> Any:
        parts.append(len(selection.wanted))
        return whole(media, video, selection, options)

    monkeypatch.setattr(reader, "decoded_frames", noted)
    budget = 4 * 160 * 96 * 3
    taken = decode.frames(clip, range(59, -1, -1), memory_budget_bytes=budget)
    assert [frame.index for frame in taken] == list(range(59, -1, -1))
    assert parts == [4] * 15


def test_times_beyond_the_ends_get_the_first_and_the_last_frame(clip: Path) -> None:
    assert [frame.index for frame in decode.frames_at(clip, [99, -1, 1.02])] == [59, 0, 24]
    assert list(decode.frames_at(clip, [])) == []
    with pytest.raises(ValueError, match="seconds must be finite, got nan"):
        decode.frames_at(clip, [float("nan")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers must be >= 1, got 0"),
        ({"max_size": 0}, "max_size must be >= 1, got 0"),
        ({"memory_budget_bytes": 0}, "memory_budget_bytes must be >= 1, got 0"),
        ({"strategy": "guess"}, "strategy must be one of auto, sequential, threaded, groups"),
        ({"fps": 0}, "fps must be a finite number > 0, got 0"),
    ],
)
def test_options_are_checked_at_once(options: dict[str, Any], message: str, clip: Path) -> None:
    with pytest.raises(ValueError, match=message):
        decode.sample(clip, **{"fps": 1, **options})


def test_max_size_scales_every_way(clip: Path) -> None:
    for stream in (
        decode.sample(clip, fps=1, max_size=80),
        decode.frames(clip, [5], max_size=80),
        decode.frames_at(clip, [1], max_size=80),
        decode.keyframes(clip, max_size=80),
    ):
        assert {frame.rgb.shape for frame in stream} == {(48, 80, 3)}


def test_what_is_no_video_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(MissingMediaError):
        decode.sample(tmp_path / "missing.mp4", fps=1)
    sound = tmp_path / "sound.wav"
    make_sound(sound)
    with pytest.raises(NoStreamError, match="no moving pictures"):
        decode.keyframes(sound)


def make_sound(path: Path) -> None:
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 8000)


def test_a_file_that_is_replaced_is_decoded_anew(clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(corpus.build("h264_gop_12", clips).read_bytes())
    assert len(list(decode.sample(path, fps=None))) == 60
    other = tmp_path / "other.mp4"
    other.write_bytes(corpus.build("rate_half", clips).read_bytes())
    other.replace(path)
    assert len(list(decode.sample(path, fps=None))) == 9


@pytest.mark.parametrize("deviates_after", [0, 1, 17, 30, 59])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_file_that_breaks_its_promise_is_decoded_plainly_from_there_on(
    workers: int, deviates_after: int, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No frame is lost, none comes twice."""
    pictures = GroupDecoder.pictures

    def deviating(self: GroupDecoder, group: Group) -> Iterator[Picture]:
        for picture in pictures(self, group):
            if picture.index == deviates_after:
                raise DeviationError("as the test wants it")
            yield picture

    truth = reference.decode(clip)
    monkeypatch.setattr(GroupDecoder, "pictures", deviating)
    taken = list(decode.sample(clip, fps=None, strategy="groups", workers=workers))
    assert [frame.index for frame in taken] == list(range(60))
    for frame in taken:
        assert np.array_equal(frame.rgb, truth.pictures[frame.index].rgb)


def test_a_healthy_file_is_not_decoded_twice(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def plainly(self: SequentialDecoder) -> Iterator[Any]:
        raise AssertionError("the packets can be trusted here")

    monkeypatch.setattr(SequentialDecoder, "__iter__", plainly)
    for strategy in ("auto", "threaded", "groups"):
        assert len(list(decode.sample(clip, fps=7, strategy=strategy, workers=2))) == 18


def test_only_what_is_needed_is_decoded(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One frame of each group of 12, the keyframe: nothing else comes out of a decoder."""
    came_out = 0
    decoded = GroupDecoder._decoded

    def counted(self: GroupDecoder, group: Group) -> Iterator[Any]:
        nonlocal came_out
        for frame in decoded(self, group):
            came_out += 1
            yield frame

    monkeypatch.setattr(GroupDecoder, "_decoded", counted)
    assert [frame.index for frame in decode.keyframes(clip)] == [0, 12, 24, 36, 48]
    assert came_out == 5


@pytest.mark.parametrize("strategy", ["sequential", "threaded", "groups"])
def test_decoding_runs_ahead_of_the_taker(
    strategy: Strategy, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one frame is looked at, as many others are made as the budget has room for."""
    made: list[int] = []
    all_are_made = threading.Event()
    convert = engine.DecodeTask.convert

    def noted(self: engine.DecodeTask, converter: Any, picture: Picture) -> Any:
        made.append(picture.index)
        if len(made) >= 6:
            all_are_made.set()
        return convert(self, converter, picture)

    monkeypatch.setattr(engine.DecodeTask, "convert", noted)
    budget = 5 * 160 * 96 * 3
    with decode.sample(
        clip, fps=None, strategy=strategy, workers=2, memory_budget_bytes=budget
    ) as frames:
        assert next(frames).index == 0
        assert all_are_made.wait(20)
        # One was taken, five wait; the next of all may always be made.
        assert len(made) <= 8


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("truncated_mkv", r"decoded 1\.[45] s of 2\.5 s \(\d+ bytes of its segment are missing\)"),
        ("truncated_mp4", r"decoded 1\.[45] s of 2\.5 s .*of its last part \(mdat\) are missing"),
        (
            "damaged_mp4",
            r"decoded 2\.5 s of 2\.5 s \(\d+ of \d\d pictures are left out, at 1\.\d\d",
        ),
    ],
)
def test_a_damaged_file_is_decoded_and_one_warning_says_what_is_lost(
    name: str, says: str, clips: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = corpus.build(name, clips)
    assert [frame.index for frame in decode.sample(path, fps=2)][:3] == [0, 12, 24]
    caplog.clear()
    frames = list(decode.sample(path, fps=None))
    assert len(frames) > 30
    (message,) = caplog.messages
    assert re.search(says, message)
    taken: list[decode.Frame] = []
    with reading(Choices(damage="fail")), pytest.raises(DecodeError, match=says) as caught:
        taken.extend(decode.sample(path, fps=None))
    assert caught.value.path == path
    assert [frame.index for frame in taken] == [frame.index for frame in frames]


def test_whole_frames_of_a_broken_file_can_be_had(clips: Path) -> None:
    path = corpus.build("truncated_mkv", clips)
    assert [frame.index for frame in decode.frames(path, [30, 2])] == [30, 2]


@pytest.mark.parametrize("seed", range(6))
def test_bits_that_flipped_are_noticed_with_any_number_of_threads(
    clips: Path, tmp_path: Path, seed: int
) -> None:
    """Decoders mark a damaged picture late: one thread may hand it out while another decodes it."""
    whole = corpus.build("h264_default", clips)
    with av.open(str(whole)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size and p.pos]
    data = bytearray(whole.read_bytes())
    dice = np.random.default_rng(seed)
    position, size = packets[dice.integers(1, len(packets))]
    for _ in range(3):
        data[position + dice.integers(size // 2, size)] ^= 1 << dice.integers(8)
    path = tmp_path / "flipped.mp4"
    path.write_bytes(data)

    def taken(**options: Any) -> tuple[list[tuple[int, bytes]], str]:
        frames: list[tuple[int, bytes]] = []
        try:
            with decode.sample(path, fps=None, **options) as stream:
                frames.extend((frame.index, frame.rgb.tobytes()) for frame in stream)
        except DecodeError as error:
            return frames, str(error)
        return frames, ""

    by_one, message = taken(strategy="sequential", workers=1)
    for workers in (2, 4):
        others, other_message = taken(strategy="threaded", workers=workers)
        assert other_message == message
        assert (others == by_one) is True  # pytest would compare the bytes for minutes


def test_a_stream_that_is_dropped_stops(clip: Path) -> None:
    before = set(threading.enumerate())
    # with room for one frame only, no thread can have finished before it is counted
    frames = decode.sample(clip, fps=None, workers=4, strategy="groups", memory_budget_bytes=1)
    next(frames)
    started = set(threading.enumerate()) - before
    assert started
    del frames
    gc.collect()
    assert not started & set(threading.enumerate())


def test_a_closed_stream_is_at_its_end(clip: Path) -> None:
    frames = decode.sample(clip, fps=None)
    next(frames)
    frames.close()
    assert list(frames) == []


@pytest.mark.parametrize("times", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_leaving_a_decode_in_the_middle_leaks_nothing(clips: Path, times: int) -> None:
    path = corpus.build("h264_gop_12", clips)
    ways: list[tuple[Strategy, int]] = [
        ("groups", 2),
        ("threaded", 2),
        ("sequential", 1),
        ("groups", 4),
    ]

    def leave(times: int) -> None:
        for number in range(times):
            strategy, workers = ways[number % len(ways)]
            with decode.sample(path, fps=None, strategy=strategy, workers=workers) as frames:
                for _ in range(number % 7):
                    next(frames)

    leave(100)  # caches and arenas are filled once
    gc.collect()
    threads, files, memory = set(threading.enumerate()), open_files(), peak_memory_kib()
    leave(times)
    gc.collect()
    assert not set(threading.enumerate()) - threads
    assert open_files() == files
    # One decoder is several hundred KiB, one frame 45: the lesser number shows a leak of decoders,
    # the greater one of frames.
    assert peak_memory_kib() - memory < 20 * 1024


def peak_memory_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_many_small_files_leave_nothing_open(tmp_path: Path) -> None:
    files = open_files()
    for number in range(40):
        path = tmp_path / f"{number}.mkv"
        recipes.write(path, recipes.Video(codec="ffv1", num_frames=2, width=32, height=16))
        assert len(list(decode.sample(path, fps=None))) == 2
    assert open_files() == files
