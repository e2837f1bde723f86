"""Synthesise small test media: pictures with a word, clips with cuts and a voice, sounds."""

from __future__ import annotations

import os
import wave
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.audio
import av.container
import av.video
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from common_ml.types import StrPath

    Rgb: TypeAlias = npt.NDArray[np.uint8]
    Samples: TypeAlias = npt.NDArray[np.float32]
    _Path: TypeAlias = StrPath

SAMPLE_RATE = 16_000
"""Samples per second of every sound."""


def write_clip(
    path: _Path,
    *,
    seconds: float = 2.0,
    size: tuple[int, int] = (320, 240),
    rate: int = 24,
    words: Sequence[str] = ("HARBOUR", "MARKET"),
    sound: bool = True,
) -> Path:
    """Write a video: one shot per word, hard cuts between them, and a speech-like sound.

    Args:
        path: The new file; its extension sets the container, such as `.mp4`, `.mov` or `.mkv`.
        seconds: How long it lasts; rounded up to whole frames.
        size: Width and height in pixels, both even.
        rate: Frames per second.
        words: Text in the pictures of each shot, capitals and digits.
        sound: Whether it has a sound stream.

    Returns:
        `path`.

    Raises:
        OSError: the file cannot be written.
        ValueError: it would be empty, or the extension is not one of a video.
    """
    num_frames = -int(-seconds * rate // 1)
    if num_frames < 1 or not words:
        raise ValueError(f"a clip needs a frame and a word, got {num_frames} and {len(words)}")
    # Without the flag Matroska files contain random ids and are not reproducible.
    with av.open(f"file:{os.fspath(path)}", "w", options={"fflags": "+bitexact"}) as file:
        pictures = _add_pictures(file, size=size, rate=rate)
        voice = _add_voice(file) if sound else None
        for number in range(num_frames):
            shot = number * len(words) // num_frames
            frame = av.VideoFrame.from_ndarray(picture(words[shot], size=size, number=number))
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            file.mux(pictures.encode(frame))
        file.mux(pictures.encode(None))
        if voice is not None:
            _encode_voice(file, voice, speech(num_frames / rate))
    return Path(path)


def write_picture(
    path: _Path, *, word: str = "HARBOUR", size: tuple[int, int] = (320, 240), number: int = 0
) -> Path:
    """Write a still picture, `.png` or `.jpg` by the path's extension.

    Args:
        path: The new file.
        word: Text in it, capitals and digits.
        size: Width and height in pixels, both even.
        number: Pictures of different numbers differ.

    Returns:
        `path`.

    Raises:
        OSError: the file cannot be written.
        ValueError: the extension is another one.
    """
    formats = {
        ".png": ("png", "rgb24"),
        ".jpg": ("mjpeg", "yuvj420p"),
        ".jpeg": ("mjpeg", "yuvj420p"),
    }
    suffix = Path(path).suffix.lower()
    if suffix not in formats:
        raise ValueError(f"a picture's name must end in {', '.join(formats)}, got {path!r}")
    codec, pixel_format = formats[suffix]
    context: Any = av.CodecContext.create(codec, "w")
    context.width, context.height = size
    context.pix_fmt, context.time_base = pixel_format, Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(picture(word, size=size, number=number))
    frame = frame.reformat(format=pixel_format)
    frame.pts = 0
    packets = [*context.encode(frame), *context.encode(None)]
    Path(path).write_bytes(b"".join(bytes(packet) for packet in packets))
    return Path(path)


def write_sound(path: _Path, *, seconds: float = 2.0) -> Path:
    """Write a sound file, `.wav`, `.flac`, `.m4a` or `.mp3`, that resembles speech.

    Args:
        path: The new file; its extension sets the format.
        seconds: How long it lasts.

    Returns:
        `path`.

    Raises:
        OSError: the file cannot be written.
        ValueError: the extension is another one, or it would be empty.
    """
    codecs = {".flac": "flac", ".m4a": "aac", ".mp3": "mp3"}
    suffix = Path(path).suffix.lower()
    if suffix not in (".wav", *codecs):
        raise ValueError(f"a sound's name must end in .wav, {', '.join(codecs)}, got {path!r}")
    samples = speech(seconds)
    if suffix == ".wav":
        with Path(path).open("wb") as opened, wave.open(opened, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(_pcm(samples).tobytes())
        return Path(path)
    with av.open(f"file:{os.fspath(path)}", "w", options={"fflags": "+bitexact"}) as output:
        _encode_voice(output, _add_voice(output, codecs[suffix]), samples)
    return Path(path)


def picture(word: str, *, size: tuple[int, int] = (320, 240), number: int = 0) -> Rgb:
    """Draw a word in white on a colour derived from it, with a square that moves.

    Args:
        word: Capitals and digits; other characters are spaces.
        size: Width and height in pixels.
        number: Position of the square, which distinguishes the frames of a shot.

    Returns:
        RGB, uint8, shape (height, width, 3).
    """
    width, height = size
    hue = sum(word.encode()) % 3
    slope = np.linspace(40, 140, width, dtype=np.uint8)
    image: Rgb = np.full((height, width, 3), 16, np.uint8)
    image[:, :, hue] = slope
    side = max(height // 10, 2)
    left = number * 5 % max(width - side, 1)
    image[height - 2 * side : height - side, left : left + side] = (250, 200, 40)
    _draw(image, word)
    return image


def speech(seconds: float) -> Samples:
    """Synthesise four vowels a second with a rising and falling pitch: detected as speech.

    Returns:
        Mono, float32, -1..1, at `SAMPLE_RATE`.

    Raises:
        ValueError: it would be empty.
    """
    num_samples = round(seconds * SAMPLE_RATE)
    if num_samples < 1:
        raise ValueError(f"a sound must last longer than 0 seconds, got {seconds}")
    time = np.arange(num_samples) / SAMPLE_RATE
    pitch = 120 * (1 + 0.15 * np.sin(2 * np.pi * 1.3 * time))  # hertz: pitch of a male voice
    phase = np.cumsum(pitch) / SAMPLE_RATE
    formants = np.array(_VOWELS)[(time * 4).astype(int) % len(_VOWELS)]
    wave_ = np.zeros(num_samples)
    for harmonic in range(1, 40):
        hertz = harmonic * pitch
        resonance = sum(
            gain / (1 + ((hertz - formants[:, n]) / width) ** 2)
            for n, (gain, width) in enumerate(((1.0, 80), (0.5, 100), (0.25, 140)))
        )
        loudness = np.where(hertz < 7000, resonance / harmonic**0.5, 0)
        wave_ += loudness * np.sin(2 * np.pi * harmonic * phase)
    wave_ *= np.sqrt(np.abs(np.sin(np.pi * time * 4)))  # envelope of a syllable
    samples: Samples = (wave_ / max(np.abs(wave_).max(), 1e-9) * 0.6).astype(np.float32)
    return samples


_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480))
"""The first three formants of a, i, u and e in hertz (Peterson and Barney, 1952)."""

_FONT = """
A7e1111117e B7f49494936 C3e41414122 D7f4141221c E7f49494941 F7f09090901 G3e4149497a
H7f0808087f I00417f4100 J2040413f01 K7f08142241 L7f40404040 M7f020c027f N7f0408107f
O3e4141413e P7f09090906 Q3e4151215e R7f09192946 S4649494931 T01017f0101 U3f4040403f
V1f2040201f W3f4038403f X6314081463 Y0708700807 Z6151494543 03e5149453e 100427f4000
24261514946 32141454b31 41814127f10 52745454539 63c4a494930 70171090503 83649494936
9064949291e
"""
"""A letter and its five columns of seven dots each, in hexadecimal; the lowest bit is the top."""
_GLYPHS = {glyph[0]: glyph[1:] for glyph in _FONT.split()}


def _draw(image: Rgb, word: str) -> None:
    """Draw a word over the upper half of the picture, as large as it fits."""
    height, width = image.shape[:2]
    columns = [int(bits, 16) for letter in word for bits in _columns(letter)]
    if not columns:
        return
    dots = np.array([[column >> row & 1 for column in columns] for row in range(7)], bool)
    scale = max(min(int(width * 0.9) // dots.shape[1], height // 2 // 7), 1)
    large = dots.repeat(scale, axis=0).repeat(scale, axis=1)[: height // 2, :width]
    top, left = height // 4, (width - large.shape[1]) // 2
    place = image[top : top + large.shape[0], left : left + large.shape[1]]
    place[large[: place.shape[0]]] = 255


def _columns(letter: str) -> list[str]:
    glyph = _GLYPHS.get(letter, "00" * 5)
    return [*(glyph[n : n + 2] for n in range(0, 10, 2)), "00"]


def _add_pictures(
    file: av.container.OutputContainer, *, size: tuple[int, int], rate: int
) -> av.video.VideoStream:
    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    # The assembler code of x264's macroblock tree reads memory that it did not write: its bit rate,
    # and with it the bytes, differ from run to run on some processors.
    options = {"x264-params": "mbtree=0"} if codec == "libx264" else {}
    stream: Any = file.add_stream(codec, rate=rate, options=options)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1  # with more, the bytes differ between machines
    stream.codec_context.gop_size = rate
    result: av.video.VideoStream = stream
    return result


def _add_voice(file: av.container.OutputContainer, codec: str = "aac") -> av.audio.AudioStream:
    stream: Any = file.add_stream(codec, rate=SAMPLE_RATE)
    stream.codec_context.layout = "mono"
    result: av.audio.AudioStream = stream
    return result


def _encode_voice(
    file: av.container.OutputContainer, stream: av.audio.AudioStream, samples: Samples
) -> None:
    pcm = _pcm(samples)
    for start in range(0, len(pcm), 1024):
        piece = pcm[start : start + 1024]
        frame = av.AudioFrame.from_ndarray(piece[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, start
        frame.time_base = Fraction(1, SAMPLE_RATE)
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def _pcm(samples: Samples) -> npt.NDArray[np.int16]:
    return np.round(samples * 32767).astype("<i2")
