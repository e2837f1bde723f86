"""What is handed over instead of tags is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from common_ml import FrameTag, Tag, merge_runs, track_boxes

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("function", [merge_runs, track_boxes])
@pytest.mark.parametrize(
    ("given", "got"),
    [
        ([Tag(0, 1, "a"), FrameTag("a")], r"FrameTag at \[1\]; hint: a FrameTag has no time yet"),
        ([{"tag": "a"}], r"dict at \[0\]; hint: .*read_messages"),
        (Tag(0, 1, "a"), "Tag$"),
        ("tags.jsonl", "str; hint: .*read_messages"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_list_of_tags_is_named(
    function: Callable[[Any], object], given: Any, got: str
) -> None:
    name = function.__name__
    with pytest.raises(TypeError, match=f"{name} takes a list of Tag, got {got}"):
        function(given)


def test_tags_of_any_iterable_are_taken() -> None:
    tags = [Tag(0, 1, "a"), Tag(5, 6, "b")]

    assert merge_runs(iter(tags)) == tags == track_boxes(tuple(tags))
