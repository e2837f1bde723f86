"""Read tables with other tools' names of columns as the table of our own."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.media_names import kind_of
from common_ml.data.formats.shared.policy import CLIP_SHARE
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from common_ml.data.formats.shared.policy import ErrorPolicy

NAMES: dict[str, tuple[str, ...]] = {
    "media": (
        "filename", "file_name", "filepath", "file_path", "image_path", "img_path", "path",
        "image_name", "image_filename", "image_file", "img_name", "image", "img", "file",
        "video", "video_path", "video_name", "video_file", "audio", "audio_path", "audio_file",
        "uri", "url", "image_url", "video_url", "image_id", "imageid", "img_id", "video_id",
    ),
    "label": (
        "class", "class_name", "classname", "category", "category_name", "label_name", "labelname",
        "labels", "tag", "class_id", "category_id", "label_id",
    ),
    "confidence": ("score", "conf", "probability", "prob"),
    "track": ("track_id", "trackid"),
    "width": ("image_width", "img_width", "imagewidth"),
    "height": ("image_height", "img_height", "imageheight"),
    "start_seconds": ("start", "start_time", "starttime", "begin", "onset", "start_s", "start_sec"),
    "end_seconds": ("end", "end_time", "endtime", "stop", "end_s", "end_sec"),
    "start_ms": ("start_milliseconds",),
    "end_ms": ("end_milliseconds",),
    "id": ("image_id", "imageid", "img_id", "video_id"),
}  # fmt: skip
"""Column of our own -> what others call it, the most specific first."""
_CORNERS = {
    "x1": ("xmin", "x_min", "left", "x0", "bbox_x1", "bbox_xmin", "bbox_x_min", "xtl"),
    "y1": ("ymin", "y_min", "top", "y0", "bbox_y1", "bbox_ymin", "bbox_y_min", "ytl"),
    "x2": ("xmax", "x_max", "right", "bbox_x2", "bbox_xmax", "bbox_x_max", "xbr"),
    "y2": ("ymax", "y_max", "bottom", "bbox_y2", "bbox_ymax", "bbox_y_max", "ybr"),
}
_CORNERED = tuple(_CORNERS)
_SIZES = (
    *(("bbox_x", "bbox_y", f"bbox_{wide}", f"bbox_{high}") for wide, high in
      (("width", "height"), ("w", "h"))),
    *((left, top, wide, high) for left, top in
      (("x", "y"), ("left", "top"), ("xmin", "ymin"), ("x_min", "y_min"), ("x1", "y1"))
      for wide, high in (("w", "h"), ("width", "height"))),
)  # fmt: skip
_CENTRES = tuple(
    (x, y, wide, high)
    for x, y in (("x_center", "y_center"), ("xcenter", "ycenter"), ("cx", "cy"))
    for wide, high in (("w", "h"), ("width", "height"))
)
_LISTS = ("bbox", "bbox_xywh", "bbox_xyxy")
_FREE = {"metadata", "attributes", "mask", "vector", "value", "polygon", "kind", "id"}
"""Columns of our own whose name means something else in other tables."""
_OF_PICTURES = {
    "media",
    "id",
    "width",
    "height",
    "frame",
    "time_seconds",
    "duration_seconds",
    "unit",
}
_PLAIN = re.compile(r"[ .\-]+")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:[.,]\d{1,9})?)", re.ASCII)
_LISTED = re.compile(r"\s*[\[(]?([^\[\]()]*)[\])]?\s*")
AS_SIZES = "bbox is read as x, y, width, height; name the column bbox_xyxy if it holds two corners"


@dataclass(frozen=True)
class NamedItem(Item):
    """A row whose errors name the columns as the file does."""

    names: Mapping[str, str] = field(default_factory=dict)

    def field(self, key: str) -> str:
        """Return the name in the file."""
        return self.names.get(key, key)


@dataclass(frozen=True)
class Columns:
    """Which columns of a file are read, and as what."""

    names: Mapping[str, str]
    """Column of our own -> that of the file."""
    box: tuple[str, ...] = ()
    """The columns of the box: four, or one with a list."""
    kind: str = "own"
    """What those hold: own (0..1, or as `unit` says), corners, sizes or centre."""

    source: str = ""
    """Open Images' column that says whether a person has verified a label; "" for none."""

    @property
    def read(self) -> set[str]:
        """The columns of the file that are read."""
        return {*self.names.values(), *self.box, *filter(None, [self.source])}

    def rows(self, rows: Iterable[Item], policy: ErrorPolicy) -> Iterator[Item]:
        """Yield rows with the columns of our own."""
        made = self._converted(rows, policy)
        if self.kind == "own" or "unit" in self.names:
            yield from made
            return
        # a single small box in a file of pixels must not be taken for 0..1
        listed = list(made)
        edges = [row.get(key) for row in listed for key in _CORNERED if key in row]
        is_ratio = max(edges, default=0.0) <= 1 + CLIP_SHARE
        for row in listed:
            yield replace(row, data={**row.data, "unit": "ratio" if is_ratio else "pixel"})

    def _converted(self, rows: Iterable[Item], policy: ErrorPolicy) -> Iterator[Item]:
        if self.box == ("bbox",):
            policy.report.warn(AS_SIZES)
        columns = self.box if len(self.box) == 4 else self.box * 4
        shown = {**self.names, **dict(zip(_CORNERED, columns, strict=False))}
        for row in rows:
            data: dict[str, Any] = {own: row.get(name) for own, name in self.names.items()}
            named = NamedItem(data, row.path, row.place, names=shown)
            try:
                data |= _seconds(named)
                is_verified = self.source and "verification" in str(row.get(self.source))
                if is_verified and "confidence" in named and named.number("confidence") == 0:
                    data |= {"value": 0, "confidence": None}  # verified to be absent
                if self.kind != "own":
                    data |= self._box(row)
            except FormatError as error:  # costs the annotation, and not its picture
                policy.fail(error)
                named = replace(named, data={key: data[key] for key in data if key in _OF_PICTURES})
            if self.kind != "own" and "kind" not in named and "media" in named:
                is_named = kind_of(named.text("media"))
                named = replace(named, data={**named.data, "kind": "" if is_named else "image"})
            yield named

    def _box(self, row: Item) -> Mapping[str, float]:
        if len(self.box) == 1:
            numbers = _listed(row, self.box[0])
        else:
            given = [name for name in self.box if name in row]
            if given and len(given) < 4:
                missing = next(name for name in self.box if name not in given)
                needed = ", ".join(self.box)
                raise row.error(f"must be given: a box needs {needed}", field=missing)
            numbers = [row.number(name) for name in given]
        if not numbers:
            return {}
        a, b, c, d = numbers
        if self.kind == "sizes":
            numbers = [a, b, a + c, b + d]
        elif self.kind == "centre":
            numbers = [a - c / 2, b - d / 2, a + c / 2, b + d / 2]
        return dict(zip(_CORNERED, numbers, strict=True))


