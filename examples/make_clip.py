"""The clip that the examples are shown and tested on, and the truth about it.

Run once by hand; its two products are kept beside it:

    apt-get install espeak-ng        # the voice; Debian 12's 1.51 spoke in the clip that is kept
    python examples/make_clip.py     # -> examples/media/clip.mp4, examples/media/clip.json

The clip has readable words, hard cuts, spoken sentences with silence between them, and a tone
that is no speech. Where each of them is stands in `clip.json`, which is computed from what was
drawn and mixed, never from what a model found. The same libraries (PyAV 18.1, OpenCV 5.0, whose
letters differ from those of 4.x) give the same bytes: nothing in here depends on the clock, on
chance (the noise is seeded) or on the number of threads.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import wave
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    Picture = npt.NDArray[np.uint8]
    """RGB, shape (HEIGHT, WIDTH, 3)."""
    Sound = npt.NDArray[np.float32]
    """Mono, -1..1, at SAMPLE_RATE."""

WIDTH, HEIGHT = 640, 360
FRAME_RATE = 24
NUM_FRAMES = 336
SAMPLE_RATE = 48_000
MEDIA = Path(__file__).resolve().parent / "media"


@dataclass(frozen=True, kw_only=True)
class Words:
    """A line of text and the frames that show it."""

    text: str
    first_frame: int
    last_frame: int
    left: int
    """Pixels from the left edge to the text."""
    baseline: int
    """Pixels from the upper edge to the foot of the letters."""
    scale: float


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Frames between two cuts, on a background of their own."""

    first_frame: int
    last_frame: int
    top: tuple[int, int, int]
    """Colour of the uppermost row, RGB; it blends into `bottom`."""
    bottom: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """Something that the voice says."""

    text: str
    start_seconds: float


SHOTS = (
    Shot(first_frame=0, last_frame=75, top=(20, 40, 90), bottom=(60, 110, 160)),
    Shot(first_frame=76, last_frame=148, top=(200, 150, 70), bottom=(120, 60, 20)),
    Shot(first_frame=149, last_frame=211, top=(150, 220, 160), bottom=(40, 130, 60)),
    Shot(first_frame=212, last_frame=287, top=(70, 70, 75), bottom=(25, 25, 30)),
    Shot(first_frame=288, last_frame=335, top=(120, 20, 80), bottom=(40, 5, 40)),
)

WORDS = (
    Words(text="HARBOUR", first_frame=0, last_frame=75, left=150, baseline=150, scale=2.4),
    Words(text="Monday 07:45", first_frame=0, last_frame=75, left=190, baseline=260, scale=1.2),
    Words(text="MARKET STREET", first_frame=76, last_frame=148, left=60, baseline=120, scale=2.0),
    # Frames 149 to 211 show no text at all.
    Words(text="PLATFORM 9", first_frame=212, last_frame=287, left=120, baseline=140, scale=2.0),
    # Appears in the middle of a shot: new text is no cut.
    Words(
        text="Last train 23:10", first_frame=252, last_frame=287, left=150, baseline=300, scale=1.2
    ),
    Words(text="GOOD NIGHT", first_frame=288, last_frame=335, left=110, baseline=200, scale=2.1),
)

SENTENCES = (
    # Starts of which the detector is sure (0.2 away from its thresholds), so that the tests' exact
    # milliseconds do not hang on the last digit of a resampler.
    Sentence(text="The harbour is quiet this morning.", start_seconds=0.83),
    Sentence(text="Fresh fish on market street.", start_seconds=4.32),
    Sentence(text="The last train leaves from platform nine.", start_seconds=9.02),
    Sentence(text="Good night.", start_seconds=12.5),
)

TONE_START_SECONDS, TONE_END_SECONDS, TONE_HERTZ = 7.0, 8.0, 440
NOISE_LEVEL = 0.001  # -60 dB: a quiet room rather than digital silence
SPEECH_LEVEL = 0.5


def main() -> None:
    """Write the clip and its truth."""
    sound, stretches = soundtrack()
    MEDIA.mkdir(exist_ok=True)
    write_clip(MEDIA / "clip.mp4", map(picture, range(NUM_FRAMES)), sound)
    (MEDIA / "clip.json").write_text(json.dumps(truth(stretches), indent=2) + "\n")


def truth(stretches: list[tuple[float, float]]) -> dict[str, object]:
    """Return what is in the clip: words, cuts and speech, in frames and seconds."""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "frame_rate": FRAME_RATE,
        "num_frames": NUM_FRAMES,
        "words": [{**asdict(words), "box": text_box(words)} for words in WORDS],
        "cuts": [shot.first_frame for shot in SHOTS[1:]],
        "speech": [
            {"text": sentence.text, "start_seconds": round(start, 3), "end_seconds": round(end, 3)}
            for sentence, (start, end) in zip(SENTENCES, stretches, strict=True)
        ],
        "tone": {"start_seconds": TONE_START_SECONDS, "end_seconds": TONE_END_SECONDS},
    }


def picture(index: int) -> Picture:
    """Draw one frame: the background of its shot, a moving disc, the words of the moment."""
    shot = next(shot for shot in SHOTS if shot.first_frame <= index <= shot.last_frame)
    canvas = background(shot)
    # The disc moves 2 pixels per frame, so that a shot is no still picture.
    cv2.circle(canvas, (40 + 2 * index % WIDTH, HEIGHT - 40), 18, shot.top, -1, cv2.LINE_AA)
    for words in WORDS:
        if words.first_frame <= index <= words.last_frame:
            draw(canvas, words)
    return canvas


