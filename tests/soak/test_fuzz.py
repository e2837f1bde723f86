"""What fuzzing found, kept; and a moment of fuzzing in every run. `make soak` takes an hour."""

from __future__ import annotations

import random
import struct
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.bad_media import good_clip
from tests.soak.fuzz_targets import TARGETS

FOUND = {
    "a name alone says picture, and there is no stream in it": ("picture", b"\4\0\0\0"),
    "a BigTIFF whose directory lies beyond any file": (
        "picture",
        b"II\x2b\0\x08\0\0\0" + struct.pack("<Q", 2**63) + b"\1\xc1\0\0",
    ),
}


def check(target: str, data: bytes) -> None:
    with TemporaryDirectory() as folder:
        TARGETS[target].check(data, Path(folder))


@pytest.mark.parametrize(("target", "data"), FOUND.values(), ids=FOUND)
def test_what_was_found_is_mended(target: str, data: bytes) -> None:
    check(target, data)


def test_a_count_that_nobody_could_hold_is_the_files_fault(tmp_path: Path) -> None:
    """Found in a clip whose table of times claims 2 ** 31 entries."""
    data = bytearray(good_clip("mp4_index_first", tmp_path).read_bytes())
    struct.pack_into(">I", data, data.index(b"stts") + 8, 2**31 - 1)
    check("video", bytes(data))


@cache
def seeds_of(target: str) -> list[bytes]:
    with TemporaryDirectory() as folder:
        return TARGETS[target].seeds(Path(folder))


def edited(data: bytes, dice: random.Random) -> bytes:
    """A seed with some bytes changed, cut out, moved or put in."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        start, length = dice.randrange(len(changed) + 1), dice.choice((1, 2, 4, 30))
        changed[start : start + length] = dice.choice(
            (dice.randbytes(length), b"", changed[: dice.randrange(40)], b"\xff" * length)
        )
    return bytes(changed)


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=60)
@given(data=st.data())
def test_whatever_comes_in_ends_as_it_must(target: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(range(len(seeds_of(target)))))
    dice = random.Random(data.draw(st.integers()))  # noqa: S311 - the same edits each time
    check(target, edited(seeds_of(target)[seed], dice))


@pytest.mark.parametrize("target", ["params", "stdin", "wire"])
@given(data=st.binary(max_size=200))
def test_any_bytes_end_as_they_must(target: str, data: bytes) -> None:
    check(target, data)
