"""One measurement of one decoder, in a process of its own: prints a JSON object.

    python -m tests.benchmarks.decode_peers common_ml one_fps /tmp/clips/hevc.mp4

Every reader gives (index, seconds, picture) of the frames that a task asks for. The clock runs
from the open file name to the last frame; imports are done before.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.clips_film import HEIGHT, RATE, WIDTH

Taken = tuple[int, float, Any]
"""Index, seconds, picture: array of shape (height, width, 3)."""
Reader = Callable[[str, Sequence[int]], Iterable[Taken]]

GRID_STEP = (HEIGHT // 9, WIDTH // 16)
"""Of each frame 9 x 16 pixels are kept, to compare the decoders' frames."""


def common_ml_indices(path: str, wanted: Sequence[int]) -> Iterator[Taken]:
    from common_ml.media import decode

    for frame in decode.frames(path, list(wanted)):
        yield frame.index, frame.seconds, frame.rgb


def common_ml_sample(path: str, wanted: Sequence[int], **options: Any) -> Iterator[Taken]:
    from common_ml.media import decode

    every = wanted[1] - wanted[0]
    with decode.sample(path, fps=None if every == 1 else RATE / every, **options) as stream:
        for frame in stream:
            yield frame.index, frame.seconds, frame.rgb


def common_ml_5_fps(path: str, wanted: Sequence[int]) -> Iterator[Taken]:
    from common_ml.media import decode

    with decode.sample(path, fps=5) as stream:
        for frame in stream:
            yield frame.index, frame.seconds, frame.rgb


def common_ml_sequential(path: str, wanted: Sequence[int]) -> Iterator[Taken]:
    return common_ml_sample(path, wanted, strategy="sequential")


def common_ml_keyframes(path: str, wanted: Sequence[int]) -> Iterator[Taken]:
    from common_ml.media import decode

    for frame in decode.keyframes(path):
        yield frame.index, frame.seconds, frame.rgb


def pyav(path: str, wanted: Sequence[int], *, threads: str | None = None) -> Iterator[Taken]:
    """Decodes everything in order, and converts what is wanted."""
    import av

    left = set(wanted)
    with av.open(path) as container:
        stream = container.streams.video[0]
        if threads:
            stream.thread_type = threads
        for n, frame in enumerate(container.decode(stream)):
            if n in left:
                yield n, float(frame.time), frame.to_ndarray(format="rgb24")


def pyav_auto(path: str, wanted: Sequence[int]) -> Iterator[Taken]:
    return pyav(path, wanted, threads="AUTO")


def opencv(path: str, wanted: Sequence[int]) -> Iterator[Taken]:
    """grab() goes over what is not wanted, retrieve() converts what is."""
    import cv2

    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    left = set(wanted)
    n = 0
    while left and capture.grab():
        if n in left:
            left.discard(n)
            seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            yield n, seconds, capture.retrieve()[1][..., ::-1]
        n += 1
    capture.release()


def decord(path: str, wanted: Sequence[int]) -> Iterator[Taken]:
    video = importlib.import_module("decord").VideoReader(path)
    for start in range(0, len(wanted), 60):
        part = list(wanted[start : start + 60])
        pictures = video.get_batch(part).asnumpy()
        for n, picture in zip(part, pictures, strict=True):
            yield n, float(video.get_frame_timestamp(n)[0]), picture


def torchcodec(path: str, wanted: Sequence[int], *, threads: int = 1) -> Iterator[Taken]:
    """Exact mode; the call for many frames, sixty at a time."""
    video = importlib.import_module("torchcodec.decoders").VideoDecoder(
        path, seek_mode="exact", dimension_order="NHWC", num_ffmpeg_threads=threads
    )
    for start in range(0, len(wanted), 60):
        part = list(wanted[start : start + 60])
        batch = video.get_frames_at(part)
        for n, seconds, picture in zip(part, batch.pts_seconds, batch.data, strict=True):
            yield n, float(seconds), picture.numpy()


