"""Masterful: `records.csv` and `label_map.csv` in a folder, for one of three tasks."""

from common_ml.data.formats.masterful.format import NAME, MaskFormat, read, write

__all__ = ["NAME", "MaskFormat", "read", "write"]
