"""Tasks as Scale exports them."""

from __future__ import annotations

from typing import Any

BOX = {"type": "box", "label": "car", "uuid": "u1", "left": 20, "top": 10, "width": 100,
       "height": 50, "attributes": {"colour": "red"}}  # fmt: skip
SMALL_BOX = {"type": "box", "label": "person", "left": 1.01, "top": 2.99, "width": 6, "height": 3}
POLYGON = {"type": "polygon", "label": "road", "uuid": "u2",
           "vertices": [{"x": 123, "y": 10}, {"x": 140, "y": 49}, {"x": 67, "y": 34}]}  # fmt: skip
LINE = {"type": "line", "label": "road", "vertices": [{"x": 1, "y": 1}, {"x": 9, "y": 9}]}
POINT = {"type": "point", "label": "person", "x": 12, "y": 30}
ELLIPSE = {"type": "ellipse", "label": "car",
           "vertices": [{"x": 123, "y": 92}, {"x": 173, "y": 113}, {"x": 123, "y": 134},
                        {"x": 73, "y": 113}]}  # fmt: skip
CUBOID = {"type": "cuboid", "label": "car", "vertices": [{"x": 1, "y": 2, "type": "face"}],
          "edges": [{"x1": 1, "y1": 2, "x2": 3, "y2": 4}]}  # fmt: skip
TURNED = {**BOX, "rotation": 0.5, "vertices": POLYGON["vertices"]}
GEOMETRIES = {
    "box": {"objects_to_annotate": ["person", {"choice": "car", "subchoices": ["van"]}]},
    "polygon": {"objects_to_annotate": ["road"]},
}


def image_task(task_id: str = "1234", *annotations: Any, **parts: Any) -> dict[str, Any]:
    """A completed imageannotation task."""
    return {
        "task_id": task_id,
        "created_at": "2022-02-02T02:22:22.222Z",
        "type": "imageannotation",
        "status": "completed",
        "batch": "b1",
        "project": "p",
        "params": {"attachment": f"https://x.example/{task_id}.jpg", "geometries": GEOMETRIES},
        "response": {
            "annotations": list(annotations),
            "global_attributes": {"weather": "sunny"},
        },
        **parts,
    }


def segment_task(
    task_id: str = "s1", *, mapping: dict[str, Any] | None = None, **parts: Any
) -> dict[str, Any]:
    """A completed segmentannotation task."""
    return {
        "task_id": task_id,
        "created_at": "2022-02-02T02:22:22.222Z",
        "type": "segmentannotation",
        "status": "completed",
        "metadata": {"filename": "a.jpg"},
        "attachmentS3Downloads": [
            {"isConvertedImage": False, "s3URL": "https://s3.example/raw"},
            {"isConvertedImage": True, "s3URL": "https://s3.example/a"},
        ],
        "response": {
            "labelMapping": mapping
            or {
                "road": {"index": 1, "color": "#e6194b", "numPixels": 1000},
                "car": {"index": 2, "color": "#fc5174", "numPixels": 0},
                "person": [{"index": 3, "color": "#de3073", "numPixels": 855}],
            },
            "annotations": {
                "combined": {
                    "image": "https://s3.example/rgba.png",
                    "indexedImage": "https://s3.example/idx.png",
                    "extendedIndexedImage": "https://s3.example/ext.png",
                }
            },
        },
        **parts,
    }
