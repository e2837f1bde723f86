"""Make thumbnails at the times of tags, to embed into a page."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

from common_ml.errors import MediaError
from common_ml.media.decode import frames_at
from common_ml.media.images import jpeg_bytes, read_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from common_ml.report.located import Media

LONGER_SIDE = 192
"""Pixels: twice the displayed size, for high-density screens."""
MAX_PER_FILE = 240
MAX_PER_PAGE = 2400
"""Maximum number of thumbnails, of about 4 KB each."""


class Thumbnail(NamedTuple):
    """A thumbnail at one time."""

    time_ms: int
    data_url: str
    """JPEG, as `data:image/jpeg;base64,...`."""


def thumbnails(media: Media, times_ms: Iterable[int], *, limit: int) -> list[Thumbnail]:
    """Return thumbnails at given times, in order; fewer of a damaged file, none of sound.

    Args:
        media: The file.
        times_ms: The times, in any order; duplicates count once.
        limit: Maximum number; of more times some are selected, spread evenly.
    """
    if media.path is None or media.kind not in {"image", "video"} or limit < 1:
        return []
    made: list[Thumbnail] = []
    try:
        if media.kind == "image":
            return [Thumbnail(0, _data_url(jpeg_bytes(read_image(media.path), LONGER_SIDE)))]
        moments = _spread(sorted(set(times_ms)), limit)
        seconds = [moment / 1000 for moment in moments]
        with frames_at(media.path, seconds, max_size=LONGER_SIDE) as frames:
            for moment, frame in zip(moments, frames, strict=False):
                made.append(Thumbnail(moment, _data_url(jpeg_bytes(frame.rgb, LONGER_SIDE))))
    except MediaError:
        return made  # the page shows the file's error elsewhere
    return made


def _spread(moments: Sequence[int], limit: int) -> Sequence[int]:
    if len(moments) <= limit:
        return moments
    return [moments[place * len(moments) // limit] for place in range(limit)]


def _data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
