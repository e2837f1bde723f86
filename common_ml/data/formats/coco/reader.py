"""Read a COCO file: one record per image."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.coco.usual import usual_annotation
from common_ml.data.formats.shared.items import Item, items_of
from common_ml.data.formats.shared.masks import coco_counts
from common_ml.data.formats.shared.numeric_id import numeric_id
from common_ml.data.formats.shared.to_ratio import annotation_in_ratio
from common_ml.data.formats.shared.unique import UniqueIds
from common_ml.data.record import Annotation, Box, Mask, Polygon, Record
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from common_ml.data.formats.shared.media import MediaFiles
    from common_ml.data.formats.shared.policy import ErrorPolicy

    Id = int | str

IMAGE_KEYS = {"id", "file_name", "width", "height", "record_id", "neg_category_ids"}
_KEPT_KEYS = ("iscrowd", "area", "keypoints", "num_keypoints")
_TRACK_KEYS = ("track", "track_id")
_KNOWN_KEYS = {
    "id", "image_id", "category_id", "bbox", "segmentation", "score", "attributes",
    *_KEPT_KEYS, *_TRACK_KEYS,
}  # fmt: skip
"""Keys of an annotation; others are kept as attributes."""
_OTHER_KINDS = {"segments_info", "caption"}
_NUMBERS = {int, float}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_BYTES = re.compile(r"^b'(.*)'$", re.DOTALL)
"""A text that Python made of bytes, as `str(rle["counts"])` does."""
SHORT_POLYGON = "polygon of fewer than 3 corners beside others: left out"
OTHER_SIZE = "a mask has another size than its picture"
NO_SIZE = "size of a picture of 0 or less: taken for unknown"
EMPTY_POLYGON = "segmentation with an empty polygon: without it"


class Reader:
    """Reader of one file."""

    def __init__(self, data: Any, path: str, policy: ErrorPolicy, media: MediaFiles) -> None:
        """Check the structure of the file.

        Raises:
            FormatError: it is not COCO.
        """
        if not isinstance(data, dict) or "images" not in data:
            raise FormatError(f"{path}: {_not_coco(data)}", path=path, field="images")
        self._data = data
        self._path = path
        self._policy = policy
        self._media = media
        self._categories: dict[Id, tuple[str, dict[str, Any]]] = {}

    def records(self) -> Iterator[Record]:
        """Yield the images as records, in order."""
        self._read_categories()
        images = self._unique_images()
        of_image = self._annotations_by_image(images)
        annotations = self._data.get("annotations") or []
        for image_id, image in images.items():
            record = None
            with self._policy:  # around what may fail, and not around the yield
                record = self._media.finished(
                    self._record(image, annotations, of_image.pop(image_id, ()))
                )
            if record is not None:
                yield record

    def _read_categories(self) -> None:
        ids = UniqueIds()
        for item in self._listed("categories"):
            with self._policy:
                number, name = item.identity("id"), item.text("name")
                rest = {key: value for key, value in item.data.items() if key != "name"}
                if self._categories.get(number) == (name, rest):
                    self._policy.repair("category listed twice, the same both times: taken once")
                    continue
                ids.add(number, item, name=name)
                self._categories[number] = (name, rest)

    def _unique_images(self) -> dict[Id, Item]:
        ids = UniqueIds()
        images: dict[Id, Item] = {}
        for item in self._listed("images"):
            with self._policy:
                image_id = item.identity("id")
                ids.add(str(image_id), item, name=str(item.get("file_name")))
                images[image_id] = item
        return images

    def _annotations_by_image(self, images: Mapping[Id, Item]) -> dict[Id, list[int]]:
        """Group annotation indices by image; the annotations are converted later."""
        found: dict[Id, list[int]] = defaultdict(list)
        listed = self._data.get("annotations") or []
        if not isinstance(listed, list):
            list(self._listed("annotations"))  # raises
        for place, data in enumerate(listed):
            image_id = data.get("image_id") if isinstance(data, dict) else None
            known = _known(image_id, images)
            if known is not None:
                found[known].append(place)
                continue
            with self._policy:
                item = self._annotation_item(data, place)
                raise item.error(
                    f"there is no image {item.identity('image_id')!r}", field="image_id"
                )
        return found

    def _annotation_item(self, data: Any, place: int) -> Item:
        shown = f"item {place + 1} of annotations"
        if not isinstance(data, dict):
            raise FormatError(
                f"{self._path}: {shown}: must be an object, got {data!r:.80}",
                path=self._path,
                place=shown,
            )
        return Item(data, self._path, shown)

    def _listed(self, key: str) -> Iterator[Item]:
        values = self._data.get(key)
        return items_of(
            [] if values is None else values,
            self._path,
            what=f"{key} as a list",
            of=key,
            policy=self._policy,
        )

    def _record(self, image: Item, annotations: list[Any], places: Sequence[int]) -> Record:
        size = self._size(image)
        made: list[Annotation] = []
        for place in places:
            with self._policy:
                made.append(self._annotation(annotations[place], place, size))
        absent: list[Any] = []
        with self._policy:
            absent = image.listed("neg_category_ids")
        for number in absent:
            with self._policy:
                label, _ = self._category(image, number, "neg_category_ids")
                made.append(Annotation(label, value=0))
        with image.building():
            return Record(
                media=_media(image),
                kind="image",
                width=None if size is None else size[0],
                height=None if size is None else size[1],
                annotations=tuple(made),
                metadata={key: value for key, value in image.data.items() if key not in IMAGE_KEYS},
                id=image.text("record_id", default=str(image.identity("id"))),
                unit="pixel" if size is None else "ratio",
            )

    def _category(self, item: Item, number: Any, field: str) -> tuple[str, dict[str, Any]]:
        known = _known(number, self._categories)
        if known is None:
            what = "is missing" if number is None else f"there is no category {number!r}"
            raise item.error(what, field=field)
        return self._categories[known]

    def _annotation(self, data: Any, place: int, size: tuple[int, int] | None) -> Annotation:
        if size is not None and isinstance(data, dict):
            number = data.get("category_id")
            known = self._categories.get(number) if isinstance(number, (int, str)) else None
            usual = None if known is None else usual_annotation(data, *known, *size)
            if usual is not None:
                return usual
        made = self._any_annotation(self._annotation_item(data, place))
        if made.mask is not None and size not in (None, (made.mask.width, made.mask.height)):
            self._policy.report.warn(OTHER_SIZE)
        return made if size is None else annotation_in_ratio(made, *size, self._policy)

    def _any_annotation(self, item: Item) -> Annotation:
        data = item.data
        if "category_id" not in data and data.keys() & _OTHER_KINDS:
            raise item.error(_other_kind(data), field="category_id")
        label, category = self._category(item, data.get("category_id"), "category_id")
        attributes = {
            key: one for key, one in data.items() if key not in _KNOWN_KEYS and one is not None
        }
        attributes |= self._policy.mapping(item, "attributes")
        for key in _KEPT_KEYS:
            # text where a table was the source
            value = _as_number(data.get(key))
            if value not in (None, 0):
                attributes[key] = value
        attributes["category"] = category
        polygon, mask = None, None
        segmentation = data.get("segmentation")
        if isinstance(segmentation, list) and [type(one) for one in segmentation] == [dict]:
            segmentation = segmentation[0]
        if isinstance(segmentation, dict):
            inside = item.field("segmentation")
            mask = _mask(Item(segmentation, item.path, item.place, inside))
        elif segmentation:
            polygons = self._polygons(item)
            if polygons:
                polygon = max(polygons, key=len)
                others = [one for one in polygons if one is not polygon]
                if others:
                    others.sort(key=len, reverse=True)
                    attributes["more_polygons"] = [[list(point) for point in one] for one in others]
        track = next((key for key in _TRACK_KEYS if data.get(key) is not None), "")
        with item.building():
            return Annotation(
                label=label,
                track=item.text(track, default="") if track else "",
                confidence=item.number_or_none("score") if "score" in data else None,
                box=self._box(item),
                polygon=polygon,
                mask=mask,
                attributes=attributes,
            )

    def _box(self, item: Item) -> Box | None:
        numbers = _as_numbers(item.data.get("bbox"))
        if not numbers and (numbers is None or isinstance(numbers, list)):
            return None
        if not isinstance(numbers, list) or len(numbers) != 4 or not _are_numbers(numbers):
            raise item.error(f"must be [x, y, width, height], got {numbers!r:.80}", field="bbox")
        x, y, width, height = _floats(item, numbers, "bbox")
        return self._policy.box(x, y, x + width, y + height)

    def _size(self, image: Item) -> tuple[int, int] | None:
        """Width and height, > 0; None where one of them is not known, or given as 0 or less."""
        sides = []
        for name in ("width", "height"):
            value = image.number_or_none(name) if name in image else None
            if value is not None and value <= 0:
                self._policy.repair(NO_SIZE)
                value = None
            sides.append(None if value is None else image.whole(name))
        width, height = sides
        return None if width is None or height is None else (width, height)

    def _polygons(self, item: Item) -> list[Polygon]:
        polygons: list[Polygon] = []
        listed = [_flat(one) for one in item.listed("segmentation")]
        if listed and _are_numbers(_as_numbers(listed)):  # of one polygon, without the outer list
            listed = [listed]
        if _are_points(listed):  # of one polygon, as [[x, y], ...]
            listed = [[number for point in listed for number in point]]
        has_whole = any(isinstance(one, list) and len(one) >= 6 for one in listed)
        for given in listed:
            numbers = _as_numbers(given)
            if isinstance(numbers, list) and not numbers:
                self._policy.repair(EMPTY_POLYGON)
                continue
            if has_whole and isinstance(numbers, list) and len(numbers) in (2, 4):
                self._policy.repair(SHORT_POLYGON)
                continue
            if not isinstance(numbers, list) or len(numbers) % 2 or not _are_numbers(numbers):
                raise item.error(
                    f"must hold lists [x, y, x, y, ...], got {numbers!r:.80}", field="segmentation"
                )
            if len(numbers) < 6:
                raise item.error("has a polygon of fewer than 3 corners", field="segmentation")
            values = _floats(item, numbers, "segmentation")
            polygons.append(tuple(zip(values[::2], values[1::2], strict=True)))
        return polygons


def _known(value: Any, table: Mapping[Id, Any]) -> Id | None:
    """Return the key of a table that an id means; tools write 7 in one place and "7" in another."""
    if not isinstance(value, (int, str, float)):
        return None
    if value in table:
        return value  # type: ignore[return-value]  # 7.0 is the key 7
    other: Id | None = numeric_id(value) if isinstance(value, str) else str(value)
    return other if other in table else None


def _not_coco(data: Any) -> str:
    expected = "must be an object with images, annotations and categories"
    if isinstance(data, dict):
        return f"{expected}, got keys {', '.join(map(str, list(data)[:5]))}"
    if isinstance(data, list):
        first = data[0] if data else None
        if isinstance(first, dict) and {"image_id", "score"} <= first.keys():
            return (
                f"{expected}, got a list of detections (COCO results); hint: put it under "
                '"annotations" beside the images and categories that it is about'
            )
        return f"{expected}, got a list"
    return f"{expected}, got {type(data).__name__}"


def _are_numbers(values: list[Any]) -> bool:
    return set(map(type, values)) <= _NUMBERS


def _floats(item: Item, numbers: list[Any], field: str) -> list[float]:
    try:
        return [float(number) for number in numbers]
    except OverflowError as error:  # a whole number beyond 1e308
        raise item.error("must be finite", field=field) from error


def _as_number(value: Any) -> Any:
    """Convert a text that is a number, as tables give them; anything else stays."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value.strip()):
        return value
    number = float(value)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _as_numbers(values: Any) -> Any:
    return [_as_number(one) for one in values] if isinstance(values, list) else values


