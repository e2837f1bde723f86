"""Make small files with false headers: size, count, length, nesting, duplicates."""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.media import bad_media
from tests.media.images import made_heif as heif
from tests.media.images.made_pictures import by_ffmpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BIG = 60_000


def _saved(kind: str, size: tuple[int, int] = (8, 8), **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (9, 99, 200)).save(file, kind, **options)
    return file.getvalue()


def _jpegs() -> Iterator[tuple[str, bytes]]:
    good = bytearray(_saved("JPEG"))
    at = good.index(b"\xff\xc0")
    struct.pack_into(">HH", good, at + 5, BIG, BIG)
    big = bytes(good)
    yield "size", big
    yield "junk before the frame header", big[:at] + b"junk\0\1" * 30 + big[at:]
    yield "padding before the frame header", big[:at] + b"\xff" * 3000 + big[at:]
    yield "a small frame header in a comment", big[:2] + _comment(big, at) + big[2:]
    small = _saved("JPEG")
    yield (
        "two frame headers",
        small[:at] + small[at : at + 19] + big[at : at + 19] + small[at + 19 :],
    )
    yield "no picture behind the header", big[: at + 19]
    yield "progressive", big.replace(b"\xff\xc0", b"\xff\xc2")
    yield "lossless", big.replace(b"\xff\xc0", b"\xff\xc3")
    yield "12 bits", big[: at + 4] + b"\x0c" + big[at + 5 :]
    for process in (0xC1, 0xC9, 0xF7):
        yield f"process {process:x}", big.replace(b"\xff\xc0", bytes([0xFF, process]))


def _comment(data: bytes, at: int) -> bytes:
    frame = bytearray(data[at : at + 19])
    struct.pack_into(">HH", frame, 5, 8, 8)
    return b"\xff\xfe" + struct.pack(">H", len(frame) + 2) + bytes(frame)


def _pngs() -> Iterator[tuple[str, bytes]]:
    whole = bad_media._png(BIG, BIG)
    yield "size", whole
    yield "size within the limit, and no data", bad_media._png(15_900, 15_900)[:60]
    yield "all chunks are long", whole[:33] + struct.pack(">I4s", 2**31 - 1, b"IDAT") + b"x" * 99
    text = b"x\0\0" + zlib.compress(bytes(100_000_000), 9)
    chunk = b"zTXt" + text
    bomb = struct.pack(">I", len(text)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    small = _saved("PNG")
    yield "a text that unpacks to 100 MB, cut", small[:33] + bomb + small[33:60]
    empty = struct.pack(">I4sI", 0, b"teXt", zlib.crc32(b"teXt"))
    yield "a million chunks, cut", small[:33] + empty * 300_000 + small[33:60]


def tiff(entries: list[tuple[int, int, int, int]], *, big: bool = False, count: int = 0) -> bytes:
    """Directory entries: number, type, count, value."""
    if big:
        body = b"".join(struct.pack("<HHQQ", *entry) for entry in entries)
        head = b"II\x2b\0\x08\0\0\0" + struct.pack("<QQ", 16, count or len(entries))
        return head + body + bytes(300)
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II\x2a\0" + struct.pack("<IH", 8, count or len(entries)) + body + bytes(300)


def page(width: int, height: int, **more: int) -> list[tuple[int, int, int, int]]:
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: 9}
    tags |= {int(name[1:]): value for name, value in more.items()}
    return [(number, 4, 1, value) for number, value in sorted(tags.items())]


def _tiffs() -> Iterator[tuple[str, bytes]]:
    yield "size", tiff(page(BIG, BIG))
    small = page(8, 8)
    yield "a larger width comes second", tiff([small[0], (256, 4, 1, BIG * 99), *small[1:]])
    yield "a larger width comes first", tiff([(256, 4, 1, BIG * 99), small[0], *small[1:]])
    yield "a second page of tags", tiff([*small, *page(BIG, BIG)])
    for kind in (16, 17, 18, 9, 13):
        yield (
            f"sides of type {kind}",
            tiff([(256, kind, 1, BIG), (257, kind, 1, BIG), *small[2:]], big=True),
        )
    yield "sides of no type", tiff([(256, 99, 1, BIG), (257, 99, 1, BIG), *small[2:]])
    yield "sides as text", tiff([(256, 2, 1, BIG), (257, 2, 1, BIG), *small[2:]])
    yield "tiles", tiff(page(64, 64, t322=2**20, t323=2**20, t324=8, t325=9))
    yield (
        "tiles that are compressed",
        tiff(page(64, 64, t259=8, t322=2**16, t323=2**14, t324=8, t325=9)),
    )
    yield "samples", tiff(page(8000, 8000, t277=65_535))
    yield "bits", tiff(page(15_000, 15_000, t258=65_535))
    yield "entries", tiff(small, count=65_535)
    yield "entries of BigTIFF", tiff(small, big=True, count=2**62)
    strips = [entry for entry in small if entry[0] not in {273, 279}]
    yield "strips", tiff([*strips, (273, 4, 2**31, 8), (279, 4, 2**31, 8)])
    yield "length of a strip", tiff(page(8, 8, t279=2**32 - 1))
    yield "rows of a strip", tiff(page(15_000, 15_000, t278=2**32 - 1, t259=5))
    packed = lzma.compress(bytes(100_000_000))
    head = tiff(page(8, 8, t259=34925, t273=500, t279=len(packed)))
    yield "a strip that unpacks to 100 MB, not a picture", head.ljust(500, b"\0") + packed[:200]
    directories = b"".join(
        struct.pack("<HHHII", 1, 330, 4, 1, 8) + struct.pack("<I", 8 + 18 * (n + 1))
        for n in range(5000)
    )
    yield "pages without end", b"II\x2a\0" + struct.pack("<I", 8) + directories


