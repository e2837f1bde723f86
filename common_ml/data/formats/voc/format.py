"""Pascal VOC: an XML file of boxes for each picture.

Read: a folder with `Annotations/`, `JPEGImages/` and `ImageSets/Main/`, a folder of XML files,
or one file. Edges are taken as they are, as most tools write and read them; with
`one_based=True`, as in the original challenge, pixels count from 1 and the last one belongs to
the box.

Kept: picture, size; label, box; `pose`, `truncated`, `difficult`, `occluded` (where they are not
`Unspecified` or 0) and other texts of an object as attributes, and what stands under
`<attributes>` (as CVAT writes it), numbers as numbers, `<actions>` and `<point>` as objects;
polygons, written as Roboflow does, also read as LabelMe does; roLabelImg's `robndbox` as
`attributes["geometry"]`;
`folder`, `database`, `segmented`, `depth` as metadata, and the part (`ImageSets/Main/train.txt`)
in `metadata["split"]`.

Lost: confidence, tracks, times, vectors, masks, ids, other metadata, nested attributes, with a
warning; characters that XML cannot hold. A polygon without box gets the box around it. Labels
without a place, absent ones, and videos and sounds are skipped, and so are pictures whose size
is unknown. Pictures that are found are copied (or linked) into `JPEGImages/`; `<path>` says where
they were, and `labelmap.txt` lists the labels for CVAT and Datumaro. Of others `<filename>` is the
whole name, but of an absolute path the last part.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from common_ml.data.formats.shared.encodings import as_utf8
from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.media import MediaFiles, known_size, other_names
from common_ml.data.formats.shared.plain_pixels import plain_box, plain_polygon
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.shapes import KEY, is_number
from common_ml.data.formats.shared.stills import (
    SPLIT,
    TOO_LONG,
    UniqueNames,
    is_too_long,
    place_picture,
    split_of,
    stills,
)
from common_ml.data.formats.shared.stray import data_files
from common_ml.data.formats.shared.xml_file import (
    add,
    child_texts,
    load_xml,
    number_or_text,
    shown,
    texts,
    write_xml,
)
from common_ml.data.formats.voc.pictures import picture_of
from common_ml.data.formats.voc.shapes import polygon_of, turned_box
from common_ml.data.record import Annotation, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError
from common_ml.utils.whole_file import staging

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from common_ml.data.formats.shared.policy import OnError
    from common_ml.types import StrPath

NAME = "voc"
_FLAGS = ("truncated", "difficult", "occluded")
_EDGES = ("xmin", "ymin", "xmax", "ymax")
_WHOLE = ("folder", "segmented")


def read(
    source: StrPath,
    *,
    one_based: bool = False,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield the pictures of a folder, by name, or that of a file.

    Args:
        source: The folder or file.
        one_based: Whether pixels count from 1, and boxes include the last one.
        on_error: Whether an object that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Where the pictures are; by default in `JPEGImages/`, or beside the XML files.
        download: Fetch pictures from addresses that are not found there.

    Raises:
        FormatError: an invalid file or value.
        OSError: a file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    path = Path(source)
    folder = path / "Annotations" if (path / "Annotations").is_dir() else path
    files = [path] if not path.is_dir() else data_files(folder, "**/*.xml")
    if not files and not (path / "ImageSets").is_dir():
        raise FormatError(f"{os.fspath(path)}: has no XML files", path=path)
    split_by_stem = _splits(path) if path.is_dir() else {}
    for file in files:
        with policy:
            record = _record(file, path, policy, shift=1.0 if one_based else 0.0)
            stem = (
                file.relative_to(folder).with_suffix("").as_posix() if file != path else file.stem
            )
            part = split_by_stem.get(stem)
            metadata = {**record.metadata, **({SPLIT: part} if part else {})}
            yield media.finished(replace(record, metadata=metadata))


def write(
    records: Iterable[Record],
    target: StrPath,
    *,
    copy_images: bool = True,
    media_root: StrPath | None = None,
) -> Report:
    """Write `Annotations/`, `JPEGImages/`, and `ImageSets/Main/` where records name their part.

    Args:
        records: Pictures. Their sizes have to be known, or the pictures be found.
        target: A folder, created if it is missing.
        copy_images: Whether pictures that are found are put into `JPEGImages/`, linked where
            possible.
        media_root: Where the pictures are.

    Raises:
        OSError: a file cannot be written; nothing of the target has changed.
    """
    report = Report()
    media = MediaFiles(media_root)
    names = UniqueNames()
    parts: dict[str, list[str]] = defaultdict(list)
    labels: set[str] = set()
    with staging(target) as stage:
        for record in stills(records, media, report, needs_size=True):
            if not shown(record.media).strip():
                report.skip(record.id, f"{record.media!r} is no name that XML can hold")
                continue
            file_name = names.of(record.media)
            name = Path(file_name).with_suffix("").as_posix()
            if is_too_long(name):
                report.skip(record.id, TOO_LONG)
                continue
            found = media.find(record.media, *other_names(record)) if copy_images else None
            if found is not None:
                file_name = f"{name}{found.suffix}"
                place_picture(found, stage / "JPEGImages" / file_name)
            elif not Path(record.media).is_absolute():
                file_name = record.media
            else:
                file_name = Path(record.media).name
            path = stage / "Annotations" / f"{name}.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                write_xml(_document(record, file_name, report), file)
            if SPLIT in record.metadata:
                parts[split_of(record)].append(name)
            labels |= {shown(one.label) for one in record.annotations if one.value and one.bounds()}
            report.written += 1
        for part, stems in (parts or ({} if report.written else {"train": []})).items():
            path = stage / "ImageSets" / "Main" / f"{part}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{stem}\n" for stem in stems), encoding="utf-8", newline="\n")
        (stage / "labelmap.txt").write_text(_label_map(labels), encoding="utf-8", newline="\n")
    return report


def _label_map(labels: Iterable[str]) -> str:
    """Return the list of labels that CVAT and Datumaro ask for: label:colour:parts:actions."""
    lines = [
        f"{label}:::\n" for label in sorted(labels) if ":" not in label and label.isprintable()
    ]
    return "".join(["# label:color_rgb:parts:actions\n", "background:0,0,0::\n", *lines])


def _splits(folder: Path) -> dict[str, str]:
    """File name without extension -> the part it is in; those of single classes do not count."""
    found: dict[str, str] = {}
    for path in data_files(folder / "ImageSets" / "Main", "*.txt"):
        if path.stem in ("train", "val", "test"):
            text = as_utf8(path.read_bytes()).decode("utf-8-sig", errors="replace")
            for line in text.splitlines():
                if line.strip():
                    found.setdefault(line.strip(), path.stem)
    return found


def _record(path: Path, source: Path, policy: ErrorPolicy, *, shift: float) -> Record:
    root = load_xml(path)
    whole = texts(root)
    item = Item(whole, os.fspath(path))
    if root.tag != "annotation":
        raise item.error(f"must be an <annotation>, got <{root.tag}>")
    size = Item(child_texts(root, "size"), os.fspath(path), inside="size")
    name = whole.get("filename") or PurePosixPath(whole.get("path", "").replace("\\", "/")).name
    found = picture_of(source, path, name, whole.get("path") or name, policy)
    if not name and found is None:
        raise item.error("is missing", field="filename")
    annotations = []
    for number, element in enumerate(root.iter("object"), 1):
        with policy:
            annotations.append(_annotation(element, os.fspath(path), number, policy, shift))
    metadata: dict[str, Any] = {key: whole[key] for key in _WHOLE if whole.get(key)}
    database = child_texts(root, "source").get("database")
    metadata |= {"database": database} if database else {}
    depth = _side(size, "depth", policy)
    if depth not in (None, 3):
        metadata["depth"] = depth
    if metadata.get("segmented") == "0":
        del metadata["segmented"]
    with item.building():
        return Record(
            media=name if found is None else os.fspath(found),
            kind="image",
            # some tools write 0 for an unknown size
            width=_side(size, "width", policy),
            height=_side(size, "height", policy),
            annotations=tuple(annotations),
            metadata=metadata,
            unit="pixel",
        )


def _side(size: Item, key: str, policy: ErrorPolicy) -> int | None:
    """Return a part of the size; None where a text or 0 stands for an unknown one."""
    try:
        return (size.whole_or_none(key) or None) if key in size else None
    except FormatError:
        policy.repair(f"size of a picture whose {key} is not a whole number: unknown")
        return None


def _annotation(
    element: ET.Element, path: str, number: int, policy: ErrorPolicy, shift: float
) -> Annotation:
    found = texts(element)
    item = Item(found, path, f"object {number}")
    edges = Item(child_texts(element, "bndbox"), path, f"object {number}", "bndbox")
    polygon = polygon_of(element.find("polygon"), item)
    if polygon == () and element.find("bndbox") is not None:
        policy.repair("polygon without corners beside a box: left out")
        polygon = None
    for key, what in (("part", "parts are not read"), ("bndbox", "a further box is not read")):
        for inner in element.findall(key)[0 if key == "part" else 1 :]:
            name = texts(inner).get("name", "")
            policy.report.skip(
                item.place, f"{key}{f' {name!r}' if name else ''}: {what}", place=item.place
            )
    attributes: dict[str, Any] = {}
    for tag in ("actions", "point"):
        values = child_texts(element, tag)
        if values:
            attributes[tag] = {key: number_or_text(text) for key, text in values.items()}
    for key, text in found.items():
        if key in _FLAGS and text in ("0", "1"):
            attributes |= {key: 1} if text == "1" else {}
        elif key != "name" and text and (key, text) != ("pose", "Unspecified"):
            attributes[key] = text
    for one in element.iterfind("attributes/attribute"):
        pair = texts(one)
        if pair.get("name"):
            attributes[pair["name"]] = number_or_text(pair.get("value", ""))
    with item.building():
        box = None
        turned = element.find("robndbox")
        if turned is not None:
            attributes[KEY] = turned_box(Item(texts(turned), path, item.place, "robndbox"))
        if element.find("bndbox") is not None or (polygon is None and turned is None):
            x1, y1, x2, y2 = (edges.number(key) for key in _EDGES)
            box = policy.box(x1 - shift, y1 - shift, x2, y2)
        return Annotation(item.text("name"), box=box, polygon=polygon, attributes=attributes)


def _document(record: Record, file_name: str, report: Report) -> ET.Element:
    root = ET.Element("annotation")
    metadata = record.metadata
    add(root, "folder", metadata.get("folder", ""))
    add(root, "filename", file_name)
    if file_name != record.media:
        add(root, "path", record.media)
    if "database" in metadata:
        add(add(root, "source"), "database", metadata["database"])
    size = add(root, "size")
    for key, value in (("width", record.width), ("height", record.height)):
        add(size, key, value)
    depth = metadata.get("depth", 3)
    add(size, "depth", depth if is_number(depth) else 3)
    add(root, "segmented", metadata.get("segmented", 0))
    for key in metadata:
        if key not in (*_WHOLE, "database", "depth", SPLIT):
            report.warn(f"metadata {key!r} is not kept: Pascal VOC has no place for it")
    for annotation in record.annotations:
        _add_object(root, annotation, record, report)
    return root


def _add_object(root: ET.Element, annotation: Annotation, record: Record, report: Report) -> None:
    box = annotation.bounds()
    if not annotation.value:
        report.skip(record.id, f"Pascal VOC cannot say that {annotation.label!r} is absent")
        return
    if box is None:
        report.skip(record.id, f"{annotation.label!r} has no box, and Pascal VOC has boxes")
        return
    for lost in ("confidence", "track", "mask", "start_seconds", "frame_index", "vector"):
        if getattr(annotation, lost) not in (None, ""):
            report.warn(f"{lost} of annotations is not kept: Pascal VOC has no place for it")
    width, height = known_size(record) or (1, 1)  # always known: only such pictures are written
    made = add(root, "object")
    add(made, "name", annotation.label)
    attributes = dict(annotation.attributes)
    add(made, "pose", attributes.pop("pose", "Unspecified"))
    for key in _FLAGS:
        value = attributes.pop(key, 0)
        add(made, key, value if value in (0, 1) else 0)
    left, top, across, down = plain_box(box, width, height)
    edges = add(made, "bndbox")
    for key, value in zip(_EDGES, (left, top, left + across, top + down), strict=True):
        add(edges, key, value)
    if annotation.polygon is not None:
        corners = add(made, "polygon")
        for number, (x, y) in enumerate(plain_polygon(annotation.polygon, width, height), 1):
            add(corners, f"x{number}", x)
            add(corners, f"y{number}", y)
    _add_attributes(made, attributes, report)


def _add_attributes(made: ET.Element, attributes: Mapping[str, Any], report: Report) -> None:
    plain = {key: one for key, one in attributes.items() if isinstance(one, (str, int, float))}
    if len(plain) < len(attributes):
        report.warn("nested attributes are not kept: Pascal VOC has texts and numbers")
    if plain:
        listed = add(made, "attributes")
        for key, value in plain.items():
            one = add(listed, "attribute")
            add(one, "name", key)
            add(one, "value", value)
