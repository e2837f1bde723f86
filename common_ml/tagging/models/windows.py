"""Base of the models that get a file window by window, such as clips of video or of sound."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common_ml.errors import ModelOutputError
from common_ml.stages import tally, within
from common_ml.tagging.calls.call_policy import file_call, validator
from common_ml.tagging.calls.validator import tag_list
from common_ml.tagging.job.context import current_job
from common_ml.tagging.messages import Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.tag_types import FrameTag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard


@dataclass(frozen=True, eq=False)
class Window:
    """A time range of a file, and what the model gets of it."""

    start_seconds: float
    end_seconds: float
    """The end of the file, if it ends within the window."""
    arguments: tuple[Any, ...]
    """Of the author's method."""
    ends_file: bool = False
    """Whether the file ends within the window: nothing in it is later than `end_seconds`."""


class WindowModel(AVModel):
    """A model whose method is called for each window of a file; see its subclasses."""

    window_method: str
    """Name of the author's method."""

    @abstractmethod
    def windows(self, fpath: str) -> Iterator[Window]:
        """Yield the windows of a file, in order, without all of it in memory."""

    def tag(self, fpath: str) -> list[Tag]:
        """Tag one file, window by window.

        Extend it to begin a file, or to do something with all of its tags, such as `merge_runs`.
        """
        return list(tags_of_windows(self, fpath))


def streams_windows(model: AVModel) -> TypeGuard[WindowModel]:
    """Return whether the tags of a model are those of its windows, one after the other."""
    return isinstance(model, WindowModel) and type(model).tag is WindowModel.tag


def tags_of_windows(model: WindowModel, path: str) -> Iterator[Tag]:
    """Yield the tags of a file as its windows come, with times from the start of the file.

    Raises:
        MediaError: the file cannot be used.
        ModelOutputError: the model returned something other than tags.
    """
    call = getattr(model, model.window_method)
    name = f"{type(model).__name__}.{model.window_method}"
    job = current_job()
    for window in model.windows(path):
        job.raise_if_stopped()
        job.check_time()
        with file_call(name, path):
            tally("calls")
            with within("model"):
                found = call(*window.arguments)
            tags = _in_file(found, window, path, method=name)
        yield from tags


def _in_file(found: object, window: Window, path: str, *, method: str) -> list[Tag]:
    """Return the tags of a window, validated, as tags of the file."""
    where = f"{method}, from {window.start_seconds:.3f} s,"
    if isinstance(found, (list, tuple)):
        found = [_of_window(tag, where) if isinstance(tag, FrameTag) else tag for tag in found]
    tags = tag_list(found, Tag, where=(where, None))
    return [validator().tag(_placed(tag, window, path), method=method) for tag in tags]


def _of_window(tag: FrameTag, where: str) -> Tag:
    if tag.box is not None:
        raise ModelOutputError(
            f"{where} returned a FrameTag with a box, which does not say of which frame; hint: "
            "return Tag(..., frame_info=FrameInfo(index, box)) with times from the file's start"
        )
    return tag.to_tag()


def _placed(tag: Tag, window: Window, path: str) -> Tag:
    """Return a tag of a window with times from the start of the file."""
    source = tag.source_media or path
    if tag.frame_info is not None:  # about a frame of the file: it carries its own times
        start_ms, end_ms = tag.start_time, tag.end_time
    elif tag.start_time == tag.end_time == 0:  # about the whole window
        start_ms, end_ms = round(window.start_seconds * 1000), round(window.end_seconds * 1000)
    else:
        offset_ms = round(window.start_seconds * 1000)
        start_ms, end_ms = tag.start_time + offset_ms, tag.end_time + offset_ms
        if window.ends_file:  # models see things in the padding, too
            last_ms = round(window.end_seconds * 1000)
            start_ms, end_ms = min(start_ms, last_ms), min(end_ms, last_ms)
    return Tag(
        start_ms,
        end_ms,
        tag.tag,
        source,
        tag.track,
        tag.additional_info,
        tag.frame_info,
        tag.vector,
    )
