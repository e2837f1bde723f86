"""Diffgram: the files of an export, or of a live project; read only."""

from common_ml.data.formats.diffgram.format import LIVE, NAME, read

__all__ = ["LIVE", "NAME", "read"]
