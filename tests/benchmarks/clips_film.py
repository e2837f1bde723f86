"""The clips that decoders are measured on: 1080p, as hard as film, made once and kept."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

import av
import av.video
import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

Plane = npt.NDArray[np.uint8]

WIDTH, HEIGHT, RATE, SECONDS = 1920, 1080, 24, 60
_SHOT_SECONDS = 7
_GRAIN = 3.0
"""Standard deviation of the grain, in levels: what a high-speed film stock has."""

# The rate is left to x264 (its default quality: some 5 Mb/s here), and once set to what film of
# this size is delivered with: the more bits, the more of them in the frames that others refer to.
# The structure is that of x264's defaults (three references, weighted prediction) with always
# three B-frames; the search is that of `veryfast`, which makes the file in minutes and decoding no
# easier.
_X264 = "ref=3:bframes=3:b-adapt=0:b-pyramid=normal:weightp=2:8x8dct=1"
_GOP_48 = ":keyint=48:min-keyint=48:scenecut=0"


@dataclass(frozen=True)
class Film:
    """One encoded clip."""

    codec: str
    options: Mapping[str, str]


FILMS = {
    "h264_gop_48": Film("libx264", {"preset": "veryfast", "x264-params": _X264 + _GOP_48}),
    "h264_gop_48_8mbps": Film(
        "libx264", {"preset": "veryfast", "b": "8M", "x264-params": _X264 + _GOP_48}
    ),
    "h264_gop_250": Film("libx264", {"preset": "veryfast", "x264-params": _X264}),
    "hevc": Film(
        "libx265", {"preset": "ultrafast", "b": "5M", "x265-params": "log-level=error:bframes=3"}
    ),
}


def film(name: str, directory: Path) -> Path:
    """A minute of film."""
    path = directory / f"{name}.mp4"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".unfinished.mp4")
        _encode(FILMS[name], scratch, _pictures(RATE * SECONDS))
        scratch.rename(path)
    return path


def long_film(name: str, directory: Path, *, minutes: int) -> Path:
    """The packets of a minute of film, `minutes` times over."""
    path = directory / f"{name}_{minutes}_minutes.mp4"
    if not path.exists():
        source = film(name, directory)
        scratch = path.with_suffix(".unfinished.mp4")
        _repeat(source, scratch, times=minutes)
        scratch.rename(path)
    return path


def short_clips(directory: Path, *, count: int) -> Path:
    """Return a folder of clips of 1, 2 and 3 seconds, 1280x720, as `NUMBER_SECONDS.mp4`.

    A third has keyframes a second apart, the others one at their beginning. There are 18 different
    ones; further ones are copies.
    """
    folder = directory / "short"
    folder.mkdir(parents=True, exist_ok=True)
    pictures = _pictures(count=RATE * 60)
    for n in range(count):
        seconds = n % 3 + 1
        path = folder / f"{n:03}_{seconds}.mp4"
        if path.exists():
            continue
        if n >= _NUM_DIFFERENT:
            shutil.copy(folder / f"{n % _NUM_DIFFERENT:03}_{seconds}.mp4", path)
            continue
        keyint = RATE if n % 3 == 2 else 250
        recipe = Film("libx264", {"preset": "veryfast", "x264-params": f"keyint={keyint}"})
        _encode(recipe, path, islice(pictures, RATE * seconds), (1280, 720))
    return folder


_NUM_DIFFERENT = 18


def jpegs(directory: Path, *, count: int) -> list[Path]:
    """Still pictures of 1280x720, at a camera's usual quality."""
    folder = directory / "jpegs"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{n:04}.jpg" for n in range(count)]
    if not paths[-1].exists():
        for path, planes in zip(paths, _pictures(count), strict=True):
            i420 = np.concatenate([plane.reshape(-1) for plane in planes])
            bgr = cv2.cvtColor(i420.reshape(HEIGHT * 3 // 2, WIDTH), cv2.COLOR_YUV2BGR_I420)
            cv2.imwrite(str(path), cv2.resize(bgr, (1280, 720)), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return paths


def _encode(
    recipe: Film,
    path: Path,
    pictures: Iterable[tuple[Plane, Plane, Plane]],
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(recipe.codec, rate=RATE, options=dict(recipe.options))
        assert isinstance(stream, av.video.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.colorspace = 1  # BT.709, limited range, as HD is
        stream.codec_context.color_range = 1
        for n, planes in enumerate(pictures):
            stacked = np.concatenate([plane.reshape(-1) for plane in planes])
            frame = av.VideoFrame.from_ndarray(
                stacked.reshape(HEIGHT * 3 // 2, WIDTH), format="yuv420p"
            )
            frame = frame if size == (WIDTH, HEIGHT) else frame.reformat(*size)
            frame.pts, frame.time_base = n, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _repeat(source: Path, path: Path, *, times: int) -> None:
    with av.open(str(path), "w") as output:
        target: Any = None
        for turn in range(times):
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                target = target or output.add_stream_from_template(stream)
                later = round(turn * SECONDS / (stream.time_base or Fraction(1)))
                for packet in container.demux(stream):
                    if packet.pts is None or packet.dts is None:
                        continue  # the empty packet at the end
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    packet.stream = target
                    output.mux(packet)


def _pictures(count: int) -> Iterator[tuple[Plane, Plane, Plane]]:
    """Y, U and V planes: textures with detail at every scale, a moving camera, cuts, and grain."""
    dice = np.random.default_rng(7)
    luma = _texture(dice, HEIGHT + 800, WIDTH + 1600, contrast=52)
    chroma = [_texture(dice, HEIGHT // 2 + 400, WIDTH // 2 + 800, contrast=14) for _ in range(2)]
    grain = [
        np.rint(dice.normal(0, _GRAIN, (HEIGHT, WIDTH + 256))).astype(np.int16) for _ in range(6)
    ]
    shot = _SHOT_SECONDS * RATE
    for n in range(count):
        turn, place = divmod(n, shot)
        # Another corner, direction and speed in each shot; even numbers keep chroma in step.
        speed = (2 + 2 * (turn % 3)) * (1 if turn % 2 else -1)
        left = (800 + speed * (place - shot // 2) + 160 * (turn % 4)) % 1600 // 2 * 2
        top = (200 + place * (turn % 2) + 100 * (turn % 5)) % 800 // 2 * 2
        offset = int(dice.integers(0, 256))
        noise = grain[n % len(grain)][:, offset : offset + WIDTH]
        y = luma[top : top + HEIGHT, left : left + WIDTH] + noise
        _pass_by(y, luma, n)
        u, v = (
            plane[top // 2 : (top + HEIGHT) // 2, left // 2 : (left + WIDTH) // 2]
            for plane in chroma
        )
        yield np.clip(y, 16, 235).astype(np.uint8), u.astype(np.uint8), v.astype(np.uint8)


def _pass_by(y: npt.NDArray[np.int16], texture: npt.NDArray[np.int16], n: int) -> None:
    """Things that move against the camera, each at a pace of its own."""
    for k in range(4):
        size = 150 + 60 * k
        left = (n * (5 + 3 * k) + 400 * k) % (WIDTH - size)
        top = (150 * k + n * (1 + k)) % (HEIGHT - size)
        y[top : top + size, left : left + size] = texture[-size:, -size - 100 * k - 1 :][:, :size]


def _texture(
    dice: np.random.Generator, height: int, width: int, *, contrast: float
) -> npt.NDArray[np.int16]:
    """Noise of equal strength in every octave, as natural pictures have it."""
    total = np.zeros((height, width), np.float32)
    for octave in range(2, 9):
        cells = (width // 2**octave + 2, height // 2**octave + 2)
        coarse = dice.normal(0, 1, (cells[1], cells[0])).astype(np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    levels: npt.NDArray[np.int16] = np.clip(total / total.std() * contrast + 126, 16, 235).astype(
        np.int16
    )
    return levels
