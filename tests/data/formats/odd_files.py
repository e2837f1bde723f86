"""Good files of every format, and the same with an odd value somewhere."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.data.formats.shared.masks import brush_bytes
from tests.data.formats import scale_tasks as tasks

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

_SIZE = {"original_width": 4, "original_height": 2}
_PLACE = {"x": 1, "y": 2, "width": 3, "height": 4, "rotation": 0}

JSON_FILES: dict[str, Any] = {
    "coco": {
        "info": {},
        "images": [{"id": 1, "file_name": "a.jpg", "width": 4, "height": 2,
                    "neg_category_ids": [1]}, {"id": "b", "file_name": "b.jpg"}],
        "categories": [{"id": 1, "name": "car", "keypoints": ["a"]}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 1], "area": 2,
             "iscrowd": 0, "segmentation": [[0, 0, 1, 0, 1, 1], [0, 0, 1, 0, 1, 1, 0, 1]]},
            {"image_id": 1, "category_id": 1, "segmentation": {"size": [2, 4], "counts": "08"},
             "score": 0.5, "track": "t", "attributes": {"a": 1}},
            {"image_id": 1, "category_id": 1, "segmentation": {"size": [2, 4],
             "counts": [2, 6]}, "keypoints": [1, 2, 2], "num_keypoints": 1},
        ],
    },
    "labelstudio": [
        {"id": 1, "data": {"image": "/data/upload/1/0123abcd-a.jpg", "width": 4, "height": 2},
         "annotations": [{"was_cancelled": False, "result": [
            {"id": "r1", "type": "rectanglelabels", "from_name": "l", "value":
             {**_PLACE, "rectanglelabels": ["car"]}, **_SIZE, "score": 0.5, "meta": {"track": "t"}},
            {"id": "r1", "type": "textarea", "from_name": "t", "value": {**_PLACE, "text": ["x"]}},
            {"id": "r2", "type": "polygonlabels", "value": {"points": [[0, 0], [1, 0], [1, 1]],
             "polygonlabels": ["car"]}},
            {"id": "r3", "type": "brushlabels", "value": {"rle": brush_bytes(np.ones((2, 4), bool)),
             "brushlabels": ["car"]}, **_SIZE},
            {"id": "r4", "type": "choices", "value": {"choices": ["day"]}},
            {"id": "r5", "type": "ellipselabels", "value": {"x": 1, "y": 1, "radiusX": 1,
             "radiusY": 1, "ellipselabels": ["car"]}},
         ]}], "predictions": [3]},
        {"id": 2, "data": {"video": "a.mp4", "fps": 25}, "predictions": [{"result": [
            {"id": "v", "type": "videorectangle", "value": {"labels": ["car"], "framesCount": 9,
             "duration": 1.5, "sequence": [{"frame": 1, "enabled": True, "time": 0, **_PLACE}]}},
            {"id": "w", "type": "timelinelabels", "value": {"timelinelabels": ["car"],
             "ranges": [{"start": 1, "end": 3}]}}]}]},
        {"id": 3, "data": {"audio": "a.wav"}, "annotations": [{"result": [
            {"id": "s", "type": "labels", "value": {"start": 1, "end": 2, "labels": ["a"]}}]}]},
        {"id": 4, "image": "b.jpg", "label": [{**_PLACE, "rectanglelabels": ["car"], **_SIZE}]},
    ],
    "diffgram": {
        "readme": "x",
        "label_map": {"5": "car", "6": {"name": "bus"}},
        "1": {"file": {"id": 1, "original_filename": "a.jpg", "type": "image"},
              "image": {"width": 4, "height": 2, "url_signed": "https://x.example/a?b"},
              "instance_list": [
                  {"id": 1, "type": "box", "label_file_id": 5, "x_min": 0, "y_min": 0, "x_max": 1,
                   "y_max": 1, "score": 0.5, "number": 1, "attribute_groups": {"1": "a"}},
                  {"type": "polygon", "label_file": {"label": {"name": "car"}},
                   "points": [{"x": 0, "y": 0}, {"x": 1, "y": 0}, {"x": 1, "y": 1}]},
                  {"type": "cuboid", "label_file_id": 6, "front_face": {"x": 1}},
                  {"type": "global", "attribute_groups": [{"name": "a", "value": 1}]}]},
        "2": {"file": {"id": 2, "original_filename": "c"}, "instance_list": [], "children": [
            {"id": 3, "type": "frame", "image": {"original_filename": "d.jpg"},
             "instance_list": []}]},
    },
    "scale": [
        tasks.image_task("1", tasks.BOX, tasks.POLYGON, tasks.LINE, tasks.POINT, tasks.ELLIPSE,
                         tasks.CUBOID, tasks.TURNED),
        tasks.segment_task("2"),
    ],
    "clarifai": {"inputs": [
        {"id": "i", "data": {"image": {"url": "a.jpg"}, "metadata": {"a": 1}, "geo": {"geoPoint":
         {"longitude": 1, "latitude": 2}}, "concepts": [{"id": "a", "name": "a", "value": 1}],
         "regions": [{"regionInfo": {"boundingBox": {"topRow": 0.1, "leftCol": 0.1,
          "bottomRow": 0.5, "rightCol": 0.5}}, "data": {"concepts": [{"name": "b"}]}}]}}]},
}  # fmt: skip

ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 59, 2**53 + 1, 10**40, -(10**400), 1e308, -0.5, 1.0000000000000002,
    "", "x", "NaN", "\ud800", "\0", "=1+1", "a,b", "../../etc/passwd", "https://x.example/a?d=b",
    "?d=%00", [], [[]], [[1, 2]], [None], ["x"], {}, {"a": {}}, [{}], [0] * 50, "9" * 5000,
    [[0, 0], [1]], [1, 2, 3], {"size": [10**6, 10**6], "counts": [10**12]},
    {"size": [2, 4], "counts": "o" * 500}, [255] * 12,
]  # fmt: skip

TEXT_FILES: dict[str, str] = {
    "csv": (
        "media,label,x1,y1,x2,y2,polygon,mask,attributes,metadata,vector,start_seconds\n"
        'a.jpg,car,0,0,1,1,"[[0,0],[1,0],[1,1]]","{""width"":1,""height"":1,""counts"":[1]}",'
        '"{""a"":1}","{""b"":2}",[1],\nb.mp4,x,,,,,,,,,,3\n'
    ),
    "clarifai": (
        "url,left_col,top_row,right_col,bottom_row,pos_concepts,neg_concepts,metadata,input_id\n"
        'a.jpg,0,0,1,1,a|b,c,"{""a"":1}",7\na.jpg,,,,,d,,"{\'a\': 1}",7\n'
    ),
    "webvtt": (
        'WEBVTT x\n\nNOTE common-ml {"media": "a.mp4"}\n\n1\n00:01.000 --> 00:02.000 a:b\n'
        "<v.x Ann>Hi &amp; <i>you</i>\n<v Bob>c\n\nSTYLE\n::cue {}\n"
    ),
}
"""Format -> a good file of text."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a JSON file."""
    yield path
    if isinstance(value, dict):
        for key, one in value.items():
            yield from places(one, (*path, key))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from places(one, (*path, place))


def with_odd_value(data: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """The file with another value at a place; at the top that is the whole file."""
    if not path:
        return odd
    changed = copy.deepcopy(data)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = odd
    return changed


def odd_json(name: str, dice: random.Random, number: int = 1) -> bytes:
    """A JSON file of a format with a few odd values."""
    data = JSON_FILES[name]
    for _ in range(number):
        data = with_odd_value(data, dice.choice(list(places(data))), dice.choice(ODD_VALUES))
    return json.dumps(data).encode()
