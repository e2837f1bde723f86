"""Content with `Range` and `ETag` (RFC 9110), whatever the store."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from common_ml.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})\Z")


def ranged_response(
    read: Callable[[int, int], Iterator[bytes]],
    *,
    size: int,
    etag: str,
    headers: Mapping[str, str],
    media_type: str,
    name: str = "",
    method: str = "GET",
    inline: str = "inline",
) -> Response:
    """Return all, a range, or "not modified", as the request's headers ask.

    Several ranges in one request are answered with all of the content, as the standard allows.

    Args:
        read: Yields the bytes from a position to another one.
        size: Bytes of the content.
        etag: Its strong validator, without quotes.
        headers: Of the request, names in lower case.
        media_type: Must be safe to show: the caller decides it, not the client.
        name: File name to save it under; empty for none.
        method: `HEAD` leaves the body out.
        inline: `inline`, or `attachment` to have it saved.

    Raises:
        Problem: 416, the range is outside of the content.
        StoreError: the content cannot be read.
    """
    ours = f'"{etag}"'
    common = {
        "etag": ours,
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
    }
    if name:
        common["content-disposition"] = f"{inline}; filename*=UTF-8''{quote(name, safe='')}"
    if matches(headers.get("if-none-match", ""), ours):
        return Response(status_code=304, headers=common)
    start, stop, status = 0, size, 200
    wanted = headers.get("range", "")
    if wanted and headers.get("if-range", ours) == ours:
        found = byte_range(wanted, size)
        if found is not None:
            (start, stop), status = found, 206
            common["content-range"] = f"bytes {start}-{stop - 1}/{size}"
    common["content-length"] = str(stop - start)
    if method == "HEAD":
        return Response(status_code=status, headers=common, media_type=media_type)
    chunks = read(start, stop)
    first = next(chunks, b"")  # an error of the store comes before the answer begins
    return StreamingResponse(
        chain([first], chunks), status_code=status, headers=common, media_type=media_type
    )


def matches(header: str, etag: str) -> bool:
    """Whether `If-None-Match` names an entity tag; weak comparison."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag in tags


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last; None where all is to be sent.

    Raises:
        Problem: 416, nothing of the content is inside of the range.
    """
    found = _RANGE.match(header.replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None  # another unit, several ranges, or not a range: ignored, as the standard asks
    if not found[1]:
        length = min(int(found[2]), size)
        start, stop = size - length, size
    else:
        start = int(found[1])
        stop = min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= stop:
        raise Problem(
            416,
            f"the content has {size:,} bytes, got Range: {header!r:.80}",
            headers={"content-range": f"bytes */{size}"},
        )
    return start, stop
