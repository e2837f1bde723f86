"""WebVTT: time tags as subtitles, one file for each video or sound."""

from common_ml.data.formats.webvtt.format import NAME, read, write

__all__ = ["NAME", "read", "write"]
