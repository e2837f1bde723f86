"""Datasets that common-ml writes, read by the tools they are for; every box is compared.

python -m tests.data.formats.other_tools FOLDER          writes them, with common-ml
python tests/data/formats/other_tools.py --read FOLDER   reads them, without common-ml

Reading wants fiftyone, datumaro, ultralytics and label-studio-sdk in one environment; they are
large, and too much for the environment of the tests.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Boxes = dict[str, list[tuple[str, tuple[float, ...]]]]
"""Name of a picture without extension -> labels and left, top, width, height in shares of it."""
SIZE = (160, 120)
POLYGON = ((0.1, 0.1), (0.6, 0.2), (0.4, 0.9))
EXPECTED: Boxes = {
    f"pic {number}": [
        *((f"c{k % 3}", (0.125 * k, 0.0625 * k, 0.25, 0.5)) for k in range(number)),
        ("poly", (0.1, 0.1, 0.5, 0.8)),
    ]
    for number in range(6)
}


def write(folder: Path) -> None:
    """Write the pictures in every format that the tools read."""
    import numpy as np
    from PIL import Image

    from common_ml.data.formats import get
    from common_ml.data.record import Annotation, Box, Record

    records = []
    (folder / "media").mkdir(parents=True)
    for number, (name, boxes) in enumerate(EXPECTED.items()):
        path = folder / "media" / f"{name}.jpg"
        Image.fromarray(np.full((SIZE[1], SIZE[0], 3), 40 * number, np.uint8)).save(path)
        annotations = [
            Annotation(label, polygon=POLYGON)
            if label == "poly"
            else Annotation(label, box=Box(x, y, x + width, y + height))
            for label, (x, y, width, height) in boxes
        ]
        records.append(
            Record(
                str(path),
                kind="image",
                width=SIZE[0],
                height=SIZE[1],
                annotations=tuple(annotations),
                metadata={"split": "train" if number % 3 else "val"},
            )
        )
    formats: list[tuple[str, str, dict[str, str]]] = [
        ("yolo", "yolo", {"task": "detect"}),
        ("yolo", "yolo_polygons", {"task": "segment"}),
        ("voc", "voc", {}),
        ("cvat", "cvat.xml", {}),
        ("fiftyone", "fiftyone", {}),
        ("labelstudio", "tasks.json", {"results": "annotations"}),
    ]
    for name, target, options in formats:
        writer: Any = get(name)
        writer.write(iter(records), folder / target, **options)


def fiftyone(folder: Path) -> Iterator[tuple[str, Boxes, float]]:
    """FiftyOne's importers; that of Pascal VOC cuts edges to whole pixels."""
    data, yolo, voc = (import_module(f"fiftyone.utils.{one}") for one in ("data", "yolo", "voc"))
    images = data.FiftyOneImageDetectionDatasetImporter(dataset_dir=str(folder / "fiftyone"))
    yield "fiftyone", _imported(images), 1e-6
    root = folder / "yolo"
    parts: Boxes = {}
    for split in ("train", "val"):
        options = {"dataset_dir": str(root), "yaml_path": str(root / "data.yaml"), "split": split}
        parts |= _imported(yolo.YOLOv5DatasetImporter(**options))
    yield "yolo", parts, 1e-4
    root = folder / "voc"
    places = {"data_path": str(root / "JPEGImages"), "labels_path": str(root / "Annotations")}
    yield "voc", _imported(voc.VOCDetectionDatasetImporter(**places)), 1.01 / SIZE[1]


def _imported(importer: Any) -> Boxes:
    with importer:
        return {
            Path(path).stem: [(one.label, tuple(one.bounding_box)) for one in labels.detections]
            for path, _, labels in importer
        }


def datumaro(folder: Path) -> Iterator[tuple[str, Boxes, float]]:
    """Datumaro's importers."""
    dataset = import_module("datumaro.components.dataset").Dataset
    for name in ("voc", "yolo"):
        found = dataset.import_from(str(folder / name), name)
        labels = next(iter(found.categories().values()))
        yield (
            name,
            {
                Path(item.id).stem: [
                    (
                        labels[one.label].name,
                        (one.x / SIZE[0], one.y / SIZE[1], one.w / SIZE[0], one.h / SIZE[1]),
                    )
                    for one in item.annotations
                ]
                for item in found
            },
            1e-4,
        )


def ultralytics(folder: Path) -> Iterator[tuple[str, Boxes, float]]:
    """The dataset class that Ultralytics trains on."""
    check = import_module("ultralytics.data.utils").check_det_dataset
    make = import_module("ultralytics.data.dataset").YOLODataset
    for name, task in (("yolo", "detect"), ("yolo_polygons", "segment")):
        data = check(str(folder / name / "data.yaml"), autodownload=False)
        found: Boxes = {}
        for split in ("train", "val"):
            for one in make(img_path=data[split], data=data, task=task, augment=False).labels:
                found[Path(one["im_file"]).stem] = [
                    (data["names"][int(label)], (x - w / 2, y - h / 2, w, h))
                    for label, (x, y, w, h) in zip(one["cls"].ravel(), one["bboxes"], strict=True)
                ]
        yield name, found, 1e-4


def label_studio(folder: Path) -> Iterator[tuple[str, Boxes, float]]:
    """Label Studio's own converter, to COCO; a file for import has no ids yet."""
    tasks = json.loads((folder / "tasks.json").read_text())
    for number, task in enumerate(tasks, 1):
        task["id"] = number
        for annotation in task["annotations"]:
            annotation["id"] = number
    (folder / "export.json").write_text(json.dumps(tasks))
    converter = import_module("label_studio_sdk.converter").Converter(
        str(folder / "tasks.config.xml"), str(folder), download_resources=False
    )
    converter.convert(str(folder / "export.json"), str(folder / "coco"), "COCO", is_dir=False)
    made = json.loads((folder / "coco/result.json").read_text())
    labels = {one["id"]: one["name"] for one in made["categories"]}
    names = {one["id"]: Path(one["file_name"]).stem for one in made["images"]}
    found: Boxes = {name: [] for name in names.values()}
    for one in made["annotations"]:
        x, y, width, height = one["bbox"]
        shares = (x / SIZE[0], y / SIZE[1], width / SIZE[0], height / SIZE[1])
        found[names[one["image_id"]]].append((labels[one["category_id"]], shares))
    yield "labelstudio", found, 1e-6


READERS: tuple[Callable[[Path], Iterator[tuple[str, Boxes, float]]], ...] = (
    fiftyone,
    datumaro,
    ultralytics,
    label_studio,
)


def read(folder: Path) -> int:
    """Compare what each tool reads; return how many differ."""
    num_wrong = 0
    for reader in READERS:
        for name, found, tolerance in reader(folder):
            wrong = [
                one for one in EXPECTED if not _agree(found.get(one), EXPECTED[one], tolerance)
            ]
            num_wrong += bool(wrong) or set(found) != set(EXPECTED)
            line = f"{reader.__name__:12} {name:14} {len(found)} pictures, {len(wrong)} differ\n"
            sys.stdout.write(line)
    return num_wrong


def _agree(found: Any, expected: Any, tolerance: float) -> bool:
    """Whether the same labels stand at the same places, in any order."""
    if found is None or len(found) != len(expected):
        return False
    return all(
        any(
            label == one[0]
            and max(abs(a - b) for a, b in zip(box, one[1], strict=True)) < tolerance
            for one in expected
        )
        for label, box in found
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        sys.exit(read(Path(sys.argv[2])) > 0)
    write(Path(sys.argv[1]))
