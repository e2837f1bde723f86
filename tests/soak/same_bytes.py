"""The same input with 1, 2 and 4 decoding workers, again and again: the output has to be the same.

python -m tests.soak.same_bytes [RUNS FOR EACH NUMBER OF WORKERS, 10 by default]
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from tests.media import bad_media

MAIN = """
    import os
    import zlib

    from common_ml import FrameModel, FrameTag, run_default
    from common_ml.media import decode, images

    # the machine's CPUs are what decides otherwise
    decode.usable_cpus = images.usable_cpus = lambda: int(os.environ["WORKERS"])

    class Model(FrameModel):
        def tag_frame(self, img):
            return [FrameTag(tag=f"{img.shape}"), FrameTag(tag=f"{zlib.crc32(img):08x}")]

    run_default(Model())
"""
"""The tags tell of every pixel."""
WORKERS = (1, 2, 4)


def outputs(folder: Path, *, num_runs: int) -> dict[int, list[str]]:
    """Number of workers -> digest of the output of each run, over good and damaged files."""
    media = folder / "media"
    media.mkdir()
    files = [bad_media.good_clip(name, media) for name in bad_media.CLIPS]
    files += [bad_media.good_picture(kind, media) for kind in bad_media.PICTURES]
    files += [bad_media.corrupted(seed, media) for seed in range(20)]
    main = folder / "main.py"
    main.write_text(textwrap.dedent(MAIN))
    found: dict[int, list[str]] = {number: [] for number in WORKERS}
    for _ in range(num_runs):
        for number in WORKERS:
            found[number].append(_digest(main, files, folder / "tags.jsonl", workers=number))
    return found


def _digest(main: Path, files: list[Path], output: Path, *, workers: int) -> str:
    output.unlink(missing_ok=True)
    params = '{"fps": 12, "continue_on_error": true}'
    subprocess.run(
        [sys.executable, str(main), "--output-path", str(output), "--params", params],
        input="".join(f"{file}\n" for file in files).encode(),
        env={**os.environ, "WORKERS": str(workers)},
        check=True,
        stderr=subprocess.DEVNULL,
    )
    content = output.read_bytes()
    assert content.count(b'"type":"progress"') >= len(bad_media.CLIPS) + len(bad_media.PICTURES)
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Run all, and print what came out."""
    num_runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = outputs(Path(folder), num_runs=num_runs)
    different = {digest for digests in found.values() for digest in digests}
    print(
        f"{num_runs} runs with each of {WORKERS} workers: {len(different)} different outputs,"
        f" in {time.monotonic() - start:.0f} s: {found if len(different) > 1 else ''}"
    )
    sys.exit(len(different) != 1)


if __name__ == "__main__":
    main()
