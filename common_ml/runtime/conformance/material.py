"""Test media for the checks: generated or the user's own, under chosen names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from common_ml.errors import MediaError
from common_ml.runtime.private_copy import private_copy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MadeKind = Literal["video", "image", "audio"]
MADE_KINDS: tuple[MadeKind, ...] = ("video", "image", "audio")
"""Kinds of generated media, in the order tried: most taggers take a video with sound."""


@dataclass(frozen=True)
class MediaExtent:
    """Duration and number of frames of a file; None where unknown."""

    seconds: float | None = None
    """0 for a picture."""
    num_frames: int | None = None


@dataclass(frozen=True)
class Material:
    """Valid files by the names under which they are sent, and deliberately invalid ones."""

    contents: dict[str, Path]
    """Base name -> the file with the content; in the order of sending."""
    plain: str
    """An ordinary name; sent first."""
    twins: tuple[str, str]
    """Two names with one stem."""
    odd: tuple[str, ...]
    """Names with spaces, punctuation and non-ASCII letters."""

    @property
    def picture(self) -> str:
        """The name of a made picture."""
        return "a picture.png"

    @property
    def suffix(self) -> str:
        """Extension of the plain file."""
        return Path(self.plain).suffix

    @property
    def broken(self) -> str:
        """The name of a file that is not media."""
        return f"broken{self.suffix}"

    @property
    def missing(self) -> str:
        """The name of a file that does not exist."""
        return f"missing{self.suffix}"

    def place(self, name: str, folder: Path) -> None:
        """Put the file of this name into `folder`; a name that is not known gets the plain one."""
        target = folder / name
        if name == self.broken:
            target.write_bytes(b"This is not media, whatever its name says.\n" * 20)
            return
        if name == self.picture:
            # not at the top: it loads PyAV
            from common_ml.media import synthesis

            synthesis.write_picture(target)
            return
        source = self.contents.get(name, self.contents[self.plain])
        private_copy(source, target)  # no link: the tagger under test may write to it

    def same_content(self, name: str) -> list[str]:
        """Other names for the content of this one."""
        content = self.contents[name]
        return [other for other, file in self.contents.items() if file == content and other != name]


def made_material(kind: MadeKind, folder: Path) -> Material:
    """Make three small files of a kind.

    Args:
        kind: What they are to be.
        folder: Where they are put; made if missing.
    """
    # loads PyAV, which listing the checks does not need
    from common_ml.media import synthesis

    makers: dict[MadeKind, tuple[str, str, Callable[[Path, int], Path]]] = {
        "video": (
            ".mp4",
            ".mov",
            lambda path, n: synthesis.write_clip(
                path, seconds=2 - n * 0.5, words=("HARBOUR", "MARKET")[: 2 - n // 2]
            ),
        ),
        "image": (".png", ".jpg", lambda path, n: synthesis.write_picture(path, number=n)),
        "audio": (".wav", ".flac", lambda path, n: synthesis.write_sound(path, seconds=2 - n / 2)),
    }
    suffix, other_suffix, make = makers[kind]
    folder.mkdir(parents=True, exist_ok=True)
    return _named(
        make(folder / f"first{suffix}", 0),
        make(folder / f"second{suffix}", 1),
        make(folder / f"third{other_suffix}", 2),
        stem="clip" if kind == "video" else "sound" if kind == "audio" else "picture",
    )


def material_of(files: Sequence[Path]) -> Material:
    """The user's own files: sent under their own names first, then some of them under odd ones.

    Args:
        files: Good files, one at least.

    Raises:
        MediaError: one of them is not there, or two have the same name.
        ValueError: there is none.
    """
    if not files:
        raise ValueError("files must not be empty; hint: name one, or pass None to generate some")
    for file in files:
        if not file.is_file():
            raise MediaError(f"no such file: {file}; hint: name files that exist", path=file)
    files = [file.resolve() for file in files]
    first = files[0]
    third = next((file for file in files if file.suffix.lower() != first.suffix.lower()), None)
    named = _named(
        first, files[-1], third or first, stem=first.stem, other_suffix=_other_suffix(first, third)
    )
    contents = {named.plain: first}
    for file in files[1:]:
        if file.name in contents:
            raise MediaError(
                f"two files are called {file.name}, and the runtime identifies files by base name; "
                "hint: leave one out",
                path=file,
            )
        contents[file.name] = file
    return Material(
        {**named.contents, **contents}, plain=named.plain, twins=named.twins, odd=named.odd
    )


def extent_of(file: Path) -> MediaExtent:
    """Measure a file, as far as it can be read."""
    from common_ml.media.decode import VideoReader
    from common_ml.media.kinds import media_kind
    from common_ml.media.probe import probe

    try:
        if media_kind(file) == "image":
            return MediaExtent(seconds=0.0, num_frames=1)
        facts = probe(file)
        seconds = None if facts.duration_seconds is None else float(facts.duration_seconds)
        num_frames = None
        if facts.video is not None:
            reader = VideoReader(file)
            num_frames = int(reader.index.packets.is_shown.sum())
            reader.close()
    except MediaError:
        return MediaExtent()
    return MediaExtent(seconds=seconds, num_frames=num_frames)


def _other_suffix(first: Path, third: Path | None) -> str:
    """An extension other than the first file's: another file's, or its own in the other case."""
    if third is not None:
        return third.suffix
    near = _NEAR_SUFFIXES.get(first.suffix.lower())
    if near is not None:
        return near
    return first.suffix.swapcase() or ".media"


_NEAR_SUFFIXES = {".mp4": ".mov", ".mov": ".mp4", ".jpg": ".jpeg", ".jpeg": ".jpg"}
"""Extensions that readers treat alike."""


def _named(
    first: Path, second: Path, third: Path, *, stem: str, other_suffix: str | None = None
) -> Material:
    suffix, other = first.suffix, other_suffix or third.suffix
    plain = first.name if other_suffix else f"{stem}{suffix}"
    twins = f"twin{suffix}", f"twin{other}"
    odd = f"two words & 100%, (it's) #1{other}", f"Überfahrt 渡し船 é{second.suffix}"
    contents = {plain: first, twins[0]: first, twins[1]: third, odd[0]: third, odd[1]: second}
    return Material(contents, plain=plain, twins=twins, odd=odd)
