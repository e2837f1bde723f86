"""The tags of the OCR example on the examples' clip, which the tests of training read.

Run once by hand, with the examples' libraries installed; its product is kept beside it:

    python -m tests.data.make_ocr_tags      # -> tests/data/ocr_tags.jsonl
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TAGS = Path(__file__).with_name("ocr_tags.jsonl")
PARAMS = {"fps": 4}


def main() -> None:
    """Start the tagger as its runtime does, on one file."""
    TAGS.unlink(missing_ok=True)  # a tagger appends
    command = [sys.executable, "ocr/main.py", "--output-path", str(TAGS)]
    subprocess.run(
        [*command, "--params", json.dumps(PARAMS)],
        input="media/clip.mp4\n",
        text=True,
        cwd=REPOSITORY / "examples",
        check=True,
    )


if __name__ == "__main__":
    main()
