"""How the clips of the corpus are made: pictures, encoders, and surgery on the bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypedDict

import av
import av.audio
import av.container
import av.packet
import av.video
import av.video.frame
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Unpack

Rgb = npt.NDArray[np.uint8]
Packets = list["av.packet.Packet[Any]"]


@dataclass(frozen=True)
class Video:
    """One picture stream, not yet encoded."""

    codec: str = "libx264"
    options: Mapping[str, str] = field(default_factory=dict)
    """Private options of the encoder; one thread is always asked for."""
    rate: Fraction = Fraction(24)
    """Frames per second that the file declares, and has unless `ticks` is given."""
    num_frames: int = 60
    width: int = 160
    height: int = 96
    pixel_format: str = "yuv420p"
    ticks: Callable[[int], int] | None = None
    """Presentation time of the n-th frame in units of `time_base`."""
    time_base: Fraction | None = None
    """Seconds per tick; None: one frame period."""
    first_picture: int = 0
    """Number that is drawn on the first picture."""
    keyframes_at: tuple[int, ...] = ()
    """Frames that have to be keyframes, beside those that the encoder chooses."""
    edit: Callable[[Packets], Packets] | None = None
    """Changes the packets between encoder and container."""
    colour: Mapping[str, int] = field(default_factory=dict)
    """Attributes of the codec context, such as `colorspace` and `color_range`."""
    gop_size: int | None = None
    max_b_frames: int | None = None
    bit_rate: int | None = None


def picture(number: int, width: int, height: int) -> Rgb:
    """A picture that no other number has: moving gradients, noise, and the number as 12 blocks.

    Returns:
        RGB, uint8, shape (height, width, 3).
    """
    y, x = np.mgrid[0:height, 0:width]
    moving = np.stack([x * 2 + number * 5, y * 3 + number * 7, (x + y) * 2 - number * 4], axis=-1)
    # A triangle wave rather than a saw: hard edges everywhere would cost more bits than they tell.
    smooth = np.abs(moving % 512 - 256) % 256
    noise = np.random.RandomState(number).randint(-12, 13, size=smooth.shape)
    image: Rgb = np.clip(smooth + noise, 0, 255).astype(np.uint8)
    block = max(width // 16, 2)
    for bit in range(12):
        left = (bit + 2) * block
        image[2 : 2 + block, left : left + block] = 255 * ((number >> bit) & 1)
    return image


class Company(TypedDict, total=False):
    """What stands beside the pictures in a file."""

    muxer: Mapping[str, str]
    """Options of the container."""
    sound: str
    """Codec of a tone."""
    cover: bool
    """Whether a cover picture comes first."""


def write(path: Path, *videos: Video, **company: Unpack[Company]) -> None:
    """Encodes the videos, and what is to stand beside them, into `path`."""
    sound, cover = company.get("sound"), company.get("cover", False)
    # Without this flag Matroska files get random numbers.
    options = {"fflags": "+bitexact", **company.get("muxer", {})}
    with av.open(str(path), "w", options=options) as output:
        # Cover art first: "the first video stream" must not be taken for "the first real one".
        covers = [_add_cover(output)] if cover else []
        streams = [_add_video(output, video) for video in videos]
        tone = _add_sound(output, sound) if sound else None
        output.start_encoding()
        packets = [packet for make in covers for packet in make()]
        for video, stream in zip(videos, streams, strict=True):
            encoded = _encode(video, stream)
            packets += video.edit(encoded) if video.edit else encoded
        if tone is not None:
            seconds = max(video.num_frames / video.rate for video in videos)
            packets += _encode_tone(tone, seconds)
        for packet in sorted(packets, key=_decode_seconds):
            output.mux(packet)


def concatenate(path: Path, parts: Sequence[Path]) -> None:
    """Puts the bytes of files behind one another: legal for transport and elementary streams."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))


