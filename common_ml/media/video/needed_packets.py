"""`NeededPackets`: the packets of a group of pictures that must be decoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NeededPackets:
    """The packets of a group that have to be decoded, as places in it."""

    exact: frozenset[int]
    """The wanted pictures, and their references, direct and indirect."""
    kept: frozenset[int]
    """References that only have to exist: their pixels do not matter."""
    num_saved: int
    """Number of references in neither."""
    may_be_marked: frozenset[int] = frozenset()
    """Exact ones that the decoder marks as damaged, since pictures are missing that it lists among
    the references and that they do not refer to."""

    @property
    def share_saved(self) -> float:
        """Share of the references that is not decoded."""
        return self.num_saved / max(1, self.num_saved + len(self.exact) + len(self.kept))
