"""MP4 files that are opened without decoding a picture: what is known of them stays the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import av
import pytest

from common_ml.media.headers.described_video import describes_video
from common_ml.media.media_file import MediaFile
from tests.media import corpus, recipes
from tests.media.recipes import Video

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import InputContainer

H264 = Video(codec="libx264", num_frames=8, options={"preset": "ultrafast"})


def is_described(path: Path) -> bool:
    with path.open("rb") as file:
        return describes_video(file, path.stat().st_size)


def stated(container: InputContainer) -> list[Any]:
    return [
        container.duration,
        container.start_time,
        *(
            (s.type, s.index, s.time_base, s.start_time, s.duration, s.frames, s.disposition)
            for s in container.streams
        ),
        *(
            (s.width, s.height, s.average_rate, s.guessed_rate, s.codec_context.name)
            for s in container.streams.video
        ),
        *((s.rate, s.layout.name) for s in container.streams.audio),
    ]


PYAV = int(av.__version__.partition(".")[0])


@pytest.mark.parametrize(
    "name",
    [
        *("h264_default", "h264_gop_12", "h264_pyramid", "h264_10_bit", "mp4_index_first"),
        *("rotated_90", "mp4_fragmented", "variable_mp4", "edit_list_preroll", "h264_444"),
        "h264_open_gop",
    ],
)
def test_what_a_container_states_does_not_depend_on_a_decoded_picture(
    name: str, tmp_path: Path
) -> None:
    path = corpus.build(name, tmp_path)
    assert is_described(path)
    with MediaFile(path).open() as ours, av.open(str(path)) as whole:
        if PYAV >= 18:  # earlier ones take the format from the parameters, without a picture
            assert ours.streams.video[0].codec_context.format is None
        assert stated(ours) == stated(whole)


@pytest.mark.parametrize(
    "name", ["ts", "mkv", "mpeg4_avi", "hevc_open_gop", "av1", "mjpeg_mov", "raw_h264"]
)
def test_other_files_are_opened_as_ever(name: str, tmp_path: Path) -> None:
    assert not is_described(corpus.build(name, tmp_path))


def test_sound_beside_pictures_is_known_too(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    recipes.write(path, H264, sound="aac")
    assert is_described(path)
    with MediaFile(path).open() as ours, av.open(str(path)) as whole:
        assert stated(ours) == stated(whole)


@pytest.mark.parametrize(
    ("parameters", "described"),
    [
        ("bframes=0", True),
        ("bframes=3", True),
        ("interlaced=1", False),
        ("fake-interlaced=1", False),
    ],
)
def test_fields_are_looked_at(parameters: str, described: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    recipes.write(path, replace(H264, options={**H264.options, "x264-params": parameters}))
    assert is_described(path) == described


def test_a_track_that_states_another_size_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    recipes.write(path, H264)
    data = bytearray(path.read_bytes())
    entry = data.index(b"avc1", data.index(b"stsd")) + 4 + 24  # width, height
    data[entry : entry + 4] = bytes([1, 0, 1, 0])
    path.write_bytes(data)
    assert not is_described(path)


def test_cut_and_mangled_headers_raise_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    recipes.write(path, H264)
    data = path.read_bytes()
    start = data.index(b"moov")
    for end in range(start - 4, len(data), 7):
        path.write_bytes(data[:end])
        is_described(path)
    for place in range(start, len(data), 3):
        path.write_bytes(data[:place] + b"\xff" + data[place + 1 :])
        is_described(path)
