"""Base class of models that tag clips: several frames of a stretch of video at once."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from common_ml.media import images as image_files
from common_ml.media import kinds, limits
from common_ml.media.clips import video_clips
from common_ml.media.frame_size import Fit, FrameSize
from common_ml.media.video.colour import fitted
from common_ml.tagging.frames.video import not_visual
from common_ml.tagging.models.windows import Window, WindowModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from common_ml.tagging.messages import Tag
    from common_ml.tagging.models.frame_based import Pixels
    from common_ml.tagging.models.tag_types import FrameTag


class ClipModel(WindowModel):
    """A model that tags clips, such as one of actions.

    Extend it with one method; this is a whole `main.py`:

        from common_ml import ClipModel, FrameTag, catch_errors, run_default

        class Motion(ClipModel):
            clip_seconds = 1
            num_frames = 4

            def tag_clip(self, frames, times):
                moves = frames.std(axis=0).mean() > 10
                return [FrameTag(tag="motion")] if moves else []

        if __name__ == "__main__":
            with catch_errors():
                run_default(Motion())

    Clips begin at 0, `stride_seconds`, 2 * `stride_seconds`, ... and cover the video; the last one
    may reach beyond its end. What a model sets in `__init__` counts as well.
    """

    window_method = "tag_clip"

    clip_seconds: float = 2.0
    """Length of a clip, > 0."""
    stride_seconds: float | None = None
    """From the start of a clip to the start of the next one, > 0; None for the length of a clip."""
    num_frames: int | None = 16
    """Frames of a clip: those nearest to `start + i * clip_seconds / num_frames`; beyond the end of
    the video its last frame is repeated. None for all frames of the clip."""
    frame_size: int | tuple[int, int] | None = None
    """Pixels of the longer side, or (width, height), that frames are scaled to while they are
    decoded."""
    fit: Fit = "contain"
    """How a picture comes to (width, height); see `FrameModel`."""

    @abstractmethod
    def tag_clip(self, frames: Pixels, times: npt.NDArray[np.float64]) -> Sequence[FrameTag | Tag]:
        """Tag one clip.

        Args:
            frames: RGB, uint8, shape (N, H, W, 3), upright.
            times: When each frame is shown, seconds from the start of the file, shape (N,).

        Returns:
            The clip's tags, possibly none. A FrameTag, or a Tag without times, is about the whole
            clip. The times of a Tag count from the clip's start, in milliseconds; those of a Tag
            with `frame_info` count from the start of the file.
        """

    def windows(self, fpath: str) -> Iterator[Window]:
        """Yield the clips of a video; of a still image one, in which it is repeated.

        Raises:
            MediaError: the file is neither image nor video, or cannot be decoded.
            ValueError: a class attribute is out of its range.
        """
        kind = kinds.media_kind(fpath)
        size = None if self.frame_size is None else FrameSize.of(self.frame_size, self.fit)
        if kind == "image":
            still = image_files.read_image(fpath)
            still = still if size is None else fitted(still, size)
            frames = np.repeat(still[np.newaxis], self.num_frames or 1, axis=0)
            yield Window(0.0, 0.0, (frames, np.zeros(len(frames))))
            return
        if kind != "video":
            raise not_visual(fpath, kind)
        clips = video_clips(
            fpath,
            clip_seconds=self.clip_seconds,
            stride_seconds=self.stride_seconds,
            num_frames=self.num_frames,
            frame_size=size,
        )
        for clip in clips:
            bounds, (_, height, width, _) = limits.in_force(), clip.frames.shape
            bounds.check_size(fpath, width, height)  # the size may change between clips
            bounds.check_duration(fpath, float(clip.times[-1]))  # the header may state less
            is_cut = clip.end_seconds < clip.start_seconds + self.clip_seconds
            arguments = clip.frames, clip.times
            yield Window(clip.start_seconds, clip.end_seconds, arguments, ends_file=is_cut)