def truncate(path: Path, share: float, *, unit_bytes: int = 1) -> None:
    """Keeps only the first `share` of the bytes, as many units of them as fit."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share) // unit_bytes * unit_bytes])


def damage(path: Path, share: float, num_bytes: int) -> None:
    """Overwrites `num_bytes` bytes from `share` of the file on with 0xFF, which no codec likes."""
    data = bytearray(path.read_bytes())
    start = int(len(data) * share)
    data[start : start + num_bytes] = b"\xff" * num_bytes
    path.write_bytes(data)


# Display matrices of ISO/IEC 14496-12: a, b, u, c, d, v as fixed point (16.16 and 2.30), clockwise.
_TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def rotate(path: Path, degrees_clockwise: int) -> None:
    """Writes a display rotation into the first track header of an mp4 or mov file."""
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd")
    # size and type stand before; version 0: 4 flags, 5 x 4 times and ids, 8 reserved, 8 layer etc.
    version = data[header + 4]
    matrix = header + 4 + 4 + (20 if version == 0 else 32) + 8 + 8
    a, b, c, d = (value << 16 for value in _TURNS[degrees_clockwise])
    struct.pack_into(">9i", data, matrix, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def set_edit_list(path: Path, entries: Sequence[tuple[int, int]]) -> None:
    """Replaces the edit list of the first track of an mp4 whose `moov` is the last box.

    Args:
        path: The file.
        entries: (duration in movie ticks, media time in track ticks or -1 for nothing) each.
    """
    data = path.read_bytes()
    body = struct.pack(">II", 0, len(entries)) + b"".join(
        struct.pack(">IiHH", duration, media_time, 1, 0) for duration, media_time in entries
    )
    new = _box(b"edts", _box(b"elst", body))
    edts = data.index(b"edts") - 4
    old_size = int.from_bytes(data[edts : edts + 4], "big")
    grown = len(new) - old_size
    result = bytearray(data[:edts] + new + data[edts + old_size :])
    for name in (b"moov", b"trak"):  # both hold the list, and state their size before their name
        at = result.index(name) - 4
        struct.pack_into(">I", result, at, int.from_bytes(result[at : at + 4], "big") + grown)
    path.write_bytes(result)


# -- edits between encoder and container ------------------------------------------------------


def shifted(seconds: Fraction) -> Callable[[Packets], Packets]:
    """All times later (or, if negative, earlier) by `seconds`."""

    def edit(packets: Packets) -> Packets:
        for packet in packets:
            ticks = round(seconds / packet.time_base)
            packet.pts = _known(packet.pts) + ticks
            packet.dts = _known(packet.dts) + ticks
        return packets

    return edit


def without_first(count: int) -> Callable[[Packets], Packets]:
    """The first `count` packets, with the keyframe among them, are lost."""
    return lambda packets: packets[count:]


def without(*places: int) -> Callable[[Packets], Packets]:
    """The packets at these places of the decoding order are lost."""
    return lambda packets: [packet for n, packet in enumerate(packets) if n not in places]


def with_equal_times(first: int, second: int) -> Callable[[Packets], Packets]:
    """The picture at place `second` of the presentation claims the time of the one at `first`."""

    def edit(packets: Packets) -> Packets:
        shown = sorted(packets, key=lambda packet: _known(packet.pts))
        shown[second].pts = shown[first].pts
        return packets

    return edit


def hidden(*places: int) -> Callable[[Packets], Packets]:
    """VP8 pictures that are decoded, referred to, and never shown, as alt-ref pictures are."""

    def edit(packets: Packets) -> Packets:
        for place in places:
            old = packets[place]
            data = bytearray(bytes(old))
            data[0] &= ~0x10  # show_frame of the frame tag (RFC 6386, 9.1)
            new: av.packet.Packet[Any] = av.Packet(bytes(data))
            new.stream, new.time_base = old.stream, old.time_base
            new.pts, new.dts, new.duration = old.pts, old.dts, old.duration
            packets[place] = new
        return packets

    return edit


# -- encoders ---------------------------------------------------------------------------------


def _add_video(output: av.container.OutputContainer, video: Video) -> av.video.VideoStream:
    options = dict(video.options)
    if video.codec.startswith("libx264"):
        # Its macroblock tree reads memory that it did not write: the bytes differ between runs.
        options["x264-params"] = ":".join(filter(None, ("mbtree=0", options.get("x264-params"))))
    stream = output.add_stream(video.codec, rate=video.rate, options=options)
    assert isinstance(stream, av.video.VideoStream)
    context = stream.codec_context
    context.width, context.height = video.width, video.height
    context.pix_fmt = video.pixel_format
    context.thread_count = 1
    if video.time_base is not None:
        context.time_base = video.time_base
    if video.gop_size is not None:
        context.gop_size = video.gop_size
    if video.max_b_frames is not None:
        context.max_b_frames = video.max_b_frames
    if video.bit_rate is not None:
        context.bit_rate = video.bit_rate
    for name, value in video.colour.items():
        setattr(context, name, value)
    return stream


def _encode(video: Video, stream: av.video.VideoStream) -> Packets:
    time_base = video.time_base or 1 / video.rate
    packets: Packets = []
    for n in range(video.num_frames):
        image = picture(video.first_picture + n, video.width, video.height)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame = frame.reformat(format=video.pixel_format)
        frame.pts = video.ticks(n) if video.ticks else n
        frame.time_base = time_base
        if n in video.keyframes_at:
            frame.pict_type = av.video.frame.PictureType.I
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _add_sound(output: av.container.OutputContainer, codec: str) -> av.audio.AudioStream:
    stream = output.add_stream(codec, rate=16000)
    assert isinstance(stream, av.audio.AudioStream)
    stream.codec_context.layout = "mono"
    return stream


def _encode_tone(stream: av.audio.AudioStream, seconds: Fraction) -> Packets:
    rate, size = stream.codec_context.sample_rate, 1024
    packets: Packets = []
    for start in range(0, int(seconds * rate), size):
        wave = np.sin(np.arange(start, start + size) * (2 * np.pi * 440 / rate)) * 8000
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, start
        frame.time_base = Fraction(1, rate)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _add_cover(output: av.container.OutputContainer) -> Callable[[], Packets]:
    stream = output.add_stream("mjpeg", rate=1)
    assert isinstance(stream, av.video.VideoStream)
    stream.codec_context.width, stream.codec_context.height = 64, 64
    stream.codec_context.pix_fmt = "yuvj420p"
    stream.disposition = 0x400  # type: ignore[assignment] # attached_pic; av 15 wants the number

    def encode() -> Packets:
        frame = av.VideoFrame.from_ndarray(picture(4000, 64, 64), format="rgb24")
        frame = frame.reformat(format="yuvj420p")
        frame.pts = 0
        return [*stream.encode(frame), *stream.encode(None)]

    return encode


def _decode_seconds(packet: av.packet.Packet[Any]) -> Fraction:
    return _known(packet.dts) * packet.time_base


def _known(ticks: int | None) -> int:
    assert ticks is not None, "every encoder of the corpus gives its packets times"
    return ticks


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body
