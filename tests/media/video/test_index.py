from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.errors import DecodeError, MissingMediaError, NoStreamError
from common_ml.media.decode import VideoReader
from common_ml.media.media_file import MediaFile
from common_ml.media.video.bitstream.packets import reader_of
from common_ml.media.video.index import VideoIndex, read_index
from tests.media import corpus, recipes, reference

if TYPE_CHECKING:
    from pathlib import Path


def index_of(path: Path) -> VideoIndex:
    return read_index(MediaFile(path))


def test_an_index_is_kept_until_the_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(corpus.build("h264_gop_12", tmp_path).read_bytes())
    first = VideoReader(path).index
    assert VideoReader(str(path)).index is first
    other = tmp_path / "other.mp4"
    other.write_bytes(corpus.build("one_frame", tmp_path).read_bytes())
    other.replace(path)
    assert len(VideoReader(path).index.packets) == 1


def test_a_file_that_is_written_over_with_equal_size_is_indexed_anew(tmp_path: Path) -> None:
    path = corpus.build("h264_gop_12", tmp_path)
    first = VideoReader(path).index
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))
    assert VideoReader(path).index is not first


def test_the_table_holds_the_packets(tmp_path: Path) -> None:
    index = index_of(corpus.build("h264_open_gop", tmp_path))
    packets = index.packets
    assert len(packets) == 60
    assert np.flatnonzero(packets.is_keyframe).tolist() == [0, 9, 21, 33, 45]
    assert packets.is_start.tolist() == packets.is_keyframe.tolist()
    assert packets.is_shown.all()
    assert index.truncation == ""
    for number in (0, 17, 59):
        assert packets.find(int(packets.pts[number]), int(packets.sizes[number])) == number
    assert packets.find(None, 100) is None
    assert packets.find(int(packets.pts[3]), int(packets.sizes[3]) + 1) is None


@pytest.mark.parametrize("name", ["h264_intra_refresh", "h264_intra_refresh_ts"])
def test_where_a_decoder_recovers_step_by_step_it_cannot_begin(name: str, tmp_path: Path) -> None:
    packets = index_of(corpus.build(name, tmp_path)).packets
    assert packets.is_start[0]
    assert (packets.is_keyframe & ~packets.is_start).sum() > 0


@pytest.mark.parametrize(
    "name", ["h264_open_gop_ts", "raw_h264", "mkv", "hevc_open_gop", "hevc_ts"]
)
def test_real_keyframes_are_known_in_each_packing(name: str, tmp_path: Path) -> None:
    packets = index_of(corpus.build(name, tmp_path)).packets
    assert packets.is_start.sum() > 1
    assert packets.is_start.tolist() == packets.is_keyframe.tolist()


@pytest.mark.parametrize(
    "name",
    [
        *("h264_default", "h264_pyramid", "h264_444", "h264_gray", "h264_10_bit", "h264_slices"),
        *("h264_interlaced_ts", "h264_intra_refresh", "raw_h264", "h264_many_references", "ts"),
        *("gaps_mkv", "edit_list_preroll"),
    ],
)
def test_no_loss_where_nothing_is_lost(name: str, tmp_path: Path) -> None:
    assert not index_of(corpus.build(name, tmp_path)).packets.needs_all.any()


def test_lost_references_leave_a_gap_in_the_numbers(tmp_path: Path) -> None:
    packets = index_of(corpus.build("reference_lost_mkv", tmp_path)).packets
    assert np.flatnonzero(packets.needs_all)[0] == 17
    # pictures that nothing refers to leave none
    assert not index_of(corpus.build("frames_lost_mkv", tmp_path)).packets.needs_all.any()


def test_hidden_pictures_are_not_shown(tmp_path: Path) -> None:
    packets = index_of(corpus.build("vp8_alt_ref", tmp_path)).packets
    assert np.flatnonzero(~packets.is_shown).tolist() == [7, 23, 24, 41]
    assert index_of(corpus.build("vp9_alt_ref", tmp_path)).packets.is_shown.all()


