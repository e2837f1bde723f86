"""`VideoReader`: the frames of one video at a rate, by index, by time, or its keyframes."""

from __future__ import annotations

import math
import operator
from collections import Counter
from fractions import Fraction
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from common_ml.errors import DecodeError
from common_ml.media.access import quoted
from common_ml.media.media_file import MediaFile
from common_ml.media.video.engine import decoded_frames, frame_bytes
from common_ml.media.video.indexed import indexed
from common_ml.media.video.options import DecodeOptions
from common_ml.media.video.sampling import exact_rate, nearest_to_points
from common_ml.media.video.selection import AllFrames, Grid, Keyframes, Places, Planned
from common_ml.media.video.stream import Frame, FrameStream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    import numpy.typing as npt

    from common_ml.media.video.index import VideoIndex
    from common_ml.media.video.indexed import IndexedVideo
    from common_ml.media.video.selection import FrameSelection
    from common_ml.media.video.timeline import Timeline
    from common_ml.types import StrPath

_MAX_COUNTED = 5000
"""Pictures of a film of which the selected ones are counted beforehand: three minutes."""


class VideoReader:
    """One video file: examined once, indexed once, opened once for each decoder.

        reader = VideoReader("film.mp4")
        reader.times()                               # of all frames; nothing is decoded
        with reader.sample(fps=1) as frames:
            for frame in frames:
                frame.index, frame.seconds, frame.rgb

    The file is indexed by the first method that is called. It has to stay as it is meanwhile.
    """

    def __init__(self, path: StrPath | MediaFile, options: DecodeOptions | None = None) -> None:
        """Prepare to read; nothing is opened yet.

        Args:
            path: The video, or the file that was opened to find out that it is one.
            options: How to decode.
        """
        self._media = path if isinstance(path, MediaFile) else MediaFile(path)
        self._options = options or DecodeOptions()

    @cached_property
    def _video(self) -> IndexedVideo:
        return indexed(self._media)

    @property
    def index(self) -> VideoIndex:
        """The packets of the file, and its properties.

        Raises:
            MissingMediaError: there is no such file.
            NoStreamError: the file has no moving pictures.
            MediaError: the file cannot be opened.
        """
        return self._video.index

    @property
    def timeline(self) -> Timeline:
        """The times of the pictures, by the packets.

        Raises:
            MediaError: as for `index`.
        """
        return self._video.timeline(self._media)

    def sample(self, fps: float | None) -> FrameStream:
        """Iterate over frames at a rate: the nearest to each grid point, in order, each once.

        Args:
            fps: Frames per second of video; None gives every frame.

        Raises:
            ValueError: fps is out of its range.
            MediaError: as for `media.decode.sample`.
        """
        return self._stream(AllFrames() if fps is None else Grid(exact_rate(fps)))

    def keyframes(self) -> FrameStream:
        """Iterate over the keyframes, in order.

        Raises:
            MediaError: as for `media.decode.sample`.
        """
        return self._stream(Keyframes())

    def frames(self, indices: Iterable[int]) -> FrameStream:
        """Iterate over frames by index, in the given order, repetitions included.

        Args:
            indices: Places in order of presentation; a negative one counts from the end.

        Raises:
            IndexError: there is no such frame.
            MediaError: as for `media.decode.sample`.
        """
        count = len(self._video.ticks(self._media))
        return self._stream_of([_place(number, count) for number in indices])

    def planned(self, places: Sequence[int]) -> FrameStream:
        """Iterate over frames by index, as planned by their times; damaged ones are left out.

        Args:
            places: Ascending, without repetitions, none beyond the last frame.

        Raises:
            MediaError: as for `media.decode.sample`.
        """
        return self._stream(Planned(tuple(places)))

    def frames_at(self, seconds: Iterable[float]) -> FrameStream:
        """Iterate over the frames nearest to given times (earlier on a tie), in the given order.

        Args:
            seconds: Times from the first frame; beyond the ends the first or last frame is nearest.

        Raises:
            ValueError: a time is not a finite number.
            MediaError: as for `media.decode.sample`.
        """
        points = [_exact_time(point) / self.timeline.unit for point in seconds]
        ticks = self._video.ticks(self._media) if points else []
        return self._stream_of(nearest_to_points(ticks, points) if points else [])

    def times(self) -> npt.NDArray[np.float64]:
        """Return when each frame is shown, seconds from the first: float64, ascending, shape (N,).

        Nothing is decoded, unless the file's packets are unreliable.

        Raises:
            MediaError: as for `media.decode.sample`.
        """
        ticks = np.asarray(self._video.ticks(self._media), np.float64)
        return ticks * float(self.timeline.unit)

    def close(self) -> None:
        """Close what is open beside running decoders; the reader can be used again."""
        self._media.close()

    def _stream(self, selection: FrameSelection) -> FrameStream:
        frames = decoded_frames(self._media, self._video, selection, self._options)
        return self._frame_stream(frames, partial(self._num_bytes, selection))

    def _stream_of(self, places: Sequence[int]) -> FrameStream:
        size = len(places) * frame_bytes(self.index, self._options)
        return self._frame_stream(self._in_order_asked(places), lambda: size)

    def _frame_stream(
        self, frames: Generator[Frame, None, None], num_bytes: Callable[[], int | None]
    ) -> FrameStream:
        return FrameStream(
            frames,
            media=self._media,
            frame_period_seconds=self.index.period_seconds,
            num_bytes=num_bytes,
        )

    def _num_bytes(self, selection: FrameSelection) -> int | None:
        """Return the size of all selected frames; None if it is unknown, or the film is long."""
        timeline = self.timeline
        if timeline.unreliable_reason or len(timeline.ticks) > _MAX_COUNTED:
            return None
        indices = selection.indices(timeline)
        return None if indices is None else len(indices) * frame_bytes(self.index, self._options)

    def _in_order_asked(self, places: Sequence[int]) -> Generator[Frame, None, None]:
        """Decode chunk by chunk, so that frames that wait for their turn stay within the budget."""
        if all(map(operator.lt, places, places[1:])):
            if places:  # already in order: no frame has to wait
                found = self._at(places)
                for place in places:
                    frame = next(found, None)
                    if frame is None or frame.index != place:
                        raise self._lost(place)
                    yield frame
            return
        options = self._options
        size = max(1, options.memory_budget_bytes // frame_bytes(self.index, options))
        for start in range(0, len(places), size):
            chunk = places[start : start + size]
            kept = {frame.index: frame for frame in self._at(sorted(set(chunk)))}
            uses = Counter(chunk)
            for place in chunk:
                if place not in kept:
                    raise self._lost(place)
                uses[place] -= 1
                yield kept[place] if uses[place] else kept.pop(place)

    def _at(self, places: Sequence[int]) -> Generator[Frame, None, None]:
        return decoded_frames(self._media, self._video, Places(tuple(places)), self._options)

    def _lost(self, place: int) -> DecodeError:
        path = self._media.path
        return DecodeError(f"{quoted(path)}: the frame with index {place} is damaged", path=path)


def _place(number: int, count: int) -> int:
    place = operator.index(number)
    if not -count <= place < count:
        raise IndexError(f"frame index must be below {count}, the number of frames, got {place}")
    return place % count


def _exact_time(seconds: float) -> Fraction:
    if not math.isfinite(seconds):
        raise ValueError(f"seconds must be finite, got {seconds!r}")
    return Fraction(seconds)
