"""Webhook signatures by https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "whsec_"
_TOLERANCE_SECONDS = 300
_STAMP = re.compile(r"\d{1,18}", re.ASCII)


def signature(secret: str, *, identifier: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`.

    Args:
        secret: `whsec_` and a key in base64.
        identifier: The value of `webhook-id`.
        timestamp: The value of `webhook-timestamp`, in seconds since 1970.
        body: As it is sent.
    """
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{identifier}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> bool:
    """Return whether a delivery is authentic and recent; for receivers in Python.

    Args:
        secret: As it was shown when the webhook was registered.
        headers: Of the request, with names in lower case.
        body: Of the request, as it came.
        now: Seconds since 1970.
    """
    identifier, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _STAMP.fullmatch(stamp) or abs(now - int(stamp)) > _TOLERANCE_SECONDS:
        return False
    expected = signature(secret, identifier=identifier, timestamp=int(stamp), body=body)
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in given)