def torchcodec_2(path: str, wanted: Sequence[int]) -> Iterator[Taken]:
    """One thread per CPU of a machine that has two; the default is one."""
    return torchcodec(path, wanted, threads=2)


READERS: dict[str, Reader] = {
    "common_ml": common_ml_sample,
    "common_ml frames()": common_ml_indices,
    "common_ml at 5 fps": common_ml_5_fps,
    "common_ml sequential": common_ml_sequential,
    "common_ml keyframes()": common_ml_keyframes,
    "PyAV": pyav,
    "PyAV, thread_type AUTO": pyav_auto,
    "OpenCV": opencv,
    "decord": decord,
    "torchcodec": torchcodec,
    "torchcodec, 2 threads": torchcodec_2,
}

IMPORTS = {"common_ml": "common_ml.media.decode", "PyAV": "av", "OpenCV": "cv2"}
"""Where a reader's first word is not the module's name."""


def read_video(reader: str, path: str, wanted: Sequence[int]) -> dict[str, Any]:
    """Time, and what is needed to see that the frames are the right ones."""
    indices: list[int] = []
    seconds: list[float] = []
    looks: list[Any] = []
    started, busy = time.perf_counter(), time.process_time()
    for index, moment, picture in READERS[reader](path, wanted):
        indices.append(index)
        seconds.append(moment)
        if len(looks) < 200:
            looks.append(picture[:: GRID_STEP[0], :: GRID_STEP[1]].mean(axis=-1).round(1).tolist())
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - busy,
        "indices": indices,
        "times": seconds,
        "looks": looks,
    }


def read_with_a_model(reader: str, path: str, wanted: Sequence[int]) -> dict[str, Any]:
    """A model that waits, as for a GPU, as long per frame as its decode takes."""
    alone = read_video(reader, path, wanted)["seconds"]
    wait = alone / len(wanted)
    started = time.perf_counter()
    waited = 0.0
    for _ in READERS[reader](path, wanted):
        before = time.perf_counter()
        time.sleep(wait)
        waited += time.perf_counter() - before
    total = time.perf_counter() - started
    return {"seconds": total, "alone": alone, "waited": waited}


def read_stills(reader: str, folder: str, wanted: Sequence[int]) -> dict[str, Any]:
    """All pictures of a folder, in order."""
    paths = sorted(Path(folder).glob("*.jpg"))[: len(wanted)]
    looks = []
    started, busy = time.perf_counter(), time.process_time()
    for n, picture in enumerate(_stills(reader, paths)):
        if n % 50 == 0:
            looks.append(picture[::80, ::80].mean(axis=-1).round(1).tolist())
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - busy,
        "looks": looks,
    }


def _stills(reader: str, paths: Sequence[Path]) -> Iterator[Any]:
    if reader == "cv2.imread":
        import cv2

        for path in paths:
            yield cv2.imread(str(path))
    else:
        from common_ml.media import images

        for _, picture in images.read_images(paths):
            yield picture


TASKS: dict[str, Callable[[str, str, Sequence[int]], dict[str, Any]]] = {
    "video": read_video,
    "model": read_with_a_model,
    "stills": read_stills,
}


def peak_megabytes() -> float:
    """Of resident memory, of this program alone (a parent's peak is inherited by getrusage)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.removeprefix("VmHWM:").removesuffix(" kB")) / 1024


def main(task: str, reader: str, path: str, first: int, stop: int, step: int) -> dict[str, Any]:
    try:
        if task != "stills":
            module = reader.split(maxsplit=1)[0].rstrip(",")
            importlib.import_module(IMPORTS.get(module, module))
        result = TASKS[task](reader, path, range(first, stop, step))
    except Exception as error:  # noqa: BLE001 - whatever keeps a peer from working goes to its row
        return {"missing": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"}
    return {**result, "peak_megabytes": peak_megabytes()}


if __name__ == "__main__":
    np.seterr(all="raise")
    task, reader, path, *numbers = sys.argv[1:]
    json.dump(main(task, reader, path, *map(int, numbers)), sys.stdout)
