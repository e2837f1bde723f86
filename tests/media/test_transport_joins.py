"""Transport streams whose PIDs change, as where recordings were joined."""

from __future__ import annotations

import io
import logging
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.errors import DecodeError
from common_ml.media import decode, repairs
from common_ml.media.audio import read_audio
from common_ml.media.byte_view import TransportView
from common_ml.media.choices import Choices, reading
from common_ml.media.kinds import media_kind
from common_ml.media.probe import probe
from common_ml.media.transport_joins import NULL_PID, find_joins
from tests.media import recipes
from tests.media.made_transport import (
    AAC,
    H264,
    MP2,
    MPEG2,
    PMT_PID,
    PRIVATE,
    association,
    media,
    pids,
    programme,
)

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from common_ml.media.transport_joins import Joins

BEGINNING = association({1: PMT_PID}) + programme(1, [(256, H264), (257, MP2)])
MEDIA = media(256) + media(257)
VIDEO = recipes.Video(num_frames=30, rate=Fraction(25), max_b_frames=0, gop_size=10)


def renamed(data: bytes) -> dict[int, dict[int, int]]:
    """Offset -> PID -> its new name, of those that get one."""
    joins = find_joins(io.BytesIO(data))
    if joins is None:
        return {}
    return {
        section.start: {old: int(new) for old, new in enumerate(section.names) if old != new}
        for section in joins.sections
    }


def test_a_stream_that_takes_the_place_of_one_of_its_kind_gets_its_name() -> None:
    first = BEGINNING + MEDIA
    second = association({1: PMT_PID}) + programme(1, [(768, H264), (769, MP2)]) + media(768)
    tables = {0: NULL_PID, PMT_PID: NULL_PID}
    assert renamed(first + second) == {len(first): {768: 256, 769: 257, **tables}}


def test_names_that_are_exchanged_are_exchanged_back() -> None:
    first = BEGINNING + MEDIA
    second = association({1: PMT_PID}) + programme(1, [(256, MP2), (257, H264)]) + MEDIA
    tables = {0: NULL_PID, PMT_PID: NULL_PID}
    assert renamed(first + second) == {len(first): {256: 257, 257: 256, **tables}}


def test_a_programme_that_takes_the_place_of_another_goes_on_it() -> None:
    first = BEGINNING + MEDIA
    second = association({7: 0x1200}) + programme(7, [(768, H264)], pid=0x1200) + media(768)
    assert renamed(first + second) == {len(first): {768: 256, 0: NULL_PID, 0x1200: NULL_PID}}


def test_a_part_that_is_as_the_beginning_was_is_read_as_it_is() -> None:
    """So it is behind an advertisement."""
    first = BEGINNING + MEDIA
    second = association({1: PMT_PID}) + programme(1, [(768, H264), (769, MP2)]) + media(768)
    assert renamed(first + second + first)[len(first + second)] == {}


@pytest.mark.parametrize(
    "later",
    [
        BEGINNING,
        association({1: PMT_PID}) + programme(1, [(256, H264), (257, MP2), (258, AAC)]),
        association({1: PMT_PID}) + programme(1, [(257, MP2), (256, H264)]),
        association({1: PMT_PID}) + programme(1, [(256, H264)]),
        association({1: PMT_PID}) + programme(1, [(256, H264), (257, MP2), (300, PRIVATE)]),
        association({1: PMT_PID, 2: 0x1100}) + programme(2, [(768, H264)], pid=0x1100),
        association({1: PMT_PID}) + programme(1, [(768, H264)], is_whole=False),
    ],
    ids=["same", "one more", "other order", "one less", "data", "programme more", "damaged"],
)
def test_what_takes_no_place_is_no_join(later: bytes) -> None:
    assert renamed(BEGINNING + MEDIA + later + MEDIA) == {}


def test_what_no_decoder_of_the_beginning_reads_is_left_out_and_counted() -> None:
    first = BEGINNING + MEDIA
    tables = association({1: PMT_PID}) + programme(1, [(256, MPEG2), (257, MP2)])
    # decoding order, a wrap of the clock, and a jump
    ticks = [0, 10_800, 3600, 7200, 2**33 - 3600, 2**32, 2**32 + 3600]
    data = first + tables + b"".join(media(256, ticks=time) for time in ticks)
    joins = find_joins(io.BytesIO(data))
    assert joins is not None
    assert joins.sections[0].names[256] == NULL_PID
    assert joins.num_unread_seconds == pytest.approx(14_400 / 90_000 * 6 / 5)


