"""Make bad media files: one cause each over several formats, and seeded corruptions of good ones.

    make_all(directory)          # -> {path: what the error line has to say}
    corrupted(seed, directory)   # -> a good clip or picture with some bytes changed, cut or moved

Every maker gives the same bytes each time.
"""

from __future__ import annotations

import gzip
import os
import random
import re
import socket
import struct
import zipfile
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from PIL import Image

from tests.media import corpus, recipes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    Files: TypeAlias = Iterator[tuple[Path, str]]

CLIPS = ("mp4_index_first", "mp4_fragmented", "mkv", "ts", "avi", "flv", "webm", "mpeg2_ps", "mov")
"""Good clips of 2.5 s."""
PICTURES = {"jpg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "tif": "TIFF", "bmp": "BMP"}
"""Extension -> Pillow's name of the format."""
_SUBSTITUTES = {"webm": "variable_webm", "mpeg2_ps": "mpeg1"}


def good_clip(name: str, directory: Path) -> Path:
    """A good clip of `CLIPS`."""
    return corpus.build(_SUBSTITUTES.get(name, name), directory)


def good_picture(extension: str, directory: Path) -> Path:
    """A good picture of `PICTURES`."""
    path = directory / f"picture.{extension}"
    Image.fromarray(recipes.picture(5, 160, 96)).save(path, PICTURES[extension])
    return path


def write_sound(path: Path, codec: str) -> None:
    """Half a second of a tone."""
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as output:
        stream: Any = output.add_stream(codec, rate=16_000, layout="mono")
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1000
        for start in range(0, 8000, size):
            tone = np.sin(np.arange(start, start + size) / 6) * 8000
            sound = tone.astype(np.int16)[np.newaxis]
            frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, start
            for packet in stream.encode(frame):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)


def make_all(directory: Path) -> dict[Path, str]:
    """Every bad file with the regular expression that its error line matches."""
    clips = directory / "clips"
    clips.mkdir()
    return {
        path: says
        for make in (
            _nothing, _special, _foreign, _playlists, _truncated, _damaged, _sound_alone,
            _unknown_codecs, _encrypted, _of_no_size, _bombs,
        )
        for path, says in make(directory, clips)
    }  # fmt: skip


def _nothing(directory: Path, _: Path) -> Files:
    """Missing or empty."""
    for name in ("missing.mp4", "missing.png", "missing.wav"):
        yield directory / name, "MissingMediaError: no such file: '"
    dangling = directory / "dangling.mp4"
    dangling.symlink_to(directory / "elsewhere.mp4")
    yield dangling, "is a symbolic link to '.*elsewhere.mp4', which is not there"
    circle = directory / "circle.mp4"
    circle.symlink_to(circle)
    yield circle, "its symbolic links lead round in a circle"
    yield directory / f"{'long' * 70}.mp4", "its name is too long"
    for name in ("empty.mp4", "empty.mkv", "empty.png", "empty.jpg", "empty.wav", "empty"):
        (directory / name).touch()
        yield directory / name, "DecodeError: '.*' is empty"


