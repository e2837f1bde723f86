"""YOLO: a text file of boxes or polygons for each picture, and a YAML file of class names."""

from common_ml.data.formats.yolo.format import NAME, read, write

__all__ = ["NAME", "read", "write"]
