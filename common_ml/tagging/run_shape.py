"""Shape runs: bridge holes, drop flicker and doubtful ones, and merge the ranges of any tags.

    merge_runs(tags, gap_seconds=1, min_seconds=0.5, min_confidence=0.3)

Ranges with one text, track and file are sorted by their start, and those with at most `gap_seconds`
between them become one:

    start  = the first one's start
    end    = the latest end
    mean   = sum(n_i * c_i) / sum(n_i)    over those with a confidence c_i, each of n_i frames
    best   = max(c_i)

Then the ones that are shorter than `min_seconds`, or whose mean is below `min_confidence`, are
dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from common_ml.tagging.confidence import (
    CONFIDENCE_KEY,
    CONFIDENCE_KEYS,
    confidence_of,
    is_confidence,
)
from common_ml.tagging.tag_arguments import checked_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.tagging.messages import Tag
    from common_ml.tagging.params.sdk_options import SdkOptions

BEST_KEY = "best_confidence"
"""Key of a run's `additional_info`: the highest confidence of its frames."""
FRAMES_KEY = "num_frames"
"""Key of a run's `additional_info`: how many sampled frames have the tag."""
TAGS_KEY = "num_tags"
"""The same for a run of tags that are not about frames: how many tags were merged."""
_OWN_KEYS = frozenset({*CONFIDENCE_KEYS, BEST_KEY, FRAMES_KEY, TAGS_KEY})


@dataclass(frozen=True)
class RunShape:
    """How runs are shaped.

    Raises:
        ValueError: a value is out of its range.
    """

    gap_seconds: float = 0.0
    """The longest hole that is bridged, >= 0."""
    min_seconds: float = 0.0
    """The shortest run that is kept, >= 0."""
    min_confidence: float = 0.0
    """The lowest mean confidence that is kept, 0..1; runs without a confidence are kept."""

    def __post_init__(self) -> None:
        for name in ("gap_seconds", "min_seconds"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a finite number >= 0, got {value!r}")
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence must be 0..1, got {self.min_confidence!r}")

    @property
    def changes_runs(self) -> bool:
        """Return whether runs are shaped at all."""
        return self != RunShape()

    def merged(self, tags: Iterable[Tag]) -> list[Tag]:
        """Return tags with their ranges merged; see `merge_runs`."""
        ranges: dict[tuple[str, str, str], list[Tag]] = {}
        others: dict[str, list[Tag]] = {}
        for tag in tags:
            kept = others.setdefault(tag.source_media, [])  # also notes the order of the files
            if tag.frame_info is not None or tag.vector is not None:
                kept.append(tag)
            else:
                ranges.setdefault((tag.source_media, tag.tag, tag.track), []).append(tag)
        runs: dict[str, list[Tag]] = {source: [] for source in others}
        for (source, _, _), of_label in ranges.items():
            runs[source] += filter(self._is_kept, self._joined(of_label))
        for source, of_file in runs.items():
            of_file.sort(key=lambda run: (run.start_time, run.tag, run.track))
            others[source] += of_file
        return [tag for of_file in others.values() for tag in of_file]

    def _joined(self, tags: list[Tag]) -> Iterator[Tag]:
        """Yield the runs of ranges with one label."""
        tags.sort(key=lambda tag: (tag.start_time, tag.end_time))
        gap_ms = self.gap_seconds * 1000
        members: list[Tag] = []
        end_ms = -math.inf
        for tag in tags:
            if members and tag.start_time - end_ms > gap_ms:
                yield _run(members)
                members, end_ms = [], -math.inf
            members.append(tag)
            end_ms = max(end_ms, tag.end_time)
        if members:
            yield _run(members)

    def _is_kept(self, run: Tag) -> bool:
        if run.end_time - run.start_time < self.min_seconds * 1000:
            return False
        confidence = run.confidence
        return confidence is None or confidence >= self.min_confidence


def merge_runs(
    tags: Iterable[Tag],
    *,
    gap_seconds: float = 0.0,
    min_seconds: float = 0.0,
    min_confidence: float = 0.0,
) -> list[Tag]:
    """Join time ranges of one text and track that touch, overlap, or have a short hole between.

    Tags of frames (those with `frame_info`) and tags with a vector are returned as they are, before
    the runs of their file, and so is a range that is joined with no other. The joined ones carry
    `confidence` (the mean), `best_confidence`, and `num_frames`, or `num_tags` where the tags are
    not about frames, in `additional_info`, with what all of their members have in common.

    Args:
        tags: Tags of any files, in any order.
        gap_seconds: The longest hole that is bridged, from the end of a range to the start of the
            next one.
        min_seconds: Shorter runs are dropped.
        min_confidence: Runs with a lower mean confidence are dropped; those without a confidence
            stay.

    Returns:
        File by file, in the order in which they first occur: the other tags, then the runs, sorted
        by start, text and track.

    Raises:
        TypeError: there is something else than tags.
        ValueError: an argument is out of its range.
    """
    shape = RunShape(
        gap_seconds=gap_seconds, min_seconds=min_seconds, min_confidence=min_confidence
    )
    return shape.merged(checked_tags(tags, "merge_runs"))


def shape_of(options: SdkOptions) -> RunShape:
    """Return the shape of runs that the SDK's options ask for."""
    return RunShape(
        gap_seconds=options.run_gap_seconds,
        min_seconds=options.run_min_seconds,
        min_confidence=options.run_min_confidence,
    )


def run_info(
    *, mean: float | None, best: float | None, num: int, key: str = FRAMES_KEY
) -> dict[str, Any]:
    """Return what a run carries in `additional_info`."""
    if mean is None:
        return {key: num}
    return {CONFIDENCE_KEY: mean, BEST_KEY: mean if best is None else best, key: num}


def num_frames_of(run: Tag) -> int:
    """Return how many frames, or merged tags, a run says to have; 1 if it says nothing."""
    info = run.additional_info or {}
    number = info.get(FRAMES_KEY, info.get(TAGS_KEY))
    return number if type(number) is int and number >= 1 else 1


def _run(members: list[Tag]) -> Tag:
    """Join ranges, sorted by start."""
    if len(members) == 1:
        return members[0]
    infos = [tag.additional_info or {} for tag in members]
    nums = [num_frames_of(tag) for tag in members]
    sure = [
        (number, confidence, info)
        for number, info in zip(nums, infos, strict=True)
        if (confidence := confidence_of(info)) is not None
    ]
    mean = best = None
    if sure:
        total = math.fsum(number * confidence for number, confidence, _ in sure)
        mean = round(total / sum(number for number, _, _ in sure), 6)
        best = max(_best_of(info, confidence) for _, confidence, info in sure)
    common = {
        key: value
        for key, value in infos[0].items()
        if key not in _OWN_KEYS and all(key in info and info[key] == value for info in infos)
    }
    key = FRAMES_KEY if any(FRAMES_KEY in info for info in infos) else TAGS_KEY
    return replace(
        members[0],
        end_time=max(tag.end_time for tag in members),
        additional_info={**common, **run_info(mean=mean, best=best, num=sum(nums), key=key)},
    )


def _best_of(info: dict[str, Any], mean: float) -> float:
    best: Any = info.get(BEST_KEY)
    return float(best) if is_confidence(best) else mean
