"""Presentation times of a video's pictures, by its packets, and whether these are reliable."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from common_ml.media.video.packet_table import NO_TIME
from common_ml.media.video.sequential import SequentialDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from common_ml.media.media_file import MediaFile
    from common_ml.media.video.index import VideoIndex
    from common_ml.media.video.packet_table import Ints, PacketTable

_EXACT_CONTAINERS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
"""One packet is one picture with a time of its own, by the format's definition."""
_OF_FIELDS = frozenset({"mpegts", "mpeg"})
"""Formats in which a packet may be a single field."""
_IN_PACKS = frozenset({"mpegts", "mpeg"})
"""Formats in which several pictures may share one header, and so one time: that of the first."""
_MADE_UP_DTS = "matroska,webm"
"""Formats without decoding times; the demuxer invents them."""
_NUM_CHECKED = 16
"""Pictures that are decoded to check that packets and pictures agree."""
_NUM_CHECKED_OF_COPIES = 250
"""The same, where decoding times may have been copied to presentation times: the pictures at the
beginning are often in order, as they do not move."""
_PAUSE = 8
"""Factor of the usual step from picture to picture."""


def _no_ints() -> Ints:
    return np.array([], np.int64)


@dataclass(frozen=True, eq=False)
class Timeline:
    """The pictures of a file in order of presentation, by its packets."""

    unit: Fraction
    """Seconds per tick."""
    source: Literal["pts", "dts", "sparse", "count"]
    """Where times come from: presentation times; where these are not usable, decoding times in
    ascending order; where only some pictures have a time, these, and a period from one picture to
    the next between them; where there are none at all, a period each."""
    unreliable_reason: str
    """Why the packets do not identify the pictures; empty if they do."""
    ticks: Ints = field(default_factory=_no_ints)
    """Ticks of all pictures, ascending, the first is 0; empty if only decoding can tell."""
    numbers: Ints = field(default_factory=_no_ints)
    """Number of the packet that holds each picture; empty where unknown."""
    origin: int = 0
    """Presentation timestamp of the first picture."""
    starts: Ints = field(default_factory=_no_ints)
    """Numbers of the packets that decoding can begin at, ascending."""
    start_ticks: Ints = field(default_factory=_no_ints)
    """Ticks of `starts`, ascending; the first one may be before all pictures."""
    knows_keyframes: bool = False
    """Whether the keyframes of the file are just the shown pictures among `starts`."""

    @property
    def has_gaps_before_starts(self) -> bool:
        """Whether there is a pause before a keyframe, as where a demuxer skipped damage."""
        steps = np.diff(self.ticks)
        if not steps.size:
            return False
        before = np.isin(self.ticks[1:], self.start_ticks)
        return bool((steps[before] > _PAUSE * np.median(steps)).any())


def read_timeline(media: MediaFile, index: VideoIndex) -> Timeline:
    """Return the presentation times of a file's pictures, by its packets.

    Raises:
        MediaError: the file cannot be opened.
    """
    packets = index.packets
    if _are_fields(index):
        reason = "fields in packets of their own"
        return Timeline(unit=index.time_base, source="pts", unreliable_reason=reason)
    if bool(np.any(packets.pts[packets.is_shown] == NO_TIME)) or _starts_again(packets):
        return _by_decoding_times(index, "packets without times of their own")
    start = _checked_start(media, index) if _needs_check(index) else []
    if start is None:
        return _by_decoding_times(index, "pictures come out in another order than their times")
    numbers = _presentation_order(packets)
    if start:
        numbers = numbers[packets.pts[numbers] >= start[0]]
    shown = packets.pts[numbers]
    starts = _starts(packets, numbers)
    reason = _unreliable_reason(index, numbers, starts)
    if not reason and shown[: len(start)].tolist() != start:
        reason = "packets and pictures do not agree"
    if reason:
        return Timeline(unit=index.time_base, source="pts", unreliable_reason=reason)
    return Timeline(
        unit=index.time_base,
        source="pts",
        unreliable_reason="",
        ticks=shown - shown[0],
        numbers=numbers,
        origin=int(shown[0]),
        starts=starts,
        start_ticks=packets.pts[starts] - shown[0],
        knows_keyframes=bool(
            np.array_equal(
                np.flatnonzero(packets.is_keyframe & packets.is_shown),
                starts[packets.is_shown[starts]],
            )
        ),
    )


def _are_fields(index: VideoIndex) -> bool:
    """Whether there are packets without a time, each behind one that has one: second fields.

    So it is in MPEG streams; the picture of both has the time of the first.
    """
    is_timed = index.packets.pts != NO_TIME
    if index.container not in _OF_FIELDS or is_timed.all() or not len(is_timed):
        return False
    return bool(is_timed[0] and np.all(is_timed[:-1] | is_timed[1:]))


