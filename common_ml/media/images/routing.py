"""Choose the decoder of a still image by the facts of its header.

The decoders were compared with Pillow, tifffile and imagecodecs: OpenCV is the default; the
table lists the exceptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from common_ml.media.headers import jpeg2000, tiff
from common_ml.media.headers.heif import Colour
from common_ml.media.headers.jpeg import JPEG_LS, LOSSLESS, JpegHeader, samples_are_interleaved
from common_ml.media.images.tiff_colours import INKS, RGB

if TYPE_CHECKING:
    from common_ml.media.headers.image_header import ImageHeader

FFMPEG_CODECS = {
    "jpeg": "mjpeg", "png": "png", "gif": "gif", "webp": "webp", "bmp": "bmp", "tiff": "tiff",
    "jpeg2000": "jpeg2000", "radiance": "hdr", "exr": "exr", "psd": "psd", "sun": "sunrast",
    "qoi": "qoi",
    "tga": "targa", "xbm": "xbm", "xpm": "xpm",
    "pfm": "pfm", "dds": "dds", "sgi": "sgi", "pcx": "pcx", "dpx": "dpx",
}  # fmt: skip
"""Format -> FFmpeg's decoder of it, which decodes the whole file as one packet."""

UNSUPPORTED = {
    "jxl": "JPEG XL", "jpegxr": "JPEG XR", "bpg": "BPG", "flif": "FLIF",
    "icns": "Apple icons (ICNS)", "xcf": "GIMP's XCF", "dicom": "DICOM",
    "raw_cr3": "camera raw (CR3)",
    "raw_raf": "camera raw (RAF)", "raw_orf": "camera raw (ORF)", "raw_rw2": "camera raw (RW2)",
    "raw_x3f": "camera raw (X3F)", "raw_crw": "camera raw (CRW)",
}  # fmt: skip
"""Unsupported formats -> their names."""


Decoder = Literal["opencv", "ffmpeg", "anymap", "tiff", "heif", "container"]
"""`container`: FFmpeg detects the format."""


class Route(NamedTuple):
    """The decoder of a picture."""

    decoder: Decoder
    codec: str = ""
    """FFmpeg's decoder, where FFmpeg is used."""
    max_value: int = 0
    """White of 16-bit samples that are not scaled to their type's range; 0 where they are."""
    colour: Colour | None = None
    """Code points that override those FFmpeg finds, where FFmpeg is used."""


SYCC = Colour(primaries=1, transfer=13, matrix=5, is_full_range=True)
"""IEC 61966-2-1: sRGB as luma and chroma of BT.601."""


def route(header: ImageHeader, data: bytes) -> Route:
    """Choose the decoder; check `unsupported` first."""
    if header.format == "jpeg":
        return _jpeg(header)
    if header.format == "jpeg2000" and jpeg2000.is_ycc(data):
        return Route("ffmpeg", "jpeg2000", colour=SYCC)  # OpenCV shows 10 and 12 bits as green
    if header.format == "jpeg2000" and jpeg2000.has_palette_or_subsampling(data):
        return Route("ffmpeg", "jpeg2000")  # OpenCV shows the indices, or refuses it
    if header.format in _ALONE:
        return Route(_ALONE[header.format], FFMPEG_CODECS.get(header.format, ""))
    max_value = (1 << header.bits) - 1 if 8 < header.bits < 16 else 0
    return Route("opencv", FFMPEG_CODECS.get(header.format, ""), max_value)


_ALONE: dict[str, Decoder] = {
    "": "container", "pnm": "anymap", "pam": "anymap", "phm": "anymap", "heif": "heif",
    "tiff": "tiff",
    "exr": "ffmpeg", "psd": "ffmpeg", "qoi": "ffmpeg", "dds": "ffmpeg", "sgi": "ffmpeg",
    "pcx": "ffmpeg", "dpx": "ffmpeg", "tga": "ffmpeg", "xbm": "ffmpeg", "xpm": "ffmpeg",
}  # fmt: skip
"""Formats with one decoder, independent of the header."""


def unsupported(header: ImageHeader, data: bytes) -> str:
    """Return the name of the kind of picture that no decoder supports, or ""."""
    if header.format in UNSUPPORTED:
        return UNSUPPORTED[header.format]
    if header.format == "tga" and data[2] in {3, 11} and data[16] == 16:
        return "TGA of grey with alpha"
    if header.format == "psd":
        return _unsupported_psd(data)
    if isinstance(header.details, JpegHeader):
        return _unsupported_jpeg(header.details, data)
    if isinstance(header.details, tiff.Directory):
        return _unsupported_tiff(header.details, data)
    return ""


def _jpeg(header: ImageHeader) -> Route:
    frame = header.details
    if not isinstance(frame, JpegHeader) or (
        frame.bits == 8 and frame.process not in {JPEG_LS, *LOSSLESS}
    ):
        return Route("opencv", "mjpeg")
    if frame.process == JPEG_LS:
        return Route("ffmpeg", "jpegls", (1 << frame.bits) - 1 if frame.bits > 8 else 0)
    return Route("ffmpeg", "mjpeg")


def _unsupported_jpeg(frame: JpegHeader, data: bytes) -> str:
    if frame.process == JPEG_LS and samples_are_interleaved(data):
        return "JPEG-LS with interleaved samples"
    if frame.process == JPEG_LS and frame.bits > 8 and frame.num_components > 1:
        return f"JPEG-LS of {frame.bits}-bit colour"
    if frame.process in LOSSLESS and frame.bits > 15:
        return "lossless JPEG of 16 bits"
    if frame.process > 0xC8 and frame.process != JPEG_LS and frame.bits > 8:
        return f"JPEG of {frame.bits} bits with arithmetic coding"
    return ""


def _unsupported_psd(data: bytes) -> str:
    version, depth, mode = (int.from_bytes(data[at : at + 2], "big") for at in (4, 22, 24))
    if version == 2:
        return "Photoshop's large documents (PSB)"
    if depth == 32:
        return "PSD of 32 bits"
    return _UNSUPPORTED_PSD.get(mode, "")


_UNSUPPORTED_PSD = {7: "PSD of several channels", 8: "PSD in two tones", 9: "PSD in CIE L*a*b*"}


def _unsupported_tiff(page: tiff.Directory, data: bytes) -> str:
    raw = tiff.raw_kind(data)
    if raw:
        return f"camera raw ({raw})"
    compression = page.value(tiff.COMPRESSION, 1)
    if compression in tiff.UNKNOWN_COMPRESSIONS:
        return f"TIFF with {tiff.UNKNOWN_COMPRESSIONS[compression]} compression"
    if page.value(tiff.SAMPLE_FORMAT, 1) in _COMPLEX:
        return "TIFF with complex numbers"
    samples = page.value(tiff.SAMPLES, 1)
    colours = page.value(tiff.PHOTOMETRIC, 1)
    if samples > 4 and page.value(tiff.PLANAR, 1) == 1 and colours not in {RGB, INKS}:
        return f"TIFF with {samples} samples a pixel"
    return ""


_COMPLEX = frozenset({5, 6})
"""Values of SampleFormat."""
