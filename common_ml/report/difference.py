"""Difference between two runs of a tagger: tags that were added, removed or moved.

A tag of one run matches a tag of the other if file, track and text are equal, and both are about
a frame or both about a time range. Of several such tags those are paired that overlap most
(overlap.py). Confidences and other details are not compared.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from common_ml.report.overlap import TagPlace, pairs
from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.tags_file.reader import read_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from common_ml.types import StrPath

LEAST_OVERLAP = 0.5
"""Minimum IoU of a pair: the usual value for boxes."""
SHORTEST_MS = 40
"""One frame at 25 frames per second, so that a tag a millisecond later has moved, not vanished."""

State = Literal["done", "failed", "unfinished", "missing"]
"""State of a file in a run; `missing`: no message about it."""


class MovedTag(NamedTuple):
    """A tag of both runs, at another time or with another box."""

    before: Tag
    after: Tag
    overlap: float
    """Intersection over union of times, multiplied by that of boxes; 0..1."""


class ChangeCounts(NamedTuple):
    """Number of tags by change."""

    same: int = 0
    moved: int = 0
    added: int = 0
    gone: int = 0

    @property
    def share(self) -> float:
        """Share of changed tags, 0..1; 0 where there are none."""
        return (sum(self) - self.same) / sum(self) if any(self) else 0.0


class FileStates(NamedTuple):
    """States of a file in both runs."""

    source_media: str
    before: State
    after: State


@dataclass(frozen=True)
class Difference:
    """The difference between two runs."""

    same: tuple[Tag, ...]
    """Tags of the second run that the first one also has, with the same time and box."""
    moved: tuple[MovedTag, ...]
    added: tuple[Tag, ...]
    gone: tuple[Tag, ...]
    files: tuple[FileStates, ...]
    """All files of both runs."""

    @cached_property
    def counts(self) -> ChangeCounts:
        """Counts of all tags."""
        return ChangeCounts(len(self.same), len(self.moved), len(self.added), len(self.gone))

    @property
    def share(self) -> float:
        """Share of tags that are added, removed or moved; 0..1."""
        return self.counts.share

    @property
    def changed_files(self) -> tuple[FileStates, ...]:
        """Files whose state changed."""
        return tuple(file for file in self.files if file.before != file.after)

    @property
    def newly_failed(self) -> tuple[FileStates, ...]:
        """Files that were done and no longer are."""
        return tuple(f for f in self.files if f.before == "done" and f.after != "done")

    def by_track(self) -> dict[str, ChangeCounts]:
        """Return the counts of each track, by name."""
        sorts = (self.same, [moved.after for moved in self.moved], self.added, self.gone)
        counters = [Counter(tag.track for tag in tags) for tags in sorts]
        tracks = sorted(set().union(*counters))
        return {track: ChangeCounts(*(counter[track] for counter in counters)) for track in tracks}

    def to_json(self) -> dict[str, Any]:
        """Convert everything but unchanged tags to JSON."""
        return {
            "share": self.share,
            **self.counts._asdict(),
            "tracks": {
                track: {**counts._asdict(), "share": counts.share}
                for track, counts in self.by_track().items()
            },
            "files": [file._asdict() for file in self.changed_files],
            "added_tags": [_as_json(tag) for tag in self.added],
            "gone_tags": [_as_json(tag) for tag in self.gone],
            "moved_tags": [
                {
                    "before": _as_json(moved.before),
                    "after": _as_json(moved.after),
                    "overlap": moved.overlap,
                }
                for moved in self.moved
            ],
        }


def compare(
    before: StrPath | Iterable[Message],
    after: StrPath | Iterable[Message],
    *,
    least_overlap: float = LEAST_OVERLAP,
    shortest_ms: float = SHORTEST_MS,
) -> Difference:
    """Compare two runs.

    Tags equal in every field count once, as in the runtime. A file may be in another folder than
    before, as long as its base name is unique on both sides.

    Args:
        before: A tags file, or its messages.
        after: The same of the later run.
        least_overlap: Minimum overlap of two tags of one text to count as the same,
            0 < least_overlap <= 1; times and boxes multiplied.
        shortest_ms: Shorter time ranges are extended to this; > 0.

    Raises:
        OSError: a file cannot be read.
        ValueError: an option is out of its range.
        WireError: a line is not a message.
    """
    if not 0 < least_overlap <= 1:
        raise ValueError(f"least_overlap must be > 0 and <= 1, got {least_overlap}")
    if not shortest_ms > 0:
        raise ValueError(f"shortest_ms must be > 0, got {shortest_ms}")
    first, second = _Side(before), _Side(after)
    names = same_files(sorted(first.states), sorted(second.states))
    same: list[Tag] = []
    moved: list[MovedTag] = []
    added: list[Tag] = []
    gone: list[Tag] = []
    groups, others = first.groups({}), second.groups(names)
    for key in sorted(groups.keys() | others.keys()):
        tags, new_tags = groups.get(key, []), others.get(key, [])
        found = pairs(
            [_place(tag) for tag in tags],
            [_place(tag) for tag in new_tags],
            least=least_overlap,
            shortest_ms=shortest_ms,
        )
        for i, j, shared in found:
            if _place(tags[i]) == _place(new_tags[j]):
                same.append(new_tags[j])
            else:
                moved.append(MovedTag(tags[i], new_tags[j], shared))
        gone += _without(tags, {i for i, _, _ in found})
        added += _without(new_tags, {j for _, j, _ in found})
    return Difference(
        same=tuple(sorted(same, key=_order)),
        moved=tuple(sorted(moved, key=lambda pair: (_order(pair.before), _order(pair.after)))),
        added=tuple(sorted(added, key=_order)),
        gone=tuple(sorted(gone, key=_order)),
        files=_file_states(first.states, second.states, names),
    )


class _Side:
    """The tags and files of one run."""

    def __init__(self, source: StrPath | Iterable[Message]) -> None:
        self.states: dict[str, State] = {}
        self._tags: dict[str, list[Tag]] = defaultdict(list)
        seen: set[str] = set()
        if isinstance(source, (str, os.PathLike)):
            source = read_messages(source)
        for message in source:
            if isinstance(message, Tag):
                self.states.setdefault(message.source_media, "unfinished")
                if _is_new(repr(message), seen):
                    self._tags[message.source_media].append(message)
            elif isinstance(message, Progress):
                self.states[message.source_media] = "done"
            elif isinstance(message, Error) and message.source_media is not None:
                self.states[message.source_media] = "failed"

    def groups(self, names: Mapping[str, str]) -> dict[tuple[str, str, str, bool], list[Tag]]:
        """Group tags by file (under its name in `names`), track and text."""
        groups: dict[tuple[str, str, str, bool], list[Tag]] = defaultdict(list)
        for source_media, tags in self._tags.items():
            file = names.get(source_media, source_media)
            for tag in tags:
                groups[file, tag.track, tag.tag, tag.frame_info is None].append(tag)
        return groups


def _is_new(key: str, seen: set[str]) -> bool:
    if key in seen:
        return False
    seen.add(key)
    return True


def same_files(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """Map names of the second run to those of the first, where only folders differ."""
    known, new = set(before), set(after)
    by_base: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for name in before:
        by_base[PurePosixPath(name).name][0].append(name)
    for name in after:
        by_base[PurePosixPath(name).name][1].append(name)
    return {
        theirs[0]: ours[0]
        for ours, theirs in by_base.values()
        if len(ours) == len(theirs) == 1 and ours[0] not in new and theirs[0] not in known
    }


def _file_states(
    before: Mapping[str, State], after: Mapping[str, State], names: Mapping[str, str]
) -> tuple[FileStates, ...]:
    renamed = {names.get(name, name): state for name, state in after.items()}
    return tuple(
        FileStates(name, before.get(name, "missing"), renamed.get(name, "missing"))
        for name in sorted(before.keys() | renamed.keys())
    )


def _place(tag: Tag) -> TagPlace:
    info = tag.frame_info
    if info is None:
        return TagPlace(tag.start_time, tag.end_time)
    box = info.box
    corners = () if box is None else (box["x1"], box["y1"], box["x2"], box["y2"])
    return TagPlace(tag.start_time, tag.end_time, info.frame_idx, corners)


def _order(tag: Tag) -> tuple[str, TagPlace, str, str]:
    return (tag.source_media, _place(tag), tag.track, tag.tag)


def _without(tags: Sequence[Tag], taken: set[int]) -> list[Tag]:
    return [tag for place, tag in enumerate(tags) if place not in taken]


def _as_json(tag: Tag) -> dict[str, Any]:
    """Convert a tag to JSON: what was compared."""
    info = tag.frame_info
    place = {} if info is None else {"frame_idx": info.frame_idx, "box": info.box}
    return {
        "source_media": tag.source_media,
        "track": tag.track,
        "tag": tag.tag,
        "start_time": tag.start_time,
        "end_time": tag.end_time,
        **place,
    }
