"""Read the crop that a container states: `clap` in MP4, PixelCrop in Matroska."""

from __future__ import annotations

import math
import os
import struct
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from common_ml.media.headers.boxes import boxes_in, boxes_of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Sides: TypeAlias = tuple[int, int, int, int]

_NOTHING = (0, 0, 0, 0)
_MAX_HEADER_BYTES = 32 << 20
"""Maximum bytes of an MP4's `moov`; that of a film of ten hours has a third of it."""
_MAX_MATROSKA_BYTES = 1 << 20
"""Bytes within which a Matroska file describes its tracks."""
_MAX_ELEMENTS = 10_000
"""Maximum elements visited per level of a Matroska file."""


class Track(NamedTuple):
    """The video track to read."""

    track_id: int
    """Number of the track, for MP4."""
    place: int
    """Index among the video tracks from 0, for Matroska."""
    width: int
    """Pixels as stored."""
    height: int
    """Pixels as stored."""


def container_crop(file: BinaryIO, container: str, track: Track) -> Sides:
    """Return pixels to crop at the left, top, right and bottom of stored pictures.

    Args:
        file: Any file, open for reading.
        container: FFmpeg's name of its format.
        track: The video track.
    """
    read = _READERS.get(container)
    if read is None:
        return _NOTHING
    file.seek(0)
    try:
        sides = read(file, track)
    except (struct.error, IndexError, ZeroDivisionError):
        return _NOTHING  # damaged or truncated: the demuxer reports it
    left, top, right, bottom = sides
    is_valid = min(sides) >= 0 and left + right < track.width and top + bottom < track.height
    return sides if is_valid else _NOTHING


# -- ISO/IEC 14496-12, 12.1.4.3 -------------------------------------------------------------------


def _clean_aperture(file: BinaryIO, track: Track) -> Sides:
    size = file.seek(0, os.SEEK_END)
    for box in boxes_of_file(file, size):
        if box.kind == b"moov":
            file.seek(box.body)
            moov = file.read(min(box.end - box.body, _MAX_HEADER_BYTES))
            if b"clap" not in moov:
                return _NOTHING
            return next(_apertures(moov, track), _NOTHING)
    return _NOTHING


def _apertures(moov: bytes, track: Track) -> Iterator[Sides]:
    for trak in boxes_in(moov):
        if trak.kind != b"trak" or _track_id(moov, trak.body, trak.end) != track.track_id:
            continue
        for stsd in _inside(moov, (b"mdia", b"minf", b"stbl", b"stsd"), trak.body, trak.end):
            # version, flags and number of entries; of an entry the fields before its boxes
            for entry in islice(boxes_in(moov, stsd[0] + 8, stsd[1]), 1):
                for clap in boxes_in(moov, entry.body + 78, entry.end):
                    if clap.kind == b"clap":
                        yield _sides(struct.unpack_from(">8i", moov, clap.body), track)


def _track_id(moov: bytes, start: int, end: int) -> int | None:
    for box in boxes_in(moov, start, end):
        if box.kind == b"tkhd":
            times = 16 if moov[box.body] == 1 else 8  # of 64 bits in version 1
            (number,) = struct.unpack_from(">I", moov, box.body + 4 + times)
            return int(number)
    return None


def _inside(data: bytes, kinds: tuple[bytes, ...], start: int, end: int) -> Iterator[list[int]]:
    """Yield start and end of the content of nested boxes of these kinds."""
    if not kinds:
        yield [start, end]
        return
    for box in boxes_in(data, start, end):
        if box.kind == kinds[0]:
            yield from _inside(data, kinds[1:], box.body, box.end)


def _sides(numbers: tuple[int, ...], track: Track) -> Sides:
    """Return the crop of an aperture, with parts of a pixel rounded as FFmpeg rounds them.

    Args:
        numbers: Width, height and the offset of the two centres, x and y, as fractions.
        track: The video track.
    """
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    width, height, across, down = (Fraction(above, below) for above, below in pairs)
    left, right = _edges(track.width, width, across)
    top, bottom = _edges(track.height, height, down)
    return left, top, right, bottom


def _edges(whole: int, size: Fraction, offset: Fraction) -> tuple[int, int]:
    """Return the pixels before the first one of the aperture, and behind its last one."""
    centre = Fraction(whole - 1, 2) + offset
    return math.floor(centre - (size - 1) / 2), whole - 1 - math.floor(centre + (size - 1) / 2)


# -- Matroska, RFC 9559 ---------------------------------------------------------------------------

_SEGMENT, _TRACKS, _TRACK, _TRACK_TYPE, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0xE0
_CROPS = {0x54CC: 0, 0x54BB: 1, 0x54DD: 2, 0x54AA: 3}
"""PixelCropLeft, -Top, -Right and -Bottom -> index of the side."""
_PICTURES = 1


def _pixel_crop(file: BinaryIO, track: Track) -> Sides:
    data = file.read(_MAX_MATROSKA_BYTES)
    for kind, start, end in _elements(data, 0, len(data)):
        if kind == _SEGMENT:
            tracks = [e for e in _elements(data, start, end) if e[0] == _TRACKS]
            videos = [video for t in tracks for video in _video_tracks(data, t[1], t[2])]
            return videos[track.place]
    return _NOTHING


def _video_tracks(data: bytes, start: int, end: int) -> Iterator[Sides]:
    for kind, track_start, track_end in _elements(data, start, end):
        if kind != _TRACK:
            continue
        fields = {k: (s, e) for k, s, e in _elements(data, track_start, track_end)}
        first, last = fields.get(_TRACK_TYPE, (0, 0))
        if int.from_bytes(data[first:last], "big") != _PICTURES:
            continue
        sides = [0, 0, 0, 0]
        for crop, value_start, value_end in _elements(data, *fields.get(_VIDEO, (0, 0))):
            if crop in _CROPS:
                sides[_CROPS[crop]] = int.from_bytes(data[value_start:value_end], "big")
        left, top, right, bottom = sides
        yield left, top, right, bottom


def _elements(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield id, start and end of consecutive elements."""
    for _ in range(_MAX_ELEMENTS):
        if start >= end:
            return
        id_length = 9 - data[start].bit_length()
        kind = int.from_bytes(data[start : start + id_length], "big")
        start += id_length
        size_length = 9 - data[start].bit_length()
        if id_length > 4 or size_length > 8:
            return
        unknown = (1 << 7 * size_length) - 1
        length = int.from_bytes(data[start : start + size_length], "big") & unknown
        start += size_length
        stop = end if length == unknown else min(start + length, end)
        yield kind, start, stop
        start = stop


_READERS: dict[str, Callable[[BinaryIO, Track], Sides]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _clean_aperture,
    "matroska,webm": _pixel_crop,
}
