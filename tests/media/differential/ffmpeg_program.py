"""Decode a file with the ffmpeg program: its pictures, their times, its sound."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 16
"""Pictures are compared at this width and height."""
IS_INSTALLED = shutil.which("ffmpeg") is not None
_TIME = re.compile(rb"pts_time:\s*(-?[0-9.e+-]+)")


def pictures(path: Path, *, has_sound: bool) -> tuple[list[float], npt.NDArray[np.uint8]]:
    """Seconds from the file's earliest packet, and pictures: RGB, shape (N, SIDE, SIDE, 3).

    Args:
        path: The file.
        has_sound: Whether there is sound beside them: how the program corrects a clock that jumps
            depends on all streams that are read.
    """
    done = _run(
        path,
        *("-map", "0:v:0", "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24"),
        *("-vf", f"showinfo,format=rgb24,scale={SIDE}:{SIDE}:flags=area", "-"),
        *(("-map", "0:a:0", "-f", "null", "/dev/null") if has_sound else ()),
    )
    looks = np.frombuffer(done.stdout, np.uint8).reshape(-1, SIDE, SIDE, 3)
    return _times(done.stderr, b"showinfo"), looks


def sound(path: Path, sample_rate: int) -> tuple[float, npt.NDArray[np.float32]]:
    """Seconds from the file's earliest packet to the first sample; mono, -1..1."""
    done = _run(
        path,
        *("-map", "0:a:0", "-ac", "1", "-ar", str(sample_rate), "-f", "f32le"),
        *("-af", "ashowinfo", "-"),
    )
    times = _times(done.stderr, b"ashowinfo")
    return times[0] if times else 0.0, np.frombuffer(done.stdout, np.float32)


def _times(log: bytes, name: bytes) -> list[float]:
    lines = [line for line in log.splitlines() if name in line]
    return [float(found[1]) for line in lines if (found := _TIME.search(line))]


def small(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """A picture as means of SIDE x SIDE areas."""
    height, width = rgb.shape[:2]
    assert height % SIDE == width % SIDE == 0
    areas = rgb.reshape(SIDE, height // SIDE, SIDE, width // SIDE, 3)
    means: npt.NDArray[np.float64] = areas.mean(axis=(1, 3))
    return means


def _run(path: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-i", f"file:{path}", *options]
    return subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
