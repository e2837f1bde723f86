"""Weights of a layout's channels in the mono mix."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy.typing as npt

    Weights: TypeAlias = npt.NDArray[np.float32]

_ANY_RATE = 48_000
_USUAL = {"6 channels": "5.1", "8 channels": "7.1"}
"""Number of channels -> their layout, in sound that is coded for listeners."""
_FOR_LISTENERS = frozenset({"aac", "aac_latm", "ac3", "eac3", "dts", "truehd", "opus", "vorbis"})
"""Codecs whose channels are those of loudspeakers; others may hold one microphone each."""
_MAX_CHANNELS = 64
"""The most that FFmpeg's mixer takes."""


@cache
def mono_weights(layout: str, num_channels: int, codec: str = "") -> Weights:
    """Return the weight of each channel, float32, shape (num_channels,).

    Stereo is averaged, and so are channels of unknown position, but for six and eight of a codec
    for listeners, which are 5.1 and 7.1: an AAC file may list its channels in a way that FFmpeg
    has no name for. Other layouts are mixed as ITU-R BS.775 says and the ffmpeg program does it:
    5.1 is 0.707 of left and right, all of the centre, half of the surround channels, nothing of
    the low-frequency effects.

    Args:
        layout: FFmpeg's name of it, such as `5.1(side)`.
        num_channels: How many channels it has.
        codec: FFmpeg's name of the codec; empty if unknown.
    """
    if codec in _FOR_LISTENERS:
        layout = _USUAL.get(layout, layout)
    average = np.full(num_channels, 1 / num_channels, np.float32)
    is_unknown = layout == f"{num_channels} channels"
    if num_channels <= 2 or num_channels > _MAX_CHANNELS or is_unknown:
        return average
    try:
        return _mixer_weights(layout, num_channels)
    except (av.error.FFmpegError, ValueError):
        return average  # a layout that the mixer does not know


def _mixer_weights(layout: str, num_channels: int) -> Weights:
    """Measure the output of FFmpeg's mixer for a 1 in each channel in turn."""
    impulses = np.eye(num_channels, dtype=np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(impulses, format="flt", layout=layout)
    frame.sample_rate = _ANY_RATE
    mixer = av.AudioResampler(format="fltp", layout="mono", rate=_ANY_RATE)
    parts = [part.to_ndarray()[0] for each in (frame, None) for part in mixer.resample(each)]
    weights: Weights = np.concatenate(parts)
    if weights.shape != (num_channels,) or not weights.any():
        raise ValueError(f"no mix of {layout}")
    return weights
