"""Read sound as mono float32 at the rate that a model wants: whole, or in windows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from common_ml.media.sound import sound_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias

    import numpy.typing as npt

    from common_ml.types import StrPath

    Samples: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AudioWindow:
    """A window of sound."""

    start_seconds: float
    """From the start of the file."""
    samples: Samples
    """Mono, float32, -1..1; the same number in every window: the last one is padded with zeros."""
    duration_seconds: float
    """Seconds of sound in it; less than the window only in the last one."""


def read_audio(path: StrPath, sample_rate: int = 16000) -> Samples:
    """Read the first sound stream of a file, a video's too: mono, float32, shape (N,), -1..1.

    Stereo is averaged; more channels are mixed as ITU-R BS.775 says and the ffmpeg program does it,
    and averaged where nothing says which they are. Sample n is at n / sample_rate seconds from the
    start of the file, which is the first frame where there is video: sound that starts
    later, or that has a hole, has zeros there, and sound before it is left out.

    Args:
        path: The file.
        sample_rate: Samples per second.

    Raises:
        MissingMediaError: there is no such file.
        NoStreamError: there is no sound in it.
        DecodeError: damaged or truncated.
        LimitError: longer than the limits in force allow, or than a file of its size can be.
    """
    _check(sample_rate >= 1, f"sample_rate must be >= 1, got {sample_rate}")
    samples, length = np.zeros(0, np.float32), 0
    for block in sound_blocks(path, sample_rate=sample_rate, channels=1):
        end = length + block.shape[1]
        if end > len(samples):  # in place: joining blocks would take the memory twice
            samples.resize(max(end, len(samples) * 9 // 8), refcheck=False)
        samples[length:end] = block[0]
        length = end
    samples.resize(length, refcheck=False)
    return samples


def audio_windows(
    path: StrPath,
    *,
    window_seconds: float,
    overlap_seconds: float = 0,
    sample_rate: int = 16000,
) -> Iterator[AudioWindow]:
    """Yield windows of what `read_audio` returns, in order, without all of it in memory.

    Every window has `round(window_seconds * sample_rate)` samples, the last one padded with
    zeros, and together they cover all the sound: no window consists of overlap alone. Of a
    truncated file the sound that there is comes before the error.

    Args:
        path: The file.
        window_seconds: Length of a window.
        overlap_seconds: How far a window reaches into the next one; less than `window_seconds`.
        sample_rate: Samples per second.

    Raises:
        ValueError: a number is out of its range.
        MediaError: as for `read_audio`, while iterating.
    """
    _check(sample_rate >= 1, f"sample_rate must be >= 1, got {sample_rate}")
    _check(
        math.isfinite(window_seconds) and round(window_seconds * sample_rate) >= 1,
        f"window_seconds must hold a sample at least, got {window_seconds}",
    )
    _check(
        window_seconds > overlap_seconds >= 0,
        f"overlap_seconds must be >= 0 and less than window_seconds, got {overlap_seconds}",
    )
    length = round(window_seconds * sample_rate)
    hop = length - round(overlap_seconds * sample_rate)
    blocks = (block[0] for block in sound_blocks(path, sample_rate=sample_rate, channels=1))
    return _windows(blocks, length, max(hop, 1), sample_rate)


def _check(is_valid: bool, message: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not is_valid:
        raise ValueError(message)


def _windows(
    blocks: Iterable[Samples], length: int, hop: int, sample_rate: int
) -> Iterator[AudioWindow]:
    waiting: list[Samples] = []  # joined once they fill a window, not with every block
    num_waiting = first = 0
    for block in blocks:
        waiting.append(block)
        num_waiting += len(block)
        if num_waiting < length:
            continue
        samples = np.concatenate(waiting)
        waiting.clear()
        del block  # not held while the consumer has the windows
        for start in range(0, num_waiting - length + 1, hop):
            window = samples[start : start + length].copy()
            yield AudioWindow(first / sample_rate, window, length / sample_rate)
            first += hop
        rest = samples[start + hop :].copy()
        waiting, num_waiting = [rest], len(rest)
        del samples  # nor this while the next block is decoded
    if num_waiting > (length - hop if first else 0):
        last = np.zeros(length, np.float32)
        last[:num_waiting] = np.concatenate(waiting)
        yield AudioWindow(first / sample_rate, last, num_waiting / sample_rate)