def _by_decoding_times(index: VideoIndex, reason: str) -> Timeline:
    """Decoding times in ascending order are those of presentation, less a delay; else count.

    In MPEG streams, pictures that have a time are not counted.
    """
    packets = index.packets
    starts = np.flatnonzero(packets.is_start)
    # packets before the first keyframe give no picture
    dts = packets.dts[starts[0] if len(starts) else 0 :]
    dts = np.sort(dts[packets.is_shown[len(packets) - len(dts) :]])
    if not len(dts) or dts[0] == NO_TIME or bool(np.any(np.diff(dts) <= 0)):
        if index.container in _IN_PACKS and _has_some_times(packets):
            return Timeline(unit=index.time_base, source="sparse", unreliable_reason=reason)
        return Timeline(unit=index.period_seconds, source="count", unreliable_reason=reason)
    return Timeline(
        unit=index.time_base, source="dts", unreliable_reason=reason, ticks=dts - dts[0]
    )


def _has_some_times(packets: PacketTable) -> bool:
    """Whether some packets have decoding times, which never go back."""
    known = packets.dts[packets.dts != NO_TIME]
    return bool(len(known) and np.all(np.diff(known) >= 0))


def _starts_again(packets: PacketTable) -> bool:
    """Whether the clock is reset: parts recorded separately and joined."""
    keyframes = packets.pts[packets.is_keyframe & packets.is_shown]
    return bool(np.any(np.diff(keyframes) < 0))


def _needs_check(index: VideoIndex) -> bool:
    """Whether the beginning has to be decoded to verify the packets."""
    packets = index.packets
    if index.container not in _EXACT_CONTAINERS or not len(packets) or _are_copies(index):
        return True
    return not packets.is_keyframe[0] or bool(np.any(packets.pts < packets.pts[0]))


def _are_copies(index: VideoIndex) -> bool:
    """Whether presentation times are decoding times, though pictures may have to be reordered.

    So it is where a bare stream was copied into MP4 by a program that did not decode it.
    """
    return index.may_reorder and bool(np.array_equal(index.packets.pts, index.packets.dts))


def _checked_start(media: MediaFile, index: VideoIndex) -> Sequence[int] | None:
    """Return the times of the first pictures of a sequential decode; None if not in order."""
    decoder = SequentialDecoder(media, index)
    count = _NUM_CHECKED_OF_COPIES if _are_copies(index) else _NUM_CHECKED
    times = [frame.pts for frame in islice(decoder, count)]
    known = [time for time in times if time is not None]
    return known if len(known) == len(times) and known == sorted(known) else None


def _presentation_order(packets: PacketTable) -> Ints:
    shown = np.flatnonzero(packets.is_shown)
    return shown[np.argsort(packets.pts[shown], kind="stable")]


def _starts(packets: PacketTable, numbers: Ints) -> Ints:
    """Return where decoding can begin: inside the edit list, or at the very first packet."""
    starts = np.flatnonzero(packets.is_start & (packets.is_shown | (np.arange(len(packets)) == 0)))
    if not len(numbers):
        return starts
    reached: Ints = starts[(starts == 0) | (packets.pts[starts] >= packets.pts[numbers[0]])]
    return reached


def _unreliable_reason(index: VideoIndex, numbers: Ints, starts: Ints) -> str:
    """Return why the packets are unreliable as a table of the pictures; empty if they are not."""
    packets = index.packets
    shown = packets.pts[numbers]
    dts = packets.dts[packets.dts != NO_TIME]
    if not len(shown) or bool(np.any(np.diff(shown) == 0)):
        return "several pictures of one time"
    if index.container != _MADE_UP_DTS and bool(np.any(np.diff(dts) < 0)):
        return "decoding times go back"
    if not len(starts) or (starts[0] != 0 and packets.pts[starts[0]] != shown[0]):
        return "the first picture is no keyframe"
    if not _are_in_groups(packets, numbers, starts):
        return "pictures are stored far from their keyframe"
    return ""


def _are_in_groups(packets: PacketTable, numbers: Ints, starts: Ints) -> bool:
    """Whether keyframes are in order, and each picture is stored where it can be decoded from.

    That is in the group of the last keyframe that is not shown after it, or in the next one.
    """
    times = packets.pts[starts]
    owners = np.maximum(np.searchsorted(times, packets.pts[numbers], side="right") - 1, 0)
    ends = np.append(starts, [len(packets), len(packets)])[owners + 2]
    in_reach = (numbers >= starts[owners]) & (numbers < ends)
    return bool(np.all(np.diff(times) > 0) and np.all(in_reach))
