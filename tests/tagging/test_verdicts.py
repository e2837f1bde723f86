"""Files of verdicts: lines, the last one counts, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import WireError
from common_ml.tagging.messages import FrameInfo, Tag
from common_ml.tagging.tags_file.verdicts import (
    TagKey,
    Verdict,
    decode_verdict,
    encode_verdict,
    key_of,
    read_verdicts,
    verdicts_path,
)

if TYPE_CHECKING:
    from pathlib import Path

ratio = st.floats(0, 1)
keys = st.builds(
    TagKey,
    st.text(),
    st.text(),
    st.text(),
    st.integers(0, 10**6),
    st.integers(10**6, 10**9),
    st.integers(0, 10**6),
    st.none() | st.tuples(ratio, ratio, ratio, ratio),
)


@given(keys, st.sampled_from(["accepted", "rejected", None]), st.text())
def test_a_line_is_the_verdict(key: TagKey, verdict: str | None, note: str) -> None:
    said = Verdict(key, verdict, note)  # type: ignore[arg-type]  # sampled_from gives str

    assert decode_verdict(encode_verdict(said).rstrip(b"\n")) == said


def test_a_tag_is_named_by_all_but_its_details() -> None:
    box = {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}
    tag = Tag(40, 40, "dog", "a.mp4", "pets", {"confidence": 0.5}, FrameInfo(1, box), [1.0])

    assert key_of(tag) == TagKey("a.mp4", "dog", "pets", 40, 40, 1, (0.1, 0.2, 0.3, 0.4))
    assert key_of(Tag(0, 9, "dog", "a")) == TagKey("a", "dog", "", 0, 9, None, None)


def test_the_last_verdict_on_a_tag_counts(tmp_path: Path) -> None:
    one, two, three = (TagKey("a", text, "", 0, 1, None, None) for text in "xyz")
    path = tmp_path / "tags.verdicts.jsonl"
    said = [
        Verdict(one, "accepted"),
        Verdict(two, "rejected", "blurred"),
        Verdict(one, "rejected"),
        Verdict(three, "accepted"),
        Verdict(three, None),  # taken back
        Verdict(two, None, "blurred"),  # a note alone
    ]
    path.write_bytes(b"".join(map(encode_verdict, said)) + b'{"type": "ver')

    assert read_verdicts(path) == {
        one: Verdict(one, "rejected"),
        two: Verdict(two, None, "blurred"),
    }
    assert verdicts_path(tmp_path / "tags.jsonl") == path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is not valid JSON"),
        ('{"type": "tag", "data": {}}', 'must be {"type": "verdict"'),
        ('{"type": "verdict", "data": {"tag": "x"}}', "lacks end_time"),
        (
            '{"type":"verdict","data":{"source_media":"a","tag":"","start_time":0,"end_time":1,"verdict":3}}',
            "verdict must be 'accepted', 'rejected' or null, got 3",
        ),
        ('{"type": "verdict", "data": {"tags": "x"}}', "has the unknown key 'tags'"),
    ],
)
def test_what_is_no_verdict_is_told_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "a.verdicts.jsonl"
    path.write_bytes(
        encode_verdict(Verdict(TagKey("a", "x", "", 0, 1, None, None), "accepted"))
        + line.encode()
        + b"\n"
    )

    with pytest.raises(WireError, match=r"a\.verdicts\.jsonl:2: the line") as caught:
        read_verdicts(path)

    assert said in str(caught.value)
