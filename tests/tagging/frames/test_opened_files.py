"""The next file is opened, and a short video decoded, while one is tagged."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import MissingMediaError
from common_ml.tagging.frames import opened_files
from common_ml.tagging.frames.opened_files import OpenedFiles
from common_ml.tagging.frames.video import FrameTagging
from common_ml.tagging.messages import Message, Progress, Tag
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.producer import FileProducer, TagMessageProducer
from tests.media import recipes
from tests.tagging.numbers import Reads, itself

if TYPE_CHECKING:
    from collections.abc import Callable

    from common_ml.media.decode import FrameStream
    from common_ml.media.media_file import MediaFile
    from common_ml.tagging.models.tag_types import FrameTag

HANGS_SECONDS = 60


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two seconds each, whose pictures have numbers of their own."""
    folder = tmp_path_factory.mktemp("clips")
    paths = [str(folder / f"{n}.mp4") for n in range(3)]
    for n, path in enumerate(paths):
        video = recipes.Video(num_frames=48, rate=Fraction(24), first_picture=100 * n)
        recipes.write(Path(path), video)
    return paths


class Opener:
    """Opens videos, and notes on which thread."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.streams: list[FrameStream] = []
        self._open = FrameTagging(Reads(itself)).open_video

    def __call__(self, media: MediaFile) -> FrameStream:
        self.threads.append(threading.current_thread().name)
        self.streams.append(self._open(media))
        return self.streams[-1]


@pytest.fixture
def opener() -> Opener:
    return Opener()


def test_the_next_clip_is_decoded_while_the_model_works(
    clips: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is in the first clip until the second one has its first frame."""
    is_ready = threading.Event()
    begin = opened_files._begun

    def noted(path: str, opener: Callable[[MediaFile], FrameStream]) -> Any:
        opened = begin(path, opener)
        assert opened is not None
        assert opened.stream is not None
        assert opened.stream._begun
        is_ready.set()
        return opened

    monkeypatch.setattr(opened_files, "_begun", noted)

    class Waits(FrameModel):
        def tag_frame(self, img: Any) -> list[FrameTag]:
            assert is_ready.wait(HANGS_SECONDS)
            return []

    messages = list(TagMessageProducer.from_model(Waits()).produce(clips[:2]))
    assert messages == [Progress(path) for path in clips[:2]]


def test_tags_are_those_of_each_file_alone(clips: list[str], tmp_path: Path) -> None:
    import cv2

    picture = tmp_path / "still.png"
    cv2.imwrite(str(picture), recipes.picture(7, 160, 96)[..., ::-1])
    files = [clips[0], str(picture), clips[1], clips[1], clips[2]]
    producer = TagMessageProducer.from_model(Reads(itself), fps=3)
    alone: list[Message] = [message for file in files for message in producer.produce([file])]
    assert list(producer.produce(files)) == alone
    assert any(isinstance(m, Tag) and m.tag == "208" for m in alone)


def test_a_file_that_changes_before_its_turn_is_opened_again(
    clips: list[str], tmp_path: Path, opener: Opener
) -> None:
    changing = tmp_path / "changing.mp4"
    changing.write_bytes(Path(clips[1]).read_bytes())
    files = OpenedFiles([clips[0], str(changing)], opener)
    next(files)
    files.prepare_next()
    assert files._next is not None
    files._next._is_done.wait(HANGS_SECONDS)
    changing.write_bytes(Path(clips[2]).read_bytes() + b"\0")
    second = next(files)
    assert second.stream is None
    with opener(second.media) as frames:
        assert recipes.picture(200, 160, 96).shape == next(frames).rgb.shape
    assert opener.threads[0] == "next file"
    with pytest.raises(StopIteration):
        next(opener.streams[0])  # the former one is closed


def test_a_file_that_is_not_there_yet_is_looked_for_again(
    clips: list[str], tmp_path: Path, opener: Opener
) -> None:
    late = tmp_path / "late.mp4"
    files = OpenedFiles([clips[0], str(late)], opener)
    next(files)
    files.prepare_next()
    assert files._next is not None
    files._next._is_done.wait(HANGS_SECONDS)
    late.write_bytes(Path(clips[1]).read_bytes())
    assert next(files).kind == "video"


def test_errors_come_in_their_turn(clips: list[str], tmp_path: Path) -> None:
    files = [clips[0], str(tmp_path / "missing.mp4"), clips[1]]
    producer = TagMessageProducer.from_model(Reads(itself))
    assert isinstance(producer, FileProducer)
    of_files = producer.per_file(files)
    assert list(next(of_files)[1])[-1] == Progress(clips[0])
    with pytest.raises(MissingMediaError):
        list(next(of_files)[1])
    assert list(next(of_files)[1])[-1] == Progress(clips[1])


def test_of_a_long_film_only_the_index_is_read(
    clips: list[str], opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened_files, "MAX_BEGUN_BYTES", 1000)
    files = OpenedFiles(clips, opener)
    next(files)
    files.prepare_next()
    second = next(files)
    assert second.stream is not None
    assert not second.stream._begun
    assert len(list(second.stream)) == 2
    files.close()


def test_leaving_closes_what_was_opened_ahead(clips: list[str], opener: Opener) -> None:
    files = OpenedFiles(clips, opener)
    next(files)
    files.prepare_next()
    preparation = files._next
    assert preparation is not None
    files.close()
    preparation._is_done.wait(HANGS_SECONDS)
    assert preparation._opened is None
    assert all(next(stream, None) is None for stream in opener.streams)
