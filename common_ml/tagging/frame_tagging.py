"""A file's frames through a frame model, as tags: those of frames first, then their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.errors import DecodeError, MediaError, NoStreamError, UnknownMediaError
from common_ml.media import decode, kinds, limits
from common_ml.media.access import quoted
from common_ml.media.containers import open_container
from common_ml.media.images import read_image
from common_ml.tagging.batching import FrameCaller, batches_of_one_shape
from common_ml.tagging.messages import FrameInfo, Tag
from common_ml.tagging.model_output import Shot
from common_ml.tagging.options import SdkOptions
from common_ml.tagging.runs import RunFinder
from common_ml.tagging.stopping import check
from common_ml.tagging.time_limit import check_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.media.decode import Frame, FrameStream
    from common_ml.media.kinds import Kind
    from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
    from common_ml.tagging.models.tag_types import FrameTag


class FrameTagging:
    """How a frame model tags a picture or a video."""

    def __init__(
        self, model: FrameModel | BatchFrameModel, options: SdkOptions | None = None
    ) -> None:
        """Prepare to tag with `model`.

        Args:
            model: Gets the frames.
            options: Which frames, and what becomes of runs of a single one.

        Raises:
            TypeError: the model is no frame model.
        """
        self.caller = FrameCaller.of(model)
        self.model = model
        self.author = type(model).__name__
        self._options = options or SdkOptions()

    def tag_file(self, path: str, *, kind: Kind | None = None) -> Iterator[Tag]:
        """Tag the picture or video at `path`, as the frames come.

        Args:
            path: The file; it becomes the `source_media` of the tags.
            kind: What the file is, where the caller knows it already.

        Raises:
            MediaError: the file is neither picture nor video, or cannot be decoded.
        """
        kind = kinds.media_kind(path) if kind is None else kind
        if kind == "video":
            yield from self._tag_video(path)
        elif kind == "image":
            (tags,) = self.caller.tag([read_image(path)], [Shot(path, 0, 0.0)])
            yield from image_tags(path, tags)
        else:
            raise _not_visual(path, kind)

    def _tag_video(self, path: str) -> Iterator[Tag]:
        finder = RunFinder()
        position = None
        with self._open(path) as stream:
            for position, (shot, tags) in enumerate(self._tagged_frames(path, stream)):
                start_ms = round(shot.seconds * 1000)
                for tag in tags:
                    yield _frame_tag(path, tag, frame_idx=shot.index, start_ms=start_ms)
                texts = (tag.tag for tag in tags if tag.vector is None)
                finder.add(texts, position=position, seconds=shot.seconds)
            period_seconds = float(stream.frame_period_seconds)
        if position is None:
            raise DecodeError(f"{quoted(path)} is damaged: it has no picture to decode", path=path)
        for run in finder.runs():
            if run.num_frames > 1 or self._options.allow_single_frame:
                yield Tag(
                    start_time=round(run.start_seconds * 1000),
                    end_time=round((run.end_seconds + period_seconds) * 1000),
                    tag=run.text,
                    source_media=path,
                )

    def _open(self, path: str) -> FrameStream:
        if self._options.sampling == "keyframes":
            return decode.keyframes(path)
        return decode.sample(path, fps=self._options.fps)

    def _tagged_frames(
        self, path: str, frames: Iterable[Frame]
    ) -> Iterator[tuple[Shot, list[FrameTag]]]:
        """Place and tags of each frame."""
        batches = batches_of_one_shape(
            frames, shape=lambda frame: frame.rgb.shape, size=lambda: self.caller.size
        )
        for batch in batches:
            check()
            check_time()
            bounds, (height, width, _) = limits.in_force(), batch[0].rgb.shape
            bounds.check_size(path, width, height)  # has it grown on the way?
            bounds.check_duration(path, batch[-1].seconds)  # is it longer than the file says?
            shots = [Shot(path, frame.index, frame.seconds) for frame in batch]
            images = [frame.rgb for frame in batch]
            batch.clear()  # from here on the caller alone holds the pixels
            yield from zip(shots, self.caller.tag(images, shots), strict=True)


def image_tags(path: str, tags: Iterable[FrameTag]) -> Iterator[Tag]:
    """The tags of a still picture: times 0, frame 0."""
    return (_frame_tag(path, tag, frame_idx=0, start_ms=0) for tag in tags)


def _frame_tag(path: str, tag: FrameTag, *, frame_idx: int, start_ms: int) -> Tag:
    # by position: names would cost a fifth of it, and millions are made
    frame_info = FrameInfo(frame_idx, tag.box)
    return Tag(start_ms, start_ms, tag.tag, path, "", tag.additional_info, frame_info, tag.vector)


def _not_visual(path: str, kind: Kind) -> MediaError:
    """Why a file that is of `kind` has no frames."""
    try:
        open_container(path).close()
    except MediaError as error:
        return error  # empty, a directory, a text ...
    if kind == "audio":
        return NoStreamError(
            f"{quoted(path)}: a sound file has no pictures to tag; send a picture or a video",
            path=path,
        )
    return UnknownMediaError(f"{quoted(path)} is neither picture, video nor sound", path=path)
