"""Encode and decode masks: COCO's run lengths, Label Studio's brush."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from common_ml.data.geometry import check_mask_size
from common_ml.data.record import Mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from common_ml.data.formats.shared.media import MediaFiles

    Bytes = npt.NDArray[np.uint8]


def counted(mask: Mask, media: MediaFiles) -> Mask | None:
    """Convert a mask to run lengths; None where its label image is not a local file."""
    if mask.counts is not None:
        return mask
    path = media.find(mask.image)
    return None if path is None else Mask.from_array(mask.pick(_label_image(os.fspath(path))))


@lru_cache(maxsize=4)
def _label_image(path: str) -> Bytes:
    from common_ml.media.images import read_image

    return read_image(path)


def coco_text(counts: Sequence[int]) -> str:
    """Encode run lengths in COCO's compressed form.

    Each is the difference to the last but one, 5 bits a character, lowest first, with a sixth bit
    that marks continuation, and 48 added.
    """
    characters = []
    for place, count in enumerate(counts):
        rest = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            bits = rest & 0x1F
            rest >>= 5
            more = rest != (-1 if bits & 0x10 else 0)  # sign bit
            characters.append(chr((bits | (0x20 if more else 0)) + 48))
    return "".join(characters)


_MAX_RUN_BITS = 60
"""Maximum characters of a number: a text of megabytes must not become one number."""


def coco_counts(text: str) -> tuple[int, ...]:
    """Decode run lengths from COCO's compressed form.

    Raises:
        ValueError: an invalid character, or a truncated number.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{character!r} is no character of compressed run lengths")
        value |= (bits & 0x1F) << shift
        shift += 5
        if shift > _MAX_RUN_BITS:
            raise ValueError("compressed run lengths hold a number of more than 60 bits")
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
"""Bit sizes of run lengths in Label Studio's brush format."""


def brush_bytes(inside: npt.NDArray[np.bool_]) -> list[int]:
    """Encode a mask, shape (H, W), as Label Studio's brush: run lengths of its RGBA picture.

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
    """Decode Label Studio's brush to a mask, shape (H, W): where it is not transparent.

    Raises:
        ValueError: the bits are truncated, or do not match the size.
        RecordError: the picture is larger than a picture may be.
    """
    check_mask_size(width, height)
    bits = _Bits(bytes(data))
    num_values = bits.take(32)
    if num_values != 4 * width * height:
        raise ValueError(f"has {num_values} values, not 4 * {width} * {height}")
    value_bits = bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    inside = np.zeros(width * height, bool)  # only alpha of each pixel
    place = 0
    while place < num_values:
        is_run = bits.take(1)
        end = min(place + 1 + bits.take(sizes[bits.take(2)]), num_values)
        if is_run:
            inside[place // 4 : end // 4] = bits.take(value_bits) > 0
        else:
            for number in range(place, end):
                value = bits.take(value_bits)
                if number % 4 == 3:
                    inside[number // 4] = value > 0
        place = end
    return inside.reshape(height, width)


class _Bits:
    """Read numbers of any size from a bit string, highest bit first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, size: int) -> int:
        end = self._place + size
        if end > 8 * len(self._data):
            raise ValueError("the bits end early")
        part = int.from_bytes(self._data[self._place >> 3 : (end + 7) >> 3], "big")
        self._place = end
        return part >> (-end & 7) & ((1 << size) - 1)
