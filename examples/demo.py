"""The OCR example on a film clip, started as the contract says; its tags as a table and a page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.report import write_page
from common_ml.tagging.messages import Error, Tag
from common_ml.tagging.wire import read_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from common_ml.tagging.messages import Message

EXAMPLES = Path(__file__).resolve().parent
CLIP = "media/clip.mp4"  # relative to the tagger's working directory, as the runtime sends it
OUTPUT = EXAMPLES.parent / "demo-output" / "tags.jsonl"


def main() -> int:
    """Tag the clip and print what was found; the tagger's exit status."""
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.unlink(missing_ok=True)  # a tagger appends
    command = [sys.executable, "-u", "ocr/main.py", "--output-path", str(OUTPUT)]
    print(f"$ echo {CLIP} | python {' '.join(command[1:])}\n", flush=True)

    tagger = subprocess.run(command, input=f"{CLIP}\n", text=True, cwd=EXAMPLES, check=False)

    messages = list(read_messages(OUTPUT)) if OUTPUT.exists() else []
    for message in messages:
        if isinstance(message, Error):
            print(f"error: {message.message}", file=sys.stderr)
    if tagger.returncode == 0:
        print_table(("from", "to", "track", "text", "frames", "confidence"), rows(messages))
        print(f"\n{len(messages)} messages, one JSON object a line: {OUTPUT}")
        page = write_page(OUTPUT, OUTPUT.with_suffix(".html"), media=[EXAMPLES])
        print(f"the same over the clip, to be opened in a browser: {page.path}")
    return tagger.returncode


def rows(messages: Iterable[Message]) -> list[tuple[str, ...]]:
    """One row for each stretch of film that shows a text, with the frames that it was read in."""
    tags = [message for message in messages if isinstance(message, Tag)]
    frames = [tag for tag in tags if tag.frame_info is not None]
    runs = [tag for tag in tags if tag.frame_info is None]
    table: list[tuple[str, ...]] = []
    for run in sorted(runs, key=lambda tag: (tag.start_time, tag.tag)):
        confidences = [
            (frame.additional_info or {})["confidence"]
            for frame in frames
            if (frame.track, frame.tag) == (run.track, run.tag)
            and run.start_time <= frame.start_time < run.end_time
        ]
        when = (clock(run.start_time), clock(run.end_time))
        how_sure = (str(len(confidences)), f"{sum(confidences) / len(confidences):.2f}")
        table.append((*when, run.track or "(default)", run.tag, *how_sure))
    return table


def print_table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in (heads, *lines)) for column in range(len(heads))]
    for row in (heads, ["-" * width for width in widths], *lines):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def clock(milliseconds: int) -> str:
    """`75250` as `1:15.250`."""
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}:{rest // 1000:02}.{rest % 1000:03}"


if __name__ == "__main__":
    sys.exit(main())
