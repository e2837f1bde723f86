"""Text files of every format in every encoding of Unicode hold the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.data import formats
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "coco.json": '{"images": [{"id": 1, "file_name": "ä.png"}], "categories":'
    ' [{"id": 1, "name": "café"}], "annotations": [{"image_id": 1, "category_id": 1}]}',
    "csv.csv": "media,label\nä.png,café\n",
    "webvtt.vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\ncafé\n",
    "voc.xml": "<annotation><filename>ä.png</filename><object><name>café</name><bndbox>"
    "<xmin>1</xmin>"
    "<ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object></annotation>",
    "cvat.xml": '<annotations><image id="0" name="ä.png"><tag label="café"/></image></annotations>',
}


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le"]
)
@pytest.mark.parametrize("file", FILES)
def test_all_encodings_of_unicode_are_read(tmp_path: Path, file: str, encoding: str) -> None:
    path = tmp_path / file
    path.write_bytes(FILES[file].encode(encoding))
    name = formats.recognise(path)
    assert name == path.stem
    (record,) = formats.get(name).read(path)
    assert [one.label for one in record.annotations] == ["café"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_bytes_that_are_not_of_the_marked_encoding_are_an_error(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "csv.csv"
    path.write_bytes(FILES["csv.csv"].encode(encoding)[:-2] + b"\xdc")
    with pytest.raises(FormatError, match=f"not {encoding.upper()}"):
        list(formats.get("csv").read(path))
