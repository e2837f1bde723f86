"""The file of failed rows is a file that can be uploaded."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from common_ml.data import formats
from common_ml.data.record import Annotation, Box, Record
from tests.data.clarifai_upload.helpers import BOX, boxed, plain, states, url
from tests.data.clarifai_upload.platform import failure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.data.clarifai_upload.helpers import Uploader
    from tests.data.clarifai_upload.platform import Platform


def read(*paths: Path) -> list[Record]:
    reader = formats.get("clarifai")
    return [record for path in paths for record in reader.read(path)]


def test_failed_rows_come_back_as_they_were(
    platform: Platform, uploader: Uploader, tmp_path: Path
) -> None:
    records = [
        plain(1, "cat", "big dog", metadata={"source": "cam,1", "n": [1, None]}),
        Record(
            url(2),
            kind="image",
            annotations=(
                Annotation("outdoors"),
                Annotation("night", value=0),
                Annotation("face", box=BOX),
                Annotation("dog", value=0, box=Box(0, 0, 1, 0.1)),
            ),
        ),
        Record(url(3), kind="image", id="mine", metadata={"geo": {"longitude": 1, "latitude": 2}}),
    ]
    platform.faults["PostInputs"].append(failure(10020, "out, of\norder"))
    summary = uploader(records)

    (written,) = summary.write_failed(tmp_path / "failed.csv")

    assert [one.to_json() | {"id": ""} for one in read(written)] == [
        one.to_json() | {"id": ""} for one in records
    ]
    assert read(written)[2].id == "mine"
    with written.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["error"] for row in rows} == {"FAILURE (10020): Failure: out, of\norder"}
    assert states(uploader(read(written))) == ["uploaded"] * 3
    assert platform.regions(url(2)) == {
        (0.125, 0.25, 0.5, 0.75, "face", 1),
        (0, 0, 0.1, 1, "dog", 0),
    }
    assert platform.concepts(url(2)) == {("outdoors", 1), ("night", 0)}


def test_only_what_is_missing_is_uploaded_again(
    platform: Platform, uploader: Uploader, tmp_path: Path
) -> None:
    platform.refused_concepts = {"bad": 24155, "outdoors": 24155}
    record = Record(
        url(1),
        kind="image",
        annotations=(
            Annotation("outdoors"),
            Annotation("good", box=BOX),
            Annotation("bad", box=Box(0, 0, 1, 1)),
        ),
    )
    first = uploader([record, plain(2)]).write_failed(tmp_path / "failed.csv")
    platform.refused_concepts = {"outdoors": 24155}
    second = uploader(read(*first)).write_failed(tmp_path / "failed-2.csv")
    platform.refused_concepts = {}

    summary = uploader(read(*second))

    assert states(summary) == ["uploaded"]
    assert summary.num_annotations == 1
    assert len(platform.annotations) == 3
    assert platform.concepts(url(1)) == {("outdoors", 1)}
    assert len(platform.regions(url(1))) == 2


def test_what_a_csv_cannot_hold_goes_to_json_beside_it(
    platform: Platform, uploader: Uploader, tmp_path: Path
) -> None:
    """Concepts with the separator or blanks at their ends, and two records of one address."""
    platform.refused = {url(number): 30104 for number in range(4)}
    records = [plain(0, "a|b"), boxed(1, " blank "), plain(2), plain(2, id="again"), plain(3)]
    summary = uploader(records)

    written = summary.write_failed(tmp_path / "failed.csv")

    assert [path.name for path in written] == ["failed.csv", "failed.json"]
    assert [one.media for one in read(written[0])] == [url(2), url(3)]
    assert [one.media for one in read(written[1])] == [url(0), url(1), url(2)]
    assert {label for one in read(*written) for label in one.labels()} == {"a|b", " blank ", "cat"}


def test_paths_are_found_from_another_folder(
    platform: Platform, uploader: Uploader, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    platform.refused = {"": 30104}
    summary = uploader([Record("a.jpg", kind="image")], media_root=tmp_path)

    (near,) = summary.write_failed(tmp_path / "failed.csv")
    (far,) = summary.write_failed(tmp_path / "elsewhere" / "failed.csv")

    assert read(near)[0].media == "a.jpg"
    assert read(far)[0].media == str(tmp_path / "a.jpg")


def test_nothing_is_written_when_nothing_failed(uploader: Uploader, tmp_path: Path) -> None:
    assert uploader([plain(1)]).write_failed(tmp_path / "failed.csv") == []
    assert list(tmp_path.iterdir()) == []
