"""FiftyOne: a folder with detections or classes of pictures, as its importers take it."""

from common_ml.data.formats.fiftyone.format import NAME, read, write

__all__ = ["NAME", "read", "write"]
