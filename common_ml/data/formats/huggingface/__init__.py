"""Hugging Face: a Parquet file of pictures and objects that `datasets` loads with its features."""

from common_ml.data.formats.huggingface.format import NAME, read, write

__all__ = ["NAME", "read", "write"]