def _heifs() -> Iterator[tuple[str, bytes]]:
    coded = heif.hevc(np.zeros((64, 64, 3), np.uint8))
    yield "size", heif.heif([_stated(coded, BIG, BIG)], primary=1)
    yield "grid", heif.heif([coded, heif.grid(1, 1, 65_535, 65_535, [1])], primary=2)
    tiles = heif.grid(200, 200, 64, 64, [1] * 4096)
    yield "tiles", heif.heif([coded, tiles], primary=2)
    yield (
        "tiles beyond the picture",
        heif.heif([coded, heif.grid(60, 60, 64, 64, [1] * 3600)], primary=2),
    )
    nested = [heif.grid(2, 2, 9000, 9000, [n + 2] * 4) for n in range(30)]
    yield "grids in grids", heif.heif([*nested, coded], primary=1)
    large = heif.hevc(np.zeros((1024, 2048, 3), np.uint8))
    yield "a picture larger than it says", heif.heif([_stated(large, 8, 8)], primary=1)
    avif = bytearray(_saved("AVIF", (2000, 1000)))
    at = avif.index(b"ispe")
    struct.pack_into(">II", avif, at + 8, BIG, BIG)
    yield "size of AVIF", bytes(avif)
    flags = bytearray(avif)
    flags[at + 7] = 1
    yield "size of AVIF behind flags", bytes(flags)
    whole = heif.heif([coded], primary=1)
    for name in (b"iloc", b"iinf", b"ipma", b"iprp", b"ipco", b"pitm", b"meta"):
        lying = bytearray(whole)
        struct.pack_into(">I", lying, lying.index(name) - 4, 2**31)
        yield f"length of {name.decode()}", bytes(lying)
    for name, offset in ((b"iloc", 10), (b"iinf", 8), (b"ipma", 8)):
        lying = bytearray(whole)
        place = lying.index(name) + offset
        lying[place : place + 2] = b"\xff\xff"
        yield f"count of {name.decode()}", bytes(lying[: len(lying) * 9 // 10])
    yield "padding", whole[:24] + heif.box(b"free") * 300_000


def _stated(item: heif.MadeItem, width: int, height: int) -> heif.MadeItem:
    properties = [*item.properties[:-1], heif.ispe(width, height)]
    return heif.MadeItem(item.kind, item.data, properties)


def _others() -> Iterator[tuple[str, bytes]]:
    yield "gif: screen", bad_media._gif(65_535, 65_535)
    gif = bytearray(bad_media._gif(8, 8))
    struct.pack_into("<HH", gif, gif.index(b",") + 5, 65_535, 65_535)
    yield "gif: picture", bytes(gif)
    yield "gif: extensions, cut", b"GIF89a" + bytes(7) + b"!\xfe\x01a\0" * 300_000
    yield "bmp: size", bad_media._bmp(BIG, BIG)
    yield "bmp: height upside down", bad_media._bmp(BIG, -BIG)
    yield "bmp: height of the smallest number", bad_media._bmp(BIG, -(2**31))
    yield "bmp: size within the limit, and no data", bad_media._bmp(15_900, 15_900)
    yield "webp: canvas", bad_media._webp(16_384, 16_384)
    webp = bytearray(_saved("WEBP", (99, 99)))
    struct.pack_into("<HH", webp, 26, 16_383, 16_383)
    yield "webp: frame", bytes(webp)
    jp2 = bytearray(_saved("JPEG2000"))
    at = jp2.index(b"\xff\x4f\xff\x51") + 2
    siz = bytes(jp2[at : at + 2 + int.from_bytes(jp2[at + 2 : at + 4], "big")])
    larger = bytearray(siz)
    struct.pack_into(">II", larger, 6, BIG, BIG)
    struct.pack_into(">II", larger, 22, BIG, BIG)
    yield "jp2: size", bytes(jp2[:at] + larger + jp2[at + len(siz) :])
    yield "jp2: a second SIZ", bytes(jp2[: at + len(siz)] + larger + jp2[at + len(siz) :])
    yield (
        "jp2: a second codestream before it",
        bytes(
            jp2[: at - 10]
            + struct.pack(">I4s", 8 + 2 + len(larger), b"jp2c")
            + b"\xff\x4f"
            + larger
            + jp2[at - 10 :]
        ),
    )
    tiles = bytearray(jp2)
    struct.pack_into(">IIIIIIII", tiles, at + 6, 15_000, 15_000, 0, 0, 1, 1, 0, 0)
    yield "jp2: tiles of one pixel", bytes(tiles)


def _texts() -> Iterator[tuple[str, bytes]]:
    yield "ppm: comment of 70 kB", b"P6\n#" + b"x" * 70_000 + b"\n60000 60000\n255\n" + bytes(99)
    yield "pgm: size within the limit, and no data", b"P5\n15900 15900\n255\n" + bytes(99)
    yield "pgm: digits", b"P2\n15900 15900\n255\n" + b"1 " * 100_000
    yield "pbm: digits", b"P1\n15900 15900\n" + b"1" * 100_000
    yield (
        "pam: a width twice",
        (b"P7\nWIDTH 8\nWIDTH 60000\nHEIGHT 60000\nDEPTH 3\nMAXVAL 255\nENDHDR\n" + bytes(999)),
    )
    yield (
        "pam: depth",
        b"P7\nWIDTH 9000\nHEIGHT 9000\nDEPTH 65535\nMAXVAL 255\nENDHDR\n" + bytes(99),
    )
    yield "pam: lines, cut", b"P7\nWIDTH 8\n" + b"#\n" * 300_000
    yield "pfm: size", b"PF\n60000 60000\n-1.0\n" + bytes(99)
    yield "pfm: comment", b"PF\n#" + b"x" * 70_000 + b"\n60000 60000\n-1.0\n" + bytes(99)
    hdr = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n"
    yield "hdr: size", hdr + b"\n-Y 60000 +X 60000\n" + bytes(99)
    yield "hdr: a small size before it", hdr + b"-Y 8 +X 8\n\n-Y 60000 +X 60000\n" + bytes(99)
    yield "hdr: lines, cut", hdr + b"x=1\n" * 300_000
    yield (
        "sun raster: size",
        b"\x59\xa6\x6a\x95" + struct.pack(">7I", BIG, BIG, 24, 0, 1, 0, 0) + bytes(99),
    )
    yield (
        "sun raster: colour table",
        b"\x59\xa6\x6a\x95" + struct.pack(">7I", 8, 8, 8, 0, 1, 1, 2**31) + bytes(99),
    )


def _by_ffmpeg() -> Iterator[tuple[str, bytes]]:
    qoi = by_ffmpeg("qoi", np.zeros((8, 8, 3), np.uint8), "rgb24")
    yield "qoi: size", qoi[:4] + struct.pack(">II", BIG, BIG) + qoi[12:]
    yield (
        "qoi: size within the limit, and no data",
        qoi[:4] + struct.pack(">II", 15_900, 15_900) + qoi[12:],
    )
    exr = bytearray(by_ffmpeg("exr", np.zeros((8, 8, 3), np.float32), "gbrpf32le"))
    at = exr.index(b"dataWindow") + len(b"dataWindow\0box2i\0") + 4
    struct.pack_into("<iiii", exr, at, 0, 0, BIG, BIG)
    yield "exr: data window", bytes(exr)
    psd = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 30_000, 30_000, 8, 3)
    yield "psd: size", psd + bytes(99)
    yield (
        "psd: channels",
        b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 56, 15_900, 15_900, 8, 3) + bytes(99),
    )
    yield "dds: size", b"DDS \x7c\0\0\0" + struct.pack("<III", 0x1007, BIG, BIG) + bytes(200)
    yield "sgi: size", b"\x01\xda\x01\x01\0\3" + struct.pack(">HHH", BIG, BIG, 3) + bytes(600)
    yield "pcx: size", b"\x0a\5\1\x08" + struct.pack("<4H", 0, 0, BIG, BIG) + bytes(200)
    yield "dpx: size", b"SDPX" + bytes(768) + struct.pack(">II", BIG, BIG) + bytes(2000)


_KINDS: tuple[tuple[str, Callable[[], Iterator[tuple[str, bytes]]]], ...] = (
    ("jpeg: ", _jpegs), ("png: ", _pngs), ("tiff: ", _tiffs), ("heif: ", _heifs),
    ("", _others), ("", _texts), ("", _by_ffmpeg),
)  # fmt: skip


def all_bombs() -> dict[str, bytes]:
    """Name -> the file."""
    return {f"{kind}{name}": data for kind, make in _KINDS for name, data in make()}
