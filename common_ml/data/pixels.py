"""The pictures of records: still ones, and frames of videos, with neighbours from one decode."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from common_ml.errors import DatasetError
from common_ml.media import decode
from common_ml.media.images import read_image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from common_ml.data.record import Record
    from common_ml.media.stream import Frame, FrameStream

    Picture = npt.NDArray[np.uint8]
    """RGB, shape (H, W, 3)."""
    Ahead = Callable[[], Sequence[int]]
    """The frames of the same video that will be asked for next."""


class Pixels:
    """Reads the pictures of records; a video that is asked for in order is decoded once."""

    def __init__(self, media_root: str | os.PathLike[str] | None = None) -> None:
        """Read relative paths from a folder.

        Args:
            media_root: The folder; by default that in which the process works.
        """
        self.media_root = None if media_root is None else os.fspath(media_root)
        self._owner = os.getpid()
        self._stream: FrameStream | None = None
        self._path: Path | None = None
        self._planned: list[int] = []  # what the stream has still to give
        self._last: tuple[Path, Frame] | None = None
        self._inherited: list[object] = []

    def resolve(self, media: str) -> Path | None:
        """The file of a record's media; None where there is none."""
        folder = Path(self.media_root or "")
        names = [media]
        if "://" in media:
            names = [PurePosixPath(unquote(urlsplit(media).path)).name]
        elif self.media_root is not None:
            names.append(PurePosixPath(media).name)  # media_root may be the very folder
        for name in names:
            path = folder / name
            if name and path.is_file():
                return path
        return None

    def path_of(self, record: Record) -> Path:
        """The file of a record.

        Raises:
            DatasetError: it is not there.
        """
        path = self.resolve(record.media)
        if path is None:
            where = "in the working directory" if self.media_root is None else self.media_root
            raise DatasetError(
                f"no file for {record.media!r} (looked {where}): say where the media is, as in "
                "Dataset.open(..., media_root='folder')"
            )
        return path

    def of_file(self, record: Record) -> Picture:
        """The picture of a record about a whole file."""
        return read_image(self.path_of(record))

    def of_frame(self, record: Record, index: int, ahead: Ahead | None) -> Picture:
        """The picture of a frame.

        Args:
            record: About the frame.
            index: Place of the frame in its video.
            ahead: What will be asked for next; None: nothing is known, this frame alone is decoded.
        """
        path = self.path_of(record)
        self._drop_what_a_fork_inherits()
        if self._last is not None and (self._last[0], self._last[1].index) == (path, index):
            return self._last[1].rgb.copy()  # the first one belongs to whoever asked
        if path != self._path or index not in self._planned:
            self._start(path, [index] if ahead is None else [index, *ahead()])
        frame = self._advance(index)
        self._last = (path, frame)
        return frame.rgb

    def close(self) -> None:
        """Stop decoding."""
        if self._stream is not None and self._owner == os.getpid():
            self._stream.close()
        self._stream, self._path, self._planned = None, None, []

    def _start(self, path: Path, indices: list[int]) -> None:
        self.close()
        self._planned = list(dict.fromkeys(indices))
        self._stream = decode.frames(path, self._planned)
        self._path = path

    def _advance(self, index: int) -> Frame:
        assert self._stream is not None  # noqa: S101 - of_frame has started it
        for frame in self._stream:
            self._planned.remove(frame.index)
            if frame.index == index:
                if not self._planned:
                    self.close()
                return frame
        raise DatasetError(f"{self._path} ends before frame {index}")

    def _drop_what_a_fork_inherits(self) -> None:
        if self._owner != os.getpid():  # its threads are in the other process: left alone
            self._inherited.append(self._stream)
            self._stream, self._path, self._planned, self._last = None, None, [], None
            self._owner = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {"media_root": self.media_root}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Pixels.__init__(self, state["media_root"])
