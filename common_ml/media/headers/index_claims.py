"""Detect an MP4 index that claims more samples than its file can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from common_ml.media.headers.boxes import IsoBox, boxes_in, boxes_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"styp", b"pnot"})
_HARMLESS_SAMPLES = 100_000
"""Claimed samples that are accepted anyway: some megabytes of memory for a demuxer."""
_MAX_INDEX_BYTES = 1 << 28
_MAX_FRAGMENTS = 2000
_TABLES = (b"trak", b"mdia", b"minf", b"stbl")


def excess_samples(file: BinaryIO, size: int) -> int:
    """Return the number of samples that a track or fragment claims, if impossible; else 0.

    A demuxer allocates a table entry for each sample before it reads any. Each sample has at least
    a byte, so there are never more than the file has bytes; but runs of samples of one size, or
    one duration, claim any number in a few bytes.

    Args:
        file: Any file, open for reading.
        size: Its length in bytes.
    """
    file.seek(0)
    if file.read(8)[4:] not in _FIRST_BOXES:
        return 0
    bound = max(size, _HARMLESS_SAMPLES)
    num_fragments = in_fragments = 0
    for box in boxes_of_file(file, size):
        if box.kind == b"moov":
            claimed = max(_in_tracks(_body(file, box)), default=0)
        elif box.kind == b"moof" and num_fragments < _MAX_FRAGMENTS:
            num_fragments += 1
            in_fragments += sum(_in_runs(_body(file, box)))
            claimed = in_fragments
        else:
            continue
        if claimed > bound:
            return claimed
    return 0


def _body(file: BinaryIO, box: IsoBox) -> bytes:
    file.seek(box.body)
    return file.read(min(box.end - box.body, _MAX_INDEX_BYTES))


def _in_tracks(moov: bytes) -> Iterator[int]:
    """Yield the samples of each track, by each of its tables."""
    for table in _within(moov, _TABLES, 0, len(moov)):
        durations = np.zeros((0, 2), ">u4")
        constant = count = 0
        for box in boxes_in(moov, table.body, table.end):
            if box.kind == b"stsz":
                constant = int.from_bytes(moov[box.body + 4 : box.body + 8], "big")
                count = max(count, int.from_bytes(moov[box.body + 8 : box.body + 12], "big"))
            elif box.kind in {b"stts", b"ctts"}:
                runs = _runs(moov, box)
                count = max(count, int(runs[:, 0].sum(dtype=np.int64)))
                durations = runs if box.kind == b"stts" else durations
        # PCM: samples are those of sound, and demuxers read chunks of them
        is_pcm = constant and len(durations) == 1 and durations[0, 1] == 1
        yield 0 if is_pcm else count


def _runs(moov: bytes, box: IsoBox) -> np.ndarray[tuple[int, int], np.dtype[np.uint32]]:
    """Return the runs of a table, shape (N, 2): number of samples, and their shared value."""
    data = moov[box.body + 8 : box.end]
    return np.frombuffer(data[: len(data) // 8 * 8], ">u4").reshape(-1, 2)


def _in_runs(moof: bytes) -> Iterator[int]:
    """Yield the samples of each run of a fragment."""
    for track in _within(moof, (b"traf",), 0, len(moof)):
        for box in boxes_in(moof, track.body, track.end):
            if box.kind == b"trun":
                yield int.from_bytes(moof[box.body + 4 : box.body + 8], "big")


def _within(data: bytes, path: tuple[bytes, ...], start: int, end: int) -> Iterator[IsoBox]:
    """Yield all boxes at a path of kinds."""
    for box in boxes_in(data, start, end):
        if box.kind == path[0]:
            if len(path) == 1:
                yield box
            else:
                yield from _within(data, path[1:], box.body, box.end)
