"""HTTP client: bounded, with retries of transient failures and one-sentence errors.

Only https, or http to this machine. Redirects follow the same rule, never lead from another
host to this one, and carry no credentials to another origin.
"""

from __future__ import annotations

import base64
import http.client
import time
import urllib.request
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

import orjson

from common_ml.backoff import Backoff
from common_ml.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TIMEOUT_SECONDS = 60.0
"""Time limit in seconds for a connection, and for each chunk of a response."""
MAX_DOWNLOAD_SECONDS = 1800.0
MAX_DOWNLOAD_BYTES = 4 << 30
MAX_JSON_BYTES = 1 << 30
ATTEMPTS = 4
_PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Status codes that are retried."""
_MAX_PAUSE_SECONDS = 30.0
_MAX_REDIRECTS = 5
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Web:
    """HTTP client."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of each request; credentials are sent only to the requested origin."""
    pause: Callable[[float], None] = time.sleep
    """Sleep function between attempts, in seconds."""
    attempts: int = ATTEMPTS
    max_bytes: int = MAX_DOWNLOAD_BYTES
    """Maximum size of a download."""
    max_seconds: float = MAX_DOWNLOAD_SECONDS
    """Time limit of a download, from its first byte to its last."""
    clock: Callable[[], float] = time.monotonic
    """Seconds."""

    def download(self, url: str, target: Path) -> None:
        """Download a URL to a file.

        Raises:
            ServiceError: it cannot be fetched, is too large, or takes too long.
            OSError: the file cannot be written.
        """

        def save(response: http.client.HTTPResponse) -> None:
            stated = response.headers.get("Content-Length")
            length = int(stated) if stated is not None and stated.isdecimal() else None
            if length is not None and length > self.max_bytes:
                raise self._too_large(url)
            with target.open("wb") as file:
                written = self._copied(response, file.write, url, self.max_bytes)
            if length is not None and length != written:
                raise http.client.IncompleteRead(b"", length)

        self._ask(urllib.request.Request(_checked(url), headers=dict(self.headers)), save)  # noqa: S310 - checked

    def json(self, url: str, body: Mapping[str, Any] | None = None) -> Any:
        """Request JSON from a URL; POST where there is a body, else GET.

        Raises:
            ServiceError: no response, an error, or invalid JSON.
        """
        headers = {"Accept": "application/json", **self.headers}
        data = None if body is None else orjson.dumps(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(_checked(url), data=data, headers=headers)  # noqa: S310 - checked

        def take(response: http.client.HTTPResponse) -> bytes:
            parts: list[bytes] = []
            self._copied(response, parts.append, url, MAX_JSON_BYTES)
            return b"".join(parts)

        answer = self._ask(request, take)
        try:
            return orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            shown = _shown(url)
            raise ServiceError(
                f"{shown}: the answer is not valid JSON: {one_line(answer)!r}", url=shown
            ) from error

    def _copied(
        self,
        response: http.client.HTTPResponse,
        write: Callable[[bytes], object],
        url: str,
        max_bytes: int,
    ) -> int:
        end = self.clock() + self.max_seconds
        written = 0
        while chunk := response.read1(_CHUNK_BYTES):  # what is available, without waiting for all
            written += len(chunk)
            if written > max_bytes:
                raise self._too_large(url, max_bytes)
            if self.clock() > end:
                shown = _shown(url)
                raise ServiceError(f"{shown}: takes longer than {self.max_seconds:g} s", url=shown)
            write(chunk)
        return written

    def _too_large(self, url: str, max_bytes: int | None = None) -> ServiceError:
        shown = _shown(url)
        most = self.max_bytes if max_bytes is None else max_bytes
        return ServiceError(f"{shown}: has more than {most} bytes", url=shown)

    def _ask(
        self,
        request: urllib.request.Request,
        take: Callable[[http.client.HTTPResponse], Any],
    ) -> Any:
        opener = _opener()
        for attempt in range(1, self.attempts + 1):
            try:
                with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                    return take(response)
            except HTTPError as error:
                with error:
                    if error.code not in _PASSING or attempt == self.attempts:
                        raise _refusal(request.full_url, error) from error
                    wait = _wanted_pause(error)
            except ServiceError:
                raise
            except (URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                if attempt == self.attempts:
                    shown = _shown(request.full_url)
                    reason = getattr(error, "reason", None) or error
                    raise ServiceError(f"{shown} cannot be reached: {reason}", url=shown) from error
                wait = None
            self.pause(wait if wait is not None else Backoff().delay_seconds(attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of HTTP basic authentication."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def one_line(content: bytes, *, length: int = 80) -> str:
    """Return the beginning of a response on one line; for an HTML page its title."""
    text = content[:4000].decode(errors="replace")
    if "<html" in text.lower() or "<!doctype" in text.lower():
        title = text.partition("<title>")[2].partition("</title>")[0].strip()
        text = f"a page of HTML ({title})" if title else "a page of HTML"
    return " ".join(text.split())[:length]


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow a redirect only to a URL that would be allowed itself."""

    max_redirections = _MAX_REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(_checked(newurl))
        if _is_inside(new.hostname) and not _is_inside(old.hostname):
            raise ServiceError(
                f"{_shown(req.full_url)}: redirects into a private network",
                url=_shown(req.full_url),
            )
        found = super().redirect_request(req, fp, code, msg, headers, newurl)
        if found is not None and _origin(old) != _origin(new):
            for name in list(found.headers):
                if name.lower() in _CREDENTIALS:
                    found.remove_header(name)
        return found


def _opener() -> urllib.request.OpenerDirector:
    """Build an opener without the handlers for file, ftp and data of `build_opener`."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _origin(parts: Any) -> tuple[str, str | None, int | None]:
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, port


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        known = False
    if not known:
        raise ServiceError(f"must be an https address, got {url!r:.120}", url=_shown(url))
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise ServiceError(
            f"must be an https address, got {_shown(url)!r:.120}; hint: http is only for this "
            "machine (127.0.0.1, [::1], localhost)",
            url=_shown(url),
        )
    return url


def _is_this_machine(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _is_inside(host: str | None) -> bool:
    """Whether a host name is not on the public network."""
    try:
        return not ip_address(host or "").is_global
    except ValueError:
        return _is_this_machine(host)


def _refusal(url: str, error: HTTPError) -> ServiceError:
    try:
        answer = one_line(error.read(4000), length=200)
    except (OSError, http.client.HTTPException):
        answer = ""
    shown = _shown(url)
    hint = _HINTS.get(error.code, "")
    detail = f": {answer}" if answer else ""
    return ServiceError(
        f"{shown} answers {error.code} {error.reason}{hint}{detail}", url=shown, status=error.code
    )


_HINTS = {
    401: " (the key is wrong or missing)",
    403: " (the key is wrong, not allowed to, or the address has expired)",
    404: " (there is no such thing)",
    429: " (too many requests; try later)",
}


def _wanted_pause(error: HTTPError) -> float | None:
    value = error.headers.get("Retry-After", "")
    return min(float(value), _MAX_PAUSE_SECONDS) if value.isdecimal() else None


def _shown(url: str) -> str:
    """Return the URL without its query, which may hold a signature, and credentials."""
    plain = url.partition("?")[0]
    scheme, mark, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}" if mark else plain
