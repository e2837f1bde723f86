"""Count the CPUs that this process may use: affinity and control groups."""

from __future__ import annotations

import math
import os
from pathlib import Path


def usable_cpus(*, root: Path = Path("/")) -> int:
    """Count the CPUs that this process may use, at least 1.

    The affinity mask and the limits of the control groups (versions 1 and 2) that the process is
    in are respected, so that a container with `--cpus=2` on a large machine gives 2. A share of a
    CPU counts as one.

    Args:
        root: Where `/proc` and `/sys` are found.
    """
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, math.ceil(min(allowed, _cgroup_limit(root))))


def _cgroup_limit(root: Path) -> float:
    """Return the tightest limit, in CPUs, of all groups from the process's own up to the root."""
    limits = [math.inf]
    for line in _words_by_line(root / "proc/self/cgroup"):
        _, controllers, group = line.split(":", 2)
        mounts = root / "sys/fs/cgroup"
        if not controllers:  # version 2: one tree for everything
            limits += [_quota_v2(place) for place in _upwards(mounts, group)]
        elif "cpu" in controllers.split(","):
            limits += [_quota_v1(place) for place in _upwards(mounts / "cpu", group)]
    return min(limits)


def _upwards(mount: Path, group: str) -> list[Path]:
    # In a container the group is often given by its path on the host, which does not exist
    # inside; the mount itself is the container's group there, and it is always in the list.
    place = mount / group.strip("/")
    return [place, *(above for above in place.parents if above.is_relative_to(mount))]


def _quota_v2(place: Path) -> float:
    """Read `cpu.max`: `max 100000`, or microseconds per period such as `150000 100000`."""
    for line in _words_by_line(place / "cpu.max"):
        quota, period = line.split()
        return math.inf if quota == "max" else int(quota) / int(period)
    return math.inf


def _quota_v1(place: Path) -> float:
    """Read the two files of version 1; a quota of -1 is none."""
    for quota in _words_by_line(place / "cpu.cfs_quota_us"):
        for period in _words_by_line(place / "cpu.cfs_period_us"):
            return int(quota) / int(period) if int(quota) > 0 else math.inf
    return math.inf


def _words_by_line(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []  # no such controller here
