"""Foreign JSON and rows, read key by key: a wrong value is told with its file, item and field."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from common_ml.errors import FormatError, RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

_T = TypeVar("_T")


@dataclass(frozen=True)
class Item:
    """A JSON object (or a row, whose values are texts) and where it stands.

    A key whose value is null, or an empty cell, is taken as missing.
    """

    data: Mapping[str, Any]
    path: str
    """The file, or the address it came from."""
    place: str = ""
    """`line 3` or `item 5`, counted from 1; "" for the file as a whole."""
    inside: str = ""
    """Where in the item, such as `response.annotations[2]`."""

    def error(self, problem: str, *, field: str = "") -> FormatError:
        """Returns the error that names file, place and field: `x.json: item 3, left: ...`."""
        at = self.field(field)
        where = ", ".join(part for part in (self.place, at) if part)
        message = ": ".join(part for part in (self.path, where, problem) if part)
        return FormatError(message, path=self.path, place=self.place, field=at)

    def field(self, key: str) -> str:
        """Full name of a key: with what it is inside of."""
        return ".".join(part for part in (self.inside, key) if part)

    def __contains__(self, key: str) -> bool:
        return self.data.get(key) not in (None, "")

    def get(self, key: str) -> Any:
        """The value as it is; None where it is missing."""
        return self.data.get(key)

    def text(self, key: str, *, default: str | None = None) -> str:
        """A text; a whole number becomes one, as ids come in both ways."""
        value = self.data.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is None or (value == "" and default is not None):
            return self._default(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text", value)
        return value

    def number(self, key: str, *, default: float | None = None) -> float:
        """A finite number, or a text that is one."""
        value = self.data.get(key)
        if value is None or value == "":
            return self._default(key, default)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError as error:
                raise self._wrong(key, "a number", value) from error
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(key, "a number", value)
        if not math.isfinite(value):
            raise self._wrong(key, "a finite number", value)
        return float(value)

    def number_or_none(self, key: str) -> float | None:
        """A finite number; None where it is missing."""
        return self.number(key) if key in self else None

    def whole(self, key: str, *, default: int | None = None) -> int:
        """A whole number >= 0; `640.0` is one."""
        value = self.number(key, default=default)
        if value < 0 or value != int(value):
            raise self._wrong(key, "a whole number >= 0", self.data.get(key))
        return int(value)

    def whole_or_none(self, key: str) -> int | None:
        """A whole number >= 0; None where it is missing."""
        return self.whole(key) if key in self else None

    def mapping(self, key: str) -> Mapping[str, Any]:
        """A JSON object; empty where it is missing."""
        value = self.data.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self._wrong(key, "an object", value)
        return value

    def json(self, key: str) -> Any:
        """What the JSON in a cell means; None where it is empty."""
        value = self.data.get(key)
        if value in (None, ""):
            return None
        try:
            return orjson.loads(str(value))
        except orjson.JSONDecodeError as error:
            raise self.error(f"must be JSON, got {value!r:.80} ({error})", field=key) from error

    def json_object(self, key: str) -> dict[str, Any]:
        """A JSON object written in a cell; empty where the cell is."""
        value = self.json(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(key, "a JSON object", self.data.get(key))
        return value

    def listed(self, key: str) -> list[Any]:
        """A list; empty where it is missing."""
        value = self.data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(key, "a list", value)
        return value

    def child(self, key: str) -> Item:
        """The object at a key, as an item; empty where it is missing."""
        return replace(self, data=self.mapping(key), inside=self.field(key))

    def children(self, key: str) -> Iterator[Item]:
        """The objects in the list at a key, as items."""
        for number, value in enumerate(self.listed(key)):
            at = f"{key}[{number}]"
            if not isinstance(value, Mapping):
                raise self._wrong(at, "an object", value)
            yield replace(self, data=value, inside=self.field(at))

    @contextmanager
    def building(self, field: str = "") -> Iterator[None]:
        """Tells a RecordError in the block as a FormatError at this place."""
        try:
            yield
        except RecordError as error:
            raise self.error(str(error), field=field) from error

    def _default(self, key: str, default: _T | None) -> _T:
        if default is None:
            raise self.error("is missing", field=key)
        return default

    def _wrong(self, key: str, expected: str, got: Any) -> FormatError:
        return self.error(f"must be {expected}, got {got!r:.80}", field=key)


def load_json(path: str | os.PathLike[str]) -> Any:
    """What a JSON file holds.

    Raises:
        FormatError: it is no JSON.
        OSError: it cannot be read.
    """
    try:
        return orjson.loads(Path(path).read_bytes())
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}"
        raise FormatError(
            f"{os.fspath(path)}: {place}: not JSON: {error.msg}",
            path=os.fspath(path),
            place=place,
        ) from error


def items_of(values: Any, path: str, *, what: str, of: str = "") -> Iterator[Item]:
    """The objects of a list, as items that know their number.

    Args:
        values: What should be the list.
        path: Where it comes from.
        what: What it should be, for the error.
        of: The name of the list, where a file holds several.
    """
    if not isinstance(values, list):
        kind = type(values).__name__
        raise FormatError(f"{path}: must be {what}, got {kind}", path=path, field=of)
    suffix = f" of {of}" if of else ""
    for number, value in enumerate(values, 1):
        place = f"item {number}{suffix}"
        if not isinstance(value, Mapping):
            raise FormatError(
                f"{path}: {place}: must be an object, got {value!r:.80}", path=path, place=place
            )
        yield Item(value, path, place)
