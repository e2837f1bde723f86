"""Compare files of each container, codec and trait with the output of the ffmpeg program."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.errors import NoStreamError
from common_ml.media import decode
from common_ml.media.audio import read_audio
from common_ml.media.probe import probe
from tests.media.differential import ffmpeg_program
from tests.media.differential.differences import DIFFERENCES, is_expected
from tests.media.differential.matrix import CASES

if TYPE_CHECKING:
    from tests.media.differential.matrix import Case

pytestmark = pytest.mark.skipif(
    not ffmpeg_program.IS_INSTALLED, reason="the ffmpeg program is not installed"
)
QUICK = {
    *("mp4-libx264-aac-turned", "mkv-libx264-aac-uneven", "ts-libx264-mp2-jumps_ahead"),
    *("avi-libx264-pcm_s16le-plain", "ts-libx264-mp2-begins_between_keyframes", "wav-pcm_u8-plain"),
    *("mpg-mpeg2video-mp2-starts_again", "ogv-libtheora-libvorbis-plain", "ogg-flac-plain"),
}
"""One of each mechanism."""
SAMPLE_RATE = 16_000
DOCS = Path(__file__).parents[3] / "docs" / "media.md"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("matrix")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in CASES]
)
def test_pictures_times_and_sound_are_those_of_the_ffmpeg_program(
    name: str, directory: Path
) -> None:
    case = CASES[name]
    try:
        path = case.make(directory)
    except subprocess.CalledProcessError:
        pytest.skip("this build of the ffmpeg program cannot write it")
    start = _compare_pictures(case, path) if case.video else None
    if case.audio:
        _compare_sound(case, path, start)
    path.unlink()


def _compare_pictures(case: Case, path: Path) -> float:
    """Returns when the first picture is shown, on ffmpeg's clock."""
    times, looks = ffmpeg_program.pictures(path, has_sound=probe(path).audio is not None)
    with decode.sample(path, fps=None) as stream:
        frames = [(frame.seconds, ffmpeg_program.small(frame.rgb)) for frame in stream]
    assert frames
    if not is_expected(case.name, "number"):
        assert len(frames) == len(times)
    if not is_expected(case.name, "times"):
        deviations = [
            abs(seconds + times[0] - time) for (seconds, _), time in zip(frames, times, strict=True)
        ]
        assert max(deviations) <= 0.002
    if not is_expected(case.name, "looks"):
        distances = [
            np.abs(ours - his).mean() for (_, ours), his in zip(frames, looks, strict=True)
        ]
        assert max(distances) < 4
    return times[0]


def _compare_sound(case: Case, path: Path, start: float | None) -> None:
    begin, theirs = ffmpeg_program.sound(path, SAMPLE_RATE)
    # ours begins with the pictures
    early = 0 if start is None else round((start - begin) * SAMPLE_RATE)
    theirs = theirs[early:] if early > 0 else np.pad(theirs, (-early, 0))
    try:
        ours = read_audio(path, SAMPLE_RATE)
    except NoStreamError:  # a muxer that got no packet before the last picture leaves it out
        ours = np.zeros(0, np.float32)
    if not is_expected(case.name, "length"):
        assert abs(len(ours) - len(theirs)) / SAMPLE_RATE <= 0.06
    if not is_expected(case.name, "peak"):
        assert abs(np.abs(ours).max(initial=0) - np.abs(theirs).max(initial=0)) < 0.05


def test_the_matrix_is_broad() -> None:
    assert len(CASES) >= 300
    assert set(CASES) >= QUICK


def test_each_difference_is_documented() -> None:
    text = " ".join(DOCS.read_text(encoding="utf-8").split())
    for difference in DIFFERENCES:
        assert difference.reason in text
