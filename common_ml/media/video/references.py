"""Leave out references that no wanted picture depends on, as long as that saves something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.media.video import h264_references, hevc_references
from common_ml.media.video.needed_packets import NeededPackets

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from av.packet import Packet

    from common_ml.media.video.index import VideoIndex

_FINDERS = {"h264": h264_references.needed_packets, "hevc": hevc_references.needed_packets}
"""By FFmpeg's name of the decoder."""
_MAX_READ_AHEAD_BYTES = 32 * 1024 * 1024
"""Of packets, in each decoder: some thirty seconds at 8 Mb/s."""
_MAX_FRUITLESS = 2
_MIN_SAVED = 0.04
"""Share of a group's packets that must be saved; reading their headers costs about as much."""


class ReferenceSaver:
    """Find references that need not be decoded either, as long as that saves something."""

    def __init__(self, index: VideoIndex, extradata: bytes | None) -> None:
        self._find = _FINDERS.get(index.codec)
        self._extradata = extradata
        self._sizes = index.packets.sizes
        self._num_fruitless = 0

    def is_worthwhile(self, first: int, last: int, num_wanted: int) -> bool:
        """Whether to read packets `first` to `last` ahead for it."""
        if self._find is None or self._num_fruitless >= _MAX_FRUITLESS:
            return False
        num_bytes = int(self._sizes[first : last + 1].sum())
        return num_wanted < last - first and num_bytes <= _MAX_READ_AHEAD_BYTES

    def needed(
        self, packets: Sequence[tuple[int, Packet[Any]]], wanted: Collection[int]
    ) -> NeededPackets | None:
        """Return the numbers of the packets to decode of a group; None if unknown."""
        numbers = [number for number, _ in packets]
        places = [place for place, number in enumerate(numbers) if number in wanted]
        data = [memoryview(packet) for _, packet in packets]
        found = self._find(self._extradata, data, places) if self._find else None
        saved = 0 if found is None else found.num_saved
        self._num_fruitless = 0 if saved >= _MIN_SAVED * len(packets) else self._num_fruitless + 1
        return found and NeededPackets(
            frozenset(numbers[place] for place in found.exact),
            frozenset(numbers[place] for place in found.kept),
            found.num_saved,
            frozenset(numbers[place] for place in found.may_be_marked),
        )
