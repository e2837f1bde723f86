"""Tag the frames of a file with a frame model: tags of frames first, then those of runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from common_ml.errors import DecodeError, MediaError, NoStreamError, UnknownMediaError
from common_ml.media import images as image_files
from common_ml.media import limits
from common_ml.media.access import quoted
from common_ml.tagging.calls.batching import FrameCaller, batches_of_one_shape
from common_ml.tagging.calls.validator import FrameRef
from common_ml.tagging.confidence import confidence_of
from common_ml.tagging.frames.runs import RunFinder
from common_ml.tagging.frames.still_images import sized
from common_ml.tagging.job.context import current_job
from common_ml.tagging.messages import FrameInfo, Tag
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.run_shape import num_frames_of, run_info, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from common_ml.media.decode import Frame, FrameStream
    from common_ml.media.kinds import Kind
    from common_ml.media.media_file import MediaFile
    from common_ml.tagging.frames.opened_files import OpenedFile
    from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
    from common_ml.tagging.models.tag_types import FrameTag


class FrameTagging:
    """Tag images and videos with a frame model."""

    def __init__(
        self, model: FrameModel | BatchFrameModel, options: SdkOptions | None = None
    ) -> None:
        """Prepare to tag with `model`.

        Args:
            model: Receives the frames.
            options: Sampling of frames, and treatment of runs of a single frame.

        Raises:
            TypeError: the model is not a frame model.
        """
        self.caller = FrameCaller.of(model)
        self.model = model
        self.author = type(model).__name__
        self._options = options or SdkOptions()
        self._shape = shape_of(self._options)

    def tag_file(self, path: str) -> Iterator[Tag]:
        """Yield the tags of the image or video at `path` as its frames are decoded.

        Args:
            path: The file; it becomes the `source_media` of the tags.

        Raises:
            MediaError: the file is neither image nor video, or cannot be decoded.
        """
        from common_ml.media.kinds import kind_of
        from common_ml.media.media_file import MediaFile

        media = MediaFile(path)
        kind = kind_of(media)
        if kind == "video":
            yield from self._tag_video(path, self.open_video(media))
            return
        media.close()
        if kind == "image":
            image, shot = sized(path, image_files.read_image(path), self.caller)
            (tags,) = self.caller.tag([image], [shot])
            yield from image_tags(path, tags)
        else:
            raise not_visual(path, kind)

    def tag_opened(self, opened: OpenedFile, meanwhile: Callable[[], None]) -> Iterator[Tag]:
        """Yield the tags of a file that is open already; of a picture as `tag_file` does.

        Args:
            opened: The file.
            meanwhile: Called before the first frame is awaited.

        Raises:
            MediaError: as for `tag_file`.
        """
        if opened.kind != "video":
            opened.close()
            yield from self.tag_file(opened.path)
            return
        stream = opened.stream or self.open_video(opened.media)
        meanwhile()
        yield from self._tag_video(opened.path, stream)

    def open_video(self, media: MediaFile) -> FrameStream:
        """Open a video for the frames to tag, and index it.

        Raises:
            MediaError: it cannot be opened.
        """
        from common_ml.media.decode import DecodeOptions, VideoReader

        reader = VideoReader(media, DecodeOptions(frame_size=self.caller.frame_size))
        if self._options.sampling == "keyframes":
            return reader.keyframes()
        return reader.sample(self._options.fps)

    def _tag_video(self, path: str, frames: FrameStream) -> Iterator[Tag]:
        finder = RunFinder()
        position = None
        with frames as stream:
            for position, (shot, tags) in enumerate(self._tagged_frames(path, stream)):
                start_ms = round(shot.seconds * 1000)
                for tag in tags:
                    yield _frame_tag(path, tag, frame_idx=shot.index, start_ms=start_ms)
                of_runs = (self._of_run(tag) for tag in tags if tag.vector is None)
                finder.add(of_runs, position=position, seconds=shot.seconds)
            period_seconds = float(stream.frame_period_seconds)
        if position is None:
            raise DecodeError(f"{quoted(path)} is damaged: it has no picture to decode", path=path)
        yield from self._runs(path, finder, period_seconds)

    def _of_run(self, tag: FrameTag) -> FrameTag:
        """Return the tag with the confidence that counts for its run.

        One that an author has put into `additional_info` counts where runs are shaped; elsewhere
        runs stay as they have always been written.
        """
        if tag.confidence is None and tag.additional_info and self._shape.changes_runs:
            confidence = confidence_of(tag.additional_info)
            return tag if confidence is None else replace(tag, confidence=confidence)
        return tag

    def _runs(self, path: str, finder: RunFinder, period_seconds: float) -> Iterator[Tag]:
        """Return the tags of the runs."""
        is_shaped, allows_single = self._shape.changes_runs, self._options.allow_single_frame
        tags = [
            Tag(
                start_time=round(run.start_seconds * 1000),
                end_time=round((run.end_seconds + period_seconds) * 1000),
                tag=run.text,
                source_media=path,
                track=run.track,
                additional_info=run_info(
                    mean=run.mean_confidence, best=run.best_confidence, num=run.num_frames
                )
                if is_shaped or run.mean_confidence is not None
                else None,
            )
            for run in finder.runs()
            if is_shaped or allows_single or run.num_frames > 1
        ]
        if not is_shaped:
            return iter(tags)
        shaped = self._shape.merged(tags)
        return (tag for tag in shaped if allows_single or num_frames_of(tag) > 1)

    def _tagged_frames(
        self, path: str, frames: Iterable[Frame]
    ) -> Iterator[tuple[FrameRef, list[FrameTag]]]:
        """Yield the position and the tags of each frame."""
        batches = batches_of_one_shape(
            frames, shape=lambda frame: frame.rgb.shape, size=lambda: self.caller.size
        )
        job = current_job()
        previous_seconds: float | None = None
        for batch in batches:
            job.raise_if_stopped()
            job.check_time()
            bounds = limits.in_force()
            bounds.check_duration(path, batch[-1].seconds)  # the header may state less
            shots = []
            for frame in batch:
                width, height = whole = frame.whole_size or frame.rgb.shape[1::-1]
                bounds.check_size(path, width, height)  # the size may change between frames
                size = None if frame.whole_size is None else whole
                shots.append(FrameRef(path, frame.index, frame.seconds, previous_seconds, size))
                previous_seconds = frame.seconds
            images = [frame.rgb for frame in batch]
            batch.clear()  # release the pixels: only the caller holds them now
            yield from zip(shots, self.caller.tag(images, shots), strict=True)


def image_tags(path: str, tags: Iterable[FrameTag]) -> Iterator[Tag]:
    """Return the tags of a still image: times 0, frame 0."""
    return (_frame_tag(path, tag, frame_idx=0, start_ms=0) for tag in tags)


def _frame_tag(path: str, tag: FrameTag, *, frame_idx: int, start_ms: int) -> Tag:
    # positional: keyword arguments cost a fifth more, and millions are created
    frame_info = FrameInfo(frame_idx, tag.box)
    info = tag.additional_info if tag.confidence is None else tag.info()
    return Tag(start_ms, start_ms, tag.tag, path, tag.track, info, frame_info, tag.vector)


def not_visual(path: str, kind: Kind) -> MediaError:
    """Return the error about a file of `kind`, which has no frames."""
    try:
        from common_ml.media.media_file import open_container

        open_container(path).close()
    except MediaError as error:
        return error  # empty, a directory, a text file ...
    if kind == "audio":
        return NoStreamError(
            f"{quoted(path)}: a sound file has no pictures to tag; send a picture or a video",
            path=path,
        )
    return UnknownMediaError(f"{quoted(path)} is neither picture, video nor sound", path=path)
