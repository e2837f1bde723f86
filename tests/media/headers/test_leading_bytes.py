from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.media import decode
from common_ml.media.audio import read_audio
from common_ml.media.headers.leading_bytes import num_leading_bytes
from common_ml.media.images import read_image
from common_ml.media.kinds import media_kind
from tests.media import bad_media, corpus, recipes
from tests.media.test_audio import encoded, int16, sine

if TYPE_CHECKING:
    from pathlib import Path

MARK = b"\xef\xbb\xbf"
TAG = b"ID3\4\0\0\0\0\2\1" + b"x" * 257
TAG_WITH_FOOTER = b"ID3\4\0\x10\0\0\1\0" + bytes(128) + b"3DI\4\0\x10\0\0\1\0"


def before(path: Path, data: bytes) -> Path:
    behind = path.with_name(f"behind{path.suffix}")
    behind.write_bytes(data + path.read_bytes())
    return behind


@pytest.mark.parametrize("extension", ["jpg", "png", "gif", "webp"])
@pytest.mark.parametrize("stray", [MARK, b"\n", b"\r\n", b"\0\1\2\3stray bytes!"])
def test_a_picture_behind_stray_bytes(tmp_path: Path, extension: str, stray: bytes) -> None:
    path = bad_media.good_picture(extension, tmp_path)
    behind = before(path, stray)
    assert media_kind(behind) == "image"
    assert np.array_equal(read_image(behind), read_image(path))


@pytest.mark.parametrize("container", ["wav", "aiff", "flac", "au", "w64", "mp4", "ogg"])
@pytest.mark.parametrize("tag", [TAG, TAG_WITH_FOOTER, TAG + TAG])
def test_sound_behind_a_tag(tmp_path: Path, container: str, tag: bytes) -> None:
    codec = {"flac": "flac", "au": "pcm_s16be", "aiff": "pcm_s16be", "mp4": "aac", "ogg": "flac"}
    samples = int16(sine(440, rate=16000, num_samples=16000))
    path = tmp_path / f"a.{container}"
    encoded(path, samples, 16000, codec=codec.get(container, "pcm_s16le"), container=container)
    behind = before(path, tag)
    assert media_kind(behind) == "audio"
    assert np.array_equal(read_audio(behind, 16000), read_audio(path, 16000))


@pytest.mark.parametrize("container", ["mp4", "avi", "mkv"])
def test_a_video_behind_a_mark_of_byte_order(tmp_path: Path, container: str) -> None:
    path = tmp_path / f"a.{container}"
    recipes.write(path, recipes.Video(codec="mpeg4", num_frames=10))
    behind = before(path, MARK)
    assert media_kind(behind) == "video"
    whole, found = ([f.rgb.copy() for f in decode.sample(p, fps=None)] for p in (path, behind))
    assert len(whole) == 10
    assert np.array_equal(whole, found)


def test_what_is_missing_at_the_end_is_counted_from_the_media_on(tmp_path: Path) -> None:
    path = corpus.build("mkv", tmp_path)
    whole = path.read_bytes()
    path.write_bytes(MARK + whole[:-1])
    assert decode.VideoReader(path).index.truncation == "1 bytes of its segment are missing"
    path.write_bytes(MARK + whole)
    assert decode.VideoReader(path).index.truncation == ""


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xe0" + bytes(8) + b"\xff\xd8\xff\xe0",
        b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypmjp2",
        b"\0\0\0\x08wide\0\0\0\x14ftypqt  ",
        b"x" * 17 + b"\x89PNG\r\n\x1a\n",
        b"--frame\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0",
        TAG + b"\xff\xfb\x90\x64",
        TAG + b"\xff\xd8\xff\xe0",
        b"ID3\4\0\0\0\0\x80\1" + b"RIFF....WAVE",
        b"",
        b"ID3",
    ],
)
def test_other_files_begin_at_their_first_byte(data: bytes) -> None:
    assert num_leading_bytes(io.BytesIO(data)) == 0
