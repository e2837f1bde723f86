"""COCO: pictures with boxes, polygons, masks and keypoints in one JSON file."""

from common_ml.data.formats.coco.format import NAME, read, write

__all__ = ["NAME", "read", "write"]
