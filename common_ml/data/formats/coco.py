"""COCO: pictures with boxes, polygons, masks and keypoints in one JSON file.

Read: `images`, `annotations` and `categories`. A picture without size is opened where it is found,
else its record stays in pixels.

Kept: file name, size, id; label, box, polygon, mask (run lengths, both forms), `iscrowd`, `area`
and keypoints as attributes; `score` as confidence, `track`; other attributes under `attributes`, as
CVAT has them; other keys of an image as metadata. `attributes["category"]` is the category without
its name, so that its id and skeleton come back. An object of several polygons has the one with
most corners in `polygon` and the others in `attributes["more_polygons"]`, in pixels. LVIS's
`neg_category_ids` are annotations with value 0 and no place.

Lost: info, licences, categories that no annotation has; times, vectors, and a mask beside a
polygon, with a warning. A polygon or mask without box gets the box around it. Labels without a
place (but for absent ones), and whole videos and sounds, are skipped.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson

from common_ml.data.formats.atomic import replacing
from common_ml.data.formats.coco_objects import Categories, object_of, places
from common_ml.data.formats.items import Item, items_of, load_json
from common_ml.data.formats.masks import coco_counts
from common_ml.data.formats.pixels import in_ratio, is_still, sized
from common_ml.data.record import Annotation, Box, Mask, Polygon, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

NAME = "coco"

_IMAGE_KEYS = {"id", "file_name", "width", "height", "record_id", "neg_category_ids"}
_KEPT_KEYS = ("iscrowd", "area", "keypoints", "num_keypoints")


def read(
    source: str | os.PathLike[str], *, media_root: str | os.PathLike[str] | None = None
) -> Iterator[Record]:
    """The pictures of a file, in order.

    Args:
        source: The JSON file.
        media_root: Where the pictures are.

    Raises:
        FormatError: a wrong value, or an id that nothing has.
        OSError: the file cannot be read.
    """
    path = str(source)
    data = load_json(source)
    if not isinstance(data, dict) or "images" not in data:
        raise FormatError(
            f"{path}: must be an object with images, annotations and categories, got "
            + (f"keys {', '.join(list(data)[:5])}" if isinstance(data, dict) else "none"),
            path=path,
            field="images",
        )
    categories = _categories(data, path)
    found: dict[int, list[Annotation]] = defaultdict(list)
    images = list(_listed(data, "images", path))
    known = {image.whole("id") for image in images}
    for item in _listed(data, "annotations", path):
        image_id = item.whole("image_id")
        if image_id not in known:
            raise item.error(f"there is no image {image_id}", field="image_id")
        found[image_id].append(_annotation(item, categories))
    for image in images:
        yield in_ratio(_record(image, found, categories), media_root=media_root)


def write(
    records: Iterable[Record],
    target: str | os.PathLike[str],
    *,
    media_root: str | os.PathLike[str] | None = None,
) -> Report:
    """Write the JSON file.

    Args:
        records: Pictures. Their sizes have to be known, or the pictures be found.
        target: The file.
        media_root: Where the pictures and label images are.

    Raises:
        OSError: the file cannot be written; what was there before is as it was.
    """
    report = Report()
    categories = Categories()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for record in _writable(records, media_root, report):
        image = _image_object(record, categories, report)
        images.append(image)
        annotations.extend(
            {"image": image, **object_of(place, categories)}
            for place in places(record, media_root, report)
        )
    _number(images)
    for number, annotation in enumerate(annotations, 1):
        annotation.update(id=number, image_id=annotation.pop("image")["id"])
    data = {"images": images, "annotations": annotations, "categories": categories.objects()}
    categories.resolve(images, annotations)
    with replacing(target) as file:
        file.write(orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE))
    report.written = len(images)
    return report


def _listed(data: Mapping[str, Any], key: str, path: str) -> Iterator[Item]:
    return items_of(data.get(key, []), path, what=f"{key} as a list", of=key)


def _categories(data: Mapping[str, Any], path: str) -> dict[int, tuple[str, dict[str, Any]]]:
    """Id -> name, and the category without it."""
    return {
        item.whole("id"): (
            item.text("name"),
            {key: value for key, value in item.data.items() if key != "name"},
        )
        for item in _listed(data, "categories", path)
    }


def _record(
    image: Item,
    found: Mapping[int, list[Annotation]],
    categories: Mapping[int, tuple[str, dict[str, Any]]],
) -> Record:
    absent = [
        Annotation(*_category(image, number, categories, "neg_category_ids"), value=0)
        for number in image.listed("neg_category_ids")
    ]
    image_id = image.whole("id")
    with image.building():
        return Record(
            media=image.text("file_name"),
            kind="image",
            width=image.whole_or_none("width"),
            height=image.whole_or_none("height"),
            annotations=(*found.get(image_id, ()), *absent),
            metadata={key: value for key, value in image.data.items() if key not in _IMAGE_KEYS},
            id=image.text("record_id", default=str(image_id)),
            unit="pixel",
        )


def _category(
    item: Item, number: Any, categories: Mapping[int, tuple[str, dict[str, Any]]], field: str
) -> tuple[str]:
    if not isinstance(number, int) or number not in categories:
        raise item.error(f"there is no category {number!r}", field=field)
    return (categories[number][0],)


def _annotation(item: Item, categories: Mapping[int, tuple[str, dict[str, Any]]]) -> Annotation:
    number = item.whole("category_id")
    (label,) = _category(item, number, categories, "category_id")
    attributes = dict(item.mapping("attributes"))
    attributes |= {key: item.get(key) for key in _KEPT_KEYS if item.get(key) not in (None, 0)}
    attributes["category"] = categories[number][1]
    polygon, mask = None, None
    segmentation = item.get("segmentation")
    if isinstance(segmentation, dict):
        mask = _mask(item.child("segmentation"))
    elif segmentation:
        polygon, *others = _polygons(item)
        if others:
            attributes["more_polygons"] = [[list(point) for point in one] for one in others]
    with item.building():
        return Annotation(
            label=label,
            track=item.text("track", default=""),
            confidence=item.number_or_none("score"),
            box=_box(item),
            polygon=polygon,
            mask=mask,
            attributes=attributes,
        )


def _box(item: Item) -> Box | None:
    numbers = item.listed("bbox")
    if not numbers:
        return None
    if len(numbers) != 4 or not all(_is_number(one) for one in numbers):
        raise item.error(f"must be [x, y, width, height], got {numbers!r:.80}", field="bbox")
    x, y, width, height = numbers
    if width < 0 or height < 0:
        raise item.error(f"must have width and height >= 0, got {numbers!r}", field="bbox")
    return Box(x, y, x + width, y + height)


def _polygons(item: Item) -> list[Polygon]:
    """The one with most corners first."""
    polygons: list[Polygon] = []
    for numbers in item.listed("segmentation"):
        if not isinstance(numbers, list) or len(numbers) % 2 or not all(map(_is_number, numbers)):
            raise item.error(
                f"must hold lists [x, y, x, y, ...], got {numbers!r:.80}", field="segmentation"
            )
        if len(numbers) < 6:
            raise item.error("has a polygon of fewer than 3 corners", field="segmentation")
        polygons.append(tuple(zip(numbers[::2], numbers[1::2], strict=True)))
    return sorted(polygons, key=len, reverse=True)


def _mask(segmentation: Item) -> Mask:
    counts, size = segmentation.get("counts"), segmentation.listed("size")
    if len(size) != 2:
        raise segmentation.error(f"must be [height, width], got {size!r:.80}", field="size")
    if isinstance(counts, str):
        try:
            counts = coco_counts(counts)
        except ValueError as error:
            raise segmentation.error(str(error), field="counts") from error
    if not isinstance(counts, (list, tuple)):
        raise segmentation.error(f"must be a list or a text, got {counts!r:.80}", field="counts")
    with segmentation.building():
        return Mask(width=size[1], height=size[0], counts=tuple(counts))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _writable(
    records: Iterable[Record], media_root: str | os.PathLike[str] | None, report: Report
) -> Iterator[Record]:
    for record in records:
        if record.kind in ("video", "audio") or not (record.kind or is_still(record)):
            report.skip(record.id, f"is {record.kind or 'of unknown kind'}, and COCO has pictures")
            continue
        known = sized(record, media_root)
        needs_size = any(one.box or one.polygon for one in known.annotations)
        if known.unit == "ratio" and known.width is None and needs_size:
            report.skip(record.id, "the size of its picture is not known, and COCO has pixels")
            continue
        yield known


def _image_object(record: Record, categories: Categories, report: Report) -> dict[str, Any]:
    image: dict[str, Any] = {"id": None, "file_name": record.media}
    if record.width is not None and record.height is not None:
        image |= {"width": record.width, "height": record.height}
    if record.id.isdecimal() and str(int(record.id)) == record.id:
        image["id"] = int(record.id)
    elif record.id != record.media:
        image["record_id"] = record.id
    absent = [one.label for one in record.annotations if one.value == 0 and one.bounds() is None]
    if absent:
        for label in absent:
            categories.add(label)
        image["neg_category_ids"] = absent  # names, until all ids are known
    for key, value in record.metadata.items():
        if key in _IMAGE_KEYS:
            report.warn(f"metadata {key!r} is not kept: COCO has a key of that name")
        else:
            image[key] = value
    return image


def _number(images: list[dict[str, Any]]) -> None:
    """Gives each image an id that no other has, its own where it can be."""
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
