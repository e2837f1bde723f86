"""Clips whose pictures carry their number, and what the ffmpeg program reads of them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Picture = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 384, 216
_BITS = 12
_SQUARE = WIDTH // _BITS
_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "48")


@dataclass(frozen=True)
class Shown:
    """A frame as the ffmpeg program gives it."""

    number: int
    """Read from the picture."""
    seconds: float
    shape: tuple[int, int]
    """Height and width, upright."""


def number_in(picture: Picture) -> int:
    """Return the number that a picture carries, -1 if it is not one of these pictures."""
    if picture.shape[:2] == (WIDTH, HEIGHT):  # turned clockwise
        picture = np.rot90(picture, -1)
    if picture.shape[:2] != (HEIGHT, WIDTH):
        return -1
    middles = np.arange(_BITS) * _SQUARE + _SQUARE // 2
    levels = picture[_SQUARE // 2, middles].mean(axis=-1)
    return int((levels > 127) @ (1 << np.arange(_BITS)))


def make_all(folder: Path) -> dict[str, Path]:
    """Make the clips that are not there; return what is special in each, and its path."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "24 frames/s": _encoded(folder / "even.mp4", rate="24", seconds=12),
        "29.97 frames/s, one minute": _encoded(folder / "ntsc.mp4", rate="30000/1001", seconds=60),
        "variable rate": _encoded(
            folder / "variable.mp4",
            rate="30",
            seconds=20,
            options=("-vf", "select='gte(mod(n,150),75)+not(mod(n,5))'", "-vsync", "vfr"),
        ),
        "rotated by 90 degrees": folder / "rotated.mp4",
        "cut without encoding (edit list)": folder / "cut.mp4",
        "MPEG-TS, starts at 1.4 s": folder / "stream.ts",
    }
    even = str(folder / "even.mp4")
    for name, arguments in {
        "rotated.mp4": ("-i", even, "-c", "copy", "-metadata:s:v", "rotate=90"),
        "cut.mp4": ("-ss", "3.3", "-i", even, "-c", "copy"),
        "stream.ts": ("-i", even, "-c", "copy"),
    }.items():
        if not (folder / name).exists():
            _ffmpeg(*arguments, str(folder / name))
    return made


def make_damaged(folder: Path) -> Path:
    """Make a clip that was not written to its end: no reader can open it."""
    whole = _encoded(folder / "even.mp4", rate="24", seconds=12).read_bytes()
    path = folder / "damaged.mp4"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    return path


def read_by_ffmpeg(path: Path) -> list[Shown]:
    """Return the frames that the ffmpeg program gives, in their order; times start at 0."""
    pixels = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-vsync", "passthrough",
         "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        check=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    found = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
         "frame=best_effort_timestamp_time", "-of", "json", path],
        check=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    times = [float(frame["best_effort_timestamp_time"]) for frame in json.loads(found)["frames"]]
    shape = (WIDTH, HEIGHT) if path.stem == "rotated" else (HEIGHT, WIDTH)
    pictures = np.frombuffer(pixels, np.uint8).reshape(-1, *shape, 3)
    if len(times) != len(pictures):
        raise ValueError(f"{path}: {len(times)} times of {len(pictures)} pictures")
    first = min(times)
    return [
        Shown(number_in(picture), seconds - first, shape)
        for picture, seconds in zip(pictures, times, strict=True)
    ]


def _encoded(path: Path, *, rate: str, seconds: int, options: Sequence[str] = ()) -> Path:
    if path.exists():
        return path
    count = round(_frames_a_second(rate) * seconds)
    pixels = b"".join(_picture(number).tobytes() for number in range(count))
    scratch = path.with_suffix(".unfinished.mp4")
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", rate, "-i", "-")
    _ffmpeg(*raw, *options, *_X264, str(scratch), stdin=pixels)
    scratch.rename(path)
    return path


def _frames_a_second(rate: str) -> float:
    """Return frames a second of a fraction."""
    above, _, below = rate.partition("/")
    return int(above) / int(below or 1)


def _picture(number: int) -> Picture:
    """A moving gradient below twelve squares that are the bits of a number."""
    columns = (np.arange(WIDTH) + number * 2) % 256
    picture = np.broadcast_to(columns[None, :, None], (HEIGHT, WIDTH, 3)).astype(np.uint8)
    bits = (number >> np.arange(_BITS)) & 1
    picture[:_SQUARE] = np.repeat(bits * 255, _SQUARE).astype(np.uint8)[None, :, None]
    return picture


def _ffmpeg(*arguments: str, stdin: bytes = b"") -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True, input=stdin)
