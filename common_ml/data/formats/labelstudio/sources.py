"""Assign the results of a Label Studio task to its media, of which it may have several."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.data.formats.shared.media_names import kind_of, storage_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common_ml.data.formats.shared.items import Item
    from common_ml.data.formats.shared.policy import ErrorPolicy
    from common_ml.data.record import Kind

DATA_KEYS: tuple[Kind, ...] = ("image", "video", "audio")
_PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Source:
    """A media of a task."""

    kind: Kind
    key: str
    """Its key in the task's data."""
    address: str
    page: int | None = None
    """Its place in a list of pages, which results call `item_index`; None: it is not in one."""

    @property
    def name(self) -> str:
        """How it differs from the other media of the task."""
        return self.key if self.page is None else f"{self.key}/{self.page}"


def sources_of(data: Item) -> list[Source]:
    """Return the media of a task, the main one first; the names of keys are free.

    Raises:
        FormatError: it has none.
    """
    named = [
        Source(kind, kind, data.text(kind))
        for kind in DATA_KEYS
        if kind in data and not isinstance(data.get(kind), list)
    ]
    found: list[Source] = []
    for key, value in data.data.items():
        if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            kinds = {"image" if key == "image" else kind_of(storage_address(one)) for one in value}
            if kinds == {"image"}:
                found += [Source("image", key, one, page) for page, one in enumerate(value)]
        elif isinstance(value, str) and key not in DATA_KEYS and kind_of(storage_address(value)):
            found.append(Source(kind_of(storage_address(value)), key, value))
    if not named and not found:
        raise data.error(f"has none of {', '.join(DATA_KEYS)}, nor any other media")
    return [*named, *found]


def by_source(
    results: Iterable[Item], sources: list[Source], data: Item, policy: ErrorPolicy
) -> dict[Source, list[Item]]:
    """Return the results of each media; pages are there without results, too.

    A result belongs to the media whose key is its `to_name` (or `source`), to the page that its
    `item_index` says, and to the main one where it cannot belong to another.
    """
    main = sources[0].key
    keys = list(dict.fromkeys(one.key for one in sources))
    pages = {one.key for one in sources if one.page is not None}
    listed = list(results)
    targets = {one.text("to_name", default="") for one in listed}
    found: dict[Source, list[Item]] = {
        one: [] for one in sources if one.key == main or one.page is not None
    }
    for result in listed:
        with policy:
            key = _key_of(result, keys)
            if key is None:
                target = result.text("to_name", default="")
                if len(keys) > 1 and len(targets) > 1 and target not in data.data:
                    raise result.error(
                        f"must be one of the task's media ({', '.join(keys)}), got {target!r}; "
                        "hint: name the objects of the labelling interface like the keys of their "
                        "data",
                        field="to_name",
                    )
                key = main
            page = result.whole("item_index", default=0) if key in pages else None
            source = next((one for one in sources if one.key == key and one.page == page), None)
            if source is None:
                count = sum(one.key == key for one in sources)
                raise result.error(
                    f"must be a page of {key}, which has {count}, counted from 0, got {page}",
                    field="item_index",
                )
            found.setdefault(source, []).append(result)
    return found


def _key_of(result: Item, keys: list[str]) -> str | None:
    source = result.get("source")
    for name in (
        source.removeprefix("$") if isinstance(source, str) else "",
        result.get("to_name"),
    ):
        if isinstance(name, str) and name:
            plain = _PLAIN.sub("", name.lower())
            same = [key for key in keys if key == name]
            same = same or [key for key in keys if _PLAIN.sub("", key.lower()) == plain]
            if len(same) == 1:
                return same[0]
    return None
