"""Read lenient JSON: large integers, NaN, byte order marks, surrogates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_ml.data.formats.shared.json_file import load_json, parse_json
from common_ml.data.json_text import json_bytes
from common_ml.errors import FormatError
from tests.depth import scaled

if TYPE_CHECKING:
    from pathlib import Path

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=scaled(300), deadline=None)
@given(values)
def test_what_is_written_is_read_exactly(value: Any) -> None:
    assert parse_json(json_bytes(value), "x") == value
    assert parse_json(json.dumps(value).encode(), "x") == value


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('\ufeff{"a": "ä"}'.encode("utf-16-le"), {"a": "ä"}),
        (rb'{"a": "x\ud800y"}', {"a": "x\ufffdy"}),
        (rb'["\ud83d\ude00"]', ["\U0001f600"]),
        (b"[123456789012345678901234567890, 0.1234567890123456789012]",
         [123456789012345678901234567890, 0.1234567890123456789012]),
        (b" " * (1 << 20) + b"[9007199254740993, 18446744073709551617]",
         [9007199254740993, 18446744073709551617]),
    ],
)  # fmt: skip
def test_values(tmp_path: Path, content: bytes, value: Any) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert load_json(tmp_path / "a.json") == value


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'{"a": 1,\n "b": }', "line 2, column 7"),
        ('{\r\n"name": "größe"}'.encode("latin-1"), "line 2, column 12"),
        (b"", "the file is empty"),
        (b"[1, 2", "line 1, column 6"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1" + b"0" * 5000 + b"]", "invalid JSON"),
        (b'["\n' * 400 + b"x", "line 1, column"),
    ],
)
def test_errors_name_line_and_column(tmp_path: Path, content: bytes, where: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=where) as caught:
        load_json(path)
    assert str(path) in str(caught.value)
