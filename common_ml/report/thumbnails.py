"""Small pictures of the moments that tags are about, for a page that carries them inside."""

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
"""Pixels: twice the size in which they are shown, for dense screens."""
MOST_PER_FILE = 240
MOST_PER_PAGE = 2400
"""Of about 4 KB each."""


class Thumbnail(NamedTuple):
    """A picture of one moment."""

    time_ms: int
    data_url: str
    """JPEG, as `data:image/jpeg;base64,...`."""


def thumbnails(media: Media, times_ms: Iterable[int], *, most: int) -> list[Thumbnail]:
    """Pictures of some moments, in order; fewer where the file is broken, none of sound.

    Args:
        media: The file.
        times_ms: The moments, in any order; the same one more than once is one.
        most: How many there may be. Of more moments some are taken, spread evenly.
    """
    if media.path is None or media.kind not in {"image", "video"} or most < 1:
        return []
    made: list[Thumbnail] = []
    try:
        if media.kind == "image":
            return [Thumbnail(0, _data_url(jpeg_bytes(read_image(media.path), LONGER_SIDE)))]
        moments = _spread(sorted(set(times_ms)), most)
        seconds = [moment / 1000 for moment in moments]
        with frames_at(media.path, seconds, max_size=LONGER_SIDE) as frames:
            for moment, frame in zip(moments, frames, strict=False):
                made.append(Thumbnail(moment, _data_url(jpeg_bytes(frame.rgb, LONGER_SIDE))))
    except MediaError:
        return made  # the page tells what is wrong with the file by other means
    return made


def _spread(moments: Sequence[int], most: int) -> Sequence[int]:
    if len(moments) <= most:
        return moments
    return [moments[place * len(moments) // most] for place in range(most)]


def _data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
