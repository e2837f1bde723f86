"""Read Clarifai's CSV files as in its samples and as users write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.data.formats import clarifai, csv
from common_ml.data.formats.shared import policy
from common_ml.data.record import Annotation, Box, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "url,left_col,top_row,right_col,bottom_row,pos_concepts,metadata\n"


@pytest.mark.parametrize(
    ("cell", "metadata"),
    [
        ("{'filename': 'canal.jpg'}", {"filename": "canal.jpg"}),
        ("\"{'n': [1, None, True]}\"", {"n": [1, None, True]}),
        ('"{""n"": NaN}"', {"n": None}),
        ('"{""id"": 123456789012345678901}"', {"id": 123456789012345678901}),
    ],
)
def test_metadata_as_the_platform_reads_it(
    tmp_path: Path, cell: str, metadata: dict[str, object]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"url,pos_concepts,metadata\na.jpg,canal,{cell}\n")
    (record,) = clarifai.read(path)
    assert record.metadata == metadata


@pytest.mark.parametrize("cell", ["many", "[1]", "{'a': b}", "\"{'a': 1, }}\"", "__import__('os')"])
def test_metadata_as_text_costs_only_itself(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"url,pos_concepts,metadata\na.jpg,canal,{cell}\nb.jpg,dog,\n")
    report = Report()

    with pytest.raises(FormatError, match="line 2, metadata"):
        list(clarifai.read(path))
    records = list(clarifai.read(path, on_error="skip", report=report))
    assert [one.labels() for one in records] == [("canal",), ("dog",)]
    assert [one.place for one in report.skipped] == ["line 2"]


def test_edges_a_hair_outside_and_exchanged_edges(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        HEADER + "a.jpg,0,0,1.0000000000000002,1,car,\nb.jpg,0.5,0.75,0.25,0.5,car,\n"
        "c.jpg,0,0,640,480,car,\n"
    )
    report = Report()
    first, second = clarifai.read(path, on_error="skip", report=report)

    assert first.annotations[0].box == Box(0, 0, 1, 1)
    assert second.annotations[0].box == Box(0.25, 0.5, 0.5, 0.75)
    assert report.repaired == {policy.CLIPPED: 1, policy.FLIPPED: 1}
    assert [(one.place, one.kind) for one in report.skipped] == [
        ("line 4", "bottom_row: must be 0..1, a share of the picture")
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_of_any_program(tmp_path: Path, separator: str, newline: str, encoding: str) -> None:
    rows = [["media", "label", "x1", "y1", "x2", "y2"], ["ä.jpg", '"a,b;c"', "0", "0", "1", "1"]]
    text = newline.join(separator.join(row) for row in rows)  # and no newline at the end
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    (record,) = csv.read(tmp_path / "a.csv")

    assert record.media == "ä.jpg"
    assert record.annotations == (Annotation("a,b;c", box=Box(0, 0, 1, 1)),)


def test_the_first_line_may_name_the_separator(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=;\nmedia;label\na.jpg;x,y\n")
    (record,) = csv.read(tmp_path / "a.csv")
    assert record.labels() == ("x,y",)


def test_latin_1_is_refused_with_line_and_column(tmp_path: Path) -> None:
    lines = ["media,label", *(f"{n}.jpg,car" for n in range(3000)), "x.jpg,größe"]
    (tmp_path / "a.csv").write_bytes("\n".join(lines).encode("latin-1"))
    with pytest.raises(FormatError, match=r"line 3002, column 9: not UTF-8.*hint: convert"):
        list(csv.read(tmp_path / "a.csv"))


def test_formulas_are_prefixed_where_that_is_asked_for(tmp_path: Path) -> None:
    """A spreadsheet runs cells that begin so."""
    label = '=HYPERLINK("http://x")'
    record = Record(
        media="a.jpg", annotations=(Annotation(label), Annotation("-5"), Annotation("a"))
    )
    csv.write([record], tmp_path / "a.csv")
    assert next(csv.read(tmp_path / "a.csv")).annotations[0].label == label

    csv.write([record], tmp_path / "b.csv", escape_formulas=True)
    found = [one.label for one in next(csv.read(tmp_path / "b.csv")).annotations]
    assert found == [f"'{label}", "'-5", "a"]
    clarifai.write([record], tmp_path / "c.csv", escape_formulas=True)
    assert "'=HYPERLINK" in (tmp_path / "c.csv").read_text()
