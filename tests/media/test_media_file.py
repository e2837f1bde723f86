"""How often files are opened and examined, counted in the system's own calls."""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import av
import pytest

from common_ml.context import WorkContext, entered
from common_ml.media import audio, decode
from common_ml.media.kinds import kind_of
from common_ml.media.media_file import MediaFile
from common_ml.media.probe import probe
from common_ml.media.video import options
from common_ml.tagging.frames.video import FrameTagging
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.producer import TagMessageProducer
from tests.media import corpus, recipes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Calls:
    """What was done to one file: opened by us, opened by FFmpeg, its status asked for."""

    def __init__(self) -> None:
        self.path = ""
        self.counts: Counter[str] = Counter()

    @property
    def of_av(self) -> int:
        return self.counts["av.open"]


_watched: list[Calls] = []


def _note(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and _watched and args[0] == _watched[0].path:
        _watched[0].counts["open"] += 1


sys.addaudithook(_note)  # also sees os.open and io.FileIO


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    seen = Calls()
    whole_open, whole_stat = av.open, os.stat

    def noted_open(name: str, *args: Any, **options: Any) -> Any:
        seen.counts["av.open"] += name == f"file:{seen.path}"
        return whole_open(name, *args, **options)

    def noted_stat(path: Any, **options: Any) -> os.stat_result:
        seen.counts["stat"] += os.fspath(path) == seen.path if not isinstance(path, int) else 0
        return whole_stat(path, **options)

    monkeypatch.setattr(av, "open", noted_open)
    monkeypatch.setattr(os, "stat", noted_stat)
    _watched[:] = [seen]
    with entered(WorkContext()):
        yield seen
    _watched.clear()


class Dark(FrameModel):
    def tag_frame(self, img: Any) -> list[Any]:
        return []


@pytest.mark.parametrize("name", ["h264_gop_12", "mkv", "rotated_90", "hevc_open_gop"])
def test_a_clip_that_is_tagged_is_opened_once(name: str, tmp_path: Path, calls: Calls) -> None:
    """Kind, index and decoder share one container; the head is read once."""
    path = str(corpus.build(name, tmp_path))
    calls.path = path
    media = MediaFile(path)
    assert kind_of(media) == "video"
    with decode.VideoReader(media, decode.DecodeOptions(workers=1)).sample(1) as frames:
        assert list(frames)
    assert calls.counts == {"av.open": 1, "open": 2, "stat": 3}


def test_a_tagger_opens_a_clip_once(
    tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "usable_cpus", lambda: 1)
    path = str(corpus.build("h264_default", tmp_path))
    calls.path = path
    producer = TagMessageProducer.from_model(Dark())
    assert [type(message).__name__ for message in producer.produce([path])] == ["Progress"]
    assert calls.counts["av.open"] == 1
    assert calls.counts["open"] <= 2
    assert calls.counts["stat"] <= 5  # two of them to see that nobody writes to it


@pytest.mark.parametrize(
    ("name", "strategy", "workers", "most"),
    [
        ("h264_gop_12", "groups", 2, 2),  # one container for each of two decoders
        ("h264_gop_12", "threaded", 2, 1),
        ("h264_gop_12", "sequential", 2, 2),  # the index, and a decoder from the beginning
        ("ts", "auto", 1, 3),  # another one to check that packets and pictures agree
        ("avi_b_frames", "auto", 1, 3),
        ("times_start_again_ts", "auto", 1, 4),  # all its streams once more, for the clock
    ],
)
def test_each_decoder_opens_the_file_once(
    name: str, strategy: Any, workers: int, most: int, tmp_path: Path, calls: Calls
) -> None:
    path = corpus.build(name, tmp_path)
    calls.path = str(path)
    with decode.sample(path, fps=None, strategy=strategy, workers=workers) as frames:
        assert list(frames)
    assert calls.of_av <= most


def test_the_index_is_read_once_in_a_job(tmp_path: Path, calls: Calls) -> None:
    """A reader opens what it decodes; a second one of the same file no more than that."""
    path = corpus.build("h264_gop_12", tmp_path)
    calls.path = str(path)
    one_thread = decode.DecodeOptions(workers=1)
    for number in range(4):
        with decode.VideoReader(path, one_thread).frames([number * 11]) as frames:
            assert [frame.index for frame in frames] == [number * 11]
        assert calls.of_av == number + 1
    decode.frame_times(path)
    assert calls.of_av == 4
    with entered(WorkContext()):
        decode.frame_times(path)
    assert calls.of_av == 5


def test_sound_of_a_video_is_opened_for_the_sound_and_for_its_first_picture(
    tmp_path: Path, calls: Calls
) -> None:
    path = tmp_path / "a.mp4"
    recipes.write(path, recipes.Video(num_frames=25), sound="aac")
    calls.path = str(path)
    assert len(audio.read_audio(path))
    assert calls.of_av == 2


def test_a_probe_opens_a_file_once(tmp_path: Path, calls: Calls) -> None:
    path = corpus.build("rotated_90", tmp_path)
    calls.path = str(path)
    probe(path)
    assert calls.counts == {"av.open": 1, "open": 1, "stat": 1}


def test_what_is_not_read_is_closed(tmp_path: Path) -> None:
    descriptors = len(os.listdir("/dev/fd"))
    path = corpus.build("h264_gop_12", tmp_path)
    for _ in range(3):
        media = MediaFile(path)
        assert kind_of(media) == "video"
        media.close()
        list(FrameTagging(Dark()).tag_file(str(path)))
        reader = decode.VideoReader(path)
        assert len(reader.index.packets) == 60
        reader.close()
    assert len(os.listdir("/dev/fd")) == descriptors


def test_a_file_that_is_replaced_meanwhile_is_examined_again(tmp_path: Path) -> None:
    """A playlist in the place of a film is refused by its second decoder, too."""
    path = corpus.build("h264_gop_12", tmp_path)
    media = MediaFile(path)
    media.open().close()
    other = tmp_path / "other"
    other.write_text("#EXTM3U\nfile.ts\n")
    other.replace(path)
    with pytest.raises(Exception, match="playlist"):
        media.open()
