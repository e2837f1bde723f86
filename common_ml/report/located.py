"""Locate the media of a tags file on this machine, and probe them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from common_ml.errors import MediaError
from common_ml.media.images import read_image
from common_ml.media.kinds import Kind, kind_by_name, media_kind
from common_ml.media.probe import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True)
class Media:
    """A media file, found or not."""

    kind: Kind
    """Kind, by content; by name if the file was not found."""
    path: Path | None = None
    """Path; None if the file was not found."""
    width: int = 0
    """Pixels, as shown; 0 if unknown."""
    height: int = 0
    """Pixels, as shown; 0 if unknown."""
    duration_seconds: float = 0.0
    """Seconds; 0 if unknown, and for pictures."""
    frame_rate: float = 0.0
    """Frames per second, on average; 0 if unknown."""
    note: str = ""
    """Error about the file, shown on the page."""

    def is_below(self, roots: Iterable[Path]) -> bool:
        """Whether the file is in one of the folders, with links and `..` resolved."""
        if self.path is None:
            return False
        real = self.path.resolve()
        return any(real.is_relative_to(root.resolve()) for root in roots)


def locate(source_media: str, folders: Sequence[Path]) -> Media:
    """Find a file in folders, by its whole name and then by its base name.

    A file that is not a picture, video or sound is skipped, whatever its name.
    """
    for candidate in _candidates(source_media, folders):
        try:
            if not candidate.is_file():
                continue
            kind = media_kind(candidate)
        except (OSError, ValueError):  # no permission, or an impossible name
            continue
        if kind != "unknown":
            return _described(candidate, kind)
    return Media(kind_by_name(source_media), note="file not found")


def _candidates(source_media: str, folders: Sequence[Path]) -> Iterator[Path]:
    base = PurePosixPath(source_media).name
    if not base:
        return
    for name in dict.fromkeys((source_media, base, f"media/{base}")):
        for folder in folders:
            yield folder / name  # the name alone where it is absolute


def _described(path: Path, kind: Kind) -> Media:
    try:
        if kind == "image":
            height, width = read_image(path).shape[:2]
            return Media(kind, path, width, height)
        facts = probe(path)
    except MediaError as error:
        return Media(kind, path, note=str(error))
    video = facts.video
    return Media(
        kind,
        path,
        width=video.width if video else 0,
        height=video.height if video else 0,
        duration_seconds=float(facts.duration_seconds or Fraction(0)),
        frame_rate=float(video.average_rate or 0) if video else 0.0,
    )
