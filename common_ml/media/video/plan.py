"""Plan the decode of wanted pictures: groups of packets that each begin at a keyframe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.media.video.packet_table import Ints
    from common_ml.media.video.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Group:
    """A range of packets that begins with a keyframe, and the pictures wanted of it."""

    position: int
    """Place of its first wanted picture among all wanted ones."""
    indices: Ints
    """The wanted pictures, as places in order of presentation, ascending."""
    first: int
    """Number of the packet to begin at."""
    last: int
    """Number of the last packet to decode."""
    takes_leading: bool
    """Whether pictures that are shown before the first packet's are decoded too: only at the very
    beginning of the file, where nothing precedes that they could refer to."""

    def __len__(self) -> int:
        return len(self.indices)


def plan(timeline: Timeline, indices: Sequence[int], *, joins: bool) -> list[Group]:
    """Return the groups to decode, in order of presentation.

    A picture belongs to the last keyframe that is not shown after it: one that is stored behind
    a keyframe but shown before it (open groups) belongs to the group before.

    Args:
        timeline: A reliable one.
        indices: The wanted pictures, ascending.
        joins: Whether groups that follow one another without a gap become one, for a single
            decoder that is not flushed in between.
    """
    wanted = np.asarray(indices, np.int64)
    owners = np.maximum(
        np.searchsorted(timeline.start_ticks, timeline.ticks[wanted], side="right") - 1, 0
    )
    bounds = np.flatnonzero(np.diff(owners, prepend=-1))
    groups: list[Group] = []
    for position, of_group in zip(bounds.tolist(), np.split(wanted, bounds[1:]), strict=False):
        owner = int(owners[position])
        group = Group(
            position=position,
            indices=of_group,
            first=int(timeline.starts[owner]),
            last=int(timeline.numbers[of_group].max()),
            takes_leading=timeline.starts[owner] == 0,
        )
        if joins and groups and groups[-1].last >= group.first - 1:
            groups[-1] = _joined(groups[-1], group)
        else:
            groups.append(group)
    return groups


def _joined(group: Group, following: Group) -> Group:
    return Group(
        position=group.position,
        indices=np.concatenate([group.indices, following.indices]),
        first=group.first,
        last=max(group.last, following.last),
        takes_leading=group.takes_leading,
    )
