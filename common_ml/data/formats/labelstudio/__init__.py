"""Label Studio: tasks with regions in pictures, and with time lanes in videos and sounds."""

from common_ml.data.formats.labelstudio.format import NAME, read, write

__all__ = ["NAME", "read", "write"]
