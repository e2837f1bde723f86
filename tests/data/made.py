"""Tags files, pictures and clips for the tests of datasets."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from common_ml.media.images import write_png
from common_ml.tagging.messages import FrameInfo, Progress, Tag
from common_ml.tagging.wire import Writer
from tests.media import recipes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from common_ml.tagging.messages import Message

BOX = {"x1": 0.25, "y1": 0.25, "x2": 0.5, "y2": 0.75}


def tag(label: str, media: str = "a.jpg", frame: int = 0, **fields: Any) -> Tag:
    """A tag of a frame, with a box, 40 ms a frame."""
    box = fields.pop("box", BOX)
    frame_info = FrameInfo(frame, box)
    return Tag(40 * frame, 40 * frame, label, media, frame_info=frame_info, **fields)


def write_tags(path: Path, messages: Iterable[Message]) -> Path:
    """A tags file, appended to where there is one."""
    with Writer(path) as writer:
        for message in messages:
            writer.write(message)
    return path


def write_picture(path: Path, number: int = 0, width: int = 64, height: int = 48) -> Path:
    """A picture that no other number has."""
    write_png(path, recipes.picture(number, width, height))
    return path


def write_clip(path: Path, num_frames: int = 24, **video: Any) -> Path:
    """A clip at 25 frames per second, without loss: picture n is `recipes.picture(n, ...)`."""
    settings = {"width": 64, "height": 48, "options": {"qp": "0"}, "pixel_format": "yuv444p"}
    made = recipes.Video(rate=Fraction(25), num_frames=num_frames, **{**settings, **video})
    recipes.write(path, made)
    return path


def film(folder: Path, *, media: Iterable[str] = ("a.mp4", "b.mp4"), every: int = 3) -> Path:
    """Clips, and tags of each third frame of them: `car` in all, `sign` in every other one."""
    messages: list[Message] = []
    for name in media:
        write_clip(folder / name)
        for frame in range(0, 24, every):
            messages.append(tag("car", name, frame))
            if frame % (2 * every):
                messages.append(tag("stop sign", name, frame, box={**BOX, "x2": 1.0}))
        messages.append(Progress(name))
    return write_tags(folder / "tags.jsonl", messages)
