"""Validate foreign JSON and rows key by key; errors name file, item and field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from common_ml.data.formats.shared.json_file import parse_json
from common_ml.errors import FormatError, RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.data.formats.shared.policy import ErrorPolicy

_T = TypeVar("_T")
_WHOLE = re.compile(r"[+-]?\d{1,4000}", re.ASCII)


@dataclass(frozen=True)
class Item:
    """A JSON object (or a row, whose values are texts) and its location.

    A null value or an empty cell counts as missing.
    """

    data: Mapping[str, Any]
    path: str
    """The file or URL."""
    place: str = ""
    """`line 3` or `item 5`, counted from 1; "" for the file as a whole."""
    inside: str = ""
    """Path in the item, such as `response.annotations[2]`."""

    def error(self, problem: str, *, field: str = "") -> FormatError:
        """Make an error that names file, place and field: `x.json: item 3, left: ...`."""
        at = self.field(field)
        where = ", ".join(part for part in (self.place, at) if part)
        message = ": ".join(part for part in (self.path, where, problem) if part)
        return FormatError(message, path=self.path, place=self.place, field=at)

    def field(self, key: str) -> str:
        """Return the full path of a key."""
        return ".".join(part for part in (self.inside, key) if part)

    def __contains__(self, key: str) -> bool:
        return self.data.get(key) not in (None, "")

    def get(self, key: str) -> Any:
        """Return the raw value; None where it is missing."""
        return self.data.get(key)

    def text(self, key: str, *, default: str | None = None) -> str:
        """Read a text; a whole number is converted, since ids occur as both."""
        value = self.data.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is None or (value == "" and default is not None):
            return self._default(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text", value)
        return value

    def number(self, key: str, *, default: float | None = None) -> float:
        """Read a finite number, or a text that is one."""
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
        try:
            number = float(value)
        except OverflowError as error:  # a whole number beyond 1e308
            raise self._wrong(key, "a finite number", value) from error
        if not math.isfinite(number):
            raise self._wrong(key, "a finite number", value)
        return number

    def number_or_none(self, key: str) -> float | None:
        """Read a finite number; None where it is missing."""
        return self.number(key) if key in self else None

    def whole(self, key: str, *, default: int | None = None) -> int:
        """Read a whole number >= 0, exact at any size; `640.0` is one, and a text that is one."""
        value = self.data.get(key)
        if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            if value < 0:
                raise self._wrong(key, "a whole number >= 0", value)
            return value
        number = self.number(key, default=default)
        if number < 0 or number != int(number):
            raise self._wrong(key, "a whole number >= 0", value)
        return int(number)

    def identity(self, key: str) -> int | str:
        """Read an id: a whole number of any size and sign, or a text."""
        value = self.data.get(key)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            if value is None:
                raise self.error("is missing", field=key)
            raise self._wrong(key, "a whole number or a text", value)
        return value

    def whole_or_none(self, key: str) -> int | None:
        """Read a whole number >= 0; None where it is missing."""
        return self.whole(key) if key in self else None

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Read a JSON object; empty where it is missing."""
        value = self.data.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self._wrong(key, "an object", value)
        return value

    def json(self, key: str) -> Any:
        """Parse the JSON in a cell; None where it is empty."""
        value = self.data.get(key)
        if value in (None, ""):
            return None
        try:
            return parse_json(str(value).encode("utf-8", "surrogatepass"), self.path)
        except FormatError as error:
            raise self.error(f"must be JSON, got {value!r:.80}", field=key) from error

    def json_object(self, key: str) -> dict[str, Any]:
        """Parse a JSON object in a cell; empty where the cell is empty."""
        value = self.json(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(key, "a JSON object", self.data.get(key))
        return value

    def listed(self, key: str) -> list[Any]:
        """Read a list; empty where it is missing."""
        value = self.data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(key, "a list", value)
        return value

    def child(self, key: str) -> Item:
        """Read the object at a key, as an item; empty where it is missing."""
        return replace(self, data=self.mapping(key), inside=self.field(key))

    def children(self, key: str) -> Iterator[Item]:
        """Yield the objects in the list at a key, as items."""
        for number, value in enumerate(self.listed(key)):
            at = f"{key}[{number}]"
            if not isinstance(value, Mapping):
                raise self._wrong(at, "an object", value)
            yield replace(self, data=value, inside=self.field(at))

    @contextmanager
    def building(self, field: str = "") -> Iterator[None]:
        """Turn a RecordError, or a number beyond a float, into a FormatError at this place."""
        try:
            yield
        except (OverflowError, RecordError) as error:
            raise self.error(str(error), field=field) from error

    def _default(self, key: str, default: _T | None) -> _T:
        if default is None:
            raise self.error("is missing", field=key)
        return default

    def _wrong(self, key: str, expected: str, got: Any) -> FormatError:
        return self.error(f"must be {expected}, got {got!r:.80}", field=key)


def items_of(
    values: Any, path: str, *, what: str, of: str = "", policy: ErrorPolicy | None = None
) -> Iterator[Item]:
    """Yield the objects of a list as numbered items.

    Args:
        values: The list.
        path: The file or URL.
        what: Expected content, for the error.
        of: The name of the list, where a file holds several.
        policy: Whether values that are not objects are skipped.
    """
    if not isinstance(values, list):
        kind = type(values).__name__
        raise FormatError(f"{path}: must be {what}, got {kind}", path=path, field=of)
    suffix = f" of {of}" if of else ""
    for number, value in enumerate(values, 1):
        place = f"item {number}{suffix}"
        if not isinstance(value, Mapping):
            wrong = FormatError(
                f"{path}: {place}: must be an object, got {value!r:.80}", path=path, place=place
            )
            if policy is None:
                raise wrong
            policy.fail(wrong)
            continue
        yield Item(value, path, place)