def background(shot: Shot) -> Picture:
    """Blend from `shot.top` to `shot.bottom`."""
    share = np.linspace(0, 1, HEIGHT)[:, np.newaxis, np.newaxis]
    rows = np.asarray(shot.top) * (1 - share) + np.asarray(shot.bottom) * share
    return np.ascontiguousarray(np.broadcast_to(rows, (HEIGHT, WIDTH, 3)).astype(np.uint8))


def draw(canvas: Picture, words: Words) -> None:
    """Put white letters with a dark rim on the canvas, in place."""
    where = (words.left, words.baseline)
    for colour, thickness in (((0, 0, 0), 7), ((255, 255, 255), 3)):
        cv2.putText(
            canvas,
            words.text,
            where,
            cv2.FONT_HERSHEY_SIMPLEX,
            words.scale,
            colour,
            thickness,
            cv2.LINE_AA,
        )


def text_box(words: Words) -> dict[str, float]:
    """Find the extent of the letters by drawing them alone; 0..1 of width and height."""
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    draw(canvas, words)
    rows, columns = np.nonzero(canvas.max(axis=2) > 127)
    return {
        "x1": round(int(columns.min()) / WIDTH, 4),
        "y1": round(int(rows.min()) / HEIGHT, 4),
        "x2": round(int(columns.max() + 1) / WIDTH, 4),
        "y2": round(int(rows.max() + 1) / HEIGHT, 4),
    }


def soundtrack() -> tuple[Sound, list[tuple[float, float]]]:
    """Mix room noise, the tone and the sentences.

    Returns:
        The sound, and for each sentence its start and end in seconds.
    """
    num_samples = NUM_FRAMES * SAMPLE_RATE // FRAME_RATE
    noise = np.random.default_rng(0).standard_normal(num_samples)
    sound = (noise * NOISE_LEVEL).astype(np.float32)
    tone = slice(int(TONE_START_SECONDS * SAMPLE_RATE), int(TONE_END_SECONDS * SAMPLE_RATE))
    seconds = np.arange(tone.stop - tone.start) / SAMPLE_RATE
    sound[tone] += 0.2 * np.sin(2 * np.pi * TONE_HERTZ * seconds).astype(np.float32)
    stretches = []
    for sentence in SENTENCES:
        spoken = say(sentence.text)
        start = round(sentence.start_seconds * SAMPLE_RATE)
        sound[start : start + len(spoken)] += spoken
        stretches.append((start / SAMPLE_RATE, (start + len(spoken)) / SAMPLE_RATE))
    return sound, stretches


def say(text: str) -> Sound:
    """Let espeak-ng speak; without the silence that it puts around the words."""
    program = shutil.which("espeak-ng")
    if program is None:
        sys.exit("espeak-ng is not installed: apt-get install espeak-ng")
    command = [program, "-v", "en-us", "-s", "150", "--stdout", text]
    # S603: the program was found on PATH, and what it says stands above.
    wav = subprocess.run(command, check=True, capture_output=True).stdout
    spoken = resample(wav)
    loud = np.flatnonzero(np.abs(spoken) > 0.02)
    spoken = spoken[loud[0] : loud[-1] + 1]
    return spoken * np.float32(SPEECH_LEVEL / np.abs(spoken).max())


def resample(wav: bytes) -> Sound:
    """Bring a mono WAV file to SAMPLE_RATE."""
    with wave.open(io.BytesIO(wav)) as reader:
        source_rate = reader.getframerate()
        # espeak-ng writes to a pipe and cannot know the length: the header's is too long.
        samples = np.frombuffer(reader.readframes(reader.getnframes()), np.int16)
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
    frame.sample_rate = source_rate
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    pieces = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([piece.to_ndarray()[0] for piece in pieces])


def write_clip(path: Path, pictures: Iterable[Picture], sound: Sound) -> None:
    """Encode H.264 and AAC, on one thread and without a date, so that bytes repeat."""
    with av.open(str(path), "w", options={"fflags": "+bitexact", "movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.options = {"crf": "20", "threads": "1", "preset": "slow", "flags": "+bitexact"}
        audio = out.add_stream("aac", rate=SAMPLE_RATE)
        audio.layout, audio.bit_rate, audio.options = "mono", 64_000, {"flags": "+bitexact"}
        for frame in video_frames(pictures):
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        for block in audio_frames(sound):
            out.mux(audio.encode(block))
        out.mux(audio.encode(None))


def video_frames(pictures: Iterable[Picture]) -> Iterator[av.VideoFrame]:
    """Number the pictures."""
    for index, rgb in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, FRAME_RATE)
        yield frame


def audio_frames(sound: Sound) -> Iterator[av.AudioFrame]:
    """Cut the sound into the blocks of 1024 samples that AAC takes."""
    for start in range(0, len(sound), 1024):
        block = sound[np.newaxis, start : start + 1024]
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, start
        frame.time_base = Fraction(1, SAMPLE_RATE)
        yield frame


if __name__ == "__main__":
    main()
