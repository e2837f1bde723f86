"""Cases of the conformance suite for each format: what it can hold, and invalid files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from common_ml.data.record import Annotation, Box, Record
from tests.data.formats import picture_cases as pictures
from tests.data.formats import strategies as data

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

    from common_ml.data.record import Kind


@dataclass(frozen=True)
class Wrong:
    """A source that cannot be read, and where the error has to point."""

    text: str
    place: str
    field: str = ""
    name: str = "wrong"
    """File name without suffix."""


@dataclass(frozen=True)
class Case:
    """One format."""

    name: str
    suffix: str
    """Of a file that it reads; "" for a folder."""
    wrongs: tuple[Wrong, ...]
    holds: SearchStrategy[list[Record]] | None = None
    """Records that come back as they were written; None: read only."""
    digits: float = 12
    read_options: Mapping[str, Any] = field(default_factory=dict)
    write_options: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Path], None] = lambda folder: None
    """Makes what stands beside a wrong file."""
    normal: Callable[[Record], Record] = lambda record: record
    """Takes away what reading adds."""


def _unique_labels(annotations: list[Annotation]) -> list[Annotation]:
    seen: dict[tuple[str, Box | None], Annotation] = {}
    return [seen.setdefault((one.label, one.box), one) for one in annotations
            if (one.label, one.box) not in seen]  # fmt: skip


@st.composite
def clarifai_records(draw: st.DrawFn, *, labels: SearchStrategy[str]) -> Record:
    values = st.integers(0, 1)
    whole = draw(st.lists(st.builds(Annotation, label=labels, value=values), max_size=3))
    part = st.builds(Annotation, label=labels, value=values, box=data.boxes(least=1e-6))
    # one label each time, so that a region neither grows nor says a thing twice
    parts = draw(st.lists(part, max_size=3, unique_by=lambda one: one.box))
    return Record(
        media=draw(st.sampled_from("abcdef")) + draw(st.sampled_from([".jpg", ".mp4", ""])),
        kind="",
        annotations=(*sorted(_unique_labels(whole), key=lambda one: -one.value), *parts),
        metadata=draw(data.metadata),
        id=draw(st.just("") | st.sampled_from(["i1", "i2", "i3", "i4"])),
    )


def with_kind(record: Record) -> Record:
    """As readers do, by the name."""
    kinds = {".jpg": "image", ".mp4": "video", ".wav": "audio"}
    kind = next((kinds[end] for end in kinds if record.media.endswith(end)), "")
    return replace(record, kind=kind)  # type: ignore[arg-type]  # one of the kinds


clarifai_labels = data.texts.map(lambda text: text.replace("|", "/").strip()).filter(bool)


@st.composite
def coco_records(draw: st.DrawFn) -> Record:
    width, height = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    places = st.one_of(
        st.fixed_dictionaries({"box": data.boxes()}),
        st.fixed_dictionaries({"box": data.boxes(), "polygon": data.polygons}),
        st.fixed_dictionaries({"box": data.boxes(), "mask": data.masks(width, height)}),
    )
    annotations = [
        Annotation(
            label=draw(data.texts),
            track=draw(data.texts | st.just("")),
            confidence=draw(st.none() | data.ratios),
            attributes={"area": draw(st.floats(0.5, 9)), **draw(data.attributes)},
            **place,
        )
        for place in draw(st.lists(places, max_size=3))
    ]
    return Record(
        media=draw(data.texts),
        kind="image",
        width=width,
        height=height,
        annotations=tuple(annotations),
        metadata=draw(data.metadata),
        id=draw(data.texts),
    )


@st.composite
def labelstudio_records(draw: st.DrawFn) -> Record:
    kinds: list[Kind] = ["image", "video", "audio"]
    kind = draw(st.sampled_from(kinds))
    width, height = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    about: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {
            "label": data.texts,
            "track": data.texts | st.just(""),
            "confidence": st.none() | data.ratios,
            "attributes": data.attributes,
        }
    )
    lanes = data.times(1 / 25 if kind == "video" else 0.001).map(
        lambda time: {"start_seconds": time[0], "end_seconds": time[1]}
    )
    pictures = st.one_of(
        st.fixed_dictionaries({"box": data.boxes()}),
        st.fixed_dictionaries({"polygon": data.polygons}),
        st.fixed_dictionaries({"mask": data.masks(width, height)}),
    )
    places = pictures if kind == "image" else lanes
    placed = [Annotation(**draw(about), **place) for place in draw(st.lists(places, max_size=3))]
    labels = draw(st.lists(data.texts, max_size=3, unique=True))
    metadata = draw(data.metadata)
    return Record(
        media=draw(data.texts),
        kind=kind,
        width=width if kind == "image" else None,
        height=height if kind == "image" else None,
        annotations=(*placed, *(Annotation(label) for label in labels)),
        metadata={**metadata, "fps": 25.0} if kind == "video" else metadata,
        id=draw(data.texts),
    )


@st.composite
def webvtt_records(draw: st.DrawFn) -> Record:
    cues = draw(
        st.lists(st.tuples(data.texts, data.plain_texts | st.just(""), data.times()), max_size=4)
    )
    annotations = [
        Annotation(
            label,
            track=track,
            start_seconds=round(start * 1000) / 1000,
            end_seconds=round(end * 1000) / 1000,
        )
        for label, track, (start, end) in cues
    ]
    ordered = sorted(annotations, key=lambda one: (one.start_seconds, one.end_seconds))
    return Record(
        media=draw(data.texts),
        kind=draw(st.sampled_from(["video", "audio"])),
        duration_seconds=draw(st.none() | st.floats(0, 1e6)),
        annotations=tuple(ordered),
        metadata=draw(data.metadata),
        id=draw(data.texts),
    )


masterful_texts = data.texts.map(lambda text: " ".join(text.replace(",", ";").split())).filter(bool)


@st.composite
def masterful_records(draw: st.DrawFn, *, with_boxes: bool) -> Record:
    edges = st.integers(0, 5000)
    annotations = []
    for label in draw(st.lists(masterful_texts, max_size=3, unique=True)):
        (x1, x2), (y1, y2) = (sorted((draw(edges), draw(edges))) for _ in "xy")
        annotations.append(Annotation(label, box=Box(x1, y1, x2, y2) if with_boxes else None))
    media = draw(masterful_texts)
    return Record(media=media, kind="image", annotations=tuple(annotations), id=media, unit="pixel")


def in_order_of_ids(records: list[Record]) -> list[Record]:
    """Labels of a picture are a set: they come back in order of their ids."""
    return [
        replace(one, annotations=tuple(sorted(one.annotations, key=lambda a: a.label)))
        for one in records
    ]


def without_category(record: Record) -> Record:
    """Takes away what is known of a category beside its name."""
    kept = [
        replace(one, attributes={k: v for k, v in one.attributes.items() if k != "category"})
        for one in record.annotations
    ]
    return replace(record, annotations=tuple(kept))


def _coco(**parts: Any) -> str:
    return json.dumps({
        "images": [{"id": 1, "file_name": "a.jpg", "width": 4, "height": 4}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [],
        **parts,
    })  # fmt: skip


def _coco_annotation(**parts: Any) -> str:
    good = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}
    return _coco(annotations=[good, {**good, **parts}])


def _scale(**parts: Any) -> str:
    task = {"task_id": "t", "type": "imageannotation", "status": "completed",
            "params": {"attachment": "https://x.example/1.jpg"},
            "response": {"annotations": []}}  # fmt: skip
    return json.dumps([task, {**task, **parts}])


def _region(**parts: Any) -> str:
    region = {
        "type": "rectanglelabels",
        "value": {"x": 1, "y": 1, "width": 2, "height": 2, "rectanglelabels": ["car"]},
    }
    value = {**region["value"], **parts}  # type: ignore[dict-item]  # a dict of both
    task = {"data": {"image": "a.jpg"},
            "annotations": [{"result": [{**region, "value": value}]}]}  # fmt: skip
    return json.dumps([task])


def _voc(objects: str) -> str:
    return (
        "<annotation><filename>a.jpg</filename><size><width>4</width><height>4</height></size>"
        f"{objects}</annotation>"
    )


def _cvat(shapes: str) -> str:
    image = '<image id="1" name="a.jpg" width="4" height="4">'
    return f"<annotations>{image}{shapes}</image></annotations>"


def _label_map(folder: Path) -> None:
    (folder / "label_map.csv").write_text("0, car\n1, person\n")


CASES = [
    Case(
        "csv",
        ".csv",
        (
            Wrong("label\ncar\n", "line 1", "media"),
            Wrong("media,label,x1,y1,x2,y2\na,car,0,0,1,1\na,car,,0,1,1\n", "line 3", "x1"),
            Wrong("media,confidence,label\n\"a\nb\",high,car\n", "line 2", "confidence"),
            Wrong("media,label\na,car\nb\n", "line 3"),
            Wrong("media,width\na,3\na,4\n", "line 3", "width"),
            Wrong("media,attributes,label\na,{,car\n", "line 2", "attributes"),
            Wrong("media,media\na,a\n", "line 1", "media"),
            Wrong("media,label,x1,y1,x2,y2\na,car,0,0,1,20\n", "line 2"),
            Wrong('media\n"a\n', "line 2"),
            Wrong("", "line 1"),
        ),
        holds=data.many(data.any_records().map(data.as_readers_give_it)),
        digits=15,
    ),
    Case(
        "clarifai",
        ".csv",
        (
            Wrong("pos_concepts\na\n", "line 1", "url"),
            Wrong("url,left_col\na,0.1\n", "line 1", "top_row"),
            Wrong("url,top_row,left_col,bottom_row,right_col\na,0,0,1,1\nb,0,,1,1\n", "line 3",
                  "left_col"),
            Wrong("url,top_row,left_col,bottom_row,right_col\na,0,0,1,7\n", "line 2", "right_col"),
            Wrong("url,top_row,left_col,bottom_row,right_col\na,0.5,0,0.5,1\n", "line 2",
                  "bottom_row"),
            Wrong("url,metadata\na,{}\na,\"{\"\"n\"\":1}\"\n", "line 3", "metadata"),
            Wrong("url,metadata\na,[1]\n", "line 2", "metadata"),
            Wrong("url,pos_concepts,neg_concepts\na,x|y,z|x\n", "line 2", "neg_concepts"),
            Wrong("inputid,input,geopoints\n1,a,\"200,1\"\n", "line 2", "geopoints"),
            Wrong("url,input_id\na,1\na,2\n", "line 3", "input_id"),
            Wrong("url\nx\n  \n", "line 3", "url"),
        ),
        holds=data.many(clarifai_records(labels=clarifai_labels).map(with_kind)),
        digits=15,
    ),
    Case(
        "clarifai",
        ".json",
        (
            Wrong('[{"data": {"image": {"url": "a"}}}, {"data": {}}]', "item 2", "data"),
            Wrong('[{"data": {"image": {"url": 3.5}}}]', "item 1", "data.image.url"),
            Wrong('[{"data": {"image": {"url": "a"}, "regions": [{"regionInfo": {"boundingBox": '
                  '{"topRow": "x"}}}]}}]', "item 1",
                  "data.regions[0].region_info.bounding_box.top_row"),
            Wrong("[\n{]", "line 2"),
        ),
        holds=data.many(clarifai_records(labels=data.texts).map(with_kind)),
        digits=15,
    ),
    Case(
        "coco",
        ".json",
        (
            Wrong("[]", "", "images"),
            Wrong(_coco_annotation(image_id=9), "item 2 of annotations", "image_id"),
            Wrong(_coco_annotation(category_id=9), "item 2 of annotations", "category_id"),
            Wrong(_coco_annotation(bbox=[1, 2, 3]), "item 2 of annotations", "bbox"),
            Wrong(_coco_annotation(bbox=[1, 2, "x", 1]), "item 2 of annotations", "bbox"),
            Wrong(_coco(images=[{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]),
                  "item 2 of images", "id"),
            Wrong(_coco_annotation(segmentation=[[1, 2]]), "item 2 of annotations",
                  "segmentation"),
            Wrong(_coco_annotation(segmentation={"size": [2, 2], "counts": "0\x00"}),
                  "item 2 of annotations", "segmentation.counts"),
            Wrong(_coco(images=[{"id": 1}]), "item 1 of images", "file_name"),
            Wrong(_coco(categories=["car"]), "item 1 of categories"),
        ),
        holds=data.many(coco_records()),
        digits=9,
        normal=without_category,
    ),
    Case(
        "labelstudio",
        ".json",
        (
            Wrong("{}", ""),
            Wrong('[{"data": {"image": "a.jpg"}}, {"data": {"text": "a"}}]', "item 2", "data"),
            Wrong(_region(x="far"), "item 1", "annotations[0].result[0].value.x"),
            Wrong(_region(rectanglelabels=[1]), "item 1",
                  "annotations[0].result[0].value.rectanglelabels"),
        ),
        holds=data.many(labelstudio_records()),
        digits=9,
        write_options={"fps": 25.0},
    ),
    Case(
        "webvtt",
        ".vtt",
        (
            Wrong("1\n00:00.000 --> 00:01.000\na", "line 1"),
            Wrong("WEBVTT\n\nNOTE common-ml {\n\n00:01.000 --> 00:02.000\na\n", "line 3"),
        ),
        digits=9,
    ),
    Case("webvtt", "", (), holds=data.many(webvtt_records()), digits=9),
    Case(
        "masterful",
        "",
        (
            Wrong("a.jpg, 0\nb.jpg, 9\n", "line 2", "id", name="records.csv"),
            Wrong("a.jpg, 0, car\n", "line 1", "id", name="records.csv"),
            Wrong(", 0\n", "line 1", "path", name="records.csv"),
        ),
        holds=data.many(masterful_records(with_boxes=False)).map(in_order_of_ids),
        read_options={"task": "image_classification"},
        write_options={"task": "image_classification"},
        prepare=_label_map,
    ),
    Case(
        "masterful",
        "",
        (
            Wrong("a.jpg, 0, 1, 2, 3\n", "line 1", name="records.csv"),
            Wrong("a.jpg\nb.jpg, 0, 1, 2, x, 4\n", "line 2", "ymax", name="records.csv"),
        ),
        holds=data.many(masterful_records(with_boxes=True)),
        read_options={"task": "object_detection"},
        write_options={"task": "object_detection"},
        prepare=_label_map,
    ),
    Case(
        "scale",
        ".json",
        (
            Wrong("{}", ""),
            Wrong(_scale(task_id=None), "item 2", "task_id"),
            Wrong(_scale(params={}), "item 2", "params.attachment"),
            Wrong(_scale(response={}), "item 2", "response.annotations"),
            Wrong(_scale(response={"annotations": [{"type": "box", "left": 1, "top": 1}]}),
                  "item 2", "response.annotations[0].width"),
            Wrong(_scale(response={"annotations": [{"type": "polygon", "vertices": []}]}),
                  "item 2", "response.annotations[0]"),
            Wrong(_scale(type="segmentannotation"), "item 2", "response.labelMapping"),
            Wrong(_scale(params={"attachment": "a", "objects_to_annotate": [3]}), "item 2",
                  "params.objects_to_annotate[0]"),
        ),
    ),
    Case(
        "diffgram",
        ".json",
        (
            Wrong('{"a": 1}', ""),
            Wrong('[{"id": 1, "image": {"original_filename": "a"}}, {"id": 2}]', "item 2", "image"),
            Wrong('[{"id": 1, "image": {"original_filename": "a"}, "instance_list": '
                  '[{"type": "box", "x_min": 1}]}]', "item 1", "instance_list[0].y_min"),
            Wrong('[{"id": 1, "image": {"original_filename": "a"}, "instance_list": '
                  '[{"type": "tag", "label_file_id": 4}]}]', "item 1",
                  "instance_list[0].label_file_id"),
        ),
    ),
    Case(
        "yolo",
        "",
        (
            Wrong("0 0.5 0.5 0.1\n", "line 1", name="labels/a.txt"),
            Wrong("0 .5 .5 .1 .1\n7 .5 .5 .1 .1\n", "line 2", "class", name="labels/a.txt"),
            Wrong("0 .5 .5 .1 .1\n\n0 .5 far .1 .1\n", "line 3", name="labels/a.txt"),
            Wrong("0 .5 .5 nan .1\n", "line 1", name="labels/a.txt"),
            Wrong("0 .1 .1 .2 .2 .3 .3 1.4\n", "line 1", name="labels/a.txt"),
            Wrong("train: [\n", "line 2", name="data.yaml"),
            Wrong("train: images\n", "", "names", name="data.yaml"),
            Wrong("names: [car]\ntrain: nowhere\n", "", "train", name="data.yaml"),
        ),
        holds=data.many(pictures.yolo_records(polygons=False)).map(pictures.with_unique_stems),
        digits=8,
        write_options={"task": "detect", "copy_images": False},
        prepare=pictures.yolo_set,
    ),
    Case(
        "yolo",
        "",
        (),
        holds=data.many(pictures.yolo_records(polygons=True)).map(pictures.with_unique_stems),
        digits=8,
        write_options={"task": "segment", "copy_images": False},
    ),
    Case(
        "voc",
        "",
        (
            Wrong("<annotation>\n<filename>a</filename>", "line 2", name="a.xml"),
            Wrong("<x/>", "", name="a.xml"),
            Wrong("<annotation/>", "", "filename", name="a.xml"),
            Wrong(_voc("<object><name>a</name></object>"), "object 1", "bndbox.xmin", name="a.xml"),
            Wrong(_voc("<object><bndbox><xmin>1</xmin><ymin>x</ymin></bndbox></object>"),
                  "object 1", "bndbox.ymin", name="a.xml"),
            Wrong('<!DOCTYPE x [<!ENTITY a "b">]><annotation/>', "", name="a.xml"),
        ),
        holds=data.many(pictures.voc_records()).map(pictures.with_unique_stems),
        digits=5,
    ),
    Case(
        "cvat",
        ".xml",
        (
            Wrong("<annotation/>", ""),
            Wrong("<annotations>\n<image", "line 2"),
            Wrong('<annotations><image id="1"/></annotations>', "image 1", "name"),
            Wrong(_cvat('<box label="a" xtl="1" ytl="2" xbr="3"/>'), "image 1", "box[0].ybr"),
            Wrong(_cvat('<tag/>'), "image 1", "tag[0].label"),
            Wrong(_cvat('<polygon label="a" points="1,2;3"/>'), "image 1", "polygon[0].points"),
            Wrong(_cvat('<mask label="a" rle="1, 9" left="0" top="0" width="2" height="2"/>'),
                  "image 1", "mask[0].rle"),
            Wrong(_cvat('</image><image id="2" name="a.jpg">'), "image 2", "name"),
        ),
        holds=data.many(pictures.cvat_records()).map(pictures.with_unique_ids),
        digits=4,
    ),
    Case("cvat", ".xml", (), holds=pictures.cvat_videos(), digits=5),
    Case(
        "fiftyone",
        "",
        (
            Wrong("[]", "", "labels", name="labels.json"),
            Wrong("{}", "", "labels", name="labels.json"),
            Wrong('{"classes": ["a"], "labels": {"x": null, "y": 4}}', "item 2 of labels",
                  "[0].label", name="labels.json"),
            Wrong('{"labels": {"x": [{"label": "a", "bounding_box": [0, 0, 1]}]}}',
                  "item 1 of labels", "[0].bounding_box", name="labels.json"),
        ),
        holds=data.many(pictures.fiftyone_records()),
        digits=12,
    ),
    Case(
        "huggingface",
        ".parquet",
        (Wrong("nonsense", ""),),
        holds=data.many(data.any_records().map(data.as_readers_give_it)),
        digits=15,
    ),
]  # fmt: skip