def _special(directory: Path, _: Path) -> Files:
    for name in ("directory.mp4", "directory.png", "directory"):
        (directory / name).mkdir()
        yield directory / name, "is a directory, not a file"
    for name in ("pipe.mp4", "pipe.png"):
        os.mkfifo(directory / name)
        yield directory / name, "is a pipe, not a file"
    here = os.open(directory, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/socket.mp4")  # a socket's own path is 108 bytes at most
    os.close(here)
    yield directory / "socket.mp4", "is a socket, not a file"
    for name, device in (("zeros.mp4", "/dev/zero"), ("null.png", "/dev/null")):
        (directory / name).symlink_to(device)
        yield directory / name, "is a device, not a file"


def _foreign(directory: Path, clips: Path) -> Files:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.write(good_clip("mkv", clips))
    cases = {
        "html.mp4": (b"<!DOCTYPE html>\n<html><body>404</body></html>", "an HTML page"),
        "html.jpg": (b"<html><head><title>No</title></head></html>", "an HTML page"),
        "text.mp4": (b"not a film\n" * 40, "text"),
        "text.png": ("Grüße\n".encode() * 40, "text"),
        "json.mkv": (b'{"error": "not found"}', "JSON"),
        "xml.mov": (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "an XML"),
        "svg.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an XML document"),
        "zip.mov": (archive.getvalue(), "a ZIP archive"),
        "gzip.mp4": (gzip.compress(good_clip("ts", clips).read_bytes(), mtime=0), "an archive"),
        "pdf.mp4": (b"%PDF-1.7\n\0\1\2", "a PDF document"),
        "program.avi": (b"\x7fELF" + bytes(60), "a program"),
    }
    for name, (data, words) in cases.items():
        (directory / name).write_bytes(data)
        yield directory / name, f"' is neither picture, video nor sound, but {words}"
    noise = np.random.RandomState(7).bytes(5000)
    for name, data in (("noise.mp4", noise), ("nul.mp4", bytes(5000))):
        (directory / name).write_bytes(data)
        yield directory / name, "it is damaged, truncated or no media file|is neither picture"


def _playlists(directory: Path, clips: Path) -> Files:
    real = good_clip("ts", clips)
    cases = {
        "m3u8.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{real}\n#EXT-X-ENDLIST\n",
        "ffconcat.mp4": f"ffconcat version 1.0\nfile {real}\n",
        "mpd.mp4": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
        "pls.mp4": f"[playlist]\nFile1={real}\n",
        "asx.mp4": f'<asx version="3.0"><entry><ref href="{real}"/></entry></asx>',
    }
    for name, text in cases.items():
        (directory / name).write_text(text)
        yield directory / name, r"but a playlist \(\w+\), which names other files"


