"""What fuzzing found, kept; and a moment of fuzzing in every run. `make soak` takes an hour."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.media.bad_media import good_clip
from tests.soak.fuzz_targets import TARGETS

pytestmark = pytest.mark.slow

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


@pytest.mark.parametrize("target", sorted({name.partition(".")[0] for name in TARGETS}))
def test_seeds_with_some_bytes_changed_end_as_they_must(target: str) -> None:
    """In a process of its own: decoders of damaged media may crash, or leave it unfit for tests."""
    command = [
        sys.executable,
        "-m",
        "tests.soak.fuzz_briefly",
        target,
        "600" if target in {"annotations", "header"} else "60",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("target", ["params", "stdin", "wire"])
@given(data=st.binary(max_size=200))
def test_any_bytes_end_as_they_must(target: str, data: bytes) -> None:
    check(target, data)
