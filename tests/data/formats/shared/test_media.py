"""Media are found under every name that tools give them, and never silently the wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from common_ml.data.formats import coco, csv, diffgram, labelstudio
from common_ml.data.formats.shared import media_names
from common_ml.data.formats.shared.media import TURNED, MediaFiles
from common_ml.data.formats.shared.picture_size import decoded_size, picture_size
from common_ml.data.json_text import json_bytes
from common_ml.data.record import Annotation, Box, Mask, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError
from common_ml.media.images import read_image

if TYPE_CHECKING:
    from pathlib import Path


def picture(path: Path, size: tuple[int, int] = (100, 50), orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size).save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("media", "file"),
    [
        ("cats/a.jpg", "cats/a.jpg"),
        ("train\\cats\\a.jpg", "cats/a.jpg"),
        ("C:\\data\\cats\\a.jpg", "a.jpg"),
        ("./cats/a.jpg", "cats/a.jpg"),
        ("/data/local-files/?d=a%5Cmy%20photo.jpg", "a/my photo.jpg"),
        ("?d=a%5Cmy%20photo.jpg", "a/my photo.jpg"),
        ("http://localhost:8080/data/local-files/?d=root/my%20photo.jpg", "my photo.jpg"),
        ("/data/upload/4/3b051792-frame.png", "frame.png"),
        ("/data/upload/4/3b051792-frame.png", "upload/4/3b051792-frame.png"),
        ("http://host/data/upload/4/3b051792-frame.png", "frame.png"),
        ("https://x.example/b%C3%A4r%20k.jpg?X-Amz-Signature=1", "bär k.jpg"),
        ("s3://bucket/train/cats/a.jpg", "cats/a.jpg"),
        ("my%20photo.jpg", "my photo.jpg"),
        ("100%.jpg", "100%.jpg"),
        ("../../secret/a.jpg", "a.jpg"),
    ],
)
def test_names(tmp_path: Path, media: str, file: str) -> None:
    path = picture(tmp_path / file)
    assert MediaFiles(tmp_path).find(media) == path


def test_nothing_outside_of_the_folder_is_found_by_dots(tmp_path: Path) -> None:
    picture(tmp_path / "secret.jpg")
    (tmp_path / "root").mkdir()
    assert MediaFiles(tmp_path / "root").find("../secret.jpg") is None


def test_two_folders_with_one_base_name_are_an_error_that_names_both(tmp_path: Path) -> None:
    picture(tmp_path / "1.jpg")
    media = MediaFiles(tmp_path)
    media.find("cats/1.jpg")
    media.find("cats/1.jpg")  # another frame of the same

    with pytest.raises(FormatError, match=r"'cats/1\.jpg' and 'dogs/1\.jpg'"):
        media.find("dogs/1.jpg")


def test_original_names_are_looked_for(tmp_path: Path) -> None:
    path = picture(tmp_path / "camera 1.jpg")
    export = [
        {
            "id": 4,
            "type": "image",
            "original_filename": "camera 1.jpg",
            "image": {"width": 100, "height": 50, "url_signed": "https://x.example/9f1e?s=1"},
            "instance_list": [],
        }
    ]
    (tmp_path / "export.json").write_bytes(json_bytes(export))
    (record,) = diffgram.read(tmp_path / "export.json", media_root=tmp_path)

    assert record.media == str(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_decoded_picture(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path = picture(tmp_path / f"a.{suffix}", orientation=orientation)
    found, decoded = picture_size(path), decoded_size(path)
    assert found is not None
    assert decoded is not None
    assert found.upright == decoded.upright


def coco_of(folder: Path, width: int, height: int) -> Path:
    data = {
        "images": [{"id": 1, "file_name": "a.png", "width": width, "height": height}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 20, 10]}],
    }
    (folder / "a.json").write_bytes(json_bytes(data))
    return folder / "a.json"


def test_a_picture_of_another_size_is_an_error(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", (200, 100))
    path = coco_of(tmp_path, 100, 50)
    report = Report()

    with pytest.raises(FormatError, match="has 200 x 100 pixels, and 100 x 50 are recorded"):
        list(coco.read(path, media_root=tmp_path))
    assert list(coco.read(path, media_root=tmp_path, on_error="skip", report=report)) == []
    assert len(report.skipped) == 1


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_turn_along_where_only_exif_explains_the_size(
    tmp_path: Path, orientation: int
) -> None:
    """The decoder turns a white patch of the stored picture to where the box is turned to."""
    stored = np.zeros((50, 100, 3), np.uint8)
    stored[0:10, 0:20] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    report = Report()
    (record,) = coco.read(coco_of(tmp_path, 100, 50), media_root=tmp_path, report=report)

    assert (record.width, record.height) == (50, 100)
    assert report.repaired == {TURNED: 1}
    rows, columns = (read_image(tmp_path / "a.png")[:, :, 0] > 0).nonzero()
    box = record.annotations[0].box
    assert box is not None
    assert (round(box.x1 * 50), round(box.x2 * 50)) == (columns.min(), columns.max() + 1)
    assert (round(box.y1 * 100), round(box.y2 * 100)) == (rows.min(), rows.max() + 1)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_masks_turn_along(tmp_path: Path, orientation: int) -> None:
    inside = np.zeros((4, 6), bool)
    inside[0, :3] = True
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.where(inside, 255, 0).astype(np.uint8)).save(tmp_path / "a.png", exif=exif)
    record = Record(media="a.png", kind="image", width=6, height=4,
                    annotations=(Annotation("x", mask=Mask.from_array(inside)),))  # fmt: skip
    mask = MediaFiles(tmp_path).finished(record).annotations[0].mask

    assert mask is not None
    assert (mask.to_array() == (read_image(tmp_path / "a.png")[:, :, 0] > 0)).all()


@pytest.mark.parametrize("name", ["csv", "labelstudio"])
def test_media_root_reaches_every_reader(tmp_path: Path, name: str) -> None:
    path = picture(tmp_path / "deep" / "a.jpg")
    record = Record(media="x/y/deep/a.jpg", kind="image", width=100, height=50,
                    annotations=(Annotation("car", box=Box(0, 0, 1, 1)),))  # fmt: skip
    module: Any = {"csv": csv, "labelstudio": labelstudio}[name]
    module.write([record], tmp_path / "out.json")
    (found,) = module.read(tmp_path / "out.json", media_root=tmp_path)

    assert found.media == str(path)


@pytest.mark.parametrize(
    "url", ["http://[e]/a/b.jpg?x=1#y", "http://[::1/a/b.jpg", "file://]/a/b.jpg"]
)
def test_a_malformed_host_does_not_hide_the_name_of_a_file(url: str) -> None:
    assert media_names.full_name(url) == "/a/b.jpg"
    assert media_names.file_name(url) == "b.jpg"
    assert media_names.kind_of(url) == "image"
