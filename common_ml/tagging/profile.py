"""A job's profile: where its time and memory went, as a JSON file, where the environment asks."""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml import stages
from common_ml.media.cpus import usable_cpus
from common_ml.tagging.producer import FileProducer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.tagging.producer import TagMessageProducer

VARIABLE = "COMMON_ML_PROFILE"
"""The environment variable that names the file; without it nothing is measured."""
FORMAT = 1

logger = logging.getLogger(__name__)


@contextmanager
def profiled(producer: TagMessageProducer) -> Iterator[None]:
    """Measure what happens inside, and write it down in the end, also that of a failure.

    The file is one JSON object: `profile` (the format's version), `started` (of the system's
    monotonic clock, in seconds), `stages` (seconds of the main thread; together they are its whole
    time), `counts` (`frames` that were decoded for the model, `calls` of it), `cpu_seconds` of all
    threads, `cpus` that may be used, `peak_memory_bytes`, `gpu_peak_bytes` by device where torch
    has used one, and `model` (`name`, `kind`, `batch_size`).

    Args:
        producer: Does the work.
    """
    target = os.environ.get(VARIABLE)
    if not target:
        yield
        return
    started, cpu_before = time.monotonic(), time.process_time()
    stopwatch = stages.Stopwatch()
    try:
        with stages.measured_by(stopwatch):
            yield
    finally:
        facts = {
            "profile": FORMAT,
            "started": started,
            "stages": stopwatch.seconds(),
            "counts": dict(stopwatch.counts),
            "cpu_seconds": time.process_time() - cpu_before,
            "cpus": usable_cpus(),
            "peak_memory_bytes": peak_memory_bytes(),
            "gpu_peak_bytes": gpu_peak_bytes(),
            "model": _model_facts(producer),
        }
        _write(Path(target), facts)


def peak_memory_bytes() -> int:
    """The most memory that this process has held at once so far."""
    try:
        # not ru_maxrss: it counts what the parent held before this program was started, too
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):  # another system than Linux
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def gpu_peak_bytes() -> dict[str, int]:
    """Device -> the most memory that torch has reserved on it; empty where torch used none."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return {}
    return {
        f"cuda:{number} {cuda.get_device_name(number)}": int(cuda.max_memory_reserved(number))
        for number in range(cuda.device_count())
        if cuda.max_memory_reserved(number) > 0
    }


def _model_facts(producer: TagMessageProducer) -> dict[str, Any]:
    from common_ml.tagging.description import kind_of  # noqa: PLC0415 - few ask

    model = producer.model if isinstance(producer, FileProducer) else producer
    kind = kind_of(type(model))
    size = getattr(model, "batch_size", None) if kind == "batch" else None
    return {"name": type(model).__name__, "kind": kind, "batch_size": size}


def _write(target: Path, facts: dict[str, Any]) -> None:
    """Write the file; a job does not fail because nobody can read how long it took."""
    try:
        target.write_text(json.dumps(facts), encoding="utf-8")
    except OSError as error:
        logger.warning("%s: no profile is written: %s", VARIABLE, error)
