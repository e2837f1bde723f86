"""Check that ids are unique; the error names both items."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from common_ml.data.formats.shared.items import Item


class UniqueIds:
    """The ids of one kind seen in a source."""

    def __init__(self) -> None:
        """Start with no ids."""
        self._places: dict[Hashable, str] = {}

    def add(self, key: Hashable, item: Item, *, field: str = "id", name: str = "") -> None:
        """Record the id of an item.

        Args:
            key: The id.
            item: The item with it.
            field: Its key in the item.
            name: Name of the item, for the error.

        Raises:
            FormatError: an earlier item has the same one.
        """
        shown = f"{item.place} ({name})" if name else item.place
        other = self._places.setdefault(key, shown)
        if other != shown:
            raise item.error(
                f"{key!r} of {shown} is the id of {other}, too: annotations would be mixed up",
                field=field,
            )
