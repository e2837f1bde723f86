"""Decode groups of pictures with one decoder: seek to each, and skip what is not needed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import av.error
from av.codec.context import Flags

from common_ml.media.containers import packets_of
from common_ml.media.video.index import stream_of
from common_ml.media.video.keyframe_marks import refers_to_others
from common_ml.media.video.packet_table import NO_TIME
from common_ml.media.video.references import ReferenceSaver
from common_ml.media.video.selection import Picture
from common_ml.media.video.sequential import is_cut_off, set_threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from typing_extensions import Self

    from common_ml.media.media_file import MediaFile
    from common_ml.media.video.index import VideoIndex
    from common_ml.media.video.needed_packets import NeededPackets
    from common_ml.media.video.plan import Group
    from common_ml.media.video.timeline import Timeline

_SKIPS_UNREFERENCED = frozenset(
    {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vp8", "flv", "h263"}
)
"""Decoders that apply `skip_frame` per packet: non-reference pictures can be skipped.
dav1d reads it once, when it is opened; the others have no such pictures or do not look."""
_SEEKS_EXACTLY = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
"""Containers with an index, in which a seek costs less than to open the file again."""
_SEARCHED_PACKETS = 1000
"""After a seek some containers begin with the rest of the packet they landed in."""
_SHORT_FILE_BYTES = 16 * 1024 * 1024
_WORTH_THREADS = 0.3
"""Share of the references that is left out, from which on one thread is used instead of several:
it takes about as long on two CPUs, and a third less of their time."""
_READ_ON_BYTES = 4 * 1024 * 1024
"""Bytes; reading past this much is cheaper than a seek in any container."""


class DeviationError(Exception):
    """The decoded pictures differ from what the packet table predicts."""


class GroupDecoder:
    """Decode groups of one file, one after the other; a context manager."""

    def __init__(
        self, media: MediaFile, index: VideoIndex, timeline: Timeline, *, threads: int
    ) -> None:
        self._index = index
        self._timeline = timeline
        read = media.open_read() if index.container in _SEEKS_EXACTLY else None
        self._container = read or media.open(to_end=True)
        self._stream: VideoStream = stream_of(self._container, index)
        self._threads = threads
        self._has_begun = False
        self._packets = packets_of(self._container, self._stream)
        # Number of the packet that comes next; a container that was read before is at its end.
        self._next = len(index.packets) if read else 0
        self._waiting: Packet[VideoStream] | None = None  # that packet, if it was read already
        self._is_clean = True
        self._reference_saver = ReferenceSaver(index, self._stream.codec_context.extradata)
        self._marked_pts: set[int] = set()  # of pictures whose mark as damaged does not matter

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def pictures(self, group: Group) -> Iterator[Picture]:
        """Yield the wanted pictures of a group, in order.

        Raises:
            DeviationError: the decoded pictures differ from what the packets predict.
        """
        try:
            yield from self._matched(group, self._decoded(group))
        except av.error.FFmpegError as error:
            raise DeviationError(str(error)) from error

    def _decoded(self, group: Group) -> Iterator[VideoFrame]:
        """Yield all pictures decoded from the group's packets."""
        table, context = self._index.packets, self._stream.codec_context
        wanted = set(self._timeline.numbers[group.indices].tolist())
        is_delicate = bool(table.needs_all[group.first : group.last + 1].any())
        can_skip = self._index.codec in _SKIPS_UNREFERENCED
        self._go_to(group.first)
        if not self._is_clean:
            context.flush_buffers()
        self._is_clean = False
        packets = self._packets_of(group)
        needed = None
        if can_skip and not is_delicate and self._may_save(group):
            read_ahead = list(packets)
            packets = iter(read_ahead)
            needed = self._reference_saver.needed(read_ahead, wanted)
        needed = self._begun(needed)
        marked = needed.kept | needed.may_be_marked if needed else ()
        self._marked_pts = {int(table.pts[number]) for number in marked}
        for number, packet in packets:
            if needed is not None:
                is_needed = number in needed.exact or number in needed.kept
                context.skip_frame = "DEFAULT" if is_needed else "NONINTRA"
            elif can_skip:
                is_needed = is_delicate or number in wanted or number == group.first
                context.skip_frame = "DEFAULT" if is_needed else "NONREF"
            if is_cut_off(packet, self._index.container):
                raise DeviationError(f"packet {number} is cut off")
            yield from context.decode(packet)
        yield from context.decode(None)

    def _may_save(self, group: Group) -> bool:
        """Whether to look for references that need not be decoded.

        Frame threads reject what looks like damage, such as a gap in the frame numbers. So it takes
        a single thread, or a file so short that one thread with less to do may be the better way.
        """
        is_short = int(self._index.packets.sizes.sum()) <= _SHORT_FILE_BYTES
        if self._threads > 1 and (self._has_begun or not is_short):
            return False
        return self._reference_saver.is_worthwhile(group.first, group.last, len(group))

    def _begun(self, needed: NeededPackets | None) -> NeededPackets | None:
        """Set the threads before the first packet is decoded; return what can be used with them."""
        if not self._has_begun:
            if needed is not None and needed.share_saved >= _WORTH_THREADS:
                self._threads = 1
            set_threads(self._stream, self._threads)
            if self._index.codec == "hevc":  # see NeededPackets.may_be_marked
                self._stream.codec_context.flags |= Flags.output_corrupt
            self._has_begun = True
        return needed if self._threads == 1 else None

    def _packets_of(self, group: Group) -> Iterator[tuple[int, Packet[VideoStream]]]:
        """Yield the packets to decode for a group, with their numbers."""
        pts = self._index.packets.pts
        for number in range(group.first, group.last + 1):
            packet = self._read()
            if group.takes_leading or pts[number] >= pts[group.first]:
                yield number, packet

    def _matched(self, group: Group, frames: Iterable[VideoFrame]) -> Iterator[Picture]:
        """Yield the wanted pictures once they are checked against the packet table."""
        table, timeline = self._index.packets, self._timeline
        due = iter(group.indices.tolist())
        index = next(due)
        last_pts = NO_TIME
        for frame in frames:
            pts = NO_TIME if frame.pts is None else frame.pts
            if pts <= last_pts or (frame.is_corrupt and pts not in self._marked_pts):
                raise DeviationError(f"a picture at {pts} after {last_pts}")
            if last_pts == NO_TIME and not group.takes_leading and pts != table.pts[group.first]:
                raise DeviationError(f"no keyframe at {table.pts[group.first]}")
            if pts == table.pts[group.first] and refers_to_others(frame, self._index.codec):
                raise DeviationError(f"no keyframe at {pts}, but a picture that refers to others")
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
        """Seek to packet `number` or to one before it."""
        table, starts = self._index.packets, self._timeline.starts
        place = int(starts.searchsorted(number, side="right"))
        # Containers seek by different timestamps, and some land late: then seek further back.
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
        """Read the next packet, which has to match the table."""
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
    """Return the timestamp to seek to for a keyframe."""
    pts, dts = int(index.packets.pts[number]), int(index.packets.dts[number])
    # Matroska has presentation times only; the others mostly seek by decoding time.
    return pts if dts == NO_TIME or index.container == "matroska,webm" else min(pts, dts)
