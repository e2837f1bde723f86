"""A memory-efficient map of strings that stores only their hashes."""

from __future__ import annotations

from array import array

_MIN_SLOTS = 64
_MAX_FILL = 0.66
_MASK = (1 << 64) - 1


class CompactMap:
    """Map from strings to small ints, in 18 to 37 bytes per entry; keys are 64-bit hashes.

    Open addressing with linear probing. The probability of a collision among n strings is
    n**2 / 2**65: 3e-8 for a million.
    """

    def __init__(self) -> None:
        self._num_items = 0
        self._hashes = array("Q", bytes(8 * _MIN_SLOTS))  # 0: an empty slot
        self._values = array("I", bytes(4 * _MIN_SLOTS))

    def __len__(self) -> int:
        return self._num_items

    def __contains__(self, text: str) -> bool:
        return self.get(text) is not None

    def get(self, text: str) -> int | None:
        """Return the value of a string; None if it is not in the map."""
        if not self._num_items:
            return None
        place = self._place(_hash(text))
        return self._values[place] if self._hashes[place] else None

    def set(self, text: str, value: int = 0) -> None:
        """Set the value of a string, 0 <= value < 2**32."""
        hashed = _hash(text)
        place = self._place(hashed)
        if not self._hashes[place]:
            if self._num_items >= _MAX_FILL * len(self._hashes):
                self._grow()
                place = self._place(hashed)
            self._num_items += 1
            self._hashes[place] = hashed
        self._values[place] = value

    def _place(self, hashed: int) -> int:
        """Return the slot of a hash, or the empty slot for it."""
        hashes, last = self._hashes, len(self._hashes) - 1
        place = hashed & last
        while (found := hashes[place]) and found != hashed:
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        before = zip(self._hashes, self._values, strict=True)
        size = 2 * len(self._hashes)
        self._hashes = array("Q", bytes(8 * size))
        self._values = array("I", bytes(4 * size))
        for hashed, value in before:
            if hashed:
                place = self._place(hashed)
                self._hashes[place], self._values[place] = hashed, value


def _hash(text: str) -> int:
    return hash(text) & _MASK or 1
