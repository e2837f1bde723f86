"""Find where a transport stream goes on under other PIDs, as where recordings were joined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from common_ml.media.headers.transport_tables import SectionReader, Stream, programmes, streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    import numpy.typing as npt

    Bytes: TypeAlias = npt.NDArray[np.uint8]
    Pids: TypeAlias = npt.NDArray[np.uint16]

NULL_PID = 0x1FFF
PACKET_BYTES = 188
"""From the sync byte on, without what some formats put between packets."""
_SYNC = 0x47
_PACKET_SIZES = (188, 192, 204)
"""Plain; with a time before each packet (M2TS); with a checksum behind each."""
_CHUNK_BYTES = 1 << 22
_PTS_CYCLE = 1 << 33
_MAX_STEP = 900_000
"""A longer step of a clock of 90 kHz is a jump."""


class Run(NamedTuple):
    """Packets without a gap between them."""

    start: int
    """Offset of the first one's sync byte."""
    num_packets: int


class Section(NamedTuple):
    """Part of a file in which PIDs are renamed in one way."""

    start: int
    """Offset of its first packet's sync byte; it ends where the next one starts."""
    names: Pids
    """PID in the file -> PID in the first part, shape (8192,)."""


@dataclass(frozen=True)
class Joins:
    """How to read a file as if all of it had the PIDs of its beginning."""

    packet_size: int
    """Bytes."""
    runs: list[Run]
    """All packets, in order."""
    sections: list[Section]
    """Empty where nothing has to be renamed."""
    num_unread_seconds: float
    """How long the parts last that are of other codecs, so that one decoder cannot read on."""


def find_joins(file: BinaryIO) -> Joins | None:
    """Read the tables of a transport stream; None if its PIDs never change.

    All of it is read, which is fast: only every packet's header is looked at.

    Args:
        file: Any file, open for reading.
    """
    scan = _Scan()
    runs: list[Run] = []
    size = 0
    for size, start, rows in _packets(file):
        if runs and runs[-1].start + runs[-1].num_packets * size == start:
            runs[-1] = Run(runs[-1].start, runs[-1].num_packets + len(rows))
        else:
            runs.append(Run(start, len(rows)))
        scan.read(start, rows)
    if not scan.sections and not scan.unread_ticks:
        return None
    return Joins(size, runs, scan.sections, scan.unread_ticks / 90_000)


