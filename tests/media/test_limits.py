from __future__ import annotations

import logging
import re
import struct
import subprocess
import sys
import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import DecodeError, LimitError, ParamsError
from common_ml.media import limits
from common_ml.media.choices import Choices, reading
from common_ml.media.decode import keyframes, sample
from common_ml.media.images import read_image, read_images
from common_ml.media.kinds import media_kind
from common_ml.media.limits import Limits, applied, in_force
from common_ml.media.probe import check_limits, probe
from common_ml.tagging.job.context import JobContext
from common_ml.tagging.params.sdk_options import SdkOptions
from tests.media import bad_media, corpus, recipes
from tests.tagging.child import Child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOMBS = ["png", "gif", "bmp", "tif", "jpg", "webp", "jp2", "ppm", "pgm", "pfm", "ras", "hdr", "pam"]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("media")
    bad_media.make_all(directory)
    return directory


@pytest.mark.parametrize(
    "options", [{"max_pixels": 0}, {"max_file_seconds": 0}, {"file_timeout_seconds": -1.0}]
)
def test_limits_make_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be >"):
        Limits(**options)


def test_limits_hold_in_a_block_and_in_every_thread() -> None:
    seen = []
    tight = Limits(max_pixels=5)
    with applied(tight):
        thread = threading.Thread(target=lambda: seen.append(in_force()))
        thread.start()
        thread.join()
    assert seen == [tight]
    assert in_force() == Limits()


@pytest.mark.parametrize("extension", BOMBS)
def test_a_picture_that_is_too_large_is_refused_by_its_header(media: Path, extension: str) -> None:
    path = media / f"bomb.{extension}"
    assert path.stat().st_size < 5000
    with pytest.raises(
        LimitError,
        match=rf"^'{re.escape(str(path))}' is too large: (\d+) x \d+ are \d+ pixels, and at most"
        r" 256000000 are allowed \(max_pixels\)$",
    ):
        read_image(path)


@pytest.mark.parametrize("extension", bad_media.PICTURES)
def test_the_limit_is_exact(tmp_path: Path, extension: str) -> None:
    path = bad_media.good_picture(extension, tmp_path)
    with applied(Limits(max_pixels=160 * 96)):
        assert read_image(path).shape == (96, 160, 3)
    with applied(Limits(max_pixels=160 * 96 - 1)):
        with pytest.raises(LimitError, match="160 x 96 are 15360 pixels, and at most 15359"):
            read_image(path)
        with read_images([path]) as pictures:
            ((_, outcome),) = pictures
        assert isinstance(outcome, LimitError)


def test_a_file_beyond_any_picture_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.truncate(10**10)  # of holes
    with pytest.raises(LimitError, match="it has 10000000000 bytes, and no picture of the allowed"):
        read_image(path)


