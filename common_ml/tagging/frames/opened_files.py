"""Open the files of a batch, each while the one before is tagged; decode of short videos begins."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from common_ml import stages
from common_ml.errors import MediaError
from common_ml.tagging.calls.file_stamp import Stamp, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common_ml.media.kinds import Kind
    from common_ml.media.media_file import MediaFile
    from common_ml.media.video.stream import FrameStream

    VideoOpener: TypeAlias = Callable[[MediaFile], FrameStream]

MAX_BEGUN_BYTES = 48 * 1024 * 1024
"""Frames of a whole video, for its decode to begin while another one is tagged: 18 of 1280x720.
Of a longer one the index is read."""


@dataclass(eq=False)
class OpenedFile:
    """A file whose turn it is."""

    path: str
    stamp: Stamp | None
    """Before it was opened."""
    kind: Kind | MediaError
    """Or why it is unknown."""
    media: MediaFile
    """What was opened to find out; of a picture nothing stays open."""
    stream: FrameStream | None = None
    """Its frames, where it was opened ahead as a video."""

    def close(self) -> None:
        """Stop decoding; without effect where it has ended."""
        if self.stream is not None:
            self.stream.close()
        self.media.close()


class OpenedFiles(Iterator[OpenedFile]):
    """Iterator over the files of a batch; closing it closes the current and the next one."""

    def __init__(self, paths: Iterable[str], open_video: VideoOpener) -> None:
        """Prepare; nothing is opened yet.

        Args:
            paths: The files.
            open_video: Opens a video for its frames.
        """
        self._paths = deque(paths)
        self._open_video = open_video
        self._current: OpenedFile | None = None
        self._next: _Preparation | None = None

    def __next__(self) -> OpenedFile:
        self._close_current()
        if not self._paths:
            raise StopIteration
        path = self._paths.popleft()
        preparation, self._next = self._next, None
        with stages.within("decode"):
            opened = None if preparation is None else preparation.take()
            self._current = opened or _opened(path)
        return self._current

    def prepare_next(self) -> None:
        """Open the file after the current one, on a thread of its own."""
        if self._paths and self._next is None:
            self._next = _Preparation(self._paths[0], self._open_video)

    def close(self) -> None:
        """Close all open files."""
        self._close_current()
        preparation, self._next = self._next, None
        if preparation is not None:
            preparation.abandon()

    def _close_current(self) -> None:
        if self._current is not None and self._current.stream is not None:
            self._current.close()
        self._current = None


class _Preparation:
    """A file that is opened on a thread. What fails is left to its turn, and reported there."""

    def __init__(self, path: str, open_video: VideoOpener) -> None:
        self._path = path
        self._open_video = open_video
        self._lock = threading.Lock()
        self._is_wanted = True
        self._opened: OpenedFile | None = None
        self._is_done = threading.Event()
        # with the limits and choices of the job; a daemon, as it may hang at a dead file system
        run = copy_context().run
        threading.Thread(target=run, args=(self._run,), name="next file", daemon=True).start()

    def take(self) -> OpenedFile | None:
        """Wait for the file, and return it; None where it has to be opened again."""
        self._is_done.wait()
        if self._opened is not None and stamp_of(self._path) != self._opened.stamp:
            self.abandon()  # it has changed since
        return self._opened

    def abandon(self) -> None:
        """Close the file, now or as soon as it is open."""
        with self._lock:
            self._is_wanted = False
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _run(self) -> None:
        opened: OpenedFile | None = None
        try:
            opened = _begun(self._path, self._open_video)
        except Exception:  # noqa: BLE001 - the same happens again in its turn, and is reported there
            opened = None
        finally:
            with self._lock:
                if self._is_wanted:
                    self._opened, opened = opened, None
            if opened is not None:
                opened.close()
            self._is_done.set()


def _opened(path: str) -> OpenedFile:
    """Find out what a file is; of a picture nothing stays open."""
    from common_ml.media.kinds import kind_of
    from common_ml.media.media_file import MediaFile

    stamp, media = stamp_of(path), MediaFile(path)
    try:
        kind = kind_of(media)
    except MediaError as error:
        return OpenedFile(path, stamp, error, media)
    if kind == "image":
        media.close()
    return OpenedFile(path, stamp, kind, media)


def _begun(path: str, open_video: VideoOpener) -> OpenedFile | None:
    """Open a file, and begin to decode a short video; None if it cannot be opened."""
    opened = _opened(path)
    if isinstance(opened.kind, MediaError):
        return None
    if opened.kind == "video":
        try:
            opened.stream = open_video(opened.media)
            opened.stream.begin(MAX_BEGUN_BYTES)
        except BaseException:
            opened.close()
            raise
    return opened
