"""Readers that look at the growing output without pause: what they see of 200,000 tags.

python -m tests.soak.growing [NUMBER OF TAGS, 200,000 by default] [FOLDER ...]

One reader is ours. The other one does what a runtime does: it passes over what is not a whole line
when it looks, for good.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from common_ml.tagging.messages import Tag
from common_ml.tagging.tags_file.codec import PAGE_BYTES
from common_ml.tagging.wire import Reader, Writer, encode

LONGEST = 20_000
SOURCE = "media/a.mp4"


def tag_of(number: int) -> Tag:
    """A tag of 50 to 20,000 bytes; half of them are as short as tags are."""
    dice = random.Random(number)
    most = dice.choice((600, LONGEST))
    text = chr(97 + number % 26) * dice.randrange(50, most)
    return Tag(start_time=number, end_time=number, tag=text, source_media=SOURCE)


def write(path: Path, num_tags: int) -> None:
    """Write the tags as fast as it goes."""
    with Writer(path) as writer:
        for number in range(num_tags):
            writer.write(tag_of(number))


@dataclass(frozen=True)
class Looks:
    """What became of the lines for a reader who passes over what is torn."""

    num_looks: int
    """At which there was something new."""
    num_torn: int
    """That ended within a line."""
    lost_short: int
    """Lines of at most a page that would have been lost by that."""
    lost_long: int
    """Longer ones."""


def look_at(path: Path, num_tags: int) -> Looks:
    """Look at the end of the file without pause, while another process writes."""
    path.touch()
    writer = multiprocessing.get_context("spawn").Process(target=write, args=(path, num_tags))
    writer.start()
    torn, num_looks, seen = [], 0, 0
    descriptor = os.open(path, os.O_RDONLY)
    while True:
        size = os.fstat(descriptor).st_size
        if size > seen:
            num_looks, seen = num_looks + 1, size
            if os.pread(descriptor, 1, size - 1) != b"\n":
                torn.append(size)
        elif not writer.is_alive() and os.fstat(descriptor).st_size == size:
            break
    os.close(descriptor)
    writer.join()
    assert writer.exitcode == 0
    lost = [_lost_at(path, size) for size in torn]
    return Looks(
        num_looks,
        len(torn),
        lost_short=sum(1 for length in lost if 0 < length <= PAGE_BYTES),
        lost_long=sum(1 for length in lost if length > PAGE_BYTES),
    )


def _lost_at(path: Path, size: int) -> int:
    """Bytes of the line that was seen in part where the file ended at `size`; 0: but for spaces."""
    with path.open("rb") as file:
        start = max(size - 2 * LONGEST, 0)
        file.seek(start)
        before, after = file.read(size - start), file.read(2 * LONGEST)
    begun = before[before.rfind(b"\n") + 1 :].lstrip(b" ")
    return len(begun) + after.index(b"\n") + 1 if begun else 0


def read(path: Path, num_tags: int) -> None:
    """Read with `Reader`, without pause, as another process writes; every tag has to come."""
    writer = multiprocessing.get_context("spawn").Process(target=write, args=(path, num_tags))
    writer.start()
    reader = Reader(path, follow=True, stop=lambda: not writer.is_alive(), poll_seconds=0)
    for number, message in enumerate(reader):
        assert encode(message) == encode(tag_of(number))
    writer.join()
    assert writer.exitcode == 0
    assert (reader.line_number, reader.torn_tail) == (num_tags, b"")


def main() -> None:
    """Run both readers in each folder, and print what they saw."""
    num_tags = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    failed = False
    for place in sys.argv[2:] or [tempfile.gettempdir()]:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            start = time.monotonic()
            read(Path(folder) / "read.jsonl", num_tags)
            looks = look_at(Path(folder) / "looked_at.jsonl", num_tags)
            num_bytes = (Path(folder) / "looked_at.jsonl").stat().st_size
        failed = failed or looks.lost_short > 0
        print(
            f"{place}: {num_tags} tags, {num_bytes / 1e6:.0f} MB, {time.monotonic() - start:.0f} s;"
            f" Reader: all whole, in order; a runtime: {looks.num_looks} looks,"
            f" {looks.num_torn} of them within a line; lost: {looks.lost_short} lines of at most"
            f" {PAGE_BYTES} bytes, {looks.lost_long} longer ones"
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()
