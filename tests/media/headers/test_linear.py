"""Header readers take time linear in the number of bytes, whatever is repeated."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

import pytest

from common_ml.media.headers.av1 import av1_size
from common_ml.media.headers.boxes import boxes_in
from common_ml.media.headers.gif import has_first_picture
from common_ml.media.headers.image_header import read_header
from common_ml.media.headers.jpeg import has_end, jpeg_header, samples_are_interleaved
from common_ml.media.headers.non_media import non_media_kind
from common_ml.media.headers.png import with_end
from common_ml.media.headers.tiff import raw_kind
from common_ml.media.headers.webp import first_frame

if TYPE_CHECKING:
    from collections.abc import Callable

STARTS: dict[str, bytes] = {
    "jpeg": b"\xff\xd8\xff\xe0\0\4ab",
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBBI", 8, 8, 8, 2, 0, 0, 0, 0),
    "gif": b"GIF89a\x08\0\x08\0\0\0\0",
    "webp": b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(10),
    "tiff": b"II\x2a\0\x08\0\0\0\xff\xff",
    "big tiff": b"II\x2b\0\x08\0\0\0\x10\0\0\0\0\0\0\0" + b"\xff" * 8,
    "heif": b"\0\0\0\x10ftypheic\0\0\0\0",
    "heif items": b"\0\0\0\x10ftypheic\0\0\0\0\x7f\0\0\0meta\0\0\0\0",
    "jp2": b"\xff\x4f\xff\x51\0\x29" + bytes(34) + b"\0\1\7\1\1",
    "pnm": b"P6\n",
    "pam": b"P7\nWIDTH 8\n",
    "hdr": b"#?RADIANCE\n",
    "pfm": b"PF\n",
    "nothing": b"",
}
UNITS: dict[str, bytes] = {
    "0": b"\0", "ff": b"\xff", "marker": b"\xff\xd0", "empty marker": b"\xff\xe1\0\2",
    "chunk": b"\0\0\0\0IDAT\0\0\0\0", "webp chunk": b"abcd\0\0\0\0", "extension": b"!\xfe\0",
    "box": b"\0\0\0\x08free", "item box": b"\0\0\0\x08ipco", "comment": b"#\n", "blank": b" ",
    "line": b"WIDTH 8\n", "start": b"\xff\x4f\xff\x51", "SIZ": b"\xff\x51\0\2", "digit": b"7",
    "entry": struct.pack("<HHII", 330, 4, 16, 8), "OBU": b"\x0a\0", "SOS": b"\xff\xda",
    "size": b"-Y 8 +X 8\n", "newlines": b"\n\n",
}  # fmt: skip
SCANNERS: dict[str, list[Callable[[bytes], object]]] = {
    "jpeg": [jpeg_header, has_end, samples_are_interleaved],
    "png": [with_end],
    "webp": [first_frame],
    "gif": [has_first_picture],
    "tiff": [raw_kind],
    "big tiff": [raw_kind],
    "nothing": [av1_size, non_media_kind, lambda data: sum(1 for _ in boxes_in(data))],
}
"""Start -> what reads it besides `read_header`."""


def seconds(scan: Callable[[bytes], object], data: bytes) -> float:
    """The least of three: what the collector or another process takes is not the scanner's."""
    times = []
    for _ in range(3):
        start = time.process_time()
        scan(data)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS)
def test_ten_times_the_bytes_take_about_ten_times_as_long(start: str) -> None:
    """A quadratic scanner would take a hundred times as long."""
    for unit in UNITS.values():
        small = STARTS[start] + unit * (20_000 // len(unit))
        large = STARTS[start] + unit * (200_000 // len(unit))
        for scan in [read_header, *SCANNERS.get(start, [])]:
            fast, slow = seconds(scan, small), seconds(scan, large)
            assert slow < 30 * fast + 0.05, (scan, unit, fast, slow)
            assert slow < 2, (scan, unit)
