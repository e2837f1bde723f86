"""The outputs of two editions of common-ml, byte for byte.

python -m tests.examples.compare_editions OTHER [PYTHON]

OTHER is a checkout of the other edition; PYTHON an interpreter with the libraries of the examples.
The taggers are the three examples, each from its own edition, and small models of every kind. What
is compared: the output file, the exit status, and the answer to `--describe` but for versions and
the SDK's own keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
CLIP = REPOSITORY / "examples" / "media" / "clip.mp4"
MODELS = '''
import sys
from dataclasses import dataclass
from common_ml import AVModel, BatchFrameModel, FrameModel, FrameTag, Tag
from common_ml import catch_errors, get_params, run_default
from common_ml.tagging.messages import Progress
from common_ml.tagging.producer import TagMessageProducer

@dataclass
class Params:
    words: int = 2
    """How many words."""

class Frames(FrameModel):
    """Looks at brightness."""
    tracks = ["light"]
    def __init__(self, params): pass
    def tag_frame(self, img):
        level = int(img.mean()) // 32
        box = {"x1": 0.25, "y1": 0.0, "x2": 1.0, "y2": level / 8}
        info = {"mean": float(img.mean())}
        return [FrameTag(tag=f"level {level}", box=box, additional_info=info)]

class Batches(BatchFrameModel):
    batch_size = 4
    def __init__(self, params): pass
    def tag_frames(self, imgs):
        return [[FrameTag(tag="v", vector=img.mean(axis=(0, 1)).tolist())] for img in imgs]

class Whole(AVModel):
    def __init__(self, params): self.words = params.words
    def tag(self, fpath):
        if "bad" in fpath: raise ValueError("caf\\u00e9 " + fpath)
        return [Tag(i * 99, i * 100, "w\\u00f6rd", track="words") for i in range(self.words)]
    def on_completion(self):
        yield Tag(0, 1, "the end", "clip.mp4")

class Produces(TagMessageProducer):
    def __init__(self, params): pass
    def produce(self, files):
        for file in files:
            yield Tag(0, 5, "p", file)
            yield Progress(file)

kind = {"frame": Frames, "batch": Batches, "av": Whole, "producer": Produces}[sys.argv[-1]]
with catch_errors():
    run_default(kind(get_params(Params, model=kind)))
'''


@dataclass(frozen=True)
class Case:
    """One run of a tagger."""

    name: str
    tagger: str
    """An example's folder, or a kind of small model."""
    params: dict[str, Any]
    files: tuple[str, ...] = ("clip.mp4",)


EXAMPLE_CASES = (
    Case("ocr", "ocr", {"fps": 1}),
    Case("shots", "shots", {"threshold": 3.0}),
    Case("speech", "speech", {}),
)
MODEL_CASES = (
    Case("frames", "frame", {"fps": 2}, ("clip.mp4", "picture.png", "clip.mp4")),
    Case("no single frames", "frame", {"allow_single_frame": False}),
    Case("batches", "batch", {"fps": 3}, ("picture.png", "clip.mp4", "picture.png")),
    Case("whole files", "av", {"words": 3}, ("clip.mp4", "sub/other.mp4")),
    Case("a failure", "av", {}, ("clip.mp4", "bad.mp4", "clip.mp4")),
    Case("failures", "av", {"continue_on_error": True}, ("bad.mp4", "clip.mp4", "bad.mp4")),
    Case("a producer", "producer", {}, ("clip.mp4", "b.mp4")),
    Case("wrong params", "av", {"wordz": 3, "fps": "x"}),
    Case("nothing to do", "frame", {}, ()),
    Case("a missing file", "frame", {"continue_on_error": True}, ("missing.mp4", "clip.mp4")),
)


def run(edition: Path, python: str, case: Case) -> dict[str, Any]:
    """Run a tagger of an edition; its status, the hash of its output, and its description."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        shutil.copy(CLIP, work / "clip.mp4")
        (work / "picture.png").write_bytes(_picture())
        main = edition / "examples" / case.tagger / "main.py"
        if not main.exists():
            main = work / "main.py"
            main.write_text(MODELS)
        environment = {**os.environ, "PYTHONPATH": str(edition), "PYTHONDONTWRITEBYTECODE": "1"}
        output = work / "tags.jsonl"
        arguments = ["--output-path", str(output), "--params", json.dumps(case.params)]
        done = subprocess.run(
            [python, str(main), *arguments, case.tagger],
            input="".join(f"{file}\n" for file in case.files).encode(),
            cwd=work,
            env=environment,
            capture_output=True,
            check=False,
        )
        described = subprocess.run(
            [python, str(main), "--describe", case.tagger],
            cwd=work,
            env=environment,
            capture_output=True,
            check=False,
        )
        answer = json.loads(described.stdout.splitlines()[-1])
        content = output.read_bytes() if output.exists() else b""
    return {
        "status": done.returncode,
        "lines": content.count(b"\n"),
        "output": hashlib.sha256(content).hexdigest(),
        "describe": {key: answer[key] for key in answer if key not in ("versions", "sdk_params")},
    }


def _picture() -> bytes:
    """A PNG of 2 x 1 pixels."""
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + checksum

    header = (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    pixels = zlib.compress(bytes([0, 10, 20, 30, 200, 210, 220]))
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def main() -> None:
    """Compare, and print each case."""
    other = Path(sys.argv[1]).resolve()
    python = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    num_different = 0
    for case in (*MODEL_CASES, *EXAMPLE_CASES):
        ours, theirs = run(REPOSITORY, python, case), run(other, python, case)
        different = [key for key in ours if ours[key] != theirs[key]]
        num_different += bool(different)
        verdict = f"DIFFERENT: {', '.join(different)}" if different else "the same"
        print(f"{case.name}: {ours['lines']} lines, status {ours['status']}: {verdict}")
        for key in different:
            print(f"  {key}: {theirs[key]} -> {ours[key]}")
    sys.exit(num_different > 0)


if __name__ == "__main__":
    main()
