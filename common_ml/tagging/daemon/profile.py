"""Write a profile of the job's time and memory to a JSON file named by the environment."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.media.cpus import usable_cpus
from common_ml.stages import Stopwatch, measured_by
from common_ml.tagging.job.log import SafeLogger
from common_ml.tagging.producer import FileProducer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.tagging.producer import TagMessageProducer

VARIABLE = "COMMON_ML_PROFILE"
"""Environment variable with the path of the file; nothing is measured if it is unset."""
FORMAT = 1

logger = SafeLogger(__name__)


@contextmanager
def profiled(producer: TagMessageProducer) -> Iterator[None]:
    """Measure the block, and write the profile at its end, also after a failure.

    The file is one JSON object: `profile` (the format's version), `started` (seconds of the
    system's monotonic clock), `stages` (seconds of the main thread, which add up to its whole
    time), `timeline` (the same in equal steps of `bin_seconds`), `counts` (`frames` decoded for the
    model, `calls` of it), `cpu_seconds` of all threads, usable `cpus`, `peak_memory_bytes`,
    `gpu_peak_bytes` per device used by torch, and `model` (`name`, `kind`, `batch_size`).

    Args:
        producer: The producer of the job.
    """
    target = os.environ.get(VARIABLE)
    if not target:
        yield
        return
    started, cpu_before = time.monotonic(), time.process_time()
    stopwatch = Stopwatch()
    try:
        with measured_by(stopwatch):
            yield
    finally:
        facts = {
            "profile": FORMAT,
            "started": started,
            "stages": stopwatch.seconds(),
            "timeline": stopwatch.timeline.to_json(),
            "counts": dict(stopwatch.counts),
            "cpu_seconds": time.process_time() - cpu_before,
            "cpus": usable_cpus(),
            "peak_memory_bytes": peak_memory_bytes(),
            "gpu_peak_bytes": gpu_peak_bytes(),
            "model": _model_facts(producer),
        }
        _write(Path(target), facts)


def peak_memory_bytes() -> int:
    """Return the peak memory of this process so far."""
    try:
        # not ru_maxrss: it counts what the parent held before this program was started, too
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):  # not Linux
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def gpu_peak_bytes() -> dict[str, int]:
    """Return device -> peak memory reserved by torch; empty if torch used no device."""
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
    from common_ml.tagging.description import kind_of

    model = producer.model if isinstance(producer, FileProducer) else producer
    kind = kind_of(type(model))
    size = getattr(model, "batch_size", None) if kind == "batch" else None
    return {"name": type(model).__name__, "kind": kind, "batch_size": size}


def _write(target: Path, facts: dict[str, Any]) -> None:
    """Write the file; a failure is not an error of the job."""
    try:
        target.write_text(json.dumps(facts), encoding="utf-8")
    except OSError as error:
        logger.warning("%s: the profile cannot be written: %s", VARIABLE, error)
