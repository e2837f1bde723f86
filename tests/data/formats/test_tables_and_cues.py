"""Tables, Parquet files and cues as spreadsheets, the hub and video sites have them."""

from __future__ import annotations

import datetime as dt
import tarfile
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common_ml.data import formats
from common_ml.data.geometry import Box
from common_ml.data.report import Report
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.record import Record


def read(path: Path, report: Report | None = None, *, name: str = "") -> list[Record]:
    known = name or formats.recognise(path)
    return list(formats.get(known).read(path, report=report))


@pytest.mark.parametrize("head", ["", "\ufeffsep=;\r\n"])
def test_decimal_commas_of_spreadsheets_are_points(tmp_path: Path, head: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{head}media;label;x1;y1;x2;y2\r\na,b.png;1,5;0,1;0,125;0,5;0,25\r\n")
    report = Report()
    (record,) = read(path, report)
    assert record.media == "a,b.png"
    (found,) = record.annotations
    assert (found.label, found.box) == ("1,5", Box(0.1, 0.125, 0.5, 0.25))
    assert sum(report.repaired.values()) == 1


def test_what_may_be_a_thousand_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('media,label,start_seconds\na.mp4,x,"1,234"\n')
    with pytest.raises(FormatError, match="start_seconds: must be a number, got '1,234'"):
        read(path)


@pytest.mark.parametrize(
    ("header", "name"), [("Media , Label", "csv"), ("URL,Pos_Concepts", "clarifai")]
)
def test_names_of_columns_may_be_in_capitals(tmp_path: Path, header: str, name: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\na.png,cat\n")
    assert formats.recognise(path) == name
    (record,) = read(path)
    assert [one.label for one in record.annotations] == ["cat"]


def test_columns_that_are_not_read_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",media,label,colour\n0,a.png,cat,red\n")
    report = Report()
    read(path, report)
    assert report.warnings == ["columns that are not read: colour"]


OBJECTS = {"bbox": [[1.0, 2.0, 3.0, 4.0]], "category": ["cat"]}


def parquet(path: Path, *rows: dict[str, Any]) -> list[Record]:
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return read(path, name="huggingface")


@pytest.mark.parametrize("image", [{"bytes": b"x", "path": None}, b"x"])
def test_pictures_without_a_name_are_called_after_their_rows(tmp_path: Path, image: Any) -> None:
    row = {"image": image, "objects": OBJECTS}
    records = parquet(tmp_path / "train.parquet", row, row)
    assert [one.media for one in records] == ["train-1", "train-2"]
    assert [len(one.annotations) for one in records] == [1, 1]


def test_pictures_of_one_name_keep_their_rows(tmp_path: Path) -> None:
    row = {"image": {"bytes": b"x", "path": "image.png"}, "objects": OBJECTS}
    records = parquet(tmp_path / "train.parquet", row, row)
    assert [one.media for one in records] == ["image.png", "image.png"]
    assert [one.id for one in records] == ["image.png", "image.png, train row 2"]


def test_other_columns_and_lists_are_kept(tmp_path: Path) -> None:
    day = dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)
    (record,) = parquet(
        tmp_path / "a.parquet",
        {
            "file_name": "a.png", "image_id": 7, "caption": "x", "day": day, "price": Decimal(1),
            "objects": {**OBJECTS, "score": [0.5], "occluded": [True], "id": [3]},
        },
    )  # fmt: skip
    assert (record.media, record.id) == ("a.png", "7")
    assert record.metadata == {
        "caption": "x", "day": "2024-01-02T00:00:00+00:00", "price": "1",
    }  # fmt: skip
    (found,) = record.annotations
    assert (found.confidence, found.attributes) == (0.5, {"occluded": True})


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view()])
def test_every_kind_of_text_is_one(tmp_path: Path, kind: Any) -> None:
    table = pa.table({"image": pa.array(["a.png"], kind), "label": pa.array(["cat"], kind)})
    pq.write_table(table, tmp_path / "a.parquet")
    (record,) = read(tmp_path / "a.parquet", name="huggingface")
    assert (record.media, record.labels()) == ("a.png", ("cat",))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_subrip_is_read_as_webvtt(tmp_path: Path, mark: str, end: str) -> None:
    path = tmp_path / "a.srt"
    lines = ["1", "00:00:01,000 --> 00:00:02,500", "{\\an8}<i>hi, you</i>", "", "2",
             "1:00:03,000 --> 1:00:04,000", "1,234"]  # fmt: skip
    path.write_bytes((mark + end.join(lines)).encode())
    assert formats.recognise(path) == "webvtt"
    (record,) = read(path)
    assert [(one.label, one.start_seconds, one.end_seconds) for one in record.annotations] == [
        ("hi, you", 1.0, 2.5), ("1,234", 3603.0, 3604.0),
    ]  # fmt: skip


def test_commas_in_webvtt_itself_are_still_refused(tmp_path: Path) -> None:
    """As browsers do."""
    path = tmp_path / "a.vtt"
    path.write_text("WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nhi\n")
    report = Report()
    (record,) = read(path, report)
    assert (record.annotations, len(report.skipped)) == ((), 1)


def test_an_archive_is_named_where_the_format_is_to_be_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as file:
        file.add(__file__, "a.py")
    with pytest.raises(FormatError, match="is a tar archive; hint: unpack it"):
        formats.recognise(path)
