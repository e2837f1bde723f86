"""Truncated files of formats whose decoders return a partial picture without an error."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image

from common_ml.errors import MediaError
from common_ml.media.images import read_image
from tests.media.images.made_pictures import by_ffmpeg

if TYPE_CHECKING:
    from pathlib import Path

NOISE = np.random.default_rng(0).integers(0, 256, (100, 150, 3), np.uint8)
LIGHT = (NOISE / 255).astype(np.float32)


def _by_pillow(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, kind, **options)
    return file.getvalue()


def _psd() -> bytes:
    head = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 100, 150, 8, 3) + bytes(12)
    return head + b"\0\0" + NOISE.transpose(2, 0, 1).tobytes()


def _bmp_of_runs() -> bytes:
    """8 bits, RLE; one run a line."""
    palette = b"".join(bytes([n, n, n, 0]) for n in range(256))
    body = b"".join(bytes([150, row, 0, 0]) for row in range(100)) + b"\0\1"
    start = 54 + len(palette)
    head = b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, 150, 100, 1, 8, 1, len(body), 0, 0, 256, 0)
    return head + info + palette + body


FILES: dict[str, bytes] = {
    "pcx": by_ffmpeg("pcx", NOISE, "rgb24"), "pcx of Pillow": _by_pillow("PCX"),
    "sgi": _by_pillow("SGI"), "sgi of runs": by_ffmpeg("sgi", NOISE, "rgb24"),
    "dds": _by_pillow("DDS"), "qoi": by_ffmpeg("qoi", NOISE, "rgb24"),
    "dpx": by_ffmpeg("dpx", NOISE, "rgb24"), "exr": by_ffmpeg("exr", LIGHT, "gbrpf32le"),
    "pam": by_ffmpeg("pam", NOISE, "rgb24"), "pfm": by_ffmpeg("pfm", LIGHT, "gbrpf32le"),
    "hdr": by_ffmpeg("hdr", LIGHT, "gbrpf32le"), "xwd": by_ffmpeg("xwd", NOISE, "rgb24"),
    "sun": cv2.imencode(".ras", NOISE)[1].tobytes(), "psd": _psd(), "bmp": _by_pillow("BMP"),
    "bmp of runs": _bmp_of_runs(), "ico": _by_pillow("ICO", sizes=[(64, 64)], bitmap_format="bmp"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_the_whole_is_read_and_no_part_of_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"picture.{name.split(maxsplit=1)[0]}"
    path.write_bytes(FILES[name])
    assert read_image(path).std() > 20
    for share in (0.99, 0.9, 0.5, 0.1):
        path.write_bytes(FILES[name][: int(len(FILES[name]) * share)])
        with pytest.raises(MediaError):
            read_image(path)


@pytest.mark.parametrize("name", ["qoi", "dpx", "exr", "hdr", "sun", "pcx", "sgi", "psd", "bmp"])
def test_bytes_behind_the_picture_do_no_harm(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"picture.{name}"
    path.write_bytes(FILES[name])
    want = read_image(path)
    for rest in (b"\n", bytes(5000), b"\xff\x13" * 3000):
        path.write_bytes(FILES[name] + rest)
        assert (read_image(path) == want).all()
