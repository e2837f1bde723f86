"""Parse HEVC packets: random access points, and leading pictures without their references."""

from __future__ import annotations

from common_ml.media.headers.nal import is_truncated, nal_units

_SLICES = range(32)
_RANDOM_ACCESS = range(16, 22)
"""BLA, IDR and CRA pictures."""
_MARKED = range(0, 16, 2)
"""Pictures that none of the same temporal layer refers to."""
_BROKEN_LINK = range(16, 19)
"""BLA pictures: the stream was cut before them."""
_SKIPPED_LEADING = range(8, 10)
"""RASL pictures: shown before the random access picture that they are stored behind, they refer
to pictures before it."""


class HevcReader:
    """Parse the packets of one stream, in file order."""

    def __init__(self, extradata: bytes | None) -> None:
        """Prepare.

        Args:
            extradata: The stream's hvcC record, or its headers behind start codes.
        """
        extradata = extradata or b""
        is_record = len(extradata) > 22 and extradata[:3] not in {b"\0\0\0", b"\0\0\1"}
        self._length_size = (extradata[21] & 3) + 1 if is_record else 0
        self.is_random_access_point = False
        """The last packet is a random access point: all pictures shown after it decode exactly."""
        self.needs_all = False
        """The picture may refer to one that is marked as no reference: the mark only holds among
        pictures of one temporal layer, and those of higher layers may refer to it all the same."""
        self.is_hidden = False
        """A leading picture after a cut, whose references are missing."""
        self.is_truncated = False
        """The last packet is damaged."""
        self._is_after_cut = False
        self._lowest_layer: int | None = None  # of marked pictures since the last keyframe

    def read(self, packet: memoryview) -> None:
        """Parse the next packet."""
        self.is_truncated = is_truncated(packet, self._length_size)
        units = nal_units(packet, self._length_size)
        heads = ((unit[0] >> 1 & 0x3F, unit[1] & 7) for unit in units if len(unit) > 1)
        kind, layer = next((head for head in heads if head[0] in _SLICES), (-1, 0))
        self.is_random_access_point = kind in _RANDOM_ACCESS
        if self.is_random_access_point:
            self._is_after_cut = kind in _BROKEN_LINK
            self._lowest_layer = None
        self.needs_all = self._lowest_layer is not None and self._lowest_layer < layer
        if kind in _MARKED:
            lowest = layer if self._lowest_layer is None else self._lowest_layer
            self._lowest_layer = min(lowest, layer)
        self.is_hidden = self._is_after_cut and kind in _SKIPPED_LEADING
