"""Pascal VOC: an XML file of boxes for each picture."""

from common_ml.data.formats.voc.format import NAME, read, write

__all__ = ["NAME", "read", "write"]