@pytest.mark.parametrize(("before", "behind"), [(0, 0), (4, 0), (0, 16)])
@pytest.mark.parametrize("junk", [b"", b"x" * 300, bytes(range(256)) * 20_000])
def test_packets_are_found_in_every_layout_and_behind_junk(
    tmp_path: Path, before: int, behind: int, junk: bytes
) -> None:
    second = association({1: PMT_PID}) + programme(1, [(768, H264), (769, MP2)]) + media(768) * 9

    def laid_out(packets: bytes) -> bytes:
        parts = (packets[at : at + 188] for at in range(0, len(packets), 188))
        return b"".join(b"\1" * before + part + b"\2" * behind for part in parts)

    first = laid_out(BEGINNING + MEDIA * 5)
    path = tmp_path / "a.ts"
    path.write_bytes(first + junk + laid_out(second))
    with path.open("rb") as file:
        joins = find_joins(file)
        assert joins is not None
        with TransportView(file.fileno(), str(path), joins) as view:
            whole = view.read()
            assert len(whole) == path.stat().st_size
            assert whole[: len(first + junk)] == first + junk
            size = 188 + before + behind
            assert pids(whole, size, len(first + junk) + before) == [NULL_PID] * 2 + [256] * 9
            for length in (1, 7, 187, 500):
                view.seek(len(first) - 300)
                pieces = b"".join(view.read(length) for _ in range(1200 // length))
                assert whole[len(first) - 300 :].startswith(pieces)


def part(path: Path, first_picture: int, options: dict[str, str]) -> Path:
    video = recipes.Video(
        **{**VIDEO.__dict__, "first_picture": first_picture},
    )
    recipes.write(path, video, sound="mp2", muxer=options)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {"mpegts_start_pid": "768"},
        {"mpegts_start_pid": "768", "mpegts_pmt_start_pid": "4608"},
        {"mpegts_start_pid": "257", "mpegts_service_id": "7"},
    ],
    ids=["streams", "table", "programme"],
)
def test_a_joined_recording_is_read_to_its_end(tmp_path: Path, options: dict[str, str]) -> None:
    """As one whose parts have the same PIDs, whatever decodes it."""
    paths = []
    for name, second in (("same", {}), ("other", options)):
        parts = [part(tmp_path / "a.ts", 0, {}), part(tmp_path / "b.ts", 100, second)]
        paths.append(tmp_path / f"{name}.ts")
        recipes.concatenate(paths[-1], parts)
    with decode.sample(paths[0], fps=None, strategy="sequential") as frames:
        expected = [(frame.index, frame.seconds, frame.rgb.copy()) for frame in frames]
    assert len(expected) == 60
    for strategy in ("sequential", "threaded", "groups"):
        with decode.sample(paths[1], fps=None, workers=2, strategy=strategy) as frames:
            found = [(frame.index, frame.seconds, frame.rgb.copy()) for frame in frames]
        assert [pair[:2] for pair in found] == [pair[:2] for pair in expected]
        assert all(np.array_equal(a[2], b[2]) for a, b in zip(found, expected, strict=True))
    assert np.array_equal(read_audio(paths[0]), read_audio(paths[1]))


def test_only_what_reads_a_file_to_its_end_searches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once; a film of gigabytes on a network is probed by its head."""
    num_searches = 0

    def find(file: BinaryIO) -> Joins | None:
        nonlocal num_searches
        num_searches += 1
        return find_joins(file)

    monkeypatch.setattr(repairs, "find_joins", find)
    path = part(tmp_path / "a.ts", 0, {})
    assert media_kind(path) == "video"
    assert probe(path).video is not None
    assert num_searches == 0

    with decode.sample(path, fps=None, workers=2, strategy="groups") as frames:
        assert sum(1 for _ in frames) == 30
    assert num_searches == 1


def test_a_part_of_another_codec_is_damage_of_which_one_warning_tells(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = part(tmp_path / "a.ts", 0, {})
    second = tmp_path / "b.ts"
    recipes.write(second, recipes.Video(codec="mpeg2video", num_frames=50, rate=Fraction(25)))
    path = tmp_path / "c.ts"
    recipes.concatenate(path, [first, second])
    with caplog.at_level(logging.WARNING), decode.sample(path, fps=None) as frames:
        assert sum(1 for _ in frames) == 30
    (record,) = caplog.records
    assert record.getMessage().endswith("(2.0 s behind a join are of another codec, and not read)")
    with (
        reading(Choices(damage="fail")),
        decode.sample(path, fps=None) as frames,
        pytest.raises(DecodeError, match=r"2\.0 s behind a join are of another codec"),
    ):
        list(frames)
