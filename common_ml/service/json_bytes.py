"""Encode JSON for answers and logs, whatever texts it holds."""

from __future__ import annotations

import json
from typing import Any

import orjson


def json_bytes(document: dict[Any, Any]) -> bytes:
    """Return a document in UTF-8; what is no JSON value stands as its `str`.

    Lone surrogates become "?": the JSON of a client can hold them, and errors repeat it. Numbers
    that are not finite become null.
    """
    try:
        return orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        text = json.dumps(document, default=str)
        plain = json.loads(text, parse_constant=lambda _: None)
        return json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace")
