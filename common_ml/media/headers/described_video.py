"""Detect MP4 files whose headers describe their video, so that opening needs no picture decoded."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from common_ml.media.headers.boxes import IsoBox, boxes_in, boxes_of_file
from common_ml.media.headers.h264 import SPS, parameter_sets, read_sequence_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"})
_MAX_HEADER_BYTES = 8 << 20
_SAMPLE_ENTRY_BYTES = 78
"""Bytes of a visual sample entry before its boxes: ISO/IEC 14496-12, 12.1.3."""


def describes_video(file: BinaryIO, size: int) -> bool:
    """Whether an MP4 states all of its video that FFmpeg would otherwise decode a picture for.

    That is so where each video track has one sample description, H.264 with its parameter sets in
    it, of the size that the track states, of frames and not fields, with the number of reordered
    frames. The pixel format alone stays unknown then until a picture is decoded.

    Args:
        file: Any file, open for reading.
        size: Its length in bytes.
    """
    file.seek(0)
    if file.read(8)[4:] not in _FIRST_BOXES:
        return False
    for box in boxes_of_file(file, size):
        if box.kind == b"moov":
            if box.end - box.body > _MAX_HEADER_BYTES:
                return False  # a long film: one picture does not matter
            file.seek(box.body)
            moov = file.read(box.end - box.body)
            try:
                found = [_is_described(moov, track) for track in _video_tracks(moov)]
            except (struct.error, IndexError):
                return False
            return bool(found) and all(found)
    return False


def _video_tracks(moov: bytes) -> Iterator[IsoBox]:
    """Yield the box `mdia` of each video track."""
    for track in boxes_in(moov):
        if track.kind != b"trak":
            continue
        for media in boxes_in(moov, track.body, track.end):
            if media.kind == b"mdia" and any(
                box.kind == b"hdlr" and moov[box.body + 8 : box.body + 12] == b"vide"
                for box in boxes_in(moov, media.body, media.end)
            ):
                yield media


def _is_described(moov: bytes, media: IsoBox) -> bool:
    entries = [
        entry
        for table in _inside(moov, (b"minf", b"stbl", b"stsd"), media)
        # version, flags and number of entries
        for entry in boxes_in(moov, table.body + 8, table.end)
    ]
    if len(entries) != 1 or entries[0].kind != b"avc1":
        return False
    (entry,) = entries
    size = struct.unpack_from(">2H", moov, entry.body + 24)
    records = [
        moov[box.body : box.end]
        for box in boxes_in(moov, entry.body + _SAMPLE_ENTRY_BYTES, entry.end)
        if box.kind == b"avcC"
    ]
    if len(records) != 1:
        return False
    units = [unit for unit in parameter_sets(records[0]) if unit[0] & 0x1F == SPS]
    sequences = [read_sequence_parameters(unit) for unit in units]
    return bool(sequences) and all(
        one.is_whole
        and one.frames_only
        and one.num_reordered is not None
        and (one.width, one.height) == size
        for one in sequences
    )


def _inside(data: bytes, kinds: tuple[bytes, ...], parent: IsoBox) -> Iterator[IsoBox]:
    """Yield nested boxes of these kinds."""
    for box in boxes_in(data, parent.body, parent.end):
        if box.kind == kinds[0]:
            if len(kinds) == 1:
                yield box
            else:
                yield from _inside(data, kinds[1:], box)
