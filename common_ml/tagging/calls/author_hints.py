"""Hints at mistakes of authors that Python reports in its own words."""

from __future__ import annotations

import difflib
import inspect
import re

from common_ml.tagging.messages import Tag
from common_ml.tagging.models.tag_types import FrameTag

_UNKNOWN_KEYWORD = re.compile(
    r"^(?:\w+\.)*(FrameTag|Tag)\.__init__\(\) got an unexpected keyword argument '(\w+)'"
    r"|^__init__\(\) got an unexpected keyword argument '(\w+)'"
)
_MEANT = {
    "confidence": ("score", "scores", "conf", "prob", "probability", "certainty"),
    "tag": ("label", "text", "name", "class_name", "category", "cls", "value"),
    "box": ("bbox", "xyxy", "bounding_box", "rect", "boxes"),
    "start_time": ("start", "begin", "start_ms", "start_seconds", "time", "t0"),
    "end_time": ("end", "end_ms", "end_seconds", "t1"),
    "vector": ("embedding", "features", "vec"),
    "source_media": ("file", "path", "fpath", "source", "media"),
    "additional_info": ("info", "extra", "metadata", "attributes", "data"),
}
_OTHER_NAMES = {other: name for name, others in _MEANT.items() for other in others}
BREAKPOINT_HINT = (
    'a tagger has no terminal; hint: tag_files(Model(), "clip.mp4") of common_ml, in a script or '
    "a notebook, stops at a breakpoint"
)


def with_hint(error: BaseException) -> str:
    """Return the text of an error of the author's code that needs a hint; "" for any other."""
    if type(error).__name__ == "BdbQuit":  # pdb has read the paths as its commands
        return f"the debugger was left: {BREAKPOINT_HINT}"
    if isinstance(error, TypeError) and (match := _UNKNOWN_KEYWORD.match(str(error))):
        kind, name = match[1] or "FrameTag", match[2] or match[3]
        return f"{kind} has no {name}; hint: {keyword_hint(kind, name)}"
    return ""


def keyword_hint(kind: str, name: str) -> str:
    """Return what to write in place of a keyword that a tag does not have.

    Args:
        kind: `Tag` or `FrameTag`.
        name: The keyword.
    """
    fields = list(inspect.signature(Tag if kind == "Tag" else FrameTag).parameters)
    meant = _OTHER_NAMES.get(name.lower(), "")
    if kind == "Tag" and "box" in (meant, name):
        return "write frame_info=FrameInfo(frame_idx, box)"
    if meant in fields:
        return f"write {meant}=..."
    if kind == "FrameTag" and (meant or name) in ("start_time", "end_time", "source_media"):
        return "leave it out: file and time are the frame's"
    close = difflib.get_close_matches(name.lower(), fields, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f'put it into additional_info={{"{name}": ...}}'


def result_hint(got: object) -> str:
    """Return the hint at a result that is a coroutine or a generator; "" for any other."""
    if inspect.iscoroutine(got):
        got.close()  # it is never awaited, which Python would warn of
        return "write def, not async def: the method is called, not awaited"
    if inspect.isasyncgen(got):
        return "write def, not async def, and return a list"
    if inspect.isgenerator(got):
        return "yield makes it a generator: append to a list, and return that"
    return ""
