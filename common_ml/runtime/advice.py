"""Performance advice for a tagger, derived from its profile; pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.runtime.bench import Measurement

LEADING_SHARE = 0.5
"""A stage with this share of the busy time is the bottleneck."""
NOTABLE_SHARE = 0.25
"""A stage with this share of the busy time is mentioned."""
_IDLE_CPUS = 0.6
"""Up to this CPU utilisation another tagger can run beside this one."""


def advice(measured: Measurement) -> list[str]:
    """Return what would make it faster: one sentence each, most important first; never empty."""
    found = [*_loading(measured), *_pace(measured), *_idle(measured)]
    return found or ["balanced: no stage sets the pace alone"]


def _loading(measured: Measurement) -> Iterator[str]:
    if measured.loading_seconds > LEADING_SHARE * measured.total_seconds:
        yield (
            f"start-bound: {measured.loading_seconds:.1f} of {measured.total_seconds:.1f} s passed "
            "before the first file; bench with more or longer files, and import less"
        )


def _pace(measured: Measurement) -> Iterator[str]:
    busy_seconds = measured.tagging_seconds - measured.stages["idle"]
    if busy_seconds <= 0:
        return
    shares = {stage: measured.stages[stage] / busy_seconds for stage in _HINTS}
    for stage, share in sorted(shares.items(), key=lambda item: -item[1]):
        least = NOTABLE_SHARE if stage in ("write", "other") else LEADING_SHARE
        if share >= least:
            yield f"{stage}-bound ({share:.0%}): " + "; ".join(_HINTS[stage](measured))


def _idle(measured: Measurement) -> Iterator[str]:
    if measured.share("idle") >= NOTABLE_SHARE:
        yield (
            f"idle {measured.share('idle'):.0%} of the time though all files were sent at once: "
            "a smaller batch_timeout in run_default"
        )


def _decode(measured: Measurement) -> Iterator[str]:
    if _has_room(measured):
        yield f"more workers: common-ml run --jobs {measured.num_cpus}"
    else:
        yield f"more CPUs: the decoder uses all {measured.num_cpus}"
    if measured.kind in ("frame", "batch"):
        yield 'fewer frames: a smaller fps, or "common_ml": {"sampling": "keyframes"}'
    elif measured.num_frames:
        yield "fewer or smaller frames: fps and max_size of common_ml.media.decode.sample"


def _model(measured: Measurement) -> Iterator[str]:
    if measured.kind == "frame":
        yield "extend BatchFrameModel, which gets many frames in one call"
    elif measured.kind == "batch":
        got = measured.frames_per_call or 0
        if got < 0.8 * (measured.batch_size or 1):
            yield (
                f"a call got {got:.1f} frames of {measured.batch_size} on average: "
                "more or longer files fill the batches"
            )
        else:
            yield f"a larger batch_size than {measured.batch_size}, while memory lasts"
    else:
        yield "profile the model with cProfile or py-spy"
    if _has_room(measured):
        yield f"more taggers side by side: common-ml run --jobs {measured.num_cpus}"


def _write(measured: Measurement) -> Iterator[str]:
    yield (
        f"fewer or smaller tags than these {measured.num_tags:,}: confidence thresholds, less "
        "additional_info and vectors"
    )
    yield "an output on a local disk"


def _other(measured: Measurement) -> Iterator[str]:
    if measured.kind == "batch":
        yield "the frames of a batch are copied together: a smaller fps or smaller frames"
    else:
        yield "tags are checked and gathered: fewer tags in a call"


_HINTS = {"decode": _decode, "model": _model, "write": _write, "other": _other}


def _has_room(measured: Measurement) -> bool:
    """Whether CPUs were idle while the tagger worked."""
    return measured.num_cpus > 1 and measured.busy_cpus <= _IDLE_CPUS * measured.num_cpus