def _packets(file: BinaryIO) -> Iterator[tuple[int, int, Bytes]]:
    """Yield the size of packets, the offset of the first one, and the packets, shape (N, size)."""
    file.seek(0)
    position, data = 0, file.read(_CHUNK_BYTES)
    found = [(_synced(np.frombuffer(data, np.uint8), size), size) for size in _PACKET_SIZES]
    start, size = min(found, key=lambda pair: (pair[0] is None, pair[0]))
    while start is not None:
        position += start
        file.seek(position)
        data = file.read(_CHUNK_BYTES // size * size)
        # what belongs to no packet may be missing behind the last one
        data += bytes(size - PACKET_BYTES) * (len(data) % size == PACKET_BYTES)
        values = np.frombuffer(data, np.uint8)
        rows = values[: len(values) // size * size].reshape(-1, size)
        lost = np.flatnonzero(rows[:, 0] != _SYNC)
        num_good = int(lost[0]) if len(lost) else len(rows)
        if num_good:
            yield size, position, rows[:num_good]
        position += num_good * size
        if num_good == len(rows):
            if not num_good:
                return
            start = 0
        else:
            start = _synced(values[num_good * size :], size)
            if start is None:
                position += len(values) - num_good * size - 2 * size
                start = 0 if len(values) > num_good * size + 3 * size else None


def _synced(values: Bytes, size: int) -> int | None:
    """Return the offset of the first of three packets in a row; None if there are none."""
    is_sync = values == _SYNC
    if len(is_sync) <= 2 * size:
        return None
    good = is_sync[: -2 * size] & is_sync[size:-size] & is_sync[2 * size :]
    first = int(np.argmax(good))
    return first if good[first] else None


@dataclass
class _Scan:
    """The tables up to a place in the file, and what they rename."""

    sections: list[Section] = field(default_factory=list)
    unread_ticks: int = 0
    _readers: dict[int, SectionReader] = field(default_factory=dict)
    _tables: dict[int, int] = field(default_factory=dict)  # number of a programme -> PID of its map
    _home: dict[int, list[Stream]] = field(default_factory=dict)  # as first announced
    _aliases: dict[int, int] = field(default_factory=dict)  # later number -> the one it replaces
    _names: dict[int, dict[int, int]] = field(default_factory=dict)  # by programme
    _unread: dict[int, set[int]] = field(default_factory=dict)  # by programme
    _last_association: int = 0

    def read(self, start: int, rows: Bytes) -> None:
        """Read on, packet by packet where there are tables."""
        pids = (rows[:, 1].astype(np.uint16) & 0x1F) << 8 | rows[:, 2]
        first = 0
        while first < len(rows):
            known = [0, *self._tables.values()]
            places = first + np.flatnonzero(np.isin(pids[first:], known))
            end = len(rows)
            for place in map(int, places):
                pid = int(pids[place])
                offset = start + place * rows.shape[1]
                if not pid:
                    self._last_association = offset
                reader = self._readers.setdefault(pid, SectionReader())
                section = reader.add(rows[place, :PACKET_BYTES].tobytes())
                if section:
                    self._count_unread(rows[first:place], pids[first:place])
                    first = place
                    if self._change(section, offset):
                        end = place + 1
                        break
            self._count_unread(rows[first:end], pids[first:end])
            first = end

    def _change(self, section: bytes, offset: int) -> bool:
        """Take over a table; return whether it changes what is to be looked at."""
        associated = programmes(section)
        if associated is not None:
            gone = [number for number in self._tables if number not in associated]
            new = [number for number in associated if number not in self._tables]
            for number, former in zip(new, gone, strict=False):
                self._aliases[number] = self._aliases.get(former, former)
            self._tables = associated
            self._readers = {pid: r for pid, r in self._readers.items() if not pid}
            return True
        mapped = streams(section)
        if mapped is None:
            return False
        number, announced = mapped
        number = self._aliases.get(number, number)
        home = self._home.setdefault(number, announced)
        names, unread = _renamed(home, announced)
        if (names, unread) == (self._names.get(number, {}), self._unread.get(number, set())):
            return False
        self._names[number], self._unread[number] = names, unread
        self._begin_section(min(self._last_association, offset))
        return True

    def _begin_section(self, start: int) -> None:
        names = np.arange(8192, dtype=np.uint16)
        renamed = {old: new for each in self._names.values() for old, new in each.items()}
        if renamed:
            # the tables of a part do not apply to its packets under their new names
            names[[0, *self._tables.values()]] = NULL_PID
            names[list(renamed)] = list(renamed.values())
        elif not self.sections:
            return
        self.sections.append(Section(start, names))

    def _count_unread(self, rows: Bytes, pids: npt.NDArray[np.integer]) -> None:
        """Add how long the unread stream lasts in these packets, by its presentation times."""
        unread = sorted(pid for each in self._unread.values() for pid in each)
        if not unread or not len(rows):
            return
        begins = np.flatnonzero((pids == unread[0]) & (rows[:, 1] & 0x40 > 0))
        times = [t for place in begins if (t := _pts(rows[place].tobytes())) is not None]
        # pictures are not in the order of their times; the clock may wrap, or jump
        steps = (np.diff(times) + _PTS_CYCLE // 2) % _PTS_CYCLE - _PTS_CYCLE // 2
        places = np.cumsum(steps[np.abs(steps) < _MAX_STEP])
        if len(places):
            span = int(max(0, places.max()) - min(0, places.min()))
            self.unread_ticks += span + span // len(places)


def _renamed(home: list[Stream], announced: list[Stream]) -> tuple[dict[int, int], set[int]]:
    """Return which PIDs go on those of the beginning, and which cannot though one is gone.

    A stream goes on the first of its kind that is not announced any more.
    """
    same = set(home) & set(announced)
    free = [stream for stream in home if stream not in same]
    names: dict[int, int] = {}
    unread = set()
    for stream in announced:
        if stream in same:
            continue
        match = next((other for other in free if other.kind == stream.kind), None)
        if match is not None:
            free.remove(match)
            names[stream.pid] = match.pid
        elif stream.media and stream.media in {other.media for other in free}:
            names[stream.pid] = NULL_PID
            unread.add(stream.pid)
        elif stream.pid in {other.pid for other in home}:
            names[stream.pid] = NULL_PID
    return names, unread


def _pts(packet: bytes) -> int | None:
    """Return the presentation time of the packet of a stream that begins here, in 1/90,000 s."""
    at = 5 + packet[4] if packet[3] & 0x20 else 4
    head = packet[at : at + 14]
    if len(head) < 14 or head[:3] != b"\0\0\1" or not head[7] & 0x80:
        return None
    a, b, c = head[9], int.from_bytes(head[10:12], "big"), int.from_bytes(head[12:14], "big")
    return (a >> 1 & 7) << 30 | (b >> 1) << 15 | c >> 1
