"""Format the description of a tagger as tables, for a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from common_ml.cli.help import two_columns
from common_ml.cli.texts import MAX_SHOWN, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

_TYPES = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "null": "null",
    "number": "number",
    "object": "object",
    "string": "text",
}
_KINDS = {
    "frame": "frame model",
    "batch": "batch of frames",
    "av": "whole files",
    "clip": "clips",
    "audio": "sound",
    "producer": "producer",
}


def description_tables(description: dict[str, Any], *, width: int) -> Iterator[RenderableType]:
    """Yield the tables of a description: the tagger, its params, the SDK's options.

    Args:
        description: See `common_ml.tagging.description`.
        width: Columns of the terminal.
    """
    yield _head(description)
    params = description.get("params") or {}
    rows = list(_rows(params))
    if rows:
        yield _table("params: -p key=value", rows)
    elif params.get("additionalProperties"):
        yield Text("params: any, they are not validated\n")
    else:
        yield Text("params: none\n")
    sdk = description.get("sdk_params") or {}
    section = (sdk.get("properties") or {}).get("common_ml") or {}
    top = [row for row in _rows(sdk) if row[0] != "common_ml"]
    for option, of_option in (("-p", top), ("-O", list(_rows(section)))):
        if of_option:
            yield Text(f"options of the SDK: {option} key=value", style="bold")
            texts = [(key, _sentence(*facts)) for key, *facts in of_option]
            yield Text.from_ansi(two_columns(texts, width))
            yield Text("")


def _sentence(kind: str, default: str, meaning: str) -> str:
    """Join meaning, type and default in one cell: separate columns would be too narrow."""
    facts = f"{kind}; default {default}" if default not in ("", "null") else kind
    return f"{meaning} ({facts})"


def _head(description: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    kind = description.get("kind")
    facts: dict[str, Any] = {
        "name": description.get("name"),
        "": description.get("summary"),
        "kind": _KINDS.get(str(kind), kind),
        "tracks": _tracks(description.get("tracks")),
        "versions": ", ".join(
            f"{name} {version}" for name, version in (description.get("versions") or {}).items()
        ),
    }
    for name, value in facts.items():
        if value:
            table.add_row(name, Text(printable(str(value), limit=MAX_SHOWN)))
    return table


def _tracks(tracks: Any) -> str:
    if not isinstance(tracks, list):
        return "unknown"
    return ", ".join(str(track) or "default" for track in tracks) or "none"


def _rows(schema: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, type, default and meaning of each property."""
    required = schema.get("required") or []
    for key, described in (schema.get("properties") or {}).items():
        default = json.dumps(described["default"]) if "default" in described else ""
        if key in required:
            default = "required"
        meaning = str(described.get("description") or "").partition("\n\n")[0]
        yield key, _type_of(described, schema), default, " ".join(meaning.split())


def _type_of(described: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return the type of a value in words."""
    if "$ref" in described:
        name = str(described["$ref"]).rpartition("/")[2]
        return _type_of((schema.get("$defs") or {}).get(name) or {}, schema)
    if "enum" in described or "const" in described:
        return " | ".join(map(str, described.get("enum") or [described.get("const")]))
    if "anyOf" in described:
        kinds = (_type_of(each, schema) for each in described["anyOf"])
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null"))
    kind = described.get("type")
    if kind == "array":
        inner = _type_of(described.get("items") or {}, schema)
        return f"list of {inner}" if inner != "any" else "list"
    return _TYPES.get(str(kind), "any")


def _table(title: str, rows: list[tuple[str, str, str, str]]) -> Table:
    table = Table(
        title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, expand=True
    )
    for name in ("key", "type", "default"):
        table.add_column(name, overflow="fold")
    table.add_column("meaning", ratio=1, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell, limit=MAX_SHOWN)) for cell in row))
    return table
