"""Tags for the pictures of the page: the OCR example's, made denser, less sure and less right.

Two runs come of it, so that there is something to review, to compare and to plot.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from common_ml.tagging.messages import FrameInfo, Progress, Tag
from common_ml.tagging.wire import Writer, read_messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STEP_MS = 200
"""Between two frames; the clip has 24 a second."""
RATE = 24
SCENES = (
    (0, 3500, "blue wall"), (3500, 8000, "warm light"), (8000, 11500, "platform"),
    (11500, 14000, "night"),
)  # fmt: skip


def write_runs(source: Path, folder: Path) -> tuple[Path, Path]:
    """Write two runs, `tags.jsonl` and `later.jsonl`, from the tags of the OCR example."""
    found = [message for message in read_messages(source) if isinstance(message, Tag)]
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(1)  # noqa: S311 - the same pictures each time
    first = list(_dense(found, chance))
    return (
        _write(folder / "tags.jsonl", first),
        _write(folder / "later.jsonl", list(_changed(first, chance))),
    )


def _dense(found: list[Tag], chance: random.Random) -> Iterator[Tag]:
    """Yield the text of each frame, several times a second, with boxes that tremble."""
    file = found[0].source_media
    for start, end, name in SCENES:
        yield Tag(start, end, name, file, "scenes", {"confidence": round(chance.random(), 2)})
    for tag in found:
        if tag.frame_info is None or tag.frame_info.box is None:
            yield replace(tag, track="text")
            continue
        for at in range(tag.start_time, tag.start_time + 1000, STEP_MS):
            if chance.random() < 0.12:
                continue  # overlooked
            by = {edge: chance.gauss(0, 0.004) for edge in tag.frame_info.box}
            box = {
                edge: round(min(max(value + by[edge], 0), 1), 4)
                for edge, value in tag.frame_info.box.items()
            }
            confidence = round(chance.betavariate(6, 2), 3)
            text = tag.tag if confidence > 0.45 else tag.tag.title()
            info = {"confidence": confidence, "size": "large" if box["y2"] < 0.5 else "small"}
            yield Tag(at, at, text, file, "text", info, FrameInfo(at * RATE // 1000, box))


def _changed(tags: list[Tag], chance: random.Random) -> Iterator[Tag]:
    """Yield the tags of a later run."""
    for tag in tags:
        kind = chance.random()
        if kind < 0.08:
            continue
        frame = tag.frame_info
        if kind < 0.2 and frame is not None and frame.box is not None:
            box = {
                **frame.box, "x1": frame.box["x1"] - 0.02,
                "x2": min(frame.box["x2"] + 0.03, 1.0),
            }  # fmt: skip
            yield replace(tag, frame_info=FrameInfo(frame.frame_idx, box))
        elif kind < 0.26 and frame is None:
            yield replace(tag, end_time=tag.end_time + 300)
        else:
            yield tag
        if frame is not None and kind > 0.93:
            disc = {"x1": 0.12, "y1": 0.78, "x2": 0.22, "y2": 0.95}
            info = {"confidence": round(chance.random(), 2)}
            yield Tag(
                tag.start_time, tag.start_time, "disc", tag.source_media, "objects", info,
                FrameInfo(frame.frame_idx, disc),
            )  # fmt: skip


def _write(path: Path, tags: list[Tag]) -> Path:
    path.unlink(missing_ok=True)
    with Writer(path) as writer:
        for tag in tags:
            writer.write(tag)
        writer.write(Progress(tags[0].source_media))
    return path
