from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import DecodeError, MediaError, NoStreamError
from common_ml.media.audio import read_audio
from common_ml.media.choices import Choices, reading
from common_ml.media.decode import sample
from common_ml.media.kinds import media_kind
from common_ml.media.probe import probe
from tests.media import bad_media, corpus
from tests.soak.bad_media import TRACES, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_each_cause_has_one_plain_sentence_and_good_files_are_tagged(tmp_path: Path) -> None:
    """All in one tagger, which goes on."""
    bad = bad_media.make_all(tmp_path)
    assert len(bad) >= 60
    good = bad_media.good_clip("mp4_index_first", tmp_path / "clips")
    fates = run(tmp_path / "main.py", bad, good, may_pass=False)
    assert fates.faults == []
    other = {
        text: says for path, says in bad.items() if not re.search(says, text := fates.errors[path])
    }
    assert other == {}
    assert fates.num_good == len(bad) // 5


def test_what_is_left_of_a_clip_is_tagged_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tolerated = bad_media.make_tolerated(tmp_path)
    for path, says in tolerated.items():
        caplog.clear()
        with sample(path, fps=5) as frames:
            assert len(list(frames)) >= 4
        assert len(caplog.messages) == 1, path.name
        assert re.search(says, caplog.messages[0])
        with reading(Choices(damage="fail")), pytest.raises(DecodeError, match="damaged or trunc"):
            list(sample(path, fps=None))


# 60 of the 500 that `tests.soak.bad_media` tries.
@pytest.mark.parametrize("start", [0, 20, 40])
def test_random_corruptions_do_no_harm(tmp_path: Path, start: int) -> None:
    files = [bad_media.corrupted(seed, tmp_path) for seed in range(start, start + 20)]
    good = bad_media.good_clip("mp4_index_first", tmp_path / "clips")
    fates = run(tmp_path / "main.py", files, good, may_pass=True)
    assert fates.faults == []
    assert len(fates.errors) + fates.num_tagged == 20


def test_a_corruption_is_the_same_every_time(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    for seed in range(8):
        path, other = (
            bad_media.corrupted(seed, folder) for folder in (tmp_path, tmp_path / "other")
        )
        assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("name", ["size_changes_ts", "size_changes_h264"])
def test_a_size_that_changes_is_no_fault(tmp_path: Path, name: str) -> None:
    """Each frame comes in its own size."""
    with sample(corpus.build(name, tmp_path), fps=None) as frames:
        sizes = [frame.rgb.shape[:2] for frame in frames]
    assert len(set(sizes)) == 2
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("name", "codec", "new"),
    [("a.wav", "pcm_s16le", b""), ("a.mkv", "aac", b"A_AAC")],
)
def test_sound_in_an_unknown_codec(tmp_path: Path, name: str, codec: str, new: bytes) -> None:
    path = tmp_path / name
    bad_media.write_sound(path, codec)
    data = path.read_bytes()
    if new:
        path.write_bytes(data.replace(new, b"A_ZZZ"))
    else:
        at = data.index(b"fmt ") + 8
        path.write_bytes(data[:at] + b"\x99\x99" + data[at + 2 :])
    with pytest.raises(DecodeError, match=re.escape(f"'{path}': its sound codec is not supported")):
        read_audio(path)
    assert media_kind(path) == "audio"
    assert probe(path).audio is not None


@pytest.mark.parametrize("missing", [1000, 8000])
def test_a_truncated_wav_is_not_merely_a_shorter_one(
    tmp_path: Path, missing: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.wav"
    bad_media.write_sound(path, "pcm_s16le")
    assert len(read_audio(path)) == 8000
    path.write_bytes(path.read_bytes()[:-missing])
    assert len(read_audio(path)) == 8000 - missing // 2
    (message,) = caplog.messages
    assert re.search(
        rf"a\.wav' is damaged: .* \({missing} bytes of its sound are missing\)", message
    )
    with (
        reading(Choices(damage="fail")),
        pytest.raises(DecodeError, match=rf"a\.wav' is damaged or truncated: .*\({missing} bytes"),
    ):
        read_audio(path)


def test_a_video_without_sound(tmp_path: Path) -> None:
    path = bad_media.good_clip("mkv", tmp_path)
    with pytest.raises(NoStreamError, match=r"^there is no sound in '.*mkv\.mkv'$"):
        read_audio(path)


def test_bad_files_are_told_by_the_functions_too(tmp_path: Path) -> None:
    """Who opens files without a tagger gets the same family of errors, in words as plain."""
    for path in bad_media.make_all(tmp_path):
        for read in (probe, read_audio, lambda path: list(sample(path, fps=1))):
            with suppress_checked(path):
                read(path)


@contextmanager
def suppress_checked(path: Path) -> Iterator[None]:
    """A MediaError may come, if it is in plain words."""
    try:
        yield
    except MediaError as error:
        text = str(error)
    else:
        return
    assert path.name in text
    assert not TRACES.search(text)


def test_an_encrypted_file_says_so(tmp_path: Path) -> None:
    for name in ("encrypted.mkv", "encrypted_mp4_fragmented.mp4"):
        bad = {path.name: path for path in made(tmp_path)}
        with pytest.raises(DecodeError, match="is encrypted: there is no key for it"):
            probe(bad[name])


def made(directory: Path) -> list[Path]:
    """The bad files, made once."""
    if not (directory / "clips").exists():
        bad_media.make_all(directory)
    return [path for path in directory.iterdir() if path.is_file()]
