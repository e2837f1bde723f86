"""Reference decode of a video: every frame in order, on one thread, all kept in memory.

The twin that the media engine is compared with. It shares no line with `common_ml`: the rules for
times, turning, colour and sampling are written out once more, as plainly as they can be.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import av.video.reformatter
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

if TYPE_CHECKING:
    from pathlib import Path

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Picture:
    """One decoded frame."""

    time: Fraction
    """Seconds from the first frame of the file."""
    rgb: Rgb
    """Upright, shape (height, width, 3)."""
    is_keyframe: bool


@dataclass(frozen=True, eq=False)
class Reference:
    """A whole file, decoded."""

    pictures: list[Picture]
    """In order of presentation: the place is the index."""
    complaint: str
    """What the decoder or the container said where it gave up; empty if it did not."""

    @property
    def times(self) -> list[Fraction]:
        return [picture.time for picture in self.pictures]

    @property
    def keyframes(self) -> list[int]:
        marked = [n for n, picture in enumerate(self.pictures) if picture.is_keyframe]
        return marked or [0]  # some decoders mark none (QuickTime RLE), but decoding begins there


def decode(path: Path) -> Reference:
    """All frames of the first video stream that is no cover picture."""
    with av.open(str(path)) as container:
        stream = next(
            s for s in container.streams.video if not s.disposition & Disposition.attached_pic
        )
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        frames, complaint = _all_frames(container, stream)
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        times = _times([frame.pts for frame in frames], stream.time_base or Fraction(1), rate)
        pictures = [
            Picture(time, upright_rgb(frame), bool(frame.key_frame))
            for time, frame in zip(times, frames, strict=True)
        ]
    return Reference(pictures, complaint)


def usable_pictures(path: Path) -> list[Picture]:
    """All that a decoder gives of a damaged file, but for the pictures that it marks as damaged.

    It goes on after packets that it refuses.
    """
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        frames: list[av.VideoFrame] = []
        try:
            for packet in container.demux(stream):
                is_cut_off = packet.is_corrupt and container.format.name != "mpegts"
                with suppress(av.FFmpegError):
                    frames += [] if is_cut_off else packet.decode()
        except av.FFmpegError:
            frames += _rest(stream)
        first: Any = frames[0].pts
        return [
            Picture((frame.pts - first) * stream.time_base, upright_rgb(frame), frame.key_frame)
            for frame in frames
            if not frame.is_corrupt and frame.pts is not None
        ]


def sampled(times: list[Fraction], fps: Fraction) -> list[int]:
    """Which frames a sampling at `fps` takes, by its definition and at any cost.

    Per point of a grid from the first to the last frame's time, the frame that is nearest in time;
    the earlier one on a tie; each once.
    """
    chosen: list[int] = []
    point = Fraction(0)
    while point <= times[-1]:
        nearest = nearest_frame(times, point)
        if nearest not in chosen:
            chosen.append(nearest)
        point += 1 / fps
    return chosen


def nearest_frame(times: list[Fraction], point: Fraction) -> int:
    """The frame nearest to a time, the earlier one on a tie."""
    return min(range(len(times)), key=lambda n: (abs(times[n] - point), n))


def upright_rgb(frame: av.VideoFrame) -> Rgb:
    """The picture as it is meant to be seen: matrix, range and rotation of the stream applied."""
    whole = frame
    if frame.interlaced_frame:  # swscale of newer FFmpegs would convert each field by itself
        whole = av.VideoFrame.from_ndarray(frame.to_ndarray(), format=frame.format.name)
    converted = whole.reformat(
        format="rgb24",
        src_colorspace=_matrix(frame),
        src_color_range="JPEG" if _is_full_range(frame) else "MPEG",
        dst_color_range="JPEG",
    )
    return np.ascontiguousarray(np.rot90(converted.to_ndarray(), frame.rotation // 90))


def rgb_by_formula(frame: av.VideoFrame) -> Rgb:
    """The colours of a planar YUV frame, computed pixel by pixel with floats from the standards.

    Not turned. Chroma is taken from the nearest sample, so edges of colour differ from a filter's.
    """
    depth = frame.format.components[0].bits
    luma, blue, red = (_plane(frame, number) for number in range(3))
    height, width = luma.shape
    rows = np.arange(height) * blue.shape[0] // height
    columns = np.arange(width) * blue.shape[1] // width
    scale = 2.0 ** (depth - 8)
    y, cb, cr = (plane / scale for plane in (luma, blue[rows][:, columns], red[rows][:, columns]))
    if not _is_full_range(frame):
        y, cb, cr = (y - 16) * 255 / 219, (cb - 128) * 255 / 224 + 128, (cr - 128) * 255 / 224 + 128
    # Share of red and of blue in the luma (BT.709, BT.2020, BT.601).
    k_red, k_blue = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}.get(_matrix(frame), (0.299, 0.114))
    red_out = y + 2 * (1 - k_red) * (cr - 128)
    blue_out = y + 2 * (1 - k_blue) * (cb - 128)
    green_out = (y - k_red * red_out - k_blue * blue_out) / (1 - k_red - k_blue)
    stacked = np.stack([red_out, green_out, blue_out], axis=-1)
    result: Rgb = np.clip(np.rint(stacked), 0, 255).astype(np.uint8)
    return result


def _all_frames(container: Any, stream: Any) -> tuple[list[av.VideoFrame], str]:
    """Until the end, or until something that was whole before turns out to be broken."""
    frames: list[av.VideoFrame] = []
    try:
        for packet in container.demux(stream):
            try:
                frames += packet.decode()
            except av.FFmpegError as error:
                if frames:  # before the first frame it is only a recording that began anywhere
                    return frames + _rest(stream), str(error)
    except av.FFmpegError as error:
        return frames + _rest(stream), str(error)
    return frames, ""


def _rest(stream: Any) -> list[av.VideoFrame]:
    try:
        return list(stream.decode(None))
    except av.FFmpegError:
        return []


def _times(ticks: list[int | None], time_base: Fraction, rate: Fraction) -> list[Fraction]:
    """Seconds from the first frame; by counting where the file's own times are no such thing."""
    known = [t for t in ticks if t is not None]
    if len(known) < len(ticks) or known != sorted(known):
        return [n / rate for n in range(len(ticks))]
    return [(t - known[0]) * time_base for t in known]


def _matrix(frame: av.VideoFrame) -> int:
    """1: BT.709, 9: BT.2020, 4: FCC, 7: SMPTE 240M, 5: BT.601, as swscale numbers them."""
    declared = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}.get(int(frame.colorspace))
    return declared or (1 if frame.height >= 720 or frame.width >= 1280 else 5)


def _is_full_range(frame: av.VideoFrame) -> bool:
    return int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")


def _plane(frame: av.VideoFrame, number: int) -> npt.NDArray[np.float64]:
    plane = frame.planes[number]
    sample = "u1" if frame.format.components[0].bits == 8 else "<u2"
    flat = np.frombuffer(bytes(plane), sample)
    rows = flat.reshape(plane.height, plane.line_size // flat.itemsize)
    return rows[:, : plane.width].astype(np.float64)
