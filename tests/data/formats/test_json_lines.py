"""Tasks as JSON Lines, one alone, and as an answer of an API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.data import formats
from common_ml.data.formats.shared.json_file import load_json_or_lines
from common_ml.errors import FormatError
from tests.data.formats import scale_tasks

if TYPE_CHECKING:
    from pathlib import Path

SCALE = [scale_tasks.image_task(key, scale_tasks.BOX) for key in ("1", "2")]
STUDIO: list[dict[str, Any]] = [
    {"id": key, "data": {"image": f"{key}.jpg"}, "annotations": []} for key in (1, 2)
]


def lines(values: list[Any]) -> str:
    return "\n".join(map(json.dumps, values)) + "\n\n"


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        (lines(SCALE), "scale", 2),
        (json.dumps(SCALE[0], indent=2), "scale", 1),
        (json.dumps({"docs": SCALE, "total": 2, "has_more": False}), "scale", 2),
        (lines(STUDIO), "labelstudio", 2),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tasks_are_read(tmp_path: Path, text: str, name: str, count: int, encoding: str) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(text.encode(encoding))
    assert formats.recognise(path) == name
    assert len(list(formats.get(name).read(path))) == count


def test_a_line_that_is_cut_is_named(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text(lines(STUDIO).rstrip()[:-5])
    with pytest.raises(FormatError, match="line 2, column 52: invalid JSON: Expecting"):
        list(formats.get("labelstudio").read(path))


def test_a_line_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text("{}\n" + "[" * 100_000)
    with pytest.raises(FormatError, match="line 2: invalid JSON: nested too deeply"):
        load_json_or_lines(path)


def test_text_behind_the_end_is_still_an_error(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(STUDIO, indent=1) + "\nx\n")
    with pytest.raises(FormatError, match="invalid JSON: Extra data"):
        list(formats.get("labelstudio").read(path))
