"""A moment of fuzzing, the same each time: seeds with some bytes changed.

python -m tests.soak.fuzz_briefly TARGET [NUMBER OF INPUTS, 60 by default]

TARGET may be the part of several names before the dot: `header`, `annotations`.
"""

from __future__ import annotations

import logging
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.fuzz_targets import TARGETS


def edited(data: bytes, dice: random.Random) -> bytes:
    """A seed with some bytes changed, cut out, moved or put in."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        start, length = dice.randrange(len(changed) + 1), dice.choice((1, 2, 4, 30))
        changed[start : start + length] = dice.choice(
            (dice.randbytes(length), b"", changed[: dice.randrange(40)], b"\xff" * length)
        )
    return bytes(changed)


def main() -> None:
    """Check the inputs; the first that ends in what it must not is raised, with its number."""
    num_inputs = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    names = [name for name in TARGETS if sys.argv[1] in {name, name.partition(".")[0]}]
    logging.disable()
    for name in names:
        _fuzz(name, max(1, num_inputs // len(names)))


def _fuzz(name: str, num_inputs: int) -> None:
    target = TARGETS[name]
    with TemporaryDirectory() as folder:
        seeds = target.seeds(Path(folder))
    for number in range(num_inputs):
        dice = random.Random(number)
        data = edited(seeds[number % len(seeds)], dice)
        with TemporaryDirectory() as folder:
            try:
                target.check(data, Path(folder))
            except Exception as error:
                raise AssertionError(f"input {number} of {name}") from error


if __name__ == "__main__":
    main()