def columns_of(given: Sequence[str], own: Collection[str]) -> Columns:
    """Recognise the columns of a table.

    Args:
        given: The names in the file.
        own: The names of our own.
    """
    named: dict[str, str] = {}
    for name in given:
        named.setdefault(_PLAIN.sub("_", name.strip().lower()), name)
    is_own = "media" in given
    names = {one: one for one in given if one in own and (is_own or one not in _FREE)}
    box, kind = _box_columns(named)
    for one in {**names} if kind != "own" else {}:
        if one in box or one in _CORNERS:  # `width` of a box is not that of its picture
            del names[one]
    for one, others in NAMES.items():
        if one == "id" and is_own:
            continue
        taken = {*names.values(), *box}
        found = next((named[o] for o in others if o in named and named[o] not in taken), None)
        if one in ("start_ms", "end_ms") and one in named:
            found = named[one]
        if found is not None and one not in names:
            names[one] = found
    is_open_images = named.keys() >= {"imageid", "labelname", "source"}
    return Columns(
        names,
        tuple(named[one] for one in box) if kind != "own" else (),
        kind,
        named["source"] if is_open_images else "",
    )


def is_table(given: Collection[str]) -> bool:
    """Whether columns name media, and something about them."""
    found = columns_of(list(given), ())
    about = {"label", "start_seconds", "start_ms", "confidence"} & found.names.keys()
    return "media" in found.names and bool(about or found.box)


def _box_columns(named: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    corners = []
    for own, others in _CORNERS.items():
        corners.append(next((one for one in (own, *others) if one in named), ""))
    if tuple(corners) == _CORNERED and "media" in named:
        return (), "own"
    if all(corners):
        return tuple(corners), "corners"
    for kind, choices in (("centre", _CENTRES), ("sizes", _SIZES)):
        for names in choices:
            if all(one in named for one in names):
                return names, kind
    for name in _LISTS:
        if name in named:
            return (name,), "corners" if name == "bbox_xyxy" else "sizes"
    return (), "own"


def _listed(row: Item, name: str) -> list[float]:
    """Return the four numbers of a cell: `[1, 2, 3, 4]`, `(1, 2, 3, 4)` or `1 2 3 4`."""
    text = row.text(name, default="")
    inner = _LISTED.fullmatch(text)
    cells = re.split(r"\s*,\s*|\s+", inner[1].strip()) if inner else [""]
    if cells == [""] and inner:
        return []
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise row.error(f"must be four numbers such as [1, 2, 3, 4], got {text!r:.80}", field=name)
    return numbers


def _seconds(row: Item) -> dict[str, Any]:
    """Return the times of a row: hours, minutes and seconds, or milliseconds, become seconds."""
    found: dict[str, Any] = {}
    for side in ("start", "end"):
        clock = _CLOCK.fullmatch(str(row.get(f"{side}_seconds") or "").strip())
        if clock is not None:
            hours, minutes, seconds = (
                float((one or "0").replace(",", ".")) for one in clock.groups()
            )
            if seconds >= 60 or (clock[1] is not None and minutes >= 60):
                raise row.error(
                    f"must be seconds or hh:mm:ss, got {clock[0]!r}", field=f"{side}_seconds"
                )
            found[f"{side}_seconds"] = hours * 3600 + minutes * 60 + seconds
        elif f"{side}_seconds" not in row and f"{side}_ms" in row:
            found[f"{side}_seconds"] = row.number(f"{side}_ms") / 1000
    return found