BOMB = """
import resource, sys
from common_ml.errors import LimitError
from common_ml.media.images import read_image
from common_ml.media.decode import sample
import cv2
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        read_image(path) if not path.endswith("y4m") else list(sample(path, fps=1))
        print(path, "was read")
    except ValueError as error:
        if not isinstance(error, LimitError) and not path.endswith("y4m"):
            print(path, error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_bomb_takes_no_memory(media: Path) -> None:
    """The picture that unpacks to 3.6 GB is refused within a few MB."""
    paths = [str(media / f"bomb.{extension}") for extension in [*BOMBS, "y4m"]]
    command = [sys.executable, "-c", BOMB, *paths]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (grown_kb,) = printed.splitlines()
    assert int(grown_kb) < 50_000


def claiming(path: Path, codec: str) -> Path:
    """Write a clip whose pictures, and whose container, claim 65535 x 65535."""
    pixel_format = {"mjpeg": "yuvj420p", "png": "rgb24"}.get(codec, "yuv420p")
    video = recipes.Video(codec=codec, num_frames=3, pixel_format=pixel_format)
    recipes.write(path, video)
    data = path.read_bytes()
    if codec == "libvpx-vp9":  # VP9 bitstream, 6.2: 36 bits before the sizes less 1
        start = data.index(b"\x49\x83\x42") - 1
        head = int.from_bytes(data[start : start + 16], "big")
        ones = ((1 << 16) - 2 << 16 | (1 << 16) - 2) << 128 - 36 - 32
        head = head & ~(0xFFFFFFFF << 128 - 36 - 32) | ones
        data = data[:start] + head.to_bytes(16, "big") + data[start + 16 :]
    for size in ("<I", ">I", "<H", ">H"):  # side by side, in the header of whatever kind
        old = struct.pack(size, 96) + struct.pack(size, 160)
        new = struct.pack(size, 65535) * 2
        data = data.replace(old, new).replace(old[len(old) // 2 :] + old[: len(old) // 2], new)
    path.write_bytes(data)
    return path


def test_a_video_that_claims_to_be_huge_takes_no_memory(tmp_path: Path) -> None:
    """FFmpeg decodes a picture to open a file, before its size is compared with the limit."""
    clips = [
        ("a.webm", "libvpx-vp9"),
        ("b.ivf", "libvpx-vp9"),
        ("c.avi", "mjpeg"),
        ("d.mov", "png"),
    ]
    paths = [str(claiming(tmp_path / name, codec)) for name, codec in clips]
    command = [sys.executable, "-c", BOMB.replace('endswith("y4m")', "strip()"), *paths]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (grown_kb,) = printed.splitlines()
    assert int(grown_kb) < 60_000


@pytest.mark.parametrize("name", ["mp4_index_first", "mkv", "ts", "avi", "rotated_90"])
def test_a_video_that_is_too_large_is_refused(tmp_path: Path, name: str) -> None:
    path = corpus.build(name, tmp_path)
    with applied(Limits(max_pixels=160 * 96)):
        assert len(list(sample(path, fps=None))) == 60
    with applied(Limits(max_pixels=160 * 96 - 1)):
        assert media_kind(path) == "video"
        readers: list[Callable[[Path], object]] = [
            probe,
            check_limits,
            lambda path: list(keyframes(path)),
            lambda path: list(sample(path, fps=1)),
        ]
        for read in readers:
            with pytest.raises(LimitError, match=r"160 x 96 are 15360 pixels, and at most 15359 "):
                read(path)


def test_a_size_that_grows_beyond_the_limit_is_refused_by_the_decoder(tmp_path: Path) -> None:
    """Before there is memory for it; the frames before it come."""
    parts = [tmp_path / "small.ts", tmp_path / "large.ts"]
    recipes.write(parts[0], recipes.Video(num_frames=30))
    recipes.write(parts[1], recipes.Video(num_frames=6, width=640, height=360))
    path = tmp_path / "grows.ts"
    recipes.concatenate(path, parts)
    with applied(Limits(max_pixels=160 * 96)), reading(Choices(damage="fail")):
        stream = sample(path, fps=None)
        frames: list[tuple[int, ...]] = []
        with pytest.raises(
            DecodeError, match=r"grows\.ts' is damaged or truncated: decoded 1\.\d s"
        ):
            frames.extend(frame.rgb.shape for frame in stream)
    assert len(frames) > 20
    assert set(frames) == {(96, 160, 3)}


@pytest.mark.parametrize("name", ["size_changes_ts", "size_changes_h264"])
def test_a_tagger_refuses_a_size_that_grows_even_by_little(tmp_path: Path, name: str) -> None:
    path = corpus.build(name, tmp_path)
    params = f'{{"common_ml": {{"max_pixels": {160 * 96}}}, "continue_on_error": true, "fps": 24}}'
    messages, _ = tagged(tmp_path, [path], params, "film", "0")
    assert messages[-1]["type"] == "error"
    assert re.match("LimitError: .* is too large: 192 x", messages[-1]["data"]["message"])
    assert len(messages) > 20


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = corpus.build("mkv", tmp_path)
    with applied(Limits(max_file_seconds=2.5)):
        check_limits(path)
    with applied(Limits(max_file_seconds=2)):
        with pytest.raises(
            LimitError,
            match=r"mkv\.mkv' is too long: it lasts 2\.5 s, and at most 2 s are allowed",
        ):
            check_limits(path)
        check_limits(tmp_path / "missing.mp4")  # for its reader to say


def test_a_duration_is_compared_exactly() -> None:
    bounds = Limits(max_file_seconds=2.5)
    bounds.check_duration("a", Fraction(5, 2))
    with pytest.raises(LimitError):
        bounds.check_duration("a", Fraction(5, 2) + Fraction(1, 10**9))


MAIN = """
import sys
from common_ml import AVModel, FrameModel, FrameTag, Tag, catch_errors, run_default

class Film(FrameModel):
    def tag_frame(self, img):
        return WORK()

class Whole(AVModel):
    def tag(self, fpath):
        return [Tag(tag=part.tag) for part in WORK()]

def WORK():
    import time
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        pass
    return [FrameTag(tag="x")]

SECONDS = float(sys.argv[-1])
if __name__ == "__main__":
    with catch_errors():
        run_default(Film() if "film" in sys.argv else Whole())
