"""HTTP server process: socket, address and graceful shutdown."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from common_ml.errors import CommonMLError
from common_ml.service.api.app import create_app
from common_ml.service.logs import LOGGER_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.service.api.server_state import Server

_LOG = logging.getLogger(LOGGER_NAME)
_GRACE_SECONDS = 10
_IDLE_SECONDS = 75
"""Longer than proxies keep a connection, so that they close it first."""


class AddressError(CommonMLError, OSError):
    """The server cannot listen at an address."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: Name or address; only loopback is reached from this machine alone.
        port: 0 for a free one.

    Raises:
        AddressError: the address is taken, or not of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        reason = error.strerror or error
        raise AddressError(
            f"cannot listen at {host}:{port}: {reason}; hint: choose another --port"
        ) from error
    listener.set_inheritable(False)
    return listener


def address_of(listener: socket.socket, *, host: str = "") -> str:
    """Return the URL of a socket."""
    shown, port = listener.getsockname()[:2]
    if host and host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        shown = host
    elif shown in {"0.0.0.0", "::"}:  # noqa: S104 - the same
        shown = "127.0.0.1"
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


class _Uvicorn(uvicorn.Server):
    """Ends event streams and long polls before it waits for open connections."""

    def __init__(self, config: uvicorn.Config, state: Server) -> None:
        super().__init__(config)
        self._state = state

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down gracefully: complete responses in progress, end streams."""
        _LOG.info("stopping")
        await self._state.watcher.stop()
        await super().shutdown(sockets)


def make_server(server: Server) -> uvicorn.Server:
    """Return the HTTP server of a state; `run(sockets=[...])` serves until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        create_app(server),
        log_config=None,
        access_log=False,  # RequestMiddleware logs, with the request id
        server_header=False,
        date_header=True,
        lifespan="on",
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        limit_concurrency=1000,
        h11_max_incomplete_event_size=64 << 10,
    )
    return _Uvicorn(config, server)


@contextmanager
def serving(server: Server, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in a thread of this process, as notebooks and tests do; yields the URL.

    Raises:
        AddressError: as for `listen`.
    """
    listener = listen(host, port)
    runner = make_server(server)
    thread = threading.Thread(
        target=runner.run, kwargs={"sockets": [listener]}, name="common-ml-serve", daemon=True
    )
    thread.start()
    try:
        yield address_of(listener)
    finally:
        runner.should_exit = True
        thread.join()
        listener.close()
