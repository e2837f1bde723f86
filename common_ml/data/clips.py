"""`Clips`: cut videos into clips of one length, with their frames and annotations."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from common_ml.media import decode
from common_ml.media.kinds import media_kind

if TYPE_CHECKING:
    import numpy.typing as npt

    from common_ml.data.pixels import Pixels
    from common_ml.data.record import Annotation, Record
    from common_ml.data.samples import Samples

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClipOptions:
    """Options for cutting videos into clips.

    Raises:
        ValueError: an option is out of its range.
    """

    seconds: float
    """Length of a clip, > 0. What is left at the end of a video, being shorter, is left out."""
    fps: float | None = None
    """Frames per second, each the nearest one to a grid; None: all frames."""
    max_size: int | None = None
    """Maximum pixels of the longer side; larger frames are scaled down."""

    def __post_init__(self) -> None:
        for name in ("seconds", "fps", "max_size"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} of clips must be > 0, got {value!r}")


@dataclass(frozen=True, eq=False)
class Clip:
    """A section of a video."""

    record: Record
    """The video."""
    number: int
    """Index of the video in the whole dataset."""
    start_seconds: float
    end_seconds: float
    """Start of the next clip."""
    frames: npt.NDArray[np.uint8]
    """RGB, shape (T, H, W, 3)."""
    times: npt.NDArray[np.float64]
    """When the frames are shown, in seconds from the first frame of the video: shape (T,)."""
    label_ids: Mapping[str, int]
    """Label -> number, of the whole dataset."""

    @cached_property
    def annotations(self) -> tuple[Annotation, ...]:
        """Annotations with value 1 at some time of the clip, or of the whole video."""
        return tuple(filter(self._is_within, self.record.annotations))

    @cached_property
    def label_names(self) -> list[str]:
        """The labels of the annotations, each once, in order of their numbers."""
        return sorted({one.label for one in self.annotations}, key=self.label_ids.__getitem__)

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """The numbers of the labels, ascending: int64, shape (N,)."""
        return np.array([self.label_ids[name] for name in self.label_names], np.int64)

    def _is_within(self, one: Annotation) -> bool:
        if not one.value:
            return False
        start = one.start_seconds
        if start is None:
            return True
        end = start if one.end_seconds is None else one.end_seconds
        # a moment at the very end belongs to the next clip
        return start < self.end_seconds and (
            end > self.start_seconds or start >= self.start_seconds
        )


@dataclass(frozen=True, eq=False)
class _Cut:
    """A clip, before its frames are decoded."""

    start_seconds: float
    end_seconds: float
    indices: tuple[int, ...]
    """Frame indices, ascending; repeated where the video has fewer than requested."""


class Clips(Sequence[Clip]):
    """Clips of all videos of a dataset, file by file.

    Read in order, each video is decoded once. Other media, and videos shorter than a clip, have
    none, which is logged.
    """

    def __init__(self, samples: Samples, pixels: Pixels, options: ClipOptions) -> None:
        """Prepare; no file is opened yet.

        Args:
            samples: The records, a whole media file each.
            pixels: Finds the files.
            options: How to cut.
        """
        self.samples = samples
        self.options = options
        self._pixels = pixels

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, place: int) -> Clip:  # type: ignore[override] # no slices
        """Return a clip by its index; from the end if negative."""
        count = len(self)
        if not -count <= place < count:
            raise IndexError(f"clip index must be below {count}, the number of clips: {place}")
        place %= count
        video = int(np.searchsorted(self._starts, place, side="right")) - 1
        cut = self._cuts[video][place - int(self._starts[video])]
        return next(self._decoded(video, [cut]))

    def __iter__(self) -> Iterator[Clip]:
        """Yield all clips in order; each video is decoded once."""
        return chain.from_iterable(map(self.of_video, range(len(self.samples))))

    def of_video(self, place: int) -> Iterator[Clip]:
        """Yield the clips of one record in order, decoded in one pass."""
        return self._decoded(place, self._cuts_of(place))

    @cached_property
    def _cuts(self) -> list[list[_Cut]]:
        """The number of clips of each record; probes all files."""
        return [self._cuts_of(place) for place in range(len(self.samples))]

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum([len(cuts) for cuts in self._cuts], dtype=np.int64)])

    def share(self, numbers: npt.NDArray[np.int64]) -> Clips:
        """Return the clips of some of the records, in the order of these numbers."""
        return Clips(self.samples.in_decoding_order(numbers), self._pixels, self.options)

    def prepare(self) -> None:
        """Find the clips of all videos, so that other processes need not do it again."""
        _ = self._starts

    def _cuts_of(self, place: int) -> list[_Cut]:
        record = self.samples[place].record
        path = self._pixels.path_of(record)
        if (record.kind or media_kind(path)) != "video":
            logger.warning("%s has no clips: it is not a video", record.media)
            return []
        cuts = _cut(decode.frame_times(path), self.options)
        if not cuts:
            logger.warning(
                "%s has no clips: it is shorter than %s s", record.media, self.options.seconds
            )
        return cuts

    def _decoded(self, place: int, cuts: Sequence[_Cut]) -> Iterator[Clip]:
        if not cuts:
            return
        sample = self.samples[place]
        wanted = sorted({index for cut in cuts for index in cut.indices})
        path = self._pixels.path_of(sample.record)
        with decode.frames(path, wanted, max_size=self.options.max_size) as frames:
            for cut in cuts:
                # cuts do not overlap: each takes the next frames of the stream
                found = {index: next(frames) for index in dict.fromkeys(cut.indices)}
                yield Clip(
                    sample.record,
                    number=sample.number,
                    start_seconds=cut.start_seconds,
                    end_seconds=cut.end_seconds,
                    frames=np.stack([found[index].rgb for index in cut.indices]),
                    times=np.array([found[index].seconds for index in cut.indices]),
                    label_ids=sample.label_ids,
                )


def _cut(times: npt.NDArray[np.float64], options: ClipOptions) -> list[_Cut]:
    """Cut a video into clips.

    Args:
        times: Of all frames, ascending, in seconds; the last frame is shown as long as most are.
        options: How to cut.
    """
    period = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    # half a frame less would do: lengths of files are rounded
    count = int((times[-1] + 1.5 * period) / options.seconds) if len(times) else 0
    cuts = []
    previous = -1
    for number in range(count):
        start, end = number * options.seconds, (number + 1) * options.seconds
        if options.fps is None:
            first, last = np.searchsorted(times, [start - period / 2, end - period / 2])
            indices = np.arange(first, last)
        else:
            grid = start + np.arange(max(round(options.seconds * options.fps), 1)) / options.fps
            indices = _nearest(times, grid)
            # a frame is never in two clips, so that none is decoded twice
            indices = np.maximum(indices, previous + 1).clip(max=len(times) - 1)
        if len(indices) and indices[0] > previous:
            previous = int(indices[-1])
            cuts.append(_Cut(start, end, tuple(indices.tolist())))
    return cuts


def _nearest(
    times: npt.NDArray[np.float64], points: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Return the indices of the times nearest to points; the earlier one on a tie."""
    after = np.searchsorted(times, points).clip(1, len(times) - 1) if len(times) > 1 else 0
    before = np.maximum(np.asarray(after) - 1, 0)
    nearer = points - times[before] <= times[after] - points
    found: npt.NDArray[np.int64] = np.where(nearer, before, after).astype(np.int64)
    return found
