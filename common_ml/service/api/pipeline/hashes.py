"""MD5 hashes in requests, by which the pipeline's calls name objects."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be an MD5 in hexadecimal, got a lone surrogate") from None
    return text


Hash = Annotated[str, AfterValidator(_unicode)]
"""Any text that an answer can repeat: an unknown one has an answer of its own."""
