"""What to change of a file's bytes before FFmpeg reads them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO, cast

from common_ml.media.byte_view import ByteView, TransportView
from common_ml.media.headers.leading_bytes import num_leading_bytes
from common_ml.media.headers.unknown_sizes import real_sizes
from common_ml.media.transport_joins import find_joins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import FileIO

    from common_ml.media.transport_joins import Joins


@dataclass(frozen=True, eq=False)
class Repairs:
    """What keeps FFmpeg from reading all of a file, and is no damage."""

    start: int = 0
    """Bytes before the media."""
    patches: Mapping[int, bytes] = field(default_factory=dict)
    """Offset from `start` -> bytes."""
    joins: Joins | None = None
    """Where PIDs change."""

    @property
    def are_needed(self) -> bool:
        """Whether the file has to be read through `view`."""
        return bool(self.start or self.patches or (self.joins and self.joins.sections))

    @property
    def unread(self) -> str:
        """Why a part of the file is not read; empty if all is."""
        if self.joins is None or not self.joins.num_unread_seconds:
            return ""
        seconds = self.joins.num_unread_seconds
        return f"{seconds:.1f} s behind a join are of another codec, and not read"

    def view(self, file: FileIO, name: str) -> ByteView:
        """Return the file's bytes as they should be; it does not depend on `file` staying open."""
        if self.joins and self.joins.sections:
            return TransportView(file.fileno(), name, self.joins)
        return ByteView(file.fileno(), name, start=self.start, patches=self.patches)

    @contextmanager
    def content(self, file: FileIO, name: str) -> Iterator[BinaryIO]:
        """Yield the same at its beginning: `file` itself where there is nothing to repair."""
        if self.are_needed:
            with self.view(file, name) as view:
                yield cast("BinaryIO", view)
        else:
            file.seek(0)
            yield file


def repairs_of(file: FileIO, name: str) -> Repairs:
    """Return the repairs that the first bytes show."""
    repairs = Repairs(num_leading_bytes(file))
    with repairs.content(file, name) as content:
        return replace(repairs, patches=real_sizes(content))


def transport_repairs(repairs: Repairs, file: FileIO) -> Repairs:
    """Return the repairs of a transport stream, which take reading all of it."""
    return repairs if repairs.are_needed else replace(repairs, joins=find_joins(file))
