"""Decode and encode pictures with FFmpeg: formats that OpenCV lacks, or all without OpenCV."""

from __future__ import annotations

import re
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from av.codec.codec import Codec, UnknownCodecError
from av.codec.context import CodecContext
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation

from common_ml.errors import DecodeError, UnknownMediaError
from common_ml.media import limits
from common_ml.media.access import quoted
from common_ml.media.containers import packets_of, translated_errors
from common_ml.media.hdr import ColourTags
from common_ml.media.images.depth import scaled
from common_ml.media.kinds import kind_of
from common_ml.media.media_file import MediaFile
from common_ml.media.presentation import AS_STORED, Presentation
from common_ml.media.video.colour import RgbConverter

if TYPE_CHECKING:
    import numpy.typing as npt
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

    from common_ml.media.headers.heif import Colour
    from common_ml.types import StrPath

    Image = npt.NDArray[np.uint8]
    Path = StrPath

_JFIF_MATRIX = 5
"""BT.601 as AVColorSpace and in swscale's numbers: the matrix of untagged stills."""
_UNSPECIFIED = 2
_MAX_INT = 2**31 - 1
_ROUNDED_UP = 128
"""Pixels of padding that a decoder may add to width and height."""
_SAMPLES = {"gray16le", "gray16be", "rgb48le", "rgb48be"}
"""Pixel formats whose samples are not converted: swscale would round them."""
_FLOATS = re.compile(r"(?P<colours>gbrap|gbrp|gray|rgba|rgb)f(?P<bits>16|32)(?P<order>le|be)")


def decode_data(
    data: bytes,
    path: Path,
    *,
    codec: str,
    extradata: bytes = b"",
    colour: Colour | None = None,
    max_size: tuple[int, int] | None = None,
) -> npt.NDArray[Any]:
    """Decode one packet to grey or RGB.

    Args:
        data: The packet: of most still formats the whole file.
        path: The file, for messages.
        codec: FFmpeg's name of the decoder.
        extradata: Codec configuration.
        colour: Code points that override those of the packet.
        max_size: Maximum width and height; a larger picture is an error.

    Returns:
        uint8 RGB, shape (H, W, 3); or for formats of 16 bits or floating point their samples,
        shape (H, W) or (H, W, 3).

    Raises:
        DecodeError: damaged, truncated, or not supported.
    """
    context = _decoder(codec, path)
    context.thread_count = 1
    if extradata:
        context.extradata = extradata
    # Decoders check the allocated size, which is rounded up.
    room = limits.in_force().max_pixels * 9 // 8 + _ROUNDED_UP * _ROUNDED_UP
    if max_size is not None:
        room = min((max_size[0] + _ROUNDED_UP) * (max_size[1] + _ROUNDED_UP), room)
    context.options = {
        "max_pixels": str(min(room, _MAX_INT)),
        "err_detect": _DETECTION[codec == "tiff"],
    }
    with translated_errors(path, doing="decode"):
        frames = [*context.decode(Packet(data)), *context.decode(None)] if data else []
    frame = next((f for f in frames if not f.is_corrupt), None)
    if frame is None:
        raise DecodeError(
            f"cannot decode {quoted(path)}: the picture is damaged or truncated", path=path
        )
    limits.in_force().check_size(path, frame.width, frame.height)
    return _pixels(frame, colour)


_DETECTION = {False: "explode", True: "crccheck"}
"""FFmpeg's TIFF decoder treats an unknown tag as an error."""


def needs_tone_mapping(colour: Colour | None) -> bool:
    """Whether code points mean HDR or a wide gamut."""
    return colour is not None and ColourTags(colour.transfer, colour.primaries).needs_mapping


def _decoder(codec: str, path: Path) -> VideoCodecContext:
    try:
        return cast("VideoCodecContext", Codec(codec, "r").create())
    except UnknownCodecError as error:
        raise DecodeError(
            f"cannot decode {quoted(path)}: not supported: this FFmpeg has no decoder {codec}",
            path=path,
        ) from error


def _pixels(frame: VideoFrame, colour: Colour | None = None) -> npt.NDArray[Any]:
    if frame.format.name in _SAMPLES:
        return frame.to_ndarray()
    floats = _FLOATS.fullmatch(frame.format.name)
    if floats:
        return _of_floats(frame, floats)
    presentation = AS_STORED
    if colour is not None and colour.matrix == 0 and frame.format.name in _WITHOUT_MATRIX:
        return _of_planes(frame, colour)
    if colour is not None:
        frame.colorspace = colour.matrix
        frame.color_range = ColorRange.JPEG if colour.is_full_range else ColorRange.MPEG
        tags = ColourTags(colour.transfer, colour.primaries)
        presentation = Presentation(tags=tags)
        with suppress(AttributeError):  # PyAV before 17 uses those of `presentation`
            frame.color_trc, frame.color_primaries = tags
    if int(frame.colorspace) == _UNSPECIFIED and not frame.format.is_rgb:
        frame.colorspace = _JFIF_MATRIX
    return RgbConverter(presentation=presentation).as_stored(frame)


