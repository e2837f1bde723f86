"""Other files made of the clip: its sound alone, its pictures alone, some frames left out."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def sound_of(clip: Path, target: Path) -> Path:
    """Copy the sound, as it is encoded."""
    return _copy_stream(clip, target, "audio")


def pictures_of(clip: Path, target: Path) -> Path:
    """Copy the pictures, as they are encoded."""
    return _copy_stream(clip, target, "video")


def with_variable_rate(clip: Path, target: Path, *, keep: Collection[int]) -> list[int]:
    """Leave out every third frame of the second half, except those in `keep`.

    Returns:
        The frames of `clip` that are in `target`, where each keeps its time.
    """
    kept = []
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, frame in enumerate(source.decode(video=0)):
            if index > 168 and index % 3 == 0 and index not in keep:
                continue
            kept.append(index)
            frame.pts, frame.time_base = round(index * 1000 / 24), Fraction(1, 1000)
            frame.pict_type = av.video.frame.PictureType.NONE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return kept


def _copy_stream(clip: Path, target: Path, kind: str) -> Path:
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        origin = next(stream for stream in source.streams if stream.type == kind)
        copy = out.add_stream_from_template(origin)
        for packet in source.demux(origin):
            if packet.dts is not None:  # the last one of PyAV's is empty
                packet.stream = copy
                out.mux(packet)
    return target
