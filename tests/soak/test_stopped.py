"""SIGTERM at a random moment; `make soak` has 100 runs, 20 of them as PID 1."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.media import bad_media
from tests.soak.stopped import AS_PID_1, can_be_pid_1, stopped

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bad_media.good_clip("mp4_index_first", tmp_path_factory.mktemp("clip"))


@pytest.mark.parametrize("seed", range(14))
def test_it_ends_in_time_with_whole_lines(tmp_path: Path, clip: Path, seed: int) -> None:
    dice = random.Random(seed)
    stopped(tmp_path, clip, dice)


@pytest.mark.skipif(not can_be_pid_1(), reason="needs unshare and the right to use it")
@pytest.mark.parametrize("seed", range(100, 104))
def test_as_pid_1_as_well(tmp_path: Path, clip: Path, seed: int) -> None:
    dice = random.Random(seed)
    stopped(tmp_path, clip, dice, launcher=AS_PID_1)
