"""20,000 small files of all kinds through one process: what it holds in the end.

python -m tests.soak.many_files [NUMBER OF FILES, 20,000 by default]
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.media import bad_media, recipes
from tests.tagging.child import Child

MAIN = """
from common_ml import BatchFrameModel, FrameTag, catch_errors, run_default

class Sees(BatchFrameModel):
    def tag_frames(self, imgs):
        return [[FrameTag(tag=f"{img.shape}")] for img in imgs]

if __name__ == "__main__":
    with catch_errors():
        run_default(Sees())
"""
BATCH = 100
"""Files that are sent together; what the process holds is looked at when all have ended."""
WARM_UP_FILES = 2000
"""Until then libraries load, caches fill and the allocator finds its size."""
MAX_BYTES_PER_FILE = 1000


@dataclass(frozen=True)
class Held:
    """What a process holds at one time."""

    num_files: int
    """That it has tagged."""
    resident_bytes: int
    descriptors: int
    threads: int


def small_files(folder: Path) -> list[Path]:
    """Clips of few frames in all containers, pictures, sound, and bad files of each cause."""
    good = folder / "good"
    good.mkdir()
    clips = []
    for number, name in enumerate(("a.mp4", "b.mkv", "c.ts", "d.avi", "e.mov", "f.webm", "g.flv")):
        codec = "libvpx" if name.endswith("webm") else "libx264"
        path = good / name
        recipes.write(path, recipes.Video(codec=codec, num_frames=4, first_picture=number))
        clips.append(path)
    pictures = [bad_media.good_picture(kind, good) for kind in bad_media.PICTURES]
    sound = good / "sound.wav"
    bad_media.write_sound(sound, "pcm_s16le")
    bad = folder / "bad"
    bad.mkdir()
    return [*clips, *pictures, sound, *bad_media.make_all(bad)]


def held_over(folder: Path, *, num_files: int) -> list[Held]:
    """Send so many files, each under a name of its own, and look after each batch."""
    files = itertools.cycle(small_files(folder))
    main = folder / "main.py"
    main.write_text(MAIN)
    held = []
    with Child(main, params='{"continue_on_error": true, "fps": 5}') as tagger:
        for start in range(0, num_files, BATCH):
            links = []
            for number, file in enumerate(itertools.islice(files, BATCH), start):
                link = folder / f"{number} {file.name[:40]}"
                link.symlink_to(file)
                links.append(link)
            tagger.send(*map(str, links))
            num_ended = 0
            while num_ended < BATCH:
                num_ended += tagger.next_message()["type"] != "tag"
            held.append(_held(tagger.process.pid, start + BATCH))
            for link in links:
                link.unlink()
        outcome = tagger.finish()
    assert (outcome.status, outcome.messages) == (0, [])
    return held


def resident_bytes(pid: int) -> int:
    """The memory that a process holds."""
    return int(_status(pid)["VmRSS"].split()[0]) * 1024


def _status(pid: int) -> dict[str, str]:
    lines = (line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {line[0]: line[-1] for line in lines}


def _held(pid: int, num_files: int) -> Held:
    return Held(
        num_files,
        resident_bytes=resident_bytes(pid),
        descriptors=len(os.listdir(f"/proc/{pid}/fd")),
        threads=int(_status(pid)["Threads"]),
    )


def bytes_per_file(held: list[Held]) -> float:
    """Slope of the memory behind the warm-up, by least squares."""
    late = [at for at in held if at.num_files >= WARM_UP_FILES]
    slope, _ = np.polyfit([at.num_files for at in late], [at.resident_bytes for at in late], 1)
    return float(slope)


def has_grown(numbers: list[int]) -> bool:
    """Whether there are more in the later half at all times: one may be just about to end."""
    middle = len(numbers) // 2
    return min(numbers[middle:]) > min(numbers[:middle])


def main() -> None:
    """Run all, and print what was held."""
    num_files = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        held = held_over(Path(folder), num_files=num_files)
    for at in held[:: max(len(held) // 10, 1)]:
        print(
            f"  {at.num_files} files: {at.resident_bytes / 1e6:.1f} MB,"
            f" {at.descriptors} descriptors, {at.threads} threads"
        )
    late = [at for at in held if at.num_files >= WARM_UP_FILES]
    slope = bytes_per_file(held)
    descriptors, threads = [at.descriptors for at in late], [at.threads for at in late]
    print(
        f"{num_files} files in {time.monotonic() - start:.0f} s: {slope:.0f} bytes a file after the"
        f" first {WARM_UP_FILES}; descriptors {min(descriptors)} to {max(descriptors)},"
        f" threads {min(threads)} to {max(threads)}"
    )
    sys.exit(slope >= MAX_BYTES_PER_FILE or has_grown(descriptors) or has_grown(threads))


if __name__ == "__main__":
    main()
