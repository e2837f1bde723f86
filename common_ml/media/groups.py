"""One decoder that takes groups of pictures: it goes to them, and decodes no more than it must."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import av.error

from common_ml.media.containers import open_container, packets_of
from common_ml.media.index import NO_TIME, pictures_of
from common_ml.media.plain import set_threads
from common_ml.media.selection import Picture

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from typing_extensions import Self

    from common_ml.media.index import VideoIndex
    from common_ml.media.plan import Group
    from common_ml.media.timeline import Timeline

_SKIPS_UNREFERENCED = frozenset(
    {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vp8", "flv", "h263"}
)
"""Decoders that obey `skip_frame` packet by packet: pictures that no other needs are not decoded.
dav1d reads it once, when it is opened; the others have no such pictures or do not look."""
_SEARCHED_PACKETS = 1000
"""After a seek some containers begin with what is left of the packet they landed in."""
_READ_ON_BYTES = 4 * 1024 * 1024
"""Reading past this much is cheaper than finding one's place again in any container."""


class DeviationError(Exception):
    """The file does not do what its packets promised."""


class GroupDecoder:
    """Decodes groups of one file, one after the other; a context manager."""

    def __init__(
        self, path: str | os.PathLike[str], index: VideoIndex, timeline: Timeline, *, threads: int
    ) -> None:
        self._index = index
        self._timeline = timeline
        self._container = open_container(path)
        self._stream: VideoStream = pictures_of(self._container, path)
        set_threads(self._stream, threads)
        self._packets = packets_of(self._container, self._stream)
        self._next = 0  # number of the packet that comes next
        self._waiting: Packet[VideoStream] | None = None  # that packet, if it was read already
        self._is_clean = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def pictures(self, group: Group) -> Iterator[Picture]:
        """The wanted pictures of a group, in order.

        Raises:
            DeviationError: something else came out than the packets promised.
        """
        try:
            yield from self._matched(group, self._decoded(group))
        except av.error.FFmpegError as error:
            raise DeviationError(str(error)) from error

    def _decoded(self, group: Group) -> Iterator[VideoFrame]:
        """All pictures that come out of the group's packets."""
        table, context = self._index.packets, self._stream.codec_context
        wanted = set(self._timeline.numbers[group.indices].tolist())
        is_delicate = bool(table.needs_all[group.first : group.last + 1].any())
        can_skip = self._index.codec in _SKIPS_UNREFERENCED
        first_pts = table.pts[group.first]
        self._go_to(group.first)
        if not self._is_clean:
            context.flush_buffers()
        self._is_clean = False
        for number in range(group.first, group.last + 1):
            packet = self._read()
            if not group.takes_leading and table.pts[number] < first_pts:
                continue
            if can_skip:
                needed = is_delicate or number in wanted or number == group.first
                context.skip_frame = "DEFAULT" if needed else "NONREF"
            yield from context.decode(packet)
        yield from context.decode(None)

    def _matched(self, group: Group, frames: Iterable[VideoFrame]) -> Iterator[Picture]:
        """Those that are wanted, once it is clear that they are what the packets promised."""
        table, timeline = self._index.packets, self._timeline
        due = iter(group.indices.tolist())
        index = next(due)
        last_pts = NO_TIME
        for frame in frames:
            pts = NO_TIME if frame.pts is None else frame.pts
            if pts <= last_pts or frame.is_corrupt:
                raise DeviationError(f"a picture at {pts} after {last_pts}")
            if last_pts == NO_TIME and not group.takes_leading and pts != table.pts[group.first]:
                raise DeviationError(f"no keyframe at {table.pts[group.first]}")
            last_pts = pts
            tick = int(timeline.ticks[index])
            if pts - timeline.origin > tick:
                raise DeviationError(f"no picture with index {index}")
            if pts - timeline.origin == tick:
                yield Picture(index, tick, frame)
                following = next(due, None)
                if following is None:
                    return
                index = following
        raise DeviationError(f"no picture with index {index}")

    def _go_to(self, number: int) -> None:
        """Make packet `number` the next one to be read."""
        sizes = self._index.packets.sizes
        if not self._next <= number or sizes[self._next : number].sum() > _READ_ON_BYTES:
            self._seek(number)
        while self._next < number:
            self._read()

    def _seek(self, number: int) -> None:
        """Come to packet `number` or to one before it."""
        table, starts = self._index.packets, self._timeline.starts
        place = int(starts.searchsorted(number, side="right"))
        # Containers look for different times, and some land late: then from further back.
        for start in starts[max(0, place - 3) : place][::-1].tolist():
            self._container.seek(_seek_time(self._index, start), stream=self._stream)
            self._packets = packets_of(self._container, self._stream)
            self._waiting = None
            for packet in islice(self._packets, _SEARCHED_PACKETS):
                found = table.find(packet.pts, packet.size)
                if found is not None:
                    self._waiting = packet
                    self._next = found
                    break
            if self._waiting is not None and self._next <= number:
                return
        raise DeviationError(f"cannot find packet {number}")

    def _read(self) -> Packet[VideoStream]:
        """The next packet, which has to be the one of the table."""
        packet = self._waiting or next(self._packets, None)
        self._waiting = None
        table = self._index.packets
        if packet is None:
            raise DeviationError(f"no packet {self._next}")
        if packet.size != table.sizes[self._next] or packet.pts != table.pts[self._next]:
            raise DeviationError(f"packet {self._next} is another one now")
        self._next += 1
        return packet


def _seek_time(index: VideoIndex, number: int) -> int:
    """What the container is asked for to come to a keyframe."""
    pts, dts = int(index.packets.pts[number]), int(index.packets.dts[number])
    # Matroska knows times of presentation only; the others mostly search for those of decoding.
    return pts if dts == NO_TIME or index.container == "matroska,webm" else min(pts, dts)