def make_tolerated(directory: Path) -> dict[Path, str]:
    """Clips of which a part is missing, with the regular expression that their warning matches."""
    clips = directory / "whole_clips"
    clips.mkdir()
    found = {}
    for name in ("mp4_index_first", "mp4_fragmented", "mkv", "avi", "webm"):
        clip = good_clip(name, clips)
        path = directory / f"cut_{clip.name}"
        path.write_bytes(clip.read_bytes()[: clip.stat().st_size * 6 // 10 | 1])
        found[path] = r"is damaged: decoded \d\.\d s of \d\.\d s .*bytes of .* are missing"
    for name in ("mp4_index_first", "mkv", "ts"):
        clip = good_clip(name, clips)
        path = directory / f"holed_{clip.name}"
        path.write_bytes(clip.read_bytes())
        recipes.damage(path, 0.5, path.stat().st_size // 10)
        found[path] = r"is damaged: decoded .* of \d+ pictures are left out, at \d\.\d\d"
    return found


def _truncated(directory: Path, clips: Path) -> Files:
    """Cut so that nothing is left to decode: the index of a film is at its end."""
    for name in ("mov",):
        clip = good_clip(name, clips)
        path = directory / f"truncated_{clip.name}"
        path.write_bytes(clip.read_bytes()[: clip.stat().st_size * 6 // 10 | 1])
        yield path, "damaged or truncated|damaged, truncated or no media file"
    for extension in PICTURES:
        picture = good_picture(extension, clips)
        path = directory / f"truncated.{extension}"
        path.write_bytes(picture.read_bytes()[: picture.stat().st_size // 2])
        yield path, "cannot decode '.*': (the picture|it) is damaged"


def _damaged(directory: Path, clips: Path) -> Files:
    for extension in ("png",):
        path = directory / f"damaged.{extension}"
        path.write_bytes(good_picture(extension, clips).read_bytes())
        recipes.damage(path, 0.4, path.stat().st_size // 4)
        yield path, "the picture is damaged"


def _sound_alone(directory: Path, _: Path) -> Files:
    for name, codec in (("sound.wav", "pcm_s16le"), ("sound.flac", "flac"), ("sound.m4a", "aac"),
                        ("sound.mkv", "pcm_s16le"), ("sound.ts", "mp2")):  # fmt: skip
        write_sound(directory / name, codec)
        yield directory / name, "NoStreamError: '.*': a sound file has no pictures to tag"


def _unknown_codecs(directory: Path, clips: Path) -> Files:
    for name, tag in (("mp4_index_first", b"avc1"), ("mov", b"avc1"), ("avi", b"H264"),
                      ("mkv", b"V_MPEG4/ISO/AVC")):  # fmt: skip
        clip = good_clip(name, clips)
        path = directory / f"unknown_codec_{clip.name}"
        path.write_bytes(_every(clip.read_bytes(), tag, b"V_Z" + b"z" * 12))
        yield path, "its video codec is not supported"


def _encrypted(directory: Path, clips: Path) -> Files:
    for name in ("mp4_index_first", "mp4_fragmented", "mov"):
        clip = good_clip(name, clips)
        path = directory / f"encrypted_{clip.name}"
        path.write_bytes(_every(clip.read_bytes(), b"avc1", b"encv"))
        yield path, "is encrypted: there is no key for it"
    path = directory / "encrypted.mkv"
    path.write_bytes(_encrypted_matroska(good_clip("mkv", clips).read_bytes()))
    yield path, "is encrypted: there is no key for it"


def _of_no_size(directory: Path, clips: Path) -> Files:
    sizes = {"png": _png(0, 40), "gif": _gif(0, 0), "bmp": _bmp(0, 0), "tif": _tiff(0, 9)}
    for extension, data in sizes.items():
        path = directory / f"no_size.{extension}"
        path.write_bytes(data)
        yield path, "pixels, nothing to see"
    path = directory / "no_size.y4m"
    path.write_bytes(b"YUV4MPEG2 W0 H0 F25:1 C420\nFRAME\n" + bytes(64))
    yield path, "DecodeError|UnknownMediaError"


def _bombs(directory: Path, _: Path) -> Files:
    pictures = {
        "png": _png(60_000, 60_000), "gif": _gif(65_535, 65_535), "bmp": _bmp(60_000, 60_000),
        "tif": _tiff(60_000, 60_000), "jpg": _jpeg(65_000, 65_000), "webp": _webp(16_384, 16_384),
        "jp2": _jpeg2000(60_000, 60_000), "ppm": b"P6\n# a bomb\n60000 60000\n255\n" + bytes(99),
        "pgm": b"P5 60000 60000 255\n" + bytes(99), "pfm": b"PF\n60000 60000\n-1.0\n" + bytes(99),
        "ras": b"\x59\xa6\x6a\x95" + struct.pack(">7I", 60_000, 60_000, 24, 0, 1, 0, 0) + bytes(99),
        "hdr": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 60000 +X 60000\n" + bytes(99),
        "pam": b"P7\nWIDTH 60000\nHEIGHT 60000\nDEPTH 3\nMAXVAL 255\nENDHDR\n" + bytes(99),
    }  # fmt: skip
    for extension, data in pictures.items():
        path = directory / f"bomb.{extension}"
        path.write_bytes(data)
        yield path, r"LimitError: '.*' is too large: \d+ x \d+ are \d+ pixels"
    path = directory / "bomb.y4m"
    path.write_bytes(b"YUV4MPEG2 W60000 H60000 F25:1 C420\nFRAME\n" + bytes(64))
    yield path, "is too large|damaged"


def _every(data: bytes, old: bytes, new: bytes) -> bytes:
    """All occurrences overwritten in place."""
    assert old in data
    return data.replace(old, new[: len(old)].ljust(len(old), b"z"))


def _encrypted_matroska(data: bytes) -> bytes:
    """The first track says that its content is encrypted (AES)."""
    encryption = _element(b"\x50\x35", _element(b"\x47\xe1", b"\5"))
    kind = _element(b"\x50\x33", b"\1")
    encodings = _element(b"\x6d\x80", _element(b"\x62\x40", kind + encryption))
    out = bytearray(data)
    segment, tracks = data.index(b"\x18\x53\x80\x67"), data.rindex(b"\x16\x54\xae\x6b", 0, 1000)
    entry = tracks + 4 + 9 - data[tracks + 4].bit_length()  # the first child of the tracks
    entry += 6 if data[entry] == 0xBF else 0  # a checksum, which is not verified
    assert data[entry] == 0xAE
    end = 0
    for start, id_length in ((segment, 4), (tracks, 4), (entry, 1)):
        at = start + id_length
        length = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + length], "big") ^ (1 << 7 * length)
        end = at + length + size
        grown = size + len(encodings) | 1 << 7 * length
        out[at : at + length] = grown.to_bytes(length, "big")
    out[end:end] = encodings
    return bytes(out)


def _element(name: bytes, body: bytes) -> bytes:
    return name + bytes([0x80 | len(body)]) + body


def _png(width: int, height: int) -> bytes:
    """A few bytes, whatever the size: a picture of which only the beginning is there."""

    def chunk(name: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1_000_000), 9)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def _gif(width: int, height: int) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0)
    return b"GIF89a" + screen + frame + b"\x02\x02\x4c\x01\x00;"


def _bmp(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + info + bytes(100)


def _tiff(width: int, height: int) -> bytes:
    entries = [(256, width), (257, height), (258, 8), (259, 5), (262, 1), (273, 8), (277, 1),
               (278, height), (279, 10)]  # fmt: skip
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II\x2a\0" + struct.pack("<I", 18) + bytes(10) + directory + bytes(4)


def _jpeg(width: int, height: int) -> bytes:
    data = BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(data, "JPEG", comment=b"x" * 70)
    whole = bytearray(data.getvalue())
    at = whole.index(b"\xff\xc0")
    struct.pack_into(">HH", whole, at + 5, height, width)
    return bytes(whole)


def _webp(width: int, height: int) -> bytes:
    canvas = struct.pack("<I", 0) + (width - 1).to_bytes(3, "little")
    canvas += (height - 1).to_bytes(3, "little")
    chunks = b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def _jpeg2000(width: int, height: int) -> bytes:
    data = BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(data, "JPEG2000")
    whole = bytearray(data.getvalue())
    at = whole.index(b"\xff\x4f\xff\x51")
    struct.pack_into(">II", whole, at + 8, width, height)
    return bytes(whole)


_STARTS = [*CLIPS, *PICTURES]


def corrupted(seed: int, directory: Path) -> Path:
    """A good file of which something is lost, moved or overwritten; the seed says what and where.

    Args:
        seed: Any number.
        directory: The file is made here, and the good ones in its folder `clips`.
    """
    dice = random.Random(seed)
    clips = directory / "clips"
    clips.mkdir(exist_ok=True)
    kind = _STARTS[seed % len(_STARTS)]
    good = good_picture(kind, clips) if kind in PICTURES else good_clip(kind, clips)
    data = bytearray(good.read_bytes())
    for _ in range(dice.choice((1, 1, 2, 5))):
        dice.choice(_CORRUPTIONS)(data, dice)
    path = directory / f"corrupted_{seed:03}_{re.sub(r'.*_', '', good.stem)}{good.suffix}"
    path.write_bytes(data)
    return path


def _flip(data: bytearray, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 10, 100))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _flip_in_header(data: bytearray, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 5, 20))):
        data[dice.randrange(min(len(data), 1200))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))


def _overwrite(data: bytearray, dice: random.Random) -> None:
    start, length = _stretch(data, dice)
    data[start : start + length] = dice.choice((bytes(length), dice.randbytes(length)))


def _delete(data: bytearray, dice: random.Random) -> None:
    start, length = _stretch(data, dice)
    del data[start : start + length]


def _repeat(data: bytearray, dice: random.Random) -> None:
    start, length = _stretch(data, dice)
    data[start:start] = data[start : start + length]


def _cut(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(1, len(data)) :]


def _stretch(data: bytearray, dice: random.Random) -> tuple[int, int]:
    start = dice.randrange(len(data))
    return start, min(dice.choice((1, 16, 256, 4096)), len(data) - start - 1)


_CORRUPTIONS: list[Callable[[bytearray, random.Random], None]] = [
    _flip, _flip_in_header, _overwrite, _delete, _repeat, _cut,
]  # fmt: skip
