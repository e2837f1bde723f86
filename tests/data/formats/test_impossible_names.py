"""Names that no file can have: a plain error or a record, never the system's own error."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.data.formats import get, voc, yolo
from common_ml.data.record import Record
from common_ml.errors import DataError
from tests.soak.fuzz_readers import FOLDERS, RECORD, annotation_checks, annotation_seeds

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["x" * 5000 + ".jpg", "d/" * 3000 + "a.jpg", "\0.jpg", "../" * 50 + "etc/passwd"]


@pytest.mark.parametrize("name", NAMES, ids=["long", "deep", "nul", "up"])
@pytest.mark.parametrize("kind", FOLDERS)
def test_the_name_of_a_picture(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / "seed").mkdir()
    (tmp_path / "read").mkdir()
    (seed,) = annotation_seeds(kind, tmp_path / "seed")
    changed = seed.replace(RECORD.media.encode(), name.encode())
    annotation_checks()[kind](changed, tmp_path / "read")


@pytest.mark.parametrize("name", NAMES, ids=["long", "deep", "nul", "up"])
@pytest.mark.parametrize(
    "document", ["path: {}\ntrain: .\n", "train: {}\n", 'train: ["{}"]\n', "train: list.txt\n"]
)
def test_the_names_in_the_description_of_a_yolo_dataset(
    tmp_path: Path, document: str, name: str
) -> None:
    path = tmp_path / "data.yaml"
    path.write_text(document.format(name) + "names: [a]\n")
    (tmp_path / "list.txt").write_text(f"{name}\n")
    for on_error in ("raise", "skip"):
        with suppress(DataError):
            list(get("yolo").read(path, on_error=on_error))


@pytest.mark.parametrize("written", [yolo, voc], ids=["yolo", "voc"])
@pytest.mark.parametrize("name", [f"{'n' * 252}.jpg", f"{'d/' * 1600}a.jpg"], ids=["long", "deep"])
def test_a_name_that_is_too_long_is_left_out_of_what_is_written(
    tmp_path: Path, written: Any, name: str
) -> None:
    records = [Record(media=media, width=10, height=10) for media in (name, "good.jpg")]
    report = written.write(records, tmp_path / "out")
    assert [one.reason for one in report.skipped] == ["its name is too long for a file"]
    assert report.written == 1
