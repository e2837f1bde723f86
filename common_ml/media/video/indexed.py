"""Cache of facts about a video that need no decoder: index, timeline, times of all pictures."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from common_ml.context import current
from common_ml.media.choices import in_force
from common_ml.media.containers import translated_errors
from common_ml.media.media_file import identity_of
from common_ml.media.video.index import read_index
from common_ml.media.video.order import decoded_ticks
from common_ml.media.video.timeline import read_timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.media.media_file import MediaFile
    from common_ml.media.video.index import VideoIndex
    from common_ml.media.video.timeline import Timeline

_NUM_KEPT = 16


class IndexedVideo:
    """The index of a video, and what follows from it; each part is made when first needed."""

    def __init__(self, index: VideoIndex) -> None:
        self.index = index
        self._timeline: Timeline | None = None
        self._ticks: Sequence[int] | None = None
        self._lock = threading.RLock()

    def timeline(self, media: MediaFile) -> Timeline:
        """Return the times of the pictures, by the packets.

        Args:
            media: The file that the index was made of.

        Raises:
            MediaError: the file cannot be opened.
        """
        with self._lock:
            if self._timeline is None:
                self._timeline = read_timeline(media, self.index)
            return self._timeline

    def ticks(self, media: MediaFile) -> Sequence[int]:
        """Return the times of all pictures, by decoding them if the packets are unreliable.

        Args:
            media: The file that the index was made of.

        Raises:
            MediaError: the file cannot be opened, or not decoded.
        """
        with self._lock:
            if self._ticks is None:
                self._ticks = self._all_ticks(media)
            return self._ticks

    def _all_ticks(self, media: MediaFile) -> Sequence[int]:
        timeline = self.timeline(media)
        if timeline.unreliable_reason:
            return decoded_ticks(media, self.index, timeline)
        return timeline.ticks  # type: ignore[return-value] # an array is one in all that is used


class IndexMemory:
    """The last videos that were indexed in a job, as long as their files do not change."""

    def __init__(self) -> None:
        self._videos: OrderedDict[tuple[object, ...], IndexedVideo] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: tuple[object, ...]) -> IndexedVideo | None:
        """Return the cached facts of a video; None if there are none."""
        with self._lock:
            if key in self._videos:
                self._videos.move_to_end(key)
            return self._videos.get(key)

    def keep(self, key: tuple[object, ...], video: IndexedVideo) -> None:
        """Cache facts, and evict the least recently used."""
        with self._lock:
            self._videos[key] = video
            while len(self._videos) > _NUM_KEPT:
                self._videos.popitem(last=False)


def indexed(media: MediaFile) -> IndexedVideo:
    """Return the index of a file, from the memory of the job while the file is unchanged.

    Raises:
        NoStreamError: the file has no moving pictures.
        MediaError: the file cannot be opened.
    """
    memory = current().kept(IndexMemory)
    with translated_errors(media.path, doing="open"):
        status = os.stat(media.path)
    name = os.path.abspath(media.path)
    key = (name, *identity_of(status), in_force().video_stream)
    video = memory.find(key)
    if video is None:
        video = IndexedVideo(read_index(media))
        memory.keep(key, video)
    return video
