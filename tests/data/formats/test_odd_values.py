"""Odd values anywhere in a file end in records or in an error of our own."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.data import formats
from common_ml.data.report import Report
from common_ml.errors import DataError
from tests.data.formats.odd_files import (
    JSON_FILES,
    ODD_VALUES,
    TEXT_FILES,
    odd_json,
    places,
    with_odd_value,
)
from tests.soak.fuzz_briefly import edited

if TYPE_CHECKING:
    from pathlib import Path

FIRST_ITEM: dict[str, tuple[Any, ...]] = {
    "coco": ("annotations", 0),
    "labelstudio": (0, "annotations", 0, "result", 0),
    "diffgram": ("1", "instance_list", 0),
    "clarifai": ("inputs", 0, "data", "regions", 0),
    "scale": (0, "response", "annotations", 0),
}
"""Format -> where its first annotation is."""


def read(path: Path, name: str) -> list[Report]:
    """Both ways; raises what is no error of ours. The reports of those that came to their end."""
    reports = []
    for on_error in ("raise", "skip"):
        report = Report()
        try:
            for record in formats.get(name).read(path, on_error=on_error, report=report):
                record.to_line()
        except DataError:
            continue
        reports.append(report)
    return reports


@pytest.mark.parametrize("name", JSON_FILES)
def test_the_good_files_are_good(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(JSON_FILES[name]))
    assert formats.recognise(path) == name
    report = Report()
    assert list(formats.get(name).read(path, report=report))
    assert report.skipped == []


@pytest.mark.parametrize("name", JSON_FILES)
def test_odd_values_in_json(tmp_path: Path, name: str) -> None:
    for number in range(60):
        dice = random.Random(f"{name}{number}")
        path = tmp_path / "a.json"
        path.write_bytes(odd_json(name, dice, dice.choice((1, 1, 2, 3))))
        read(path, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", JSON_FILES)
def test_every_odd_value_at_every_place(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.json"
    for place in places(JSON_FILES[name]):
        for odd in ODD_VALUES:
            path.write_text(json.dumps(with_odd_value(JSON_FILES[name], place, odd)))
            read(path, name)


@pytest.mark.parametrize("name", JSON_FILES)
def test_no_odd_value_in_an_annotation_ends_the_reading(tmp_path: Path, name: str) -> None:
    """With errors skipped; and all other annotations are there."""
    data, first = JSON_FILES[name], FIRST_ITEM[name]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data))
    whole = [len(one.annotations) for one in formats.get(name).read(path)]
    inner = [place for place in places(data) if place[: len(first)] == first]
    dice = random.Random(name)
    for place in inner:
        odd: Any = dice.choice(ODD_VALUES)
        path.write_text(json.dumps(with_odd_value(data, place, odd)))
        found = [len(one.annotations) for one in formats.get(name).read(path, on_error="skip")]
        assert len(found) == len(whole), (place, odd)
        assert found[1:] == whole[1:], (place, odd)
        assert found[0] >= whole[0] - 1, (place, odd)


@pytest.mark.parametrize("name", TEXT_FILES)
def test_odd_bytes_in_text(tmp_path: Path, name: str) -> None:
    for number in range(100):
        dice = random.Random(f"{name}{number}")
        path = tmp_path / "a.txt"
        path.write_bytes(edited(TEXT_FILES[name].encode(), dice))
        read(path, name)