def _are_points(values: list[Any]) -> bool:
    """Whether they are three pairs of numbers or more."""
    return len(values) >= 3 and all(
        isinstance(one, list) and len(one) == 2 and _are_numbers(_as_numbers(one)) for one in values
    )


def _flat(polygon: Any) -> Any:
    """Return `[x, y, x, y, ...]` for `[[x, y], [x, y], ...]`."""
    if isinstance(polygon, list) and _are_points(polygon):
        return [number for point in polygon for number in point]
    return polygon


def _other_kind(data: Mapping[str, Any]) -> str:
    """Say what an annotation without category is."""
    if "segments_info" in data:
        return "is missing: it is a panoptic one, whose segments are in a PNG; not read"
    return "is missing: it is a caption, and no object"


def _mask(segmentation: Item) -> Mask:
    counts, size = segmentation.get("counts"), _as_numbers(segmentation.listed("size"))
    if len(size) != 2:
        raise segmentation.error(f"must be [height, width], got {size!r:.80}", field="size")
    if isinstance(counts, str):
        try:
            counts = coco_counts(_BYTES.sub(r"\1", counts))
        except ValueError as error:
            raise segmentation.error(str(error), field="counts") from error
    if not isinstance(counts, (list, tuple)):
        raise segmentation.error(f"must be a list or a text, got {counts!r:.80}", field="counts")
    runs = (int(one) if isinstance(one, float) and one.is_integer() else one for one in counts)
    with segmentation.building():
        return Mask(width=size[1], height=size[0], counts=tuple(runs))


def _media(image: Item) -> str:
    """Return the name of a picture; LVIS has addresses only."""
    address = image.text("coco_url", default="")
    return image.text("file_name", default=address) if address else image.text("file_name")