"""


def tagged(
    directory: Path, paths: list[Path], params: str, *arguments: str
) -> tuple[list[dict[str, Any]], str]:
    main = directory / "main.py"
    main.write_text(MAIN)
    with Child(main, params=params, arguments=list(arguments)) as tagger:
        tagger.send(*map(str, paths))
        outcome = tagger.finish()
    assert outcome.status == 0
    return outcome.messages, outcome.stderr


@pytest.mark.parametrize("kind", ["film", "whole"])
def test_a_tagger_refuses_what_is_too_long(tmp_path: Path, kind: str) -> None:
    path = corpus.build("mkv", tmp_path)
    params = '{"common_ml": {"max_file_seconds": 2}, "continue_on_error": true}'
    messages, _ = tagged(tmp_path, [path], params, kind, "0")
    (text,) = [message["data"]["message"] for message in messages]
    said = "is too long: it lasts 2.5 s, and at most 2 s are allowed (max_file_seconds)"
    assert text == f"LimitError: '{path}' {said}"


def test_a_video_that_is_longer_than_it_says_is_given_up(tmp_path: Path) -> None:
    """The header is patched to a tenth; the frames' own times tell."""
    path = corpus.build("flv", tmp_path)
    data = path.read_bytes()
    at = data.index(b"duration") + 9
    path.write_bytes(data[:at] + bytes.fromhex("3fd0000000000000") + data[at + 8 :])  # 0.25
    with applied(Limits(max_file_seconds=2)):
        check_limits(path)
    params = '{"common_ml": {"max_file_seconds": 2}, "continue_on_error": true, "fps": 4}'
    messages, _ = tagged(tmp_path, [path], params, "film", "0")
    assert messages[-1]["type"] == "error"
    assert "is too long: it lasts 2." in messages[-1]["data"]["message"]
    assert {message["type"] for message in messages[:-1]} == {"tag"}


@pytest.mark.parametrize("kind", ["film", "whole", "picture"])
def test_a_file_that_takes_too_long_ends_in_one_error(tmp_path: Path, kind: str) -> None:
    """The next step after the time is over is the last; the log says what hung."""
    if kind == "picture":
        path = bad_media.good_picture("png", tmp_path)
    else:
        path = corpus.build("mkv", tmp_path)
    params = '{"common_ml": {"file_timeout_seconds": 0.2}, "continue_on_error": true, "fps": 10}'
    kinds = {"picture": "film"}
    messages, _ = tagged(tmp_path, [path], params, kinds.get(kind, kind), "0.3")
    assert [message["type"] for message in messages if message["type"] != "tag"] == ["error"]
    assert re.fullmatch(
        rf"LimitError: '{re.escape(str(path))}' takes too long: \d+\.\d s up to now, and 0\.2 s are"
        r" allowed \(file_timeout_seconds\)",
        messages[-1]["data"]["message"],
    )


def test_the_log_says_what_hangs() -> None:
    reported = threading.Event()
    said = []

    class Recorder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())
            reported.set()

    recorder = Recorder()
    logging.getLogger("common_ml").addHandler(recorder)
    job = JobContext()
    with job.current_file("a.mp4", timeout_seconds=0.01):
        assert reported.wait(60)
        with pytest.raises(LimitError, match=r"^'a\.mp4' takes too long: "):
            job.check_time()
    logging.getLogger("common_ml").removeHandler(recorder)
    job.check_time()
    assert [text.partition(")")[0] for text in said] == [
        "a.mp4: its 0.01 s are over (file_timeout_seconds"
    ]


def test_time_is_no_matter_by_default(tmp_path: Path) -> None:
    path = corpus.build("mkv", tmp_path)
    messages, _ = tagged(tmp_path, [path], "{}", "film", "0.01")
    assert messages[-1]["type"] == "progress"


@pytest.mark.parametrize(
    ("key", "bad", "words"),
    [
        ("max_pixels", [0, 1.5, True, None, "1"], "a whole number >= 1"),
        ("max_file_seconds", [0, -1, True, "1"], "a finite number > 0, or null"),
        ("file_timeout_seconds", [0, -1, False, []], "a finite number > 0, or null"),
    ],
)
def test_the_keys_are_checked(key: str, bad: list[Any], words: str) -> None:
    for value in bad:
        with pytest.raises(
            ParamsError, match=rf"{key} must be {re.escape(words)}, got .*@ \$\.common_ml\.{key}$"
        ):
            SdkOptions.from_params({"common_ml": {key: value}})
    good = SdkOptions.from_params({"common_ml": {key: 7}})
    assert getattr(good.limits, key) == 7


def test_the_defaults_are_safe() -> None:
    assert SdkOptions().limits == Limits() == Limits(256_000_000, None, None)
    assert limits.in_force() == Limits()
