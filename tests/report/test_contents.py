"""Read tags files, whole or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.errors import WireError
from common_ml.report.columns import columns, numbered
from common_ml.report.contents import MAX_BAD_LINES, read_contents
from common_ml.tagging.messages import Error, Progress, ProgressRatio, Tag
from tests.report.tags import FILE, run, seen, write_tags

if TYPE_CHECKING:
    from pathlib import Path


def test_files_tags_and_errors(tmp_path: Path) -> None:
    tags = [run(500, 900), seen(0, "dog"), run(0, 900)]
    path = write_tags(
        tmp_path / "t.jsonl",
        [ProgressRatio(0.5), *tags, Progress(FILE), Error("broken", "b.mp4"), Error("no GPU")],
    )

    contents = read_contents(path)

    first, second = contents.files
    assert (first.source_media, first.is_done, first.num_errors) == (FILE, True, 0)
    assert first.tags == [tags[1], tags[2], tags[0]]
    assert (second.source_media, second.is_done, second.num_errors) == ("b.mp4", False, 1)
    assert contents.errors == [Error("broken", "b.mp4"), Error("no GPU")]
    assert contents.num_tags == 3


def test_tags_equal_in_every_field_count_once(tmp_path: Path) -> None:
    different = [
        run(0, 1),
        run(0, 1, track="b"),
        seen(0, box=(0, 0, 1, 1)),
        seen(0, box=(0, 0, 1, 0.5)),
        Tag(0, 1, "cat", FILE, vector=[1.0]),
        Tag(0, 1, "cat", FILE, additional_info={"a": 1}),
    ]

    contents = read_contents(write_tags(tmp_path / "t.jsonl", [*different, *different]))

    assert contents.num_tags == len(different)


def test_bad_lines_are_listed_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "t.jsonl", [run(0, 1)])
    with path.open("ab") as file:
        file.write(b"rubbish\n" * (MAX_BAD_LINES + 5))
        file.write(path.read_bytes().splitlines(keepends=True)[0].replace(b"cat", b"dog"))
        file.write(b'{"type": "ta')

    contents = read_contents(path)

    assert [tag.tag for tag in contents.files[0].tags] == ["cat", "dog"]
    assert len(contents.errors) == MAX_BAD_LINES + 2
    assert contents.errors[0].message.startswith(f"{path}:2: the line is not valid JSON")
    assert [error.message for error in contents.errors[-2:]] == [
        "5 more lines are not messages",
        "the last line is incomplete: 12 bytes",
    ]


def test_what_is_no_tags_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"\0\0\0 ftypisom\n" * 3)

    with pytest.raises(WireError, match=r"film\.mp4:1: the line is not valid JSON"):
        read_contents(path)


def test_an_incomplete_last_line_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"type"')

    assert read_contents(path).errors == [Error("the last line is incomplete: 7 bytes")]


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (None, None),
        ({"confidence": 0.123456}, 0.123456),
        ({"score": 1, "note": "x"}, 1.0),
        ({"confidence": "high", "probability": 0.5}, 0.5),
        ({"confidence": True}, None),
        ({"other": 0.5}, None),
    ],
)
def test_confidence_is_found_by_its_usual_names(
    info: dict[str, object] | None, expected: float | None
) -> None:
    table = columns([Tag(0, 1, "a", FILE, "", info)], texts={"a": 0}, tracks={"": 0})

    assert table["sure"] == [expected]


def test_details_that_would_fill_the_page_are_cut() -> None:
    table = columns(
        [Tag(0, 1, "a", FILE, "", {"text": "x" * 100_000})], texts={"a": 0}, tracks={"": 0}
    )

    assert len(table["infos"][0]) < 21_000
    assert table["infos"][0].startswith('{"cut":"')


def test_equal_details_stand_there_once() -> None:
    tags = [Tag(n, n, "a", FILE, "", {"model": "m"}) for n in range(3)]

    table = columns(tags, texts={"a": 0}, tracks={"": 0})

    assert (table["info"], table["infos"]) == ([0, 0, 0], ['{"model":"m"}'])


def test_names_are_numbered_in_the_order_of_the_alphabet() -> None:
    assert numbered(["b", "a", "b"]) == {"a": 0, "b": 1}
