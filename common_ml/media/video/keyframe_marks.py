"""Decide whether a file's marks of keyframes are true: some writers mark every packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

    from common_ml.media.video.packet_table import Flags

READ_BY_PARSERS = frozenset({"h264", "hevc"})
"""Decoders of formats whose packets are parsed: see `bitstream`."""
_STATE_PICTURE_TYPES = READ_BY_PARSERS | frozenset(
    [
        "mpeg1video",
        "mpeg2video",
        "mpegvideo",
        "mpeg4",
        "msmpeg4",
        "msmpeg4v1",
        "msmpeg4v2",
        "wmv1",
        "wmv2",
        "wmv3",
        "vc1",
        "flv",
        "h261",
        "h263",
        "h263i",
        "h263p",
        "rv10",
        "rv20",
        "rv30",
        "rv40",
        "vp3",
        "theora",
        "vp5",
        "vp6",
        "vp6a",
        "vp6f",
        "vp7",
        "vp8",
        "vp9",
        "libvpx",
        "libvpx-vp9",
        "av1",
        "libdav1d",
        "svq1",
        "svq3",
        "snow",
        "cavs",
        "ffv1",
    ]
)
"""Decoders that state of each picture whether it refers to others."""
_INTRA = frozenset({0, 1, 5})
"""AVPictureType: not stated, I, SI."""


def are_reliable(is_keyframe: Flags, context: VideoCodecContext) -> bool:
    """Whether the marks of a stream can be true.

    If all packets are marked, though the codec has pictures that refer to others, and its decoder
    does not state which, they are taken for false.
    """
    return (
        len(is_keyframe) < 2
        or not is_keyframe.all()
        or context.codec.intra_only
        or context.name in _STATE_PICTURE_TYPES
    )


def refers_to_others(frame: VideoFrame, codec: str) -> bool:
    """Whether the decoder says of a picture that is marked as a keyframe that it is none."""
    return codec not in READ_BY_PARSERS and int(frame.pict_type) not in _INTRA
