"""Views of a file's bytes, as a demuxer is to read them: without what stands before, renamed."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from common_ml.media.transport_joins import NULL_PID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Buffer

    from common_ml.media.transport_joins import Joins


class ByteView(io.RawIOBase):
    """Read an open file from an offset on; each view has a position of its own."""

    def __init__(
        self, descriptor: int, name: str, *, start: int = 0, patches: Mapping[int, bytes] = {}
    ) -> None:
        """Take a copy of the descriptor; `close` closes it.

        Args:
            descriptor: Of the open file.
            name: Of the file, from which a demuxer may guess its format.
            start: Offset of the first byte.
            patches: Offset, from `start` on -> bytes that are read in place of the file's.
        """
        super().__init__()
        self.name = name
        self._descriptor = os.dup(descriptor)
        self._start = start
        self._patches = patches
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size()}[whence]
        if base + offset < 0:
            raise OSError(22, "the position is before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        """Read at the position; return the number of bytes, 0 at the end."""
        target = memoryview(buffer).cast("B")
        data = self._bytes(self._position, len(target))
        target[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        """Close the descriptor."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def _size(self) -> int:
        return max(0, os.fstat(self._descriptor).st_size - self._start)

    def _bytes(self, position: int, length: int) -> bytes:
        """Return at most `length` bytes; none at the end."""
        data = os.pread(self._descriptor, length, self._start + position)
        if not any(
            position - len(new) < at < position + len(data) for at, new in self._patches.items()
        ):
            return data
        changed = bytearray(data)
        for at, new in self._patches.items():
            for place, value in enumerate(new, at - position):
                if 0 <= place < len(changed):
                    changed[place] = value
        return bytes(changed)


class TransportView(ByteView):
    """A transport stream with one set of PIDs from its beginning to its end."""

    def __init__(self, descriptor: int, name: str, joins: Joins) -> None:
        """As `ByteView`.

        Args:
            descriptor: Of the open file.
            name: Of the file.
            joins: What to rename where.
        """
        super().__init__(descriptor, name)
        self._joins = joins
        self._run_starts = [run.start for run in joins.runs]
        self._section_starts = [section.start for section in joins.sections]

    def _bytes(self, position: int, length: int) -> bytes:
        size = self._joins.packet_size
        number = bisect_right(self._run_starts, position) - 1
        if number < 0:
            return super()._bytes(position, min(length, self._run_starts[0] - position))
        start, num_packets = self._joins.runs[number]
        first = (position - start) // size
        if first >= num_packets:  # what is between the packets
            following = self._run_starts[number + 1 :][:1] or [position + length]
            return super()._bytes(position, min(length, following[0] - position))
        last = min((position + length - 1 - start) // size + 1, num_packets)
        base = start + first * size
        data = bytearray(super()._bytes(base, (last - first) * size))
        num_bytes = len(data)
        data += bytes(-num_bytes % size)
        self._rename(np.frombuffer(data, np.uint8).reshape(-1, size), base)
        return bytes(data[position - base : min(position - base + length, num_bytes)])

    def _rename(self, rows: np.ndarray[tuple[int, int], np.dtype[np.uint8]], base: int) -> None:
        size = self._joins.packet_size
        starts = [(start - base + size - 1) // size for start in self._section_starts]
        for number, section in enumerate(self._joins.sections):
            begin = max(starts[number], 0)
            end = starts[number + 1] if number + 1 < len(starts) else len(rows)
            part = rows[begin : max(end, 0)]
            if not len(part):
                continue
            pids = (part[:, 1].astype(np.uint16) & 0x1F) << 8 | part[:, 2]
            named = section.names[pids]
            # a demuxer takes what begins in a null packet for a stream, too: no flags
            flags = np.where(named == NULL_PID, 0, part[:, 1] & 0xE0)
            part[:, 1] = flags | named >> 8
            part[:, 2] = named & 0xFF
