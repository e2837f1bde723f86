"""A moment of fuzzing, the same each time: seeds with some bytes changed.

python -m tests.soak.fuzz_briefly TARGET [NUMBER OF INPUTS, 60 by default]
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
    target = TARGETS[sys.argv[1]]
    logging.disable()
    with TemporaryDirectory() as folder:
        seeds = target.seeds(Path(folder))
    for number in range(int(sys.argv[2]) if len(sys.argv) > 2 else 60):
        dice = random.Random(number)  # noqa: S311 - the same edits each time
        data = edited(seeds[number % len(seeds)], dice)
        with TemporaryDirectory() as folder:
            try:
                target.check(data, Path(folder))
            except Exception as error:
                raise AssertionError(f"input {number} of {sys.argv[1]}") from error


if __name__ == "__main__":
    main()
