"""CVAT: one XML file for the pictures, or for the video, of a task."""

from common_ml.data.formats.cvat.format import NAME, read, write

__all__ = ["NAME", "read", "write"]
