"""HEIF files made box by box: grids, transformations, thumbnails, HDR."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Pixels = npt.NDArray[Any]

_X265 = "log-level=none:keyint=1:lossless=1"


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def full(kind: bytes, version_and_flags: int, *bodies: bytes) -> bytes:
    return box(kind, struct.pack(">I", version_and_flags), *bodies)


@dataclass
class MadeItem:
    """One item of a file."""

    kind: bytes
    data: bytes
    properties: list[bytes] = field(default_factory=list)
    """Boxes."""
    references: list[tuple[bytes, list[int]]] = field(default_factory=list)
    """Kind, and the items that it refers to, counted from 1."""
    is_in_idat: bool = False


def hevc(pixels: Pixels, pixel_format: str = "yuv444p", **colour: int) -> MadeItem:
    """A picture of `pixel_format` planes or RGB, coded without loss."""
    is_planes = pixels.ndim == 3 and pixels.dtype == np.uint16
    height, width = pixels.shape[1:] if is_planes else pixels.shape[:2]
    if is_planes:
        frame = _of_planes(pixels, pixel_format)
    elif pixel_format == "gbrp":
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame = frame.reformat(format="gbrp")
    elif pixels.dtype == np.uint8:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(
            format=pixel_format, dst_colorspace=5, dst_color_range=1
        )
    else:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=pixel_format)
    context: Any = av.CodecContext.create("libx265", "w")
    context.width, context.height, context.pix_fmt = width, height, pixel_format
    context.time_base = Fraction(1, 25)
    context.options = {"x265-params": _X265, "preset": "ultrafast"}
    for name, value in colour.items():
        setattr(context, name, value)
    context.flags |= 0x00400000  # GLOBAL_HEADER
    packets = [*context.encode(frame), *context.encode(None)]
    units = [unit for packet in packets for unit in _units(bytes(packet))]
    headers = [u for u in _units(bytes(context.extradata)) if u[0] >> 1 & 63 in (32, 33, 34)]
    data = b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
    return MadeItem(
        b"hvc1", data, [hvcc(headers, 10 if "10" in pixel_format else 8), ispe(width, height)]
    )


def _of_planes(planes: Pixels, pixel_format: str) -> av.VideoFrame:
    frame = av.VideoFrame(planes.shape[2], planes.shape[1], pixel_format)
    for plane, samples in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        rows[:, : samples.shape[1]] = samples
        plane.update(rows.tobytes())
    return frame


def _units(stream: bytes) -> list[bytes]:
    """NAL units of a stream with start codes."""
    parts = stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [part for part in parts if part]


def hvcc(headers: list[bytes], bits: int) -> bytes:
    body = bytearray(b"\1\4\0\0\0\0\0\0\0\0\0\0\x5d\xf0\0\xfc\xfd") + bytes(
        [0xF8 | bits - 8, 0xF8 | bits - 8, 0, 0, 0x0F, len(headers)]
    )
    for unit in headers:
        body += bytes([unit[0] >> 1 & 63]) + struct.pack(">HH", 1, len(unit)) + unit
    return box(b"hvcC", bytes(body))


def ispe(width: int, height: int) -> bytes:
    return full(b"ispe", 0, struct.pack(">II", width, height))


def irot(quarter_turns_left: int) -> bytes:
    return box(b"irot", bytes([quarter_turns_left]))


def imir(axis: int) -> bytes:
    return box(b"imir", bytes([axis]))


def clap(width: int, height: int, right: tuple[int, int], down: tuple[int, int]) -> bytes:
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, *right, *down))


def nclx(primaries: int, transfer: int, matrix: int, *, is_full: bool) -> bytes:
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, is_full << 7))


def grid(rows: int, columns: int, width: int, height: int, tiles: list[int]) -> MadeItem:
    layout = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    return MadeItem(b"grid", layout, [ispe(width, height)], [(b"dimg", tiles)], is_in_idat=True)


def heif(items: list[MadeItem], *, primary: int, brand: bytes = b"heic") -> bytes:
    """A whole file."""
    known: list[bytes] = []
    associations = b""
    for number, item in enumerate(items, 1):
        places = []
        for prop in item.properties:
            if prop not in known:
                known.append(prop)
            places.append(known.index(prop) + 1)
        associations += struct.pack(">HB", number, len(places)) + bytes(places)
    idat = b"".join(item.data for item in items if item.is_in_idat)
    references = b"".join(
        box(kind, struct.pack(f">HH{len(to)}H", number, len(to), *to))
        for number, item in enumerate(items, 1)
        for kind, to in item.references
    )
    infe = b"".join(
        full(b"infe", 0x02000000, struct.pack(">HH", number, 0), item.kind, b"\0")
        for number, item in enumerate(items, 1)
    )

    def meta(mdat_at: int) -> bytes:
        places, in_idat, in_mdat = b"", 0, mdat_at
        for number, item in enumerate(items, 1):
            offset = in_idat if item.is_in_idat else in_mdat
            places += struct.pack(
                ">HHHHII", number, int(item.is_in_idat), 0, 1, offset, len(item.data)
            )
            if item.is_in_idat:
                in_idat += len(item.data)
            else:
                in_mdat += len(item.data)
        return full(
            b"meta", 0,
            full(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
            full(b"pitm", 0, struct.pack(">H", primary)),
            full(b"iloc", 0x01000000, b"\x44\0", struct.pack(">H", len(items)), places),
            full(b"iinf", 0, struct.pack(">H", len(items)), infe),
            full(b"iref", 0, references) if references else b"",
            box(b"iprp", box(b"ipco", *known),
                full(b"ipma", 0, struct.pack(">I", len(items)), associations)),
            box(b"idat", idat) if idat else b"",
        )  # fmt: skip

    ftyp = box(b"ftyp", brand, bytes(4), b"mif1", brand)
    head = ftyp + meta(0)
    return ftyp + meta(len(head) + 8) + box(b"mdat", *(i.data for i in items if not i.is_in_idat))
