"""What the fixtures `make_clip`, `make_image` and `make_sound` give: makers of small media."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.media import synthesis

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class MakeClip:
    """Makes videos in a folder."""

    folder: Path

    def __call__(
        self,
        name: str = "clip.mp4",
        *,
        seconds: float = 2.0,
        size: tuple[int, int] = (320, 240),
        rate: int = 24,
        words: Sequence[str] = ("HARBOUR", "MARKET"),
        sound: bool = True,
    ) -> Path:
        """Make one: a shot per word, hard cuts between them; see `synthesis.write_clip`."""
        return synthesis.write_clip(
            _place(self.folder, name),
            seconds=seconds,
            size=size,
            rate=rate,
            words=words,
            sound=sound,
        )


@dataclass(frozen=True)
class MakeImage:
    """Makes pictures in a folder."""

    folder: Path

    def __call__(
        self,
        name: str = "picture.png",
        *,
        word: str = "HARBOUR",
        size: tuple[int, int] = (320, 240),
        number: int = 0,
    ) -> Path:
        """Make one, with a word in it; see `synthesis.write_picture`."""
        place = _place(self.folder, name)
        return synthesis.write_picture(place, word=word, size=size, number=number)


@dataclass(frozen=True)
class MakeSound:
    """Makes sounds in a folder."""

    folder: Path

    def __call__(self, name: str = "sound.wav", *, seconds: float = 2.0) -> Path:
        """Make one that resembles speech; see `synthesis.write_sound`."""
        return synthesis.write_sound(_place(self.folder, name), seconds=seconds)


def _place(folder: Path, name: str) -> Path:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
