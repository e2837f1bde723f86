"""What is damaged in the file of a plan is named with its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import ParamsError
from common_ml.scale.plan import PICTURE_SECONDS
from common_ml.scale.plan_document import read_document
from common_ml.scale.plan_file import Plan
from tests.scale.made_plan import document

if TYPE_CHECKING:
    from pathlib import Path

ITS = "the number of films"
CHANGED = [
    ("num_shards", "4", 'num_shards must be a whole number, got "4" (a string) @ $.num_shards'),
    ("num_shards", 1.5, "num_shards must be a whole number, got 1.5 @ $.num_shards"),
    ("num_shards", True, "num_shards must be a whole number, got true @ $.num_shards"),
    ("num_shards", None, "num_shards must be a whole number, got null @ $.num_shards"),
    ("num_shards", 0, f"num_shards must be a whole number from 1 to 2, {ITS}, got 0 @ $.num_"),
    ("num_shards", -1, f"num_shards must be a whole number from 1 to 2, {ITS}, got -1 @ $.num_"),
    ("num_shards", 10**9, f"a whole number from 1 to 2, {ITS}, got 1000000000 @ $.num_shards"),
    ("tagger", 7, "tagger must be a string, got 7 @ $.tagger"),
    ("tagger", "", 'tagger must have at least 1 character, got "" (a string) @ $.tagger'),
    ("revision", None, "revision must be a string, got null @ $.revision"),
    ("parts", ["/p"], 'parts must be a string, got ["/p"] (an array) @ $.parts'),
    ("parts", "ftp://x/y", "a folder or a URL that begins with one of s3://, gs://"),
    ("parts", "a\0b", "the address of parts holds a NUL character, got 'a\\x00b' @ $.parts"),
    ("params", [1], "params must be an object, got [1] (an array) @ $.params"),
    ("params", "{}", 'params must be an object, got "{}" (a string) @ $.params'),
    ("films", [], "films must have at least one film, got [] @ $.films"),
    ("films", {}, "films must be an array, got {} (an object) @ $.films"),
    ("films", ["a.mp4"], 'films[0] must be an object, got "a.mp4" (a string) @ $.films[0]'),
    ("films", [{"name": "a", "cost": 1}], 'the key "path" is missing @ $.films[0].path'),
    ("shards", 4, 'unknown key "shards"; hint: did you mean "num_shards"? @ $.shards'),
    ("common_ml_plan", 2, "common_ml_plan must be 1, got 2 @ $.common_ml_plan"),
    ("common_ml_plan", True, "common_ml_plan must be 1, got true @ $.common_ml_plan"),
]
"""Key, what it is changed to, and what is said."""


@pytest.mark.parametrize(("key", "value", "expected"), CHANGED)
def test_a_wrong_value_is_named(tmp_path: Path, key: str, value: Any, expected: str) -> None:
    assert expected in refusal(tmp_path, json.dumps({**document(), key: value}))


FILM_CHANGED = [
    ("cost", None, "cost must be a number, got null @ $.films[1].cost"),
    ("cost", "1", 'cost must be a number, got "1" (a string) @ $.films[1].cost'),
    ("cost", 0, "cost must be greater than 0, got 0 @ $.films[1].cost"),
    ("cost", -2, "cost must be greater than 0, got -2 @ $.films[1].cost"),
    ("cost", float("nan"), "cost must be a finite number, got NaN @ $.films[1].cost"),
    ("cost", float("inf"), "cost must be a finite number, got Infinity @ $.films[1].cost"),
    ("name", 5, "name must be a string, got 5 @ $.films[1].name"),
    ("path", "", 'path must have at least 1 character, got "" (a string) @ $.films[1]'),
    ("cots", 1, 'unknown key "cots"; hint: did you mean "cost"? @ $.films[1].cots'),
    ("name", "films/a.mp4", 'expected each name once, got "films/a.mp4" (a string) @ $.films[1]'),
]
"""The same for the second film."""


@pytest.mark.parametrize(("key", "value", "expected"), FILM_CHANGED)
def test_a_wrong_film_is_named(tmp_path: Path, key: str, value: Any, expected: str) -> None:
    changed = document()
    changed["films"][1][key] = value
    assert expected in refusal(tmp_path, json.dumps(changed))


@pytest.mark.parametrize("key", [key for key in document() if key != "params"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    left = {name: value for name, value in document().items() if name != key}
    expected = 'without the key "common_ml_plan"' if key == "common_ml_plan" else f"$.{key}"
    assert expected in refusal(tmp_path, json.dumps(left))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "it is not valid JSON: Expecting value: line 1 column 1"),
        (b'{"common_ml_plan": 1, "fil', "it is not valid JSON: Unterminated string"),
        (b"\xef\xbb\xbf{}", "it begins with a byte order mark, expected UTF-8 without one"),
        (b'{"a": "\xff"}', "it is not UTF-8: invalid start byte at byte 7"),
        ("{}".encode("utf-16"), "it is not UTF-8: invalid start byte at byte 0"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"[]", 'it is JSON without the key "common_ml_plan" @ $'),
        (b"7", 'it is JSON without the key "common_ml_plan" @ $'),
    ],
)
def test_what_is_no_plan_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    assert expected in refusal(tmp_path, content)


def test_all_problems_come_together_but_not_thousands(tmp_path: Path) -> None:
    changed = {**document(), "tagger": 1, "num_shards": "2"}
    changed["films"] = [{"name": f"{place}"} for place in range(5000)]
    text = refusal(tmp_path, json.dumps(changed))
    for place in ("$.tagger", "$.num_shards", "$.films[0].path", "$.films[2].path"):
        assert f"@ {place}; " in text
    assert "$.films[4].path" not in text
    assert "; and " in text


def refusal(folder: Path, content: str | bytes) -> str:
    """Expect a plan to be refused in one line; return that."""
    path = folder / "plan.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ParamsError) as caught:
        Plan.read(path)
    text = str(caught.value)
    assert text.startswith(f"{path} is not a plan: ")
    assert text.endswith("; hint: `common-ml scale plan` writes a new one")
    assert "\n" not in text
    return text


def test_plans_are_read_and_refused(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", json.dumps({"common_ml_plan": 9}), '{"common_ml_plan": 1}'):
        (tmp_path / "plan.json").write_text(text)
        with pytest.raises(ParamsError, match="plan"):
            Plan.read(tmp_path / "plan.json")


def test_a_film_may_lack_its_cost_and_a_plan_its_params(tmp_path: Path) -> None:
    written = document()
    del written["params"], written["films"][1]["cost"]
    (tmp_path / "plan.json").write_text(json.dumps(written))
    fields = read_document(tmp_path / "plan.json", version=1)
    assert fields.get("params") is None
    assert [film.cost for film in fields["films"]] == [2.5, PICTURE_SECONDS]


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_document(tmp_path / "plan.json", version=1)


def test_plans_of_another_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(document()))
    with pytest.raises(ParamsError, match="common_ml_plan must be 2, got 1"):
        read_document(tmp_path / "plan.json", version=2)
