"""COCO: pictures with boxes, polygons, masks and keypoints in one JSON file.

Read: `images`, `annotations` and `categories`. A picture without size is opened where it is found,
else its record stays in pixels.

Kept: file name, size, id; label, box, polygon, mask (run lengths, both forms), `iscrowd`, `area`
and keypoints as attributes; `score` as confidence, `track`; other attributes under `attributes`,
as CVAT has them, and so do other keys of an annotation; other keys of an image as metadata.
`attributes["category"]` is the category without its name, so that its id and skeleton come back.
An object of several polygons has the one with most corners in `polygon` and the others in
`attributes["more_polygons"]`, in pixels. LVIS's `neg_category_ids` are annotations with value 0
and no place.

Lost: info, licences, categories that no annotation has; times, vectors, and a mask beside a
polygon, with a warning. A polygon or mask without box gets the box around it. Labels without a
place (but for absent ones), and whole videos and sounds, are skipped.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.coco.objects import Categories, object_of, places
from common_ml.data.formats.coco.reader import IMAGE_KEYS, Reader
from common_ml.data.formats.shared.json_file import load_json
from common_ml.data.formats.shared.media import MediaFiles, known_size, pixel_scale
from common_ml.data.formats.shared.media_names import is_still
from common_ml.data.formats.shared.numeric_id import numeric_id
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.json_text import json_bytes
from common_ml.data.report import Report
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.formats.shared.policy import OnError
    from common_ml.data.record import Record
    from common_ml.types import StrPath

NAME = "coco"


def read(
    source: StrPath,
    *,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield the pictures of a file, in order.

    Args:
        source: The JSON file.
        on_error: Whether an annotation that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Where the pictures are.
        download: Fetch pictures from addresses that are not found there.

    Raises:
        FormatError: an invalid value, or an unknown id.
        OSError: the file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    return Reader(load_json(source), os.fspath(source), policy, media).records()


def write(
    records: Iterable[Record],
    target: StrPath,
    *,
    media_root: StrPath | None = None,
) -> Report:
    """Write the JSON file.

    Args:
        records: Pictures. Their sizes have to be known, or the pictures be found.
        target: The file.
        media_root: Where the pictures and label images are.

    Raises:
        OSError: the file cannot be written; the old file is unchanged.
    """
    report = Report()
    categories = Categories()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    media = MediaFiles(media_root)
    for record in _writable(records, media, report):
        image = _image_object(record, categories, report)
        images.append(image)
        annotations.extend(
            {"image": image, **object_of(place, categories)}
            for place in places(record, media, report)
        )
    _number(images)
    for number, annotation in enumerate(annotations, 1):
        annotation.update(id=number, image_id=annotation.pop("image")["id"])
    data = {
        "info": {"description": "Written by common-ml", "version": "1.0"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": categories.objects(),
    }
    categories.resolve(images, annotations)
    with replacing(target) as file:
        file.write(json_bytes(data, newline=True))
    report.written = len(images)
    return report


def _writable(records: Iterable[Record], media: MediaFiles, report: Report) -> Iterator[Record]:
    for record in records:
        if record.kind in ("video", "audio") or not (record.kind or is_still(record)):
            report.skip(record.id, f"is {record.kind or 'of unknown kind'}, and COCO has pictures")
            continue
        known = media.sized(record)
        needs_size = any(one.box or one.polygon for one in known.annotations)
        if needs_size and pixel_scale(known) is None:
            report.skip(record.id, "the size of its picture is not known, and COCO has pixels")
            continue
        yield known


def _image_object(record: Record, categories: Categories, report: Report) -> dict[str, Any]:
    image: dict[str, Any] = {"id": None, "file_name": record.media}
    size = known_size(record)
    if size is not None:
        image |= {"width": size[0], "height": size[1]}
    number = numeric_id(record.id)
    if number is not None:
        image["id"] = number
    elif record.id != record.media:
        image["record_id"] = record.id
    absent = [one.label for one in record.annotations if one.value == 0 and one.bounds() is None]
    if absent:
        for label in absent:
            categories.add(label)
        image["neg_category_ids"] = absent  # names, until all ids are known
    for key, value in record.metadata.items():
        if key in IMAGE_KEYS:
            report.warn(f"metadata {key!r} is not kept: COCO has a key of that name")
        else:
            image[key] = value
    return image


def _number(images: list[dict[str, Any]]) -> None:
    """Assign unique image ids, keeping the original one where possible."""
    taken: set[int] = set()
    free = 1
    for image in images:
        if image["id"] is not None and image["id"] not in taken:
            taken.add(image["id"])
        else:
            image["id"] = None
    for image in images:
        if image["id"] is None:
            while free in taken:
                free += 1
            image["id"] = free
            taken.add(free)
