"""How near a decode at one frame a second is to the least that has to be decoded.

    python -m tests.benchmarks.least_decoding --clips /tmp/decode-clips --rounds 3

Twenty seconds of 1920x1080, x264 `veryfast` with one reference, in groups of 48 and up to 250. Bare
loops in PyAV, on one thread, without conversion to RGB, decode: the wanted pictures and what they
refer to; all up to the last wanted one of each group, as readers do that seek to keyframes; and
everything. They bound what any reader with this decoder can do.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import av

from common_ml.media import decode
from common_ml.media.video.h264_references import needed_packets
from tests.benchmarks import clips_film
from tests.benchmarks.decode_peers import READERS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

SECONDS = 20
RATE = clips_film.RATE
_X264 = "ref=1:bframes=3:b-adapt=0:b-pyramid=normal"
FILMS = {
    "one reference, groups of 48": f"{_X264}:keyint=48:min-keyint=48:scenecut=0",
    "one reference, groups up to 250": f"{_X264}:keyint=250",
}


def main() -> None:
    """Measure and print a table for each film."""
    options = _options()
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    for name, params in FILMS.items():
        path = _film(options.clips, params)
        needed, until, count = _least(path)
        candidates: dict[str, Callable[[], object]] = {
            "common_ml": lambda path=path: _ours(path),  # type: ignore[misc] # bound now
            "bare, what is needed": lambda p=path, n=needed: _bare(p, n),  # type: ignore[misc] # defaults bind
            "bare, up to the last wanted": lambda p=path, u=until: _bare(p, u),  # type: ignore[misc] # defaults bind
            "bare, everything": lambda p=path, c=count: _bare(p, range(c)),  # type: ignore[misc] # defaults bind
            **{
                peer: lambda p=path, read=read: _peer(p, read)  # type: ignore[misc] # bound now
                for peer, read in READERS.items()
                if not peer.startswith("common_ml")
            },
        }
        print(f"{name}: {len(needed)} of {count} pictures needed, {len(until)} up to the last")
        _print_table(candidates, options.rounds)


def _print_table(candidates: dict[str, Callable[[], object]], rounds: int) -> None:
    times: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds + 1):  # the first one warms up
        for candidate, run in list(candidates.items()):
            start, busy = time.perf_counter(), _cpu_seconds()
            try:
                run()
            except ImportError as error:
                print(f"| {candidate} | {error} |")
                del candidates[candidate]
                continue
            one = time.perf_counter() - start, _cpu_seconds() - busy
            times.setdefault(candidate, []).append(one)
    own = [statistics.median(column) for column in zip(*times["common_ml"][1:], strict=True)]
    for candidate, runs in times.items():
        clock, cpu = (statistics.median(column) for column in zip(*runs[1:], strict=True))
        print(
            f"| {candidate} | {clock:.2f} s, {clock / own[0]:.2f}x"
            f" | CPU {cpu:.2f} s, {cpu / own[1]:.2f}x |"
        )


def _least(path: Path) -> tuple[set[int], set[int], int]:
    """Numbers of the packets that have to be decoded; those up to the last wanted; how many."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        extradata = stream.codec_context.extradata
        packets = [packet for packet in container.demux(stream) if packet.size]
    shown = sorted(range(len(packets)), key=lambda number: packets[number].pts or 0)
    wanted = shown[::RATE]
    starts = [n for n, packet in enumerate(packets) if packet.is_keyframe]
    needed: set[int] = set()
    until: set[int] = set()
    for first, end in pairwise([*starts, len(packets)]):
        of_group = [number - first for number in wanted if first <= number < end]
        if not of_group:
            continue
        data = [memoryview(packet) for packet in packets[first : first + max(of_group) + 1]]
        found = needed_packets(extradata, data, of_group)
        until |= {first + place for place in range(len(data))}
        needed |= (
            {first + place for place in found.exact | found.kept} if found is not None else until
        )
    return needed, until, len(packets)


def _bare(path: Path, numbers: Collection[int]) -> None:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        context.thread_count, context.thread_type = 1, "NONE"
        packets = (packet for packet in container.demux(stream) if packet.size)
        for number, packet in enumerate(packets):
            context.skip_frame = "DEFAULT" if number in numbers else "NONINTRA"
            context.decode(packet)
        context.decode(None)


def _ours(path: Path) -> None:
    with decode.sample(path, fps=1) as frames:
        for _ in frames:
            pass


def _peer(path: Path, read: Callable[..., object]) -> None:
    for _ in read(str(path), range(0, SECONDS * RATE, RATE)):  # type: ignore[attr-defined] # a generator
        pass


def _film(directory: Path, params: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"single_{params.split('keyint=')[1].split(':', maxsplit=1)[0]}.mp4"
    if not path.exists():
        recipe = clips_film.Film("libx264", {"preset": "veryfast", "x264-params": params})
        pictures = islice(clips_film._pictures(count=SECONDS * RATE), SECONDS * RATE)
        clips_film._encode(recipe, path, pictures, (clips_film.WIDTH, clips_film.HEIGHT))
    return path


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path("/tmp/common-ml-clips"))  # noqa: S108 - large, and made again when lost
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
