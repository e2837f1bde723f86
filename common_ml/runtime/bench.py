"""Profile one run of a tagger: its own stage timings, and process metrics from outside."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import MediaError, TaggerError
from common_ml.runtime.process import ProcessTagger
from common_ml.runtime.tagger import messages_of
from common_ml.runtime.targets import find_target
from common_ml.tagging.daemon.profile import FORMAT, VARIABLE
from common_ml.tagging.messages import Error, Progress, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from common_ml.types import StrPath


@dataclass(frozen=True)
class Measurement:
    """The figures of one run. Seconds are wall-clock time unless noted otherwise."""

    tagger: str
    """The command of the tagger."""
    model: str
    """The class of its model."""
    kind: str | None
    """`frame`, `batch`, `av` or `producer`; None for any other kind."""
    batch_size: int | None
    """Maximum number of frames in a call of a batch model."""
    num_files: int
    """Number of files that were tagged."""
    num_failed: int
    num_tags: int
    num_frames: int
    """Number of frames and pictures that common-ml decoded."""
    num_calls: int
    """Number of calls of the model."""
    media_seconds: float
    """Total duration of the tagged files; 0 for pictures."""
    total_seconds: float
    """From the start of the process to its end, measured from outside."""
    loading_seconds: float
    """From the start of the process until it begins to read paths: Python, libraries, weights."""
    stages: Mapping[str, float]
    """Seconds of the main thread from then on: waiting for the decoder (`decode`), in the author's
    code (`model`), writing messages (`write`), without a file to tag (`idle`), and the rest
    (`other`)."""
    cpu_seconds: float
    """CPU time of all threads of the process while it tagged."""
    num_cpus: int
    """CPUs available to the process."""
    peak_memory_bytes: int
    """Peak resident memory of the process."""
    gpu_peak_bytes: Mapping[str, int]
    """Device -> peak memory that torch reserved on it; empty where torch used none."""
    timeline: Mapping[str, Any] | None = None
    """`bin_seconds`, and `stages`: seconds of each stage in each bin of that width."""

    @property
    def tagging_seconds(self) -> float:
        """From the first read of a path to the last message."""
        return sum(self.stages.values())

    @property
    def times_real_time(self) -> float | None:
        """Seconds of media per second of tagging; None where nothing lasts any time."""
        return self.media_seconds / self.tagging_seconds if self.media_seconds else None

    @property
    def frames_per_second(self) -> float | None:
        """Frames per second of tagging; None where there were none."""
        return self.num_frames / self.tagging_seconds if self.num_frames else None

    @property
    def frames_per_call(self) -> float | None:
        """Mean number of frames per call of a frame or batch model."""
        is_of_frames = self.kind in ("frame", "batch") and self.num_calls
        return self.num_frames / self.num_calls if is_of_frames else None

    @property
    def busy_cpus(self) -> float:
        """Mean number of busy CPUs."""
        return self.cpu_seconds / self.tagging_seconds

    def share(self, stage: str) -> float:
        """Return a stage's share of the tagging time, 0..1."""
        return self.stages[stage] / self.tagging_seconds

    def to_json(self) -> dict[str, Any]:
        """Return all figures as JSON."""
        return {
            "tagger": self.tagger,
            "model": {"name": self.model, "kind": self.kind, "batch_size": self.batch_size},
            "files": self.num_files,
            "failed": self.num_failed,
            "tags": self.num_tags,
            "frames": self.num_frames,
            "calls": self.num_calls,
            "media_seconds": self.media_seconds,
            "total_seconds": self.total_seconds,
            "loading_seconds": self.loading_seconds,
            "tagging_seconds": self.tagging_seconds,
            "stages": dict(self.stages),
            "times_real_time": self.times_real_time,
            "frames_per_second": self.frames_per_second,
            "frames_per_call": self.frames_per_call,
            "cpu_seconds": self.cpu_seconds,
            "cpus": self.num_cpus,
            "peak_memory_bytes": self.peak_memory_bytes,
            "gpu_peak_bytes": dict(self.gpu_peak_bytes),
            "timeline": self.timeline,
        }


def measure(
    main: str,
    files: Sequence[StrPath],
    *,
    params: Mapping[str, Any] | None = None,
    idle_timeout_seconds: float | None = 600,
    python: str | None = None,
) -> Measurement:
    """Run a tagger once over files, all sent at once, and measure it.

    Args:
        main: A main.py that calls common-ml, its folder, or a command that starts one.
        files: Media; at least one.
        params: The value of `--params`; None leaves it out.
        idle_timeout_seconds: Time limit between two messages; None for no limit.
        python: The interpreter of a `.py` program; None for the one that runs this.

    Raises:
        TaggerError: it failed; it is an image; or it wrote no profile, since it does not use this
            common-ml.
    """
    target = find_target(main, python=python)
    if target.kind != "process":
        raise TaggerError(
            f"bench profiles programs from inside, and {main} is an image; "
            "hint: name its main.py, a folder with one, or a command"
        )
    with tempfile.TemporaryDirectory(prefix="common-ml-bench-") as folder:
        profile = Path(folder) / "profile.json"
        tagger = ProcessTagger(
            target.command,
            params=params,
            cwd=target.cwd,
            env={VARIABLE: str(profile)},
            idle_timeout_seconds=idle_timeout_seconds,
        )
        started = time.monotonic()
        messages = messages_of(tagger, files)
        total_seconds = time.monotonic() - started
        facts = _read(profile, tagger.name)
    finished = [message.source_media for message in messages if isinstance(message, Progress)]
    counts, model = facts["counts"], facts["model"]
    return Measurement(
        tagger=tagger.name,
        model=model["name"],
        kind=model["kind"],
        batch_size=model["batch_size"],
        num_files=len(finished),
        num_failed=sum(isinstance(message, Error) for message in messages),
        num_tags=sum(isinstance(message, Tag) for message in messages),
        num_frames=counts.get("frames", 0),
        num_calls=counts.get("calls", 0),
        media_seconds=sum(map(_seconds_of, finished)),
        total_seconds=total_seconds,
        loading_seconds=facts["started"] - started,
        stages=facts["stages"],
        cpu_seconds=facts["cpu_seconds"],
        num_cpus=facts["cpus"],
        peak_memory_bytes=facts["peak_memory_bytes"],
        gpu_peak_bytes=facts["gpu_peak_bytes"],
        timeline=facts.get("timeline"),
    )


def _read(profile: Path, name: str) -> dict[str, Any]:
    """Read the profile that the tagger wrote."""
    try:
        facts = json.loads(profile.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TaggerError(
            f"{name} wrote no profile; hint: bench needs a program that calls run_default of this "
            "common-ml; `common-ml run` measures the total time of any other"
        ) from error
    if facts.get("profile") != FORMAT:
        raise TaggerError(
            f"{name} uses another common-ml: expected profile format {FORMAT}, got "
            f"{facts.get('profile')}; hint: install the same version there and here"
        )
    assert isinstance(facts, dict)  # noqa: S101 - it has a key
    return facts


def _seconds_of(file: str) -> float:
    """Duration of a file; 0 for a picture, and where unknown."""
    # not at the top: loads FFmpeg
    from common_ml.media.kinds import media_kind
    from common_ml.media.probe import probe

    try:
        return 0.0 if media_kind(file) == "image" else float(probe(file).duration_seconds or 0)
    except MediaError:
        return 0.0
