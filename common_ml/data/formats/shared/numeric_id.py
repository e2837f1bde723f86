"""Ids that are whole numbers."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"0|-?[1-9]\d{0,99}", re.ASCII)


def numeric_id(text: str) -> int | None:
    """Return the number that an id is; None where the number would be spelt otherwise.

    So 007 and numbers of more than 100 digits stay texts.
    """
    return int(text) if _NUMBER.fullmatch(text) else None
