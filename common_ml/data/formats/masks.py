"""Masks in the ways that outside formats write them down."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from common_ml.data.formats.pixels import local_file
from common_ml.data.record import Mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]


def counted(mask: Mask, media_root: str | os.PathLike[str] | None = None) -> Mask | None:
    """The mask as run lengths; None where its label image is not on this machine."""
    if mask.counts is not None:
        return mask
    path = local_file(mask.image, media_root)
    return None if path is None else Mask.from_array(mask.pick(_label_image(os.fspath(path))))


@lru_cache(maxsize=4)
def _label_image(path: str) -> Bytes:
    from common_ml.media.images import read_image  # noqa: PLC0415 - loads PyAV and OpenCV

    return read_image(path)


def coco_text(counts: Sequence[int]) -> str:
    """COCO's compressed form of run lengths.

    Each is the difference to the last but one, 5 bits a character, lowest first, with a sixth bit
    that says that more follow, and 48 added.
    """
    characters = []
    for place, count in enumerate(counts):
        rest = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            bits = rest & 0x1F
            rest >>= 5
            more = rest != (-1 if bits & 0x10 else 0)  # the sign stands in the highest bit
            characters.append(chr((bits | (0x20 if more else 0)) + 48))
    return "".join(characters)


def coco_counts(text: str) -> tuple[int, ...]:
    """Run lengths from COCO's compressed form.

    Raises:
        ValueError: a character that it does not have, or the end amid a number.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{character!r} is no character of compressed run lengths")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("compressed run lengths end amid a number")
    return tuple(counts)


_RUN_BITS = (3, 4, 8, 16)
"""Sizes of the numbers that Label Studio's brush gives a run's length with."""


def brush_bytes(inside: npt.NDArray[np.bool_]) -> list[int]:
    """Label Studio's brush: the RGBA picture of a mask, shape (H, W), as bits of run lengths.

    A header of 32 bits for the number of values, 5 for the size of a value less 1, four times 4
    for the sizes of lengths less 1; then for each run a 1, which of the sizes, the length less 1,
    and the value.
    """
    values = np.repeat(np.where(np.asarray(inside, bool).ravel(), 255, 0), 4)
    header = [(values.size, 32), (7, 5), *((size - 1, 4) for size in _RUN_BITS)]
    fields = header + [
        part for value, length in _runs(values) for part in ((1, 1), *_length(length), (value, 8))
    ]
    bits = "".join(format(number, f"0{size}b") for number, size in fields)
    bits += "0" * (-len(bits) % 8)
    return [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]


def _runs(values: npt.NDArray[np.int_]) -> Iterable[tuple[int, int]]:
    edges = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1, [values.size]])
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        for part in range(start, end, 1 << _RUN_BITS[-1]):
            yield int(values[start]), min(end - part, 1 << _RUN_BITS[-1])


def _length(length: int) -> tuple[tuple[int, int], tuple[int, int]]:
    which = next(place for place, size in enumerate(_RUN_BITS) if length <= 1 << size)
    return (which, 2), (length - 1, _RUN_BITS[which])


def brush_mask(data: Sequence[int], width: int, height: int) -> npt.NDArray[np.bool_]:
    """The mask, shape (H, W), of Label Studio's brush: where its picture is not transparent.

    Raises:
        ValueError: the bits end early, or are no picture of that size.
    """
    bits = _Bits(np.array(data, np.uint8))
    num_values = bits.take(32)
    if num_values != 4 * width * height:
        raise ValueError(f"has {num_values} values, not 4 * {width} * {height}")
    value_bits = bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    values = np.zeros(num_values, np.uint32)
    place = 0
    while place < num_values:
        is_run = bits.take(1)
        end = place + 1 + bits.take(sizes[bits.take(2)])
        if is_run:
            values[place:end] = bits.take(value_bits)
        else:
            values[place:end] = [bits.take(value_bits) for _ in range(place, min(end, num_values))]
        place = end
    alpha: npt.NDArray[np.bool_] = values.reshape(height, width, 4)[:, :, 3] > 0
    return alpha


class _Bits:
    """Numbers of any size from a row of bits, highest first."""

    def __init__(self, data: Bytes) -> None:
        self._text = "".join(map(str, np.unpackbits(data).tolist()))
        self._place = 0

    def take(self, size: int) -> int:
        bits = self._text[self._place : self._place + size]
        if len(bits) < size:
            raise ValueError("the bits end early")
        self._place += size
        return int(bits, 2)
