"""`Tags`: a list of tags that can be saved, tabulated and shown."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import OutputError
from common_ml.tagging.messages import Error, FrameInfo, Progress, Tag
from common_ml.tagging.tag_list import MAX_SHOWN, Tags
from common_ml.tagging.wire import Writer, read_messages

if TYPE_CHECKING:
    from pathlib import Path

BOX = {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}
FRAME = Tag(500, 500, "cat", "a.mp4", frame_info=FrameInfo(12, BOX), additional_info={"score": 0.5})
RANGE = Tag(0, 2000, "cat", "a.mp4", "animals", vector=[0.5])
MESSAGES = [FRAME, RANGE, Progress("a.mp4"), Error("broken", "b.mp4")]


def test_it_is_a_list_of_its_tags() -> None:
    tags = Tags(MESSAGES)

    assert tags == [FRAME, RANGE]
    assert (len(tags), tags[0], tags[-1], list(tags[1:])) == (2, FRAME, RANGE, [RANGE])
    assert isinstance(tags[:1], Tags)
    assert FRAME in tags
    assert tags.index(RANGE) == 1
    assert tags != Tags([FRAME])
    assert tags.files == ["a.mp4", "b.mp4"]
    assert tags.errors == [Error("broken", "b.mp4")]


def test_saved_it_is_what_a_tagger_writes(tmp_path: Path) -> None:
    with Writer(tmp_path / "expected.jsonl") as writer:
        for message in MESSAGES:
            writer.write(message)

    Tags(MESSAGES).save(tmp_path / "tags.jsonl")

    assert (tmp_path / "tags.jsonl").read_bytes() == (tmp_path / "expected.jsonl").read_bytes()
    assert Tags.read(tmp_path / "tags.jsonl") == Tags(MESSAGES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected.jsonl", "tags.jsonl"]


def test_selected_tags_are_saved_as_complete_files(tmp_path: Path) -> None:
    Tags(MESSAGES)[:1].save(tmp_path / "tags.jsonl")

    with read_messages(tmp_path / "tags.jsonl") as messages:
        assert list(messages) == [FRAME, Progress("a.mp4")]


def test_an_existing_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    path.write_text("old")
    bad = Tag(additional_info={"x": object()}, source_media="a")

    with pytest.raises(ValueError, match="additional_info"):
        Tags([FRAME, bad]).save(path)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_as_a_data_frame() -> None:
    table = Tags(MESSAGES).to_pandas()

    assert json.loads(table.to_json(orient="records")) == [
        {
            "source_media": "a.mp4",
            "start_time": 500,
            "end_time": 500,
            "track": "",
            "tag": "cat",
            "confidence": 0.5,
            "frame_idx": 12,
            **BOX,
            "additional_info": {"score": 0.5},
            "vector": None,
        },
        {
            "source_media": "a.mp4",
            "start_time": 0,
            "end_time": 2000,
            "track": "animals",
            "tag": "cat",
            "confidence": None,
            "frame_idx": None,
            **dict.fromkeys(BOX),
            "additional_info": None,
            "vector": [0.5],
        },
    ]
    assert list(Tags([]).to_pandas().columns) == list(table.columns)


def test_as_text_it_is_short_and_says_what_failed() -> None:
    assert repr(Tags(MESSAGES)).splitlines() == [
        "2 tags of 2 files, 1 error",
        "  a.mp4      0.500      0.500  cat",
        "  a.mp4      0.000      2.000  animals: cat",
        "  error: b.mp4: broken",
    ]
    assert repr(Tags([FRAME] * (MAX_SHOWN + 5))).endswith("\n  and 5 more")


def test_texts_of_others_are_literal_in_text_and_html() -> None:
    tags = Tags([Tag(tag="<script>\x1b[31m", source_media="<b>")])

    assert "<script>\\x1b[31m" in repr(tags)
    assert "&lt;script&gt;\\x1b[31m" in tags._repr_html_()
    assert "<b>" not in tags._repr_html_()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "tags.jsonl", "a\0b"):
        with pytest.raises(OutputError, match=r"the output file .* cannot be written: "):
            Tags(MESSAGES).save(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tags.jsonl")
    reader = os.open(tmp_path / "tags.jsonl", os.O_RDONLY | os.O_NONBLOCK)

    Tags(MESSAGES).save(tmp_path / "tags.jsonl")

    assert len(os.read(reader, 1 << 16).splitlines()) == len(MESSAGES)
    os.close(reader)
