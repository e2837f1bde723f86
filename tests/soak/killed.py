"""SIGKILL at a random moment of a batch of 20 files, then `resume`: is anything lost or doubled?

python -m tests.soak.killed [NUMBER OF RUNS, 200 by default]
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.media import bad_media

MADE = """
    from common_ml import AVModel, Tag, run_default

    class Model(AVModel):
        def tag(self, fpath):
            return (Tag(tag=f"{fpath} {n}", additional_info={"n": n}) for n in range(100))

    run_default(Model())
"""
SEEN = """
    from common_ml import FrameModel, FrameTag, run_default

    class Model(FrameModel):
        def tag_frame(self, img):
            return [FrameTag(tag=f"{img.shape} {n}") for n in range(10)]

    run_default(Model())
"""
NUM_FILES = 20


@dataclass(frozen=True)
class Job:
    """A tagger, its files, and what it writes where nobody disturbs it."""

    main: Path
    files: tuple[str, ...]
    whole: bytes
    seconds: float
    """How long it takes to the end."""

    @staticmethod
    def of_made_tags(folder: Path) -> Job:
        """A model that makes up 100 tags a file: nearly all the time something is written."""
        return _job(folder / "made.py", MADE, [f"file {n}.mp4" for n in range(NUM_FILES)])

    @staticmethod
    def of_real_media(folder: Path) -> Job:
        """A model that looks at the frames of clips and at pictures: they are decoded ahead."""
        media = folder / "media"
        media.mkdir()
        clips = [bad_media.good_clip(name, media) for name in bad_media.CLIPS]
        pictures = [bad_media.good_picture(kind, media) for kind in bad_media.PICTURES]
        files = [str(path) for path in [*clips, *pictures]]
        return _job(folder / "seen.py", SEEN, (files * 2)[:NUM_FILES])


def _job(main: Path, source: str, files: list[str]) -> Job:
    links = []
    for number, file in enumerate(files):  # each has a name of its own
        link = main.with_suffix("") / f"{number} {Path(file).name}"
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(file)
        links.append(str(link))
    main.write_text(textwrap.dedent(source))
    output = main.with_suffix(".whole")
    start = time.monotonic()
    _run_to_the_end(main, links, output)
    return Job(main, tuple(links), output.read_bytes(), time.monotonic() - start)


@dataclass(frozen=True)
class Moment:
    """Where a run was killed."""

    num_bytes: int
    """Of the output."""
    is_torn: bool
    """Whether the last line was cut."""


def killed_then_resumed(job: Job, output: Path, dice: random.Random) -> list[Moment]:
    """Kill one run, or several of which each resumes, then let one come to its end.

    Raises:
        AssertionError: the output is not what an undisturbed run writes.
    """
    output.unlink(missing_ok=True)
    output.touch()
    moments = [_killed(job, output, dice) for _ in range(dice.choice((1, 1, 1, 1, 2)))]
    _run_to_the_end(job.main, job.files, output)
    check(job, output.read_bytes())
    return moments


def check(job: Job, content: bytes) -> None:
    """Every line parses, every file has `progress` once, no tag is lost or doubled."""
    assert content.endswith(b"\n")
    messages = [json.loads(line) for line in content.splitlines()]
    expected = [json.loads(line) for line in job.whole.splitlines()]
    progress = [m["data"]["source_media"] for m in messages if m["type"] == "progress"]
    assert Counter(progress) == Counter(job.files)
    assert Counter(map(str, messages)) == Counter(map(str, expected))


def _killed(job: Job, output: Path, dice: random.Random) -> Moment:
    """Kill it once it has written so much, or after a while: also while it starts or decodes."""
    before = output.stat().st_size
    wanted = before + dice.randrange(max(len(job.whole) - before, 1))
    until = time.monotonic() + (60.0 if dice.random() < 0.75 else job.seconds * dice.random())
    with subprocess.Popen(
        _command(job.main, output), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        process.stdin.write("".join(f"{file}\n" for file in job.files).encode())
        process.stdin.flush()  # and left open: it is killed before its input ends
        while output.stat().st_size < wanted and time.monotonic() < until:
            os.sched_yield()
        process.send_signal(signal.SIGKILL)
    content = output.read_bytes()
    return Moment(len(content), is_torn=bool(content) and not content.endswith(b"\n"))


def _run_to_the_end(main: Path, files: list[str] | tuple[str, ...], output: Path) -> None:
    subprocess.run(
        _command(main, output),
        input="".join(f"{file}\n" for file in files).encode(),
        check=True,
        stderr=subprocess.DEVNULL,
    )


def _command(main: Path, output: Path) -> list[str]:
    params = '{"common_ml": {"resume": true}, "fps": 8}'
    return [sys.executable, str(main), "--output-path", str(output), "--params", params]


def main() -> None:
    """Run all, and print what happened."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    start = time.monotonic()
    moments: list[Moment] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs = [Job.of_made_tags(folder), Job.of_real_media(folder)]
        for seed in range(number):
            dice = random.Random(seed)
            moments += killed_then_resumed(jobs[seed % 2], folder / "tags.jsonl", dice)
        sizes = {len(job.whole) for job in jobs}
    print(
        f"{number} batches, killed {len(moments)} times: "
        f"{sum(m.num_bytes == 0 for m in moments)} before the first line, "
        f"{sum(m.is_torn for m in moments)} within a line, "
        f"{sum(m.num_bytes in sizes for m in moments)} after the last; "
        f"all complete after resuming, in {time.monotonic() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
