"""HTTP server on loopback for the live page of a tags file, or of two runs.

    http://127.0.0.1:PORT/SECRET/             the page
    http://127.0.0.1:PORT/SECRET/version      its version, which the page polls
    http://127.0.0.1:PORT/SECRET/media/3/a.mp4  a file of the page; supports range requests
    http://127.0.0.1:PORT/SECRET/verdicts     accepts a verdict, a line of JSON

Other users of the machine can reach the loopback interface, so every path needs the secret, which
is random for each server. Against DNS rebinding, only requests with a loopback `Host` are answered.
"""

from __future__ import annotations

import json
import mimetypes
import secrets
import threading
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit

from common_ml.errors import WireError
from common_ml.report.comparison import TwoRuns
from common_ml.report.contents import read_contents
from common_ml.report.page import found_near, render
from common_ml.report.ranges import Range, UnsatisfiableRangeError, requested_range
from common_ml.tagging.tags_file.verdicts import decode_verdict, encode_verdict, verdicts_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from common_ml.report.located import Media
    from common_ml.types import StrPath

LOOPBACK = "127.0.0.1"
MAX_VERDICT_BYTES = 100_000
CHUNK_BYTES = 1 << 18
_LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")


class LivePage:
    """The page of a tags file, or of two runs, rendered again whenever a file has grown."""

    def __init__(
        self,
        tags_path: Path,
        *,
        before: Path | None = None,
        media: Iterable[StrPath] = (),
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Initialise; see `write_page` for the arguments, `write_comparison` for `before`."""
        self.tags_path = tags_path
        self.before = before
        self.verdicts_path = verdicts_path(tags_path)
        self._media = tuple(media)
        self._params = params
        self._known: dict[str, tuple[Media, str]] = {}
        self._lock = threading.Lock()
        self._files: list[Path | None] = []

    def version(self) -> str:
        """Return the version of the page, which changes when its files change."""
        paths = [self.tags_path, *([self.before] if self.before else [])]
        return " ".join(map(_version_of, paths))

    def page(self) -> bytes:
        """Return the page of the current tags.

        Raises:
            OSError: the tags file cannot be read.
            WireError: it is not a tags file.
        """
        with self._lock:
            version = self.version()
            runs = None if self.before is None else TwoRuns.read(self.before, self.tags_path)
            contents = read_contents(self.tags_path) if runs is None else runs.contents
            found = found_near(
                contents,
                self.tags_path,
                self._media,
                embed=False,
                media_limit_bytes=0,
                known=self._known,
            )
            self._files = [entry.media.path for entry in found]
            files = [
                {**entry.to_json(self.tags_path.parent), "src": _address(place, entry.media.path)}
                for place, entry in enumerate(found)
            ]
            facts = {"params": self._params, "files": files, "version": version, "live": True}
            compared = {} if runs is None else {"change": runs.with_changes}
            return render(
                self.tags_path,
                contents,
                found,
                folder=self.tags_path.parent,
                facts=facts if runs is None else runs.facts(facts),
                connects=True,
                **compared,
            )

    def file(self, place: int) -> Path | None:
        """Return a file of the page; None if it has none there."""
        with self._lock:
            return self._files[place] if 0 <= place < len(self._files) else None

    def add_verdict(self, line: bytes) -> None:
        """Append a verdict to the file beside the tags.

        Raises:
            OSError: it cannot be written.
            ValueError: it is not a verdict.
        """
        encoded = encode_verdict(decode_verdict(line))
        with self._lock, self.verdicts_path.open("ab") as file:
            file.write(encoded)


class PageServer(ThreadingHTTPServer):
    """HTTP server of a page, until it is closed."""

    daemon_threads = True

    def __init__(self, page: LivePage, *, port: int = 0) -> None:
        """Listen, on any free port by default.

        Raises:
            OSError: the port is in use.
        """
        self.page = page
        self.secret = secrets.token_urlsafe(12)
        super().__init__((LOOPBACK, port), partial(_Handler, page, self.secret))

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{LOOPBACK}:{self.server_address[1]}/{self.secret}/"


class _Handler(BaseHTTPRequestHandler):
    """Request handler of one connection."""

    protocol_version = "HTTP/1.1"
    server_version = "common-ml"
    sys_version = ""
    timeout: ClassVar[float] = 60

    def __init__(self, page: LivePage, secret: str, *arguments: Any) -> None:
        self._page = page
        self._secret = secret
        super().__init__(*arguments)  # handles the requests

    def do_GET(self) -> None:
        """Answer with the page, its version or a file."""
        parts = self._parts()
        if parts == [""]:
            self._send_page()
        elif parts == ["version"]:
            self._send(HTTPStatus.OK, json.dumps(self._page.version()).encode(), "application/json")
        elif parts is not None and len(parts) == 3 and parts[0] == "media" and parts[1].isdecimal():
            self._send_file(self._page.file(int(parts[1])))
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def do_POST(self) -> None:
        """Accept a verdict."""
        length = self.headers.get("Content-Length", "")
        origin = urlsplit(self.headers.get("Origin", "")).netloc
        if self._parts() != ["verdicts"]:
            self._refuse(HTTPStatus.NOT_FOUND)
        elif (origin and origin != self.headers.get("Host")) or not self._is_json():
            self._refuse(HTTPStatus.FORBIDDEN)
        elif not length.isdecimal() or int(length) > MAX_VERDICT_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            self._take(self.rfile.read(int(length)))

    def _is_json(self) -> bool:
        # no form of another site can send this type
        return self.headers.get_content_type() == "application/json"

    def _take(self, line: bytes) -> None:
        try:
            self._page.add_verdict(line)
        except ValueError as error:
            self._send(HTTPStatus.BAD_REQUEST, f"the verdict {error}".encode(), "text/plain")
        else:
            self._send(HTTPStatus.NO_CONTENT, b"", "text/plain")

    def _parts(self) -> list[str] | None:
        """Return the path below the secret; None for an unauthorised request."""
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        path = urlsplit(self.path).path.split("/")
        is_ours = len(path) > 2 and secrets.compare_digest(path[1].encode(), self._secret.encode())
        return path[2:] if is_ours and host in _LOCAL_NAMES else None

    def _send_page(self) -> None:
        try:
            page = self._page.page()
        except (OSError, WireError) as error:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, str(error).encode(), "text/plain")
        else:
            self._send(HTTPStatus.OK, page, "text/html; charset=utf-8")

    def _send_file(self, path: Path | None) -> None:
        if path is None or not path.is_file():
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        with path.open("rb") as file:
            size = file.seek(0, 2)
            try:
                part = requested_range(self.headers.get("Range"), size)
            except UnsatisfiableRangeError:
                self._begin(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, "text/plain")
                self.send_header("Content-Range", f"bytes */{size}")
                self.end_headers()
                return
            start, end = part or Range(0, size)
            status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            self._begin(status, end - start, kind)
            self.send_header("Accept-Ranges", "bytes")
            if part is not None:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
            self.end_headers()
            file.seek(start)
            while self.command != "HEAD" and start < end:
                chunk = file.read(min(CHUNK_BYTES, end - start))
                if not chunk:
                    break
                self.wfile.write(chunk)
                start += len(chunk)

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self._begin(status, len(content), kind)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True  # a body may be left
        self._send(status, b"", "text/plain")

    def _begin(self, status: HTTPStatus, length: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")

    def handle_one_request(self) -> None:
        """Handle a request; ignore a closed connection, as when a browser seeks."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        """Log nothing: a film is requested in hundreds of ranges."""


def _version_of(path: Path) -> str:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return "gone"
    return f"{facts.st_ino}-{facts.st_size}-{facts.st_mtime_ns}"


def _address(place: int, path: Path | None) -> str | None:
    return None if path is None else f"media/{place}/{quote(path.name)}"