def _of_floats(frame: VideoFrame, name: re.Match[str]) -> npt.NDArray[np.float32]:
    """Take the samples of a picture of 16 or 32-bit floats, without its alpha."""
    order = {"le": "<", "be": ">"}[name["order"]]
    dtype = np.dtype(f"{order}f{int(name['bits']) // 8}")
    rows = [
        np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1) for plane in frame.planes
    ]
    colours = name["colours"]
    if colours.startswith("gbr"):
        green, blue, red = (row[:, : frame.width] for row in rows[:3])
        return np.stack([red, green, blue], axis=-1).astype(np.float32)
    samples = len(colours) if colours.startswith("rgb") else 1
    pixels = rows[0][:, : frame.width * samples].reshape(frame.height, frame.width, samples)
    return (pixels[:, :, :3] if samples > 1 else pixels[:, :, 0]).astype(np.float32)


_WITHOUT_MATRIX = {"yuv444p": 8, "yuvj444p": 8, "yuv444p10le": 10, "yuv444p12le": 12}
"""Pixel formats of pictures without a colour matrix, where the decoder does not set it -> bits."""


def _of_planes(frame: VideoFrame, colour: Colour) -> npt.NDArray[np.uint8]:
    """Take the planes for green, blue and red, as the matrix "identity" of H.273 says."""
    bits = _WITHOUT_MATRIX[frame.format.name]
    dtype = np.dtype("<u2" if bits > 8 else "u1")
    green, blue, red = (
        np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)[:, : frame.width]
        for plane in frame.planes
    )
    rgb = np.stack([red, green, blue], axis=-1)
    if colour.is_full_range:
        return scaled(rgb, (1 << bits) - 1)
    black, white = 16 << bits - 8, 235 << bits - 8
    return scaled(np.clip(rgb.astype(np.int32) - black, 0, white - black), white - black)


def decode_file(path: Path) -> npt.NDArray[Any]:
    """Decode the first picture of a file, in whatever format FFmpeg finds: as `decode_data`.

    Raises:
        UnknownMediaError: not a picture.
        MediaError: damaged, or in a format that is not supported.
    """
    media = MediaFile(path)
    try:
        if kind_of(media) != "image":
            raise UnknownMediaError(f"{quoted(path)} is not a picture", path=path)
        return _first_picture(media)
    finally:
        media.close()


def _first_picture(media: MediaFile) -> npt.NDArray[Any]:
    path = media.path
    with media.open() as container, translated_errors(path, doing="decode"):
        stream = _stream_of_picture(container)
        if stream is None:  # only its extension is that of a picture
            raise UnknownMediaError(f"{quoted(path)} is not a picture", path=path)
        if stream.disposition & Disposition.dependent:
            raise DecodeError(
                f"cannot decode {quoted(path)}: not supported: tiles that nothing joins",
                path=path,
            )
        for packet in packets_of(container, stream):
            for frame in packet.decode():
                if not frame.is_corrupt:
                    return _pixels(frame)
    raise DecodeError(
        f"cannot decode {quoted(path)}: the picture is damaged or truncated", path=path
    )


def _stream_of_picture(container: InputContainer) -> VideoStream | None:
    """Return the first stream; of an icon, which is there in several sizes, the largest."""
    streams = container.streams.video
    if container.format.name == "ico":
        return max(streams, key=lambda stream: stream.width * stream.height, default=None)
    return next(iter(streams), None)


def encode_png(pixels: Image) -> bytes:
    """Encode grey, shape (H, W), or RGB, shape (H, W, 3)."""
    pixel_format = "gray" if pixels.ndim == 2 else "rgb24"
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=pixel_format)
    return _encoded(frame, "png", {"compression_level": "1"})


def encode_jpeg(pixels: Image, size: tuple[int, int], quality: int) -> bytes:
    """Encode grey or RGB, scaled to `size` (width, height) by averaging; quality is 1..100."""
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, np.newaxis], 3, axis=2)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(
        *size,
        "yuvj420p",
        dst_colorspace=_JFIF_MATRIX,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.AREA,
    )
    scale = round(2 + (100 - quality) * 29 / 99)  # FFmpeg's goes from 2, the best, to 31
    return _encoded(frame, "mjpeg", {"qmin": "1", "qmax": "31", "global_quality": str(scale * 118)})


def _encoded(frame: VideoFrame, codec: str, options: dict[str, str]) -> bytes:
    context = cast("VideoCodecContext", CodecContext.create(codec, "w"))
    context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
    context.time_base = Fraction(1)
    context.options = {"flags": "+qscale", **options} if codec == "mjpeg" else options
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
