"""The device of a model, with a torch that stands in for each kind of machine."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from common_ml.utils.device import best_device

if TYPE_CHECKING:
    from pathlib import Path

FAKE = """
class cuda:
    @staticmethod
    def is_available(): {cuda}
class backends:
    class mps:
        @staticmethod
        def is_available(): {mps}
"""


def answer_with(folder: Path, source: str) -> tuple[str, str]:
    """What a fresh interpreter says that finds `source` as torch; and its stderr."""
    (folder / "torch.py").write_text(textwrap.dedent(source))
    child = subprocess.run(
        [sys.executable, "-c", "from common_ml import best_device; print(best_device())"],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
    )
    return child.stdout.strip(), child.stderr


@pytest.mark.parametrize(
    ("cuda", "mps", "device"),
    [
        ("return True", "return True", "cuda"),
        ("return False", "return True", "mps"),
        ("return False", "return False", "cpu"),
    ],
)
def test_the_fastest_device_that_is_there(tmp_path: Path, cuda: str, mps: str, device: str) -> None:
    assert answer_with(tmp_path, FAKE.format(cuda=cuda, mps=mps)) == (device, "")


@pytest.mark.parametrize(
    "broken",
    [
        FAKE.format(cuda="raise RuntimeError('driver too old')", mps="return True"),
        "raise OSError('driver too old')",
    ],
)
def test_a_broken_driver_is_told_and_gives_the_cpu(tmp_path: Path, broken: str) -> None:
    device, stderr = answer_with(tmp_path, broken)

    assert device == "cpu"
    assert "torch finds no device, so the CPU is used" in stderr
    assert "driver too old" in stderr


def test_without_torch_nothing_is_imported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("common_ml.utils.device.find_spec", lambda _: None)

    with caplog.at_level(logging.DEBUG):
        assert best_device() == "cpu"

    assert "torch" not in sys.modules
    assert caplog.records == []
