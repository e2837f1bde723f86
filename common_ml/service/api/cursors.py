"""Pagination cursors: opaque encodings of the sort key of the last item."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from common_ml.service.problems import Problem

_MAX_CHARACTERS = 2048


def encode_cursor(*key: Any) -> str:
    """Return the cursor of the page after a key of JSON values."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def decode_cursor(text: str, *types: type) -> tuple[Any, ...]:
    """Return the key of a cursor.

    Args:
        text: The cursor.
        types: What its values must be.

    Raises:
        Problem: 400, it is not a valid cursor.
    """
    try:
        if len(text) > _MAX_CHARACTERS:
            raise ValueError("too long")
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        key = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(key, list) or [type(value) for value in key] != list(types):
            raise ValueError("other values")
    except (ValueError, binascii.Error) as error:
        raise Problem(
            400, f"the cursor is not valid, got {text!r:.80}; hint: take `next` of an earlier page"
        ) from error
    return tuple(key)
