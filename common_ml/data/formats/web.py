"""Files and JSON over HTTP: retried while a failure may pass, told in one sentence when not."""

from __future__ import annotations

import base64
import http.client
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import orjson

from common_ml.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TIMEOUT_SECONDS = 60.0
ATTEMPTS = 4
_PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that may be gone at the next attempt."""
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class Web:
    """How addresses are asked."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with each request."""
    pause: Callable[[float], None] = time.sleep
    """Waits for that many seconds before another attempt."""
    attempts: int = ATTEMPTS

    def download(self, url: str, target: Path) -> None:
        """Write what is at an address into a file.

        Raises:
            ServiceError: it is not to be had.
            OSError: the file cannot be written.
        """

        def save(response: http.client.HTTPResponse) -> None:
            with target.open("wb") as file:
                shutil.copyfileobj(response, file)
            stated = response.headers.get("Content-Length")
            if stated is not None and int(stated) != target.stat().st_size:
                raise http.client.IncompleteRead(b"", int(stated))

        self._ask(Request(_checked(url), headers=dict(self.headers)), save)  # noqa: S310 - http(s), checked

    def json(self, url: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON that an address answers; POST where there is a body, else GET.

        Raises:
            ServiceError: it does not answer, or with an error, or without JSON.
        """
        headers = {"Accept": "application/json", **self.headers}
        data = None if body is None else orjson.dumps(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = Request(_checked(url), data=data, headers=headers)  # noqa: S310 - http(s), checked
        answer = self._ask(request, lambda response: response.read())
        try:
            return orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            shown = _shown(url)
            raise ServiceError(f"{shown} answers no JSON: {answer[:80]!r}", url=shown) from error

    def _ask(self, request: Request, take: Callable[[http.client.HTTPResponse], Any]) -> Any:
        for attempt in range(1, self.attempts + 1):
            try:
                with urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - as above
                    return take(response)
            except HTTPError as error:
                with error:
                    if error.code not in _PASSING or attempt == self.attempts:
                        raise _refusal(request.full_url, error) from error
                    wait = _wanted_pause(error)
            except (URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                if attempt == self.attempts:
                    shown = _shown(request.full_url)
                    reason = getattr(error, "reason", None) or error
                    raise ServiceError(f"{shown} cannot be reached: {reason}", url=shown) from error
                wait = None
            self.pause(wait if wait is not None else 2.0 ** (attempt - 1))
        raise AssertionError("unreachable: the last attempt returns or raises")


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP's basic authorisation."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ServiceError(f"must be an http or https address, got {url!r:.120}", url=_shown(url))
    return url


def _refusal(url: str, error: HTTPError) -> ServiceError:
    try:
        said = error.read(2000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        said = ""
    shown = _shown(url)
    hint = _HINTS.get(error.code, "")
    told = f": {said:.200}" if said else ""
    return ServiceError(
        f"{shown} answers {error.code} {error.reason}{hint}{told}", url=shown, status=error.code
    )


_HINTS = {
    401: " (the key is wrong or missing)",
    403: " (the key is wrong, not allowed to, or the address has expired)",
    404: " (there is no such thing)",
    429: " (too many requests; try later)",
}


def _wanted_pause(error: HTTPError) -> float | None:
    value = error.headers.get("Retry-After", "")
    return min(float(value), _LONGEST_PAUSE_SECONDS) if value.isdecimal() else None


def _shown(url: str) -> str:
    """The address without its query, which may hold a signature."""
    return url.partition("?")[0]
