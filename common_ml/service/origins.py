"""Origins of other sites, whose pages may send tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from common_ml.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PORTS = {"http": 80, "https": 443}


def origins_of(given: Iterable[str]) -> list[str]:
    """Return origins as browsers send them: without the usual port, in lower case.

    Args:
        given: Such as `https://app.example` or `http://localhost:3000`; `*` is any.

    Raises:
        InvalidRequestError: what is not an origin, and so would never be met.
    """
    found: list[str] = []
    problems: list[str] = []
    for text in given:
        origin = "*" if text == "*" else _origin(text)
        if origin is None:
            problems.append(f"an origin is https://HOST or https://HOST:PORT, got {text!r}")
        else:
            found.append(origin)
    if problems:
        raise InvalidRequestError(problems)
    return found


def _origin(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    named = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in _PORTS or not host or set(parts.netloc) & set("@*"):
        return None
    if text.lower().rstrip("/") != named.lower() or any(c.isspace() for c in text):
        return None
    shown = f"[{host}]" if ":" in host else host
    usual = port is None or port == _PORTS[parts.scheme]
    return f"{parts.scheme}://{shown}" + ("" if usual else f":{port}")
