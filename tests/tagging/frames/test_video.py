"""Videos and pictures through frame models: which frames, which times, which runs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.errors import MissingMediaError, NoStreamError, UnknownMediaError
from common_ml.tagging.file_tagger import FileTagger
from common_ml.tagging.frames.video import FrameTagging
from common_ml.tagging.messages import FrameInfo, Message, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import TagMessageProducer
from tests.media import recipes
from tests.tagging.numbers import Reads, ReadsBatches, itself

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def clip(media: Path) -> str:
    """3 s at 24 frames per second."""
    path = media / "clip.mp4"
    options = {"x264-params": "keyint=12:scenecut=0:bframes=0"}
    recipes.write(path, recipes.Video(num_frames=72, rate=Fraction(24), options=options))
    return str(path)


@pytest.fixture(scope="module")
def sound(media: Path) -> str:
    import av

    path = media / "sound.wav"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 800), dtype=np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return str(path)


def write_png(path: Path, number: int, *, width: int = 160) -> str:
    import cv2

    cv2.imwrite(str(path), recipes.picture(number, width, 96)[..., ::-1])
    return str(path)


def by_kind(tags: list[Tag]) -> tuple[list[tuple[int, int, str, int]], list[tuple[int, int, str]]]:
    """Frame tags as (start, end, text, frame), then runs as (start, end, text)."""
    of_frames = [
        (tag.start_time, tag.end_time, tag.tag, tag.frame_info.frame_idx)
        for tag in tags
        if tag.frame_info is not None
    ]
    runs = [(tag.start_time, tag.end_time, tag.tag) for tag in tags if tag.frame_info is None]
    return of_frames, runs


def parity(number: int) -> list[FrameTag]:
    """`even` below frame 30, `late` from there on."""
    return [FrameTag(tag="early" if number < 30 else "late")]


def test_sampled_frames_and_then_their_runs(clip: str) -> None:
    tags = list(FrameTagging(Reads(parity), SdkOptions(fps=2)).tag_file(clip))
    of_frames, runs = by_kind(tags)
    assert of_frames == [
        (0, 0, "early", 0),
        (500, 500, "early", 12),
        (1000, 1000, "early", 24),
        (1500, 1500, "late", 36),
        (2000, 2000, "late", 48),
        (2500, 2500, "late", 60),
    ]
    # From the first frame to the last one plus a period of 1/24 s.
    assert runs == [(0, 1042, "early"), (1500, 2542, "late")]
    assert [tag.frame_info is None for tag in tags] == [False] * 6 + [True] * 2
    assert {tag.source_media for tag in tags} == {clip}


def test_the_frames_that_the_model_sees_are_the_ones_it_tags(clip: str) -> None:
    of_frames, _ = by_kind(list(FrameTagging(Reads(itself), SdkOptions(fps=7)).tag_file(clip)))
    assert [text for _, _, text, _ in of_frames] == [str(index) for _, _, _, index in of_frames]
    assert len(of_frames) == 21


def test_single_frames_become_ranges_only_where_allowed(clip: str) -> None:
    alone = list(
        FrameTagging(Reads(itself), SdkOptions(fps=1, allow_single_frame=True)).tag_file(clip)
    )
    assert by_kind(alone)[1] == [(0, 42, "0"), (1000, 1042, "24"), (2000, 2042, "48")]
    none = list(
        FrameTagging(Reads(itself), SdkOptions(fps=1, allow_single_frame=False)).tag_file(clip)
    )
    assert by_kind(none)[1] == []
    assert by_kind(none)[0] == by_kind(alone)[0]


def test_boxes_and_extra_data_travel_and_vectors_are_not_merged(clip: str) -> None:
    box = {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}

    def tags_of(number: int) -> list[FrameTag]:
        return [
            FrameTag(tag="car", box=box, additional_info={"number": number}),
            FrameTag(tag="embedding", vector=[1.0, 2.0]),
        ]

    tags = list(FrameTagging(Reads(tags_of), SdkOptions(fps=1)).tag_file(clip))
    assert tags[2] == Tag(
        start_time=1000,
        end_time=1000,
        tag="car",
        source_media=clip,
        additional_info={"number": 24},
        frame_info=FrameInfo(24, box),
    )
    assert tags[3].vector == [1.0, 2.0]
    assert by_kind(tags)[1] == [(0, 2042, "car")]


def test_batches_are_full_but_for_the_last_and_give_the_same_tags(clip: str) -> None:
    model = ReadsBatches(parity, batch_size=4)
    in_batches = list(FrameTagging(model, SdkOptions(fps=5)).tag_file(clip))
    assert [shape[0] for shape in model.shapes] == [4, 4, 4, 3]
    assert in_batches == list(FrameTagging(Reads(parity), SdkOptions(fps=5)).tag_file(clip))


def test_a_model_gets_batches_of_16_by_default(clip: str) -> None:
    class Default(ReadsBatches):
        def __init__(self) -> None:
            super().__init__(itself)
            del self.batch_size  # that of the base class

    model = Default()
    list(FrameTagging(model, SdkOptions(fps=24)).tag_file(clip))
    assert [shape[0] for shape in model.shapes] == [16, 16, 16, 16, 8]


def test_keyframes_only(clip: str) -> None:
    tags = list(FrameTagging(Reads(itself), SdkOptions(sampling="keyframes")).tag_file(clip))
    assert [text for _, _, text, _ in by_kind(tags)[0]] == ["0", "12", "24", "36", "48", "60"]


def test_a_picture_has_no_time_and_no_runs(media: Path) -> None:
    picture = write_png(media / "one.png", 7)
    assert list(FrameTagging(Reads(itself)).tag_file(picture)) == [
        Tag(tag="7", source_media=picture, frame_info=FrameInfo(0))
    ]


def test_sound_and_junk_and_nothing_are_told_apart(media: Path, sound: str) -> None:
    tagging = FrameTagging(Reads(itself))
    junk = media / "junk.mp4"
    junk.write_text("<html>not a film</html>")
    with pytest.raises(NoStreamError, match=r"sound\.wav': a sound file has no pictures to tag"):
        list(tagging.tag_file(sound))
    with pytest.raises(UnknownMediaError, match=r"junk\.mp4' is .*, but an HTML page"):
        list(tagging.tag_file(str(junk)))
    with pytest.raises(MissingMediaError, match=r"missing\.mp4"):
        list(tagging.tag_file(str(media / "missing.mp4")))


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), "1"])
def test_a_rate_that_makes_no_sense_is_refused(fps: float) -> None:
    with pytest.raises(ValueError, match="fps must be a finite number > 0, got"):
        FrameTagging(Reads(itself), SdkOptions(fps=fps))


def test_every_way_to_a_tagger_gives_the_same_tags(clip: str) -> None:
    model = Reads(parity)
    expected = list(FrameTagging(model, SdkOptions(fps=2, allow_single_frame=False)).tag_file(clip))
    tagger = FileTagger.from_frame_model(model, fps=2)
    assert tagger.tag(clip) == list(tagger.iter_tags(clip)) == expected
    assert AVModel.from_frame_model(model, fps=2, allow_single_frame=False).tag(clip) == expected
    producer = TagMessageProducer.from_model(model, fps=2, allow_single_frame=False)
    assert list(producer.produce([clip])) == [*expected, Progress(clip)]
    assert list(TagMessageProducer.from_file_tagger(tagger).produce([clip])) == [
        *expected,
        Progress(clip),
    ]


def test_pictures_that_arrive_together_share_a_call(media: Path, clip: str) -> None:
    small = [write_png(media / f"s{number}.png", number) for number in range(5)]
    wide = [write_png(media / f"w{number}.png", number, width=192) for number in range(2)]
    model = ReadsBatches(itself, batch_size=3)
    files = [*small, *wide, clip, small[0]]
    messages = list(TagMessageProducer.from_model(model, fps=1).produce(files))
    assert [shape[0] for shape in model.shapes] == [3, 2, 2, 3, 1]
    assert [m.source_media for m in messages if isinstance(m, Progress)] == files
    assert [m.tag for m in messages if isinstance(m, Tag) and m.source_media in small] == [
        *"01234",
        "0",
    ]


def test_a_failing_file_raises_out_of_produce(media: Path) -> None:
    picture = write_png(media / "good.png", 3)
    producer = TagMessageProducer.from_model(Reads(itself))
    messages = producer.produce([picture, str(media / "missing.png"), picture])
    assert [next(messages), next(messages)] == [
        Tag(tag="3", source_media=picture, frame_info=FrameInfo(0)),
        Progress(picture),
    ]
    with pytest.raises(MissingMediaError):
        next(messages)


def test_a_batch_of_pictures_that_fails_is_tried_one_by_one(media: Path) -> None:
    files = [write_png(media / f"p{number}.png", number) for number in range(4)]
    broken = media / "broken.png"
    broken.write_bytes(Path(files[0]).read_bytes()[:60])

    def tags_of(number: int) -> list[FrameTag]:
        if number == 2:
            raise ValueError("two is too much")
        return itself(number)

    model = ReadsBatches(tags_of)
    producer = TagMessageProducer.from_model(model)
    of_files = producer.per_file([*files[:2], str(broken), *files[2:]])  # type: ignore[attr-defined] # a FileProducer
    outcomes = [_first_of(messages) for _, messages in of_files]
    assert outcomes == ["0", "1", "DecodeError", "ValueError", "3"]


def _first_of(messages: Iterator[Message]) -> str:
    try:
        first = next(messages)
    except ValueError as error:  # a MediaError is one, too
        return type(error).__name__
    assert isinstance(first, Tag)
    return first.tag
