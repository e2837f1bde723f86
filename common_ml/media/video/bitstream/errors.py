"""The error of headers that cannot be read."""

from __future__ import annotations


class UnsupportedHeaderError(ValueError):
    """The header is damaged, or uses a feature that is not supported here."""
