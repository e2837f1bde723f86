"""Find the packets that H.264 pictures depend on, so that all others can be skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.media.video.bitstream.errors import UnsupportedHeaderError
from common_ml.media.video.bitstream.h264_frames import FrameHeaderReader
from common_ml.media.video.bitstream.h264_references import ReferenceBuffer
from common_ml.media.video.needed_packets import NeededPackets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from common_ml.media.video.bitstream.h264_frames import FrameHeader
    from common_ml.media.video.bitstream.h264_references import Seen

_MAX_PASSES = 6
"""Iterations; each simulates a decoder of the remaining packets; most need two."""


def needed_packets(
    extradata: bytes | None, packets: Sequence[memoryview], wanted: Iterable[int]
) -> NeededPackets | None:
    """Return the H.264 packets to decode so that the wanted ones are exact.

    First come the wanted pictures with their references, direct and indirect. A decoder that
    does not get the other references fills the gaps in the frame numbers, which may change its
    reference lists. So the decoder is simulated, and where the list of a needed picture would
    differ, the missing references are decoded as well.

    Args:
        extradata: The stream's avcC record, or headers behind start codes.
        packets: All packets from a random access point on: a frame, or both of its fields, each.
        wanted: Places of packets.

    Returns:
        None where the headers are not supported.
    """
    reader = FrameHeaderReader(extradata)
    frames: list[FrameHeader] = []
    for packet in packets:
        frame = reader.read(packet)
        if frame is None:
            return None
        frames.append(frame)
    try:
        truth = _Truth(frames)
        needed = truth.closure({0, *wanted})
        # a decoder decodes the intra slices of a packet that it skips
        kept = {
            place
            for place, frame in enumerate(frames)
            if place not in needed and frame.has_intra_slices
        }
        for _ in range(_MAX_PASSES):
            missing = _missing(frames, truth, needed, kept)
            if not missing:
                decoded = needed | kept
                saved = (
                    frame.first.is_reference and place not in decoded
                    for place, frame in enumerate(frames)
                )
                return NeededPackets(frozenset(needed), frozenset(kept - needed), sum(saved))
            kept |= missing
    except UnsupportedHeaderError:
        pass
    return None


class _Truth:
    """What the decoder of all packets has before it at each."""

    def __init__(self, frames: Sequence[FrameHeader]) -> None:
        self.seen: list[Seen] = []
        buffer = ReferenceBuffer()
        for place, frame in enumerate(frames):
            self.seen.append(buffer.decode(frame, place, needs_lists=True))
            if self.seen[-1].fillers or self.seen[-1].lists is None:
                raise UnsupportedHeaderError("references are missing in the file")

    def closure(self, places: set[int]) -> set[int]:
        """Return these and their references, direct and indirect: always earlier packets."""
        needed = set(places)
        for place in range(max(places), 0, -1):
            if place in needed:
                for entries in self.seen[place].lists or ():
                    needed.update(one.place for one in entries if one.place is not None)
        return needed


def _missing(
    frames: Sequence[FrameHeader], truth: _Truth, needed: set[int], kept: set[int]
) -> set[int]:
    """Return further packets to decode, without which the lists of a needed frame would differ.

    These count by their number, order and marking only; since their pixels are not used, their
    own lists do not matter.
    """
    missing: set[int] = set()
    buffer = ReferenceBuffer()
    skipped: list[int] = []  # references that are not decoded
    for place, frame in enumerate(frames):
        if place not in needed and place not in kept:
            if frame.first.is_reference:
                skipped.append(place)
            continue
        seen = buffer.decode(frame, place, needs_lists=place in needed)
        if place in needed and not _is_the_same(seen, frame, truth.seen[place]):
            depth = max(frame.sequence.max_num_references, 1)
            recent = skipped[-2 * depth :]
            filled = {one for one in recent if frames[one].first.frame_num in seen.fillers}
            if not recent:
                raise UnsupportedHeaderError("other lists, and nothing is left out")
            missing.update(filled or recent)
    return missing


def _is_the_same(seen: Seen, frame: FrameHeader, truth: Seen) -> bool:
    # The order of gap-filling frames is up to the decoder, and B slices sort by it.
    if seen.fillers and frame.may_refer_both_ways:
        return False
    return seen.orders == truth.orders and seen.lists == truth.lists
