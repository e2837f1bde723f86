"""Every picture of a video, one after the other: what all faster ways are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av.error

from common_ml.media.containers import open_container, packets_of
from common_ml.media.index import pictures_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


class PlainDecode:
    """Decodes a file from its beginning to its end, or to where it is broken.

    What cannot be decoded before the first picture is passed over: the file may be a recording
    that began between two keyframes. Once pictures have come, the first packet that is refused
    ends the decode; the pictures that were underway are still given.
    """

    def __init__(self, path: str | os.PathLike[str], *, threads: int = 1) -> None:
        """Prepare to decode.

        Args:
            path: The file.
            threads: For the decoder. The pictures of a whole file are the same with any number;
                those of a broken one are only defined for one thread.
        """
        self._path = path
        self._threads = threads
        self.damage = ""
        """What turned out to be broken up to now; empty if nothing."""
        self.is_cut_short = False
        """Whether the decode ended before the end of the file."""

    def __iter__(self) -> Iterator[VideoFrame]:
        with open_container(self._path) as container:
            stream = pictures_of(container, self._path)
            set_threads(stream, self._threads)
            for frame in self._decode(container, stream):
                if frame.is_corrupt:
                    self.damage = self.damage or "a picture is damaged"
                yield frame

    def _decode(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        num_frames = 0
        packets = packets_of(container, stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
            except av.error.FFmpegError as error:
                if not num_frames and not isinstance(error, av.error.EOFError):
                    continue
                self.damage = error.strerror or str(error)
                self.is_cut_short = True
                yield from drained(stream)
                return
            num_frames += len(frames)
            yield from frames


def set_threads(stream: VideoStream, threads: int) -> None:
    """How many threads the stream's decoder may keep busy; before it is first used."""
    # One more than are busy: it takes the next picture while a finished one is handed out.
    stream.codec_context.thread_count = threads + 1 if threads > 1 else 1
    stream.codec_context.thread_type = "FRAME" if threads > 1 else "NONE"
    if threads > 1:
        # A picture may be handed out before the thread that decodes it marks it as damaged: let
        # the decoder refuse the packet instead. What follows is decoded by one thread, and told.
        stream.codec_context.options = {"err_detect": "explode"}


def drained(stream: VideoStream) -> list[VideoFrame]:
    """The pictures that the decoder still holds."""
    try:
        return stream.codec_context.decode(None)
    except av.error.FFmpegError:
        return []
