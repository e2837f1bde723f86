"""Write tagged video frames as pictures, for formats that support only pictures."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.data.formats.shared.media import MediaFiles
from common_ml.data.formats.shared.media_names import file_name, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.record import Annotation, Record
    from common_ml.types import StrPath

_NUMBER_DIGITS = 6


def frame_pictures(
    records: Iterable[Record], folder: Path, *, media_root: StrPath | None = None
) -> Iterator[Record]:
    """Convert records about video frames to records about pictures of these frames.

    Each tagged frame is decoded exactly, once, and written as PNG: `<video>_000042.png` for the
    frame of index 42. Other records, and those whose video is not found, are passed through.

    Args:
        records: About frames, or about videos whose annotations name frames.
        folder: Folder for the pictures; created if it is missing.
        media_root: Where the videos are.

    Raises:
        MediaError: a video cannot be decoded.
        OSError: a picture cannot be written.
    """
    media = MediaFiles(media_root)
    stems: dict[str, str] = {}
    for name, group in groupby(records, key=lambda record: record.media):
        members = list(group)
        path = media.find(name) if any(map(_is_of_video, members)) else None
        if path is None:
            yield from members
            continue
        by_frame: dict[int, list[Record]] = defaultdict(list)
        for record in members:
            parts = _parts(record)
            if not parts:
                yield record
            for index, part in parts:
                by_frame[index].append(part)
        folder.mkdir(parents=True, exist_ok=True)
        yield from _pictures(path, by_frame, folder, _stem(name, stems))


def _pictures(
    path: Path, by_frame: dict[int, list[Record]], folder: Path, stem: str
) -> Iterator[Record]:
    from common_ml.media.decode import frames
    from common_ml.media.images import write_image

    with frames(path, sorted(by_frame)) as stream:
        for frame in stream:
            target = folder / f"{stem}_{frame.index:0{_NUMBER_DIGITS}}.png"
            write_image(target, frame.rgb)
            height, width = frame.rgb.shape[:2]
            first, *others = by_frame[frame.index]
            annotations = [*first.annotations]
            for one in others:
                annotations += one.annotations
            yield replace(
                first,
                media=os.fspath(target),
                kind="image",
                width=width,
                height=height,
                duration_seconds=None,
                frame_index=None,
                time_seconds=None,
                annotations=tuple(map(_without_time, annotations)),
                metadata={**first.metadata, "video": first.media, "frame_index": frame.index},
                id="",
            )


def _is_of_video(record: Record) -> bool:
    return (record.kind or kind_of(record.media)) == "video"


def _parts(record: Record) -> list[tuple[int, Record]]:
    """Return the frames that a record is about, with its annotations of each."""
    if record.frame_index is not None:
        return [(record.frame_index, record)]
    found: dict[int, list[Annotation]] = defaultdict(list)
    for annotation in record.annotations:
        if annotation.frame_index is not None:
            found[annotation.frame_index].append(annotation)
    return [(index, replace(record, annotations=tuple(some))) for index, some in found.items()]


def _without_time(annotation: Annotation) -> Annotation:
    return replace(annotation, start_seconds=None, end_seconds=None, frame_index=None)


def _stem(media: str, stems: dict[str, str]) -> str:
    """Return a unique name: two folders may contain videos of the same name."""
    if media not in stems:
        plain = Path(file_name(media)).stem or "video"
        taken = {one.lower() for one in stems.values()}
        stem, number = plain, 1
        while stem.lower() in taken:
            number += 1
            stem = f"{plain}_{number}"
        stems[media] = stem
    return stems[media]