@pytest.mark.parametrize(
    ("first_byte", "last_byte", "hidden"),
    [
        (0b1000_0010, 0, False),  # shown
        (0b1000_0000, 0, True),
        (0b1000_1000, 0, False),  # an existing picture is shown
        (0b1000_0000, 0b1100_0001, False),  # a superframe
        (0b1011_0001, 0, False),  # profile 3, shown
        (0b1011_0010, 0, True),  # profile 3: what is show_frame elsewhere is frame_type
    ],
)
def test_vp9_headers(first_byte: int, last_byte: int, hidden: bool) -> None:
    reader = reader_of("vp9", None)
    reader.read(memoryview(bytes([first_byte, 1, 2, last_byte])))
    assert reader.is_hidden == hidden


def hevc_unit(kind: int, layer: int = 1) -> memoryview:
    return memoryview(b"\0\0\1" + bytes([kind << 1, layer]) + b"\x80" * 8)


def test_temporal_layers_may_refer_to_what_is_marked_as_no_reference() -> None:
    reader = reader_of("hevc", None)
    pictures = [  # kind, layer, needs_all
        *((19, 1, False), (1, 1, False), (0, 2, False), (0, 2, False)),  # marked in the top layer
        *((1, 1, False), (0, 1, False), (0, 2, True), (1, 1, False)),  # marked below another
        *((21, 1, False), (0, 2, False)),  # forgotten with the next keyframe
    ]
    for kind, layer, needs_all in pictures:
        reader.read(hevc_unit(kind, layer))
        assert reader.needs_all == needs_all


def test_headers_of_theora_are_no_pictures() -> None:
    reader = reader_of("theora", None)
    for first_byte, hidden in ((0x80, True), (0x81, True), (0x82, True), (0x30, False), (0, False)):
        reader.read(memoryview(bytes([first_byte, 1, 2])))
        assert (reader.is_hidden, reader.is_random_access_point) == (hidden, not hidden)


def test_what_leads_a_broken_link_is_not_shown() -> None:
    reader = reader_of("hevc", None)
    for kind, begins, hidden in ((19, True, False), (8, False, False), (16, True, False)):
        reader.read(hevc_unit(kind))
        assert (reader.is_random_access_point, reader.is_hidden) == (begins, hidden)
    reader.read(hevc_unit(9))
    assert reader.is_hidden
    reader.read(hevc_unit(1))
    assert not reader.is_hidden


TRUSTED = [
    *("h264_default", "h264_open_gop_ts", "hevc_open_gop", "vp8_alt_ref", "vp9_alt_ref", "av1"),
    *("mpeg2_open_gop", "mpeg4_avi", "mjpeg_mov", "ffv1", "gif", "avi", "flv", "ts", "mkv", "mxf"),
    *("mp4_fragmented", "gaps_ts", "variable_mp4", "clock_wraps_ts", "edit_list_preroll"),
    *("edit_list_preroll_mov", "no_keyframe_at_start_ts", "open_gop_cut_ts", "one_frame"),
    *("mpeg2_open_gop_cut", "size_changes_ts", "rotated_90", "times_start_again_ts"),
]


@pytest.mark.parametrize("name", TRUSTED)
def test_trusted_packets_tell_all_times_without_decoding(name: str, tmp_path: Path) -> None:
    path = corpus.build(name, tmp_path)
    timeline = VideoReader(path).timeline
    assert timeline.unreliable_reason == ""
    seconds = [tick * timeline.unit for tick in timeline.ticks.tolist()]
    assert seconds == reference.decode(path).times


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raw_h264", "without times"),
        ("avi_b_frames", "another order"),
        ("equal_times_ts", "one time"),
    ],
)
def test_others_are_not_trusted(name: str, reason: str, tmp_path: Path) -> None:
    path = corpus.build(name, tmp_path)
    assert reason in VideoReader(path).timeline.unreliable_reason


def test_what_cannot_be_indexed(tmp_path: Path) -> None:
    with pytest.raises(MissingMediaError):
        index_of(tmp_path / "missing.mp4")
    sound = tmp_path / "sound.mkv"
    recipes.write(sound, recipes.Video(num_frames=2), sound="pcm_s16le")
    assert len(index_of(sound).packets) == 2
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"\0\0\0\x18ftypisom" + b"junk" * 100)
    with pytest.raises((DecodeError, NoStreamError)):
        index_of(junk)
