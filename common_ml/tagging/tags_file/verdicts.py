"""Verdicts of reviewers on tags: one line of JSON each, in a file beside the tags.

    {"type": "verdict", "data": {"source_media": "a.mp4", "tag": "dog", "track": "", ...}}

A verdict names its tag by file, text, track, times, frame and box. Of several on one tag the last
one holds, so that a file of verdicts only ever grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import orjson

from common_ml.errors import MessageError, WireError
from common_ml.tagging.messages import FrameInfo, Tag

if TYPE_CHECKING:
    from common_ml.types import StrPath

Decision = Literal["accepted", "rejected"]
SUFFIX = ".verdicts.jsonl"
"""Ending of the names of such files."""
_FIELDS = ("source_media", "tag", "track", "start_time", "end_time", "frame_info")


class TagKey(NamedTuple):
    """What tells a tag from others: all but its details."""

    source_media: str
    tag: str
    track: str
    start_time: int
    end_time: int
    frame_idx: int | None
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class Verdict:
    """What a reviewer says about a tag.

    Raises:
        MessageError: a value of the wrong type.
    """

    tag: TagKey
    verdict: Decision | None
    """None: no longer decided."""
    note: str = ""

    def __post_init__(self) -> None:
        if self.verdict is not None and self.verdict not in get_args(Decision):
            expected = "'accepted', 'rejected' or null"
            raise MessageError(
                f"verdict must be {expected}, got {self.verdict!r:.80}", field="verdict"
            )
        if not isinstance(self.note, str):
            raise MessageError(f"note must be a text, got {self.note!r:.80}", field="note")


def key_of(tag: Tag) -> TagKey:
    """Return what names a tag."""
    frame = tag.frame_info
    box = None if frame is None or frame.box is None else frame.box
    return TagKey(
        tag.source_media,
        tag.tag,
        tag.track,
        tag.start_time,
        tag.end_time,
        None if frame is None else frame.frame_idx,
        None if box is None else (box["x1"], box["y1"], box["x2"], box["y2"]),
    )


def verdicts_path(tags_path: StrPath) -> Path:
    """Return where the verdicts on a tags file are: `tags.verdicts.jsonl` beside `tags.jsonl`."""
    path = Path(tags_path)
    return path.with_name(path.stem + SUFFIX)


def encode_verdict(verdict: Verdict) -> bytes:
    r"""Encode a verdict as one line of JSON that ends in b"\n"."""
    key = verdict.tag
    data: dict[str, Any] = {name: getattr(key, name) for name in _FIELDS[:-1]}
    data["frame_info"] = None
    if key.frame_idx is not None:
        names = ("x1", "y1", "x2", "y2")
        box = None if key.box is None else dict(zip(names, key.box, strict=True))
        data["frame_info"] = {"frame_idx": key.frame_idx, "box": box}
    data |= {"verdict": verdict.verdict, "note": verdict.note}
    return orjson.dumps({"type": "verdict", "data": data}, option=orjson.OPT_APPEND_NEWLINE)


def decode_verdict(line: bytes) -> Verdict:
    """Decode the verdict of a line.

    Raises:
        ValueError: the line is not a verdict; the text has what, got and expected.
    """
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON: {error}, got {line[:80]!r}") from error
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict) or document.get("type") != "verdict":
        raise ValueError(f'must be {{"type": "verdict", "data": {{...}}}}, got {line[:80]!r}')
    unknown = data.keys() - {*_FIELDS, "verdict", "note"}
    if unknown:
        raise ValueError(f"has the unknown key {min(unknown)!r}")
    missing = {"source_media", "tag", "start_time", "end_time", "verdict"} - data.keys()
    if missing:
        raise ValueError(f"lacks {min(missing)}")
    frame = data.get("frame_info")
    frame_info = FrameInfo(**frame) if isinstance(frame, dict) else frame
    tag = Tag(**{name: data[name] for name in _FIELDS[:-1] if name in data}, frame_info=frame_info)
    return Verdict(key_of(tag), data["verdict"], data.get("note", ""))


def read_verdicts(path: StrPath) -> dict[TagKey, Verdict]:
    """Read a file of verdicts; the last one on each tag, without those that were taken back.

    A last line without its newline, of a writer that is busy or was killed, is left out.

    Raises:
        OSError: the file cannot be read.
        WireError: a line is not a verdict.
    """
    found: dict[TagKey, Verdict] = {}
    lines = Path(path).read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            verdict = decode_verdict(line)
        except (ValueError, TypeError) as error:  # TypeError: an unknown key of frame_info
            message = f"{path}:{number}: the line {error}"
            raise WireError(message, path=path, line_number=number) from error
        found.pop(verdict.tag, None)
        if verdict.verdict is not None or verdict.note:
            found[verdict.tag] = verdict
    return found
