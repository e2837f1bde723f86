"""Choose the packet parser of a codec, and parse packets of VP8, VP9 and Theora."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from common_ml.media.video.bitstream.h264 import H264Reader
from common_ml.media.video.bitstream.hevc import HevcReader

if TYPE_CHECKING:
    from collections.abc import Callable


class PacketReader(Protocol):
    """Parse the packets of one stream in file order; the fields describe the last one."""

    is_random_access_point: bool
    """If a container calls it a keyframe, all pictures that are shown after it can be decoded,
    exactly, from it on."""
    needs_all: bool
    """It may decode differently if non-reference pictures before it are skipped:
    a reference is missing, or the mark only holds for a part of the stream."""
    is_truncated: bool
    """It is damaged."""
    is_hidden: bool
    """It holds a picture that is decoded, perhaps referred to, and never shown."""

    def read(self, packet: memoryview) -> None:
        """Parse the next packet, which is not empty."""


def reader_of(codec: str, extradata: bytes | None) -> PacketReader:
    """Return the parser for the packets of a stream.

    Args:
        codec: FFmpeg's name of the decoder.
        extradata: The decoder's configuration record, or headers; None if there is none.
    """
    return _READERS.get(codec, _Unread)(extradata)


class _Unread:
    """In most formats no picture refers past a keyframe, except those shown before it."""

    def __init__(self, _: bytes | None) -> None:
        self.is_random_access_point = True
        self.needs_all = False
        self.is_hidden = False
        self.is_truncated = False

    def read(self, packet: memoryview) -> None:
        """See PacketReader."""


class _Vp8Reader(_Unread):
    def read(self, packet: memoryview) -> None:
        """RFC 6386, 9.1: bit 4 of the frame tag is show_frame."""
        self.is_hidden = not packet[0] & 0x10


class _TheoraReader(_Unread):
    def read(self, packet: memoryview) -> None:
        """Theora, 6.1: headers begin with a bit of 1; each link of a chain has three of them."""
        self.is_hidden = bool(packet[0] & 0x80)
        self.is_random_access_point = not self.is_hidden


class _Vp9Reader(_Unread):
    def read(self, packet: memoryview) -> None:
        """VP9 bitstream, 6.2: marker, profile, show_existing_frame, frame_type, show_frame."""
        first = packet[0]
        is_superframe = packet[-1] & 0xE0 == 0xC0  # its last picture is shown
        profile_3 = first & 0x30 == 0x30  # one more reserved bit shifts the others
        shows_existing = first & (0x04 if profile_3 else 0x08)
        shows = first & (0x01 if profile_3 else 0x02)
        self.is_hidden = not (is_superframe or shows_existing or shows)


_READERS: dict[str, Callable[[bytes | None], PacketReader]] = {
    "h264": H264Reader,
    "hevc": HevcReader,
    "vp8": _Vp8Reader,
    "libvpx": _Vp8Reader,
    "vp9": _Vp9Reader,
    "libvpx-vp9": _Vp9Reader,
    "theora": _TheoraReader,
}
"""By FFmpeg's name of the decoder. AV1 packs a picture that is shown into each packet."""
