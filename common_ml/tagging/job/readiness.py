"""Wait until a descriptor can be read."""

from __future__ import annotations

import math
import select


def wait_readable(descriptor: int, *, timeout_seconds: float | None = None) -> bool:
    """Return whether a descriptor became readable, or was closed, within the time.

    By the functions that the `select` module has at the call: gevent and eventlet replace them, as
    their threads are one thread, which a blocking call would stop.

    Args:
        descriptor: An open one.
        timeout_seconds: Time limit, >= 0; None for none.
    """
    if not hasattr(select, "poll"):  # eventlet takes it away
        return bool(select.select([descriptor], [], [], timeout_seconds)[0])
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(None if timeout_seconds is None else math.ceil(timeout_seconds * 1000)))
