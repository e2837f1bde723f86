from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from common_ml.media.cpus import usable_cpus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def sixteen_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)), raising=False)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_control_groups_the_affinity_mask_counts(tmp_path: Path) -> None:
    assert usable_cpus(root=tmp_path) == 16


def test_without_affinity_masks_the_machine_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cpus(root=tmp_path) == 6


@pytest.mark.parametrize(
    ("cpu_max", "count"),
    [("max 100000", 16), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1)],
)
def test_a_container_sees_its_limit_at_the_root_of_version_2(
    tmp_path: Path, cpu_max: str, count: int
) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": cpu_max + "\n"}
    assert usable_cpus(root=write(tmp_path, files)) == count


def test_the_tightest_of_all_enclosing_groups_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/slice/job/task\n",
        "sys/fs/cgroup/slice/cpu.max": "300000 100000\n",
        "sys/fs/cgroup/slice/job/cpu.max": "500000 100000\n",
        "sys/fs/cgroup/slice/job/task/cpu.max": "max 100000\n",
    }
    assert usable_cpus(root=write(tmp_path, files)) == 3


def test_the_groups_of_version_1(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "250000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000\n",
    }
    assert usable_cpus(root=write(tmp_path, files)) == 3
