"""A video's packet table: presentation times and keyframes; nothing is decoded for it."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import av.error
import numpy as np

from common_ml.errors import DecodeError, NoStreamError
from common_ml.media.bitstream import reader_of
from common_ml.media.containers import open_container, packets_of, translated_errors, video_stream
from common_ml.media.probe import stated_duration
from common_ml.media.rational import rate
from common_ml.media.wholeness import missing_end
from common_ml.stages import part_of

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy.typing as npt
    from av.container import InputContainer
    from av.video.stream import VideoStream

    Ints: TypeAlias = npt.NDArray[np.int64]
    Flags: TypeAlias = npt.NDArray[np.bool_]

NO_TIME = int(np.iinfo(np.int64).min)
"""Stands for a timestamp that a packet does not have."""
_DEFAULT_RATE = Fraction(25)
_NUM_CACHED = 16
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


@dataclass(frozen=True, eq=False)
class PacketTable:
    """The packets of one stream in the order of the file; arrays of one length."""

    pts: Ints
    """Presentation time in ticks, or NO_TIME."""
    dts: Ints
    """Decoding time in ticks, or NO_TIME."""
    sizes: Ints
    """Bytes."""
    is_keyframe: Flags
    """Decoding can begin here, says the container."""
    is_start: Flags
    """A keyframe of which the stream itself says so, too."""
    is_shown: Flags
    """A picture comes out: the packet is neither outside of an edit list nor a hidden reference."""
    needs_all: Flags
    """May come out otherwise if pictures before it are skipped that are marked as no reference."""

    def __len__(self) -> int:
        return len(self.pts)

    def find(self, pts: int | None, size: int) -> int | None:
        """The number of the one packet with this time and size."""
        left, right = (self._sorted_pts.searchsorted(pts or 0, side) for side in _SIDES)
        same = self._by_pts[left:right]
        same = same[(self.sizes[same] == size) & (self.pts[same] == pts)]
        return int(same[0]) if len(same) == 1 else None

    @cached_property
    def _by_pts(self) -> Ints:
        return np.argsort(self.pts, kind="stable")

    @cached_property
    def _sorted_pts(self) -> Ints:
        return self.pts[self._by_pts]


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """What demuxing tells about a file's pictures."""

    container: str
    """FFmpeg's name of the format."""
    codec: str
    """FFmpeg's name of the decoder."""
    time_base: Fraction
    """Seconds per tick."""
    rate: Fraction
    """Frames per second on average; 25 where the file says nothing."""
    reorders: bool
    """The decoder gives pictures in another order than it takes packets."""
    width: int
    """Pixels as stored, before any turn."""
    height: int
    """Pixels as stored, before any turn."""
    stated_seconds: Fraction | None
    """How long the pictures last, as the file states it."""
    packets: PacketTable
    damage: str
    """What is broken in the file, as far as demuxing tells; empty if nothing."""

    @property
    def period_seconds(self) -> Fraction:
        """Of one frame, on average."""
        return 1 / self.rate


@part_of("decode")
def index_of(path: str | os.PathLike[str]) -> VideoIndex:
    """The index of a file; kept until the file is replaced or changed.

    Raises:
        NoStreamError: the file has no moving pictures.
        MediaError: the file cannot be opened.
    """
    key = _identity(path)
    with _lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    index = read_index(path)
    with _lock:
        _cache[key] = index
        while len(_cache) > _NUM_CACHED:
            _cache.popitem(last=False)
    return index


def read_index(path: str | os.PathLike[str]) -> VideoIndex:
    """Read all packets of a file's pictures.

    Raises:
        NoStreamError: the file has no moving pictures.
        MediaError: the file cannot be opened.
    """
    with open_container(path) as container:
        stream = pictures_of(container, path)
        packets, damage = _read_packets(container, stream)
        context = stream.codec_context
        return VideoIndex(
            container=container.format.name,
            codec=context.name,
            time_base=rate(stream.time_base) or Fraction(1, 1000),
            rate=rate(stream.average_rate) or rate(stream.guessed_rate) or _DEFAULT_RATE,
            reorders=bool(context.has_b_frames),
            width=context.width,
            height=context.height,
            stated_seconds=stated_duration(container, stream),
            packets=packets,
            damage=damage or missing_end(path, container.format.name),
        )


def pictures_of(container: InputContainer, path: str | os.PathLike[str]) -> VideoStream:
    """The stream of moving pictures.

    Raises:
        NoStreamError: there is none.
        DecodeError: its codec is not supported.
    """
    stream = video_stream(container)
    if stream is None:
        raise NoStreamError(f"{os.fspath(path)} has no moving pictures", path=path)
    if stream.codec_context is None:
        raise DecodeError(f"{os.fspath(path)}: its video codec is not supported", path=path)
    return stream


_cache: OrderedDict[tuple[object, ...], VideoIndex] = OrderedDict()
_lock = threading.Lock()


def _identity(path: str | os.PathLike[str]) -> tuple[object, ...]:
    """Differs once another file stands at the path, or this one was written to."""
    with translated_errors(path, doing="open"):
        stat = os.stat(path)  # noqa: PTH116 - any path-like, and no object per call
    name = os.path.abspath(path)  # noqa: PTH100 - as above
    return name, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _read_packets(container: InputContainer, stream: VideoStream) -> tuple[PacketTable, str]:
    """All packets, and what is wrong with the file."""
    rows: list[tuple[int, int, int, bool, bool, bool, bool]] = []
    damage = ""
    reader = reader_of(stream.codec_context.name, stream.codec_context.extradata)
    try:
        for packet in packets_of(container, stream):
            if not packet.size:
                continue  # the sign of the end
            pts, dts, is_keyframe = packet.pts, packet.dts, packet.is_keyframe
            reader.read(memoryview(packet))
            rows.append(
                (
                    NO_TIME if pts is None else pts,
                    NO_TIME if dts is None else dts,
                    packet.size,
                    is_keyframe,
                    is_keyframe and reader.begins_anew,
                    not packet.is_discard and not reader.is_hidden,
                    reader.needs_all,
                )
            )
            if (packet.is_corrupt or reader.is_torn) and not damage:
                damage = f"packet {len(rows) - 1} is damaged"
    except av.error.FFmpegError as error:
        damage = damage or error.strerror or str(error)
    return _table(rows), damage


def _table(rows: list[tuple[int, int, int, bool, bool, bool, bool]]) -> PacketTable:
    columns = list(zip(*rows, strict=True)) or [()] * 7
    return PacketTable(
        pts=np.array(columns[0], np.int64),
        dts=np.array(columns[1], np.int64),
        sizes=np.array(columns[2], np.int64),
        is_keyframe=np.array(columns[3], np.bool_),
        is_start=np.array(columns[4], np.bool_),
        is_shown=np.array(columns[5], np.bool_),
        needs_all=np.array(columns[6], np.bool_),
    )
