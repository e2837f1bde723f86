"""WebVTT as the specification's parser reads it (its rules, and cases of its test suite)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.data.formats import webvtt
from common_ml.data.formats.webvtt.blocks import times_of
from common_ml.data.record import Annotation, Record
from common_ml.data.report import Report

if TYPE_CHECKING:
    from pathlib import Path

T1, T2, T3 = "00:01.000 --> 00:02.000", "00:03.000 --> 00:04.000", "00:05.000 --> 00:06.000"


@pytest.mark.parametrize(
    ("body", "cues"),
    [
        (f"\n{T1}\na\n", [(1, 2, "a")]),  # no blank line behind the header
        (f" header\n{T1}\na\n", [(1, 2, "a")]),
        (f"\nX-TIMESTAMP-MAP=LOCAL\n{T1}\na\n", [(1, 2, "a")]),
        (f"\n\n{T1}\na\n{T2}\nb\n", [(1, 2, "a"), (3, 4, "b")]),  # a timing line inside a block
        (f"\n\nname\n{T1}\na\n{T2}\nb\n", [(1, 2, "a"), (3, 4, "b")]),
        (f"\n\n \n1\n{T1}\na\n", [(1, 2, "a")]),  # a line of blanks before a name
        (f"\n\none\ntwo\n{T1}\na\n", [(1, 2, "a")]),
        (f"\n\n{T1}\n{T2}\nb\n", [(1, 2, ""), (3, 4, "b")]),
        (f"\n\nNOTE\n{T1}\na\n", [(1, 2, "a")]),  # the comment is the name of the cue
        (f"\n\nNOTE a\nb\n{T1}\nc\n", [(1, 2, "c")]),
        (f"\n\nSTYLE\n::cue {{ }}\n\n{T1}\na\n", [(1, 2, "a")]),
        (f"\n\n\n\n{T1}\na\nb\n\n\n{T3}\nc", [(1, 2, "a\nb"), (5, 6, "c")]),
        (f"\n\n{T1} align:start line:0\na\n", [(1, 2, "a")]),
        ("\n\n00:01.000-->00:02.000\na\n", [(1, 2, "a")]),
        ("\n\n\t00:01.000\t-->\t00:02.000\na\n", [(1, 2, "a")]),
        ("\n\n0:00:01.000 --> 1:00:02.000\na\n", [(1, 3602, "a")]),
        ("\n\n100:00:01.000 --> 1000:00:02.000\na\n", [(360001, 3600002, "a")]),
        (f"\n\n{T1}\na\0b\n", [(1, 2, "a\ufffdb")]),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
def test_cues(
    tmp_path: Path, body: str, cues: list[tuple[float, float, str]], newline: str
) -> None:
    path = tmp_path / "a.vtt"
    path.write_text(f"WEBVTT{body}", encoding="utf-8", newline=newline)
    (record,) = webvtt.read(path)

    found = [(one.start_seconds, one.end_seconds, one.label) for one in record.annotations]
    assert found == cues


@pytest.mark.parametrize(
    "timing",
    [
        "00:01.000 --> 00:01.000",
        "00:02.000 --> 00:01.000",
        "00:01 --> 00:02.000",
        "00:61.000 --> 01:02.000",
        "0:01.000 --> 00:02.000",
        "00:01.0000 --> 00:02.000",
        "00:01,000 --> 00:02,000",
        "-->",
        "a --> b",
    ],
)
def test_bad_cues_are_left_out_with_a_warning(
    tmp_path: Path, timing: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.vtt"
    path.write_text(f"WEBVTT\n\n{T1}\na\n\n{timing}\nb\n\n{T3}\nc\n")
    report = Report()
    (record,) = webvtt.read(path, report=report)

    assert [one.label for one in record.annotations] == ["a", "c"]
    assert [one.place for one in report.skipped] == ["line 6"]
    assert "line 6: cue left out" in caplog.text


def test_times_of_many_digits_are_linear() -> None:
    assert times_of("1" * 100_000 + ":00:00.000 --> 00:01.000") is None
    assert times_of("9" * 100_000 + " --> 00:01.000") is None


def test_a_name_too_long_for_a_file_costs_no_other(tmp_path: Path) -> None:
    cue = (Annotation("a", start_seconds=1, end_seconds=2),)
    records = [Record(media=f"{name}.mp4", annotations=cue) for name in ("x" * 300, "b")]
    report = webvtt.write(records, tmp_path / "out")

    assert [one.name for one in (tmp_path / "out").iterdir()] == ["b.vtt"]
    assert [(one.what, one.reason) for one in report.skipped] == [
        ("x" * 300 + ".mp4", "its name is too long for a file")
    ]
