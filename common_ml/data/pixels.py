"""Read the pixels of records: still images, and video frames decoded once in order."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.media import MediaFiles, other_names
from common_ml.data.formats.shared.picture_size import picture_size
from common_ml.errors import DatasetError
from common_ml.media import decode
from common_ml.media.images import read_image
from common_ml.media.kinds import media_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from common_ml.data.record import Record
    from common_ml.media.video.stream import Frame, FrameStream
    from common_ml.types import StrPath

    Picture = npt.NDArray[np.uint8]
    """RGB, shape (H, W, 3)."""
    Ahead = Callable[[], Sequence[int]]
    """Indices of the frames of the same video that will be read next."""


class Pixels:
    """Read the pictures of records; a video that is read in order is decoded once."""

    def __init__(self, media_root: StrPath | None = None) -> None:
        """Prepare to read.

        Args:
            media_root: Base folder of relative paths; by default the working directory.
        """
        self.media_root = None if media_root is None else os.fspath(media_root)
        self._media = MediaFiles(self.media_root or os.curdir)
        self._owner = os.getpid()
        self._stream: FrameStream | None = None
        self._path: Path | None = None
        self._planned: list[int] = []  # frames that the stream has still to deliver
        self._last: tuple[Path, Frame] | None = None
        self._inherited: list[object] = []

    def resolve(self, media: str, *other_names: str) -> Path | None:
        """Find the file of a record's media; None where there is none.

        Raises:
            FormatError: another record's media was found in the same file.
        """
        if self.media_root is None and "://" not in media:
            path = Path(media)
            return path if path.is_file() else self._media.find(media, *other_names)
        return self._media.find(media, *other_names)

    def fitted(self, record: Record) -> Record:
        """Return a picture's record, with boxes rotated where EXIF alone rotates the picture.

        Raises:
            FormatError: the picture's size differs from the record's.
        """
        if record.width is None or record.height is None or record.frame_index is not None:
            return record
        if record.kind not in ("image", ""):
            return record
        path = self.resolve(record.media, *other_names(record))
        if path is None or (record.kind == "" and media_kind(path) != "image"):
            return record
        found = picture_size(path)
        if found is None or found.upright == (record.width, record.height):
            return record
        beside = MediaFiles(path.parent)
        return replace(
            beside.finished(replace(record, media=path.name, kind="image")), media=record.media
        )

    def path_of(self, record: Record) -> Path:
        """Return the file of a record.

        Raises:
            DatasetError: it does not exist.
        """
        path = self.resolve(record.media, *other_names(record))
        if path is None:
            where = "in the working directory" if self.media_root is None else self.media_root
            raise DatasetError(
                f"no file for {record.media!r} (looked {where}): hint: pass the folder, as in "
                "Dataset.open(..., media_root='folder')"
            )
        return path

    def of_file(self, record: Record) -> Picture:
        """Read the picture of a record about a whole file."""
        return read_image(self.path_of(record))

    def of_frame(self, record: Record, index: int, ahead: Ahead | None) -> Picture:
        """Read the picture of a frame.

        Args:
            record: The record about the frame.
            index: Place of the frame in its video.
            ahead: Frames that will be read next; None if unknown: only this frame is decoded.
        """
        path = self.path_of(record)
        self._drop_what_a_fork_inherits()
        if self._last is not None and (self._last[0], self._last[1].index) == (path, index):
            return self._last[1].rgb.copy()  # the first one belongs to the caller
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
        if self._owner != os.getpid():  # its threads are in the other process: do not stop it
            self._inherited.append(self._stream)
            self._stream, self._path, self._planned, self._last = None, None, [], None
            self._owner = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {"media_root": self.media_root}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Pixels.__init__(self, state["media_root"])
