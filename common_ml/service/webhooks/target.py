"""HTTP POST to a user-supplied URL: bounded in time, with protection against SSRF."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from common_ml.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_SECONDS = 10.0
"""Time limit of the whole request, in seconds."""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allow_private: bool,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> None:
    """Post a body; redirects are not followed.

    The name is resolved once, and the address that was checked is the one that is connected to.

    Raises:
        ServiceError: it was not reached within the time, is in a private network, or did not answer
            with a status from 200 to 299.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        address = _address(parts.hostname or "", port, allow_private=allow_private, url=url)
        connection = _connection(parts.scheme, parts.hostname or "", port, address, timeout_seconds)
        # a server that answers byte by byte never runs into the socket's own time-out
        alarm = threading.Timer(timeout_seconds, _shut, [connection])
        alarm.daemon = True
        alarm.start()
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body=body, headers=dict(headers))
            status = connection.getresponse().status
        finally:
            alarm.cancel()
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, ServiceError):
            raise
        raise ServiceError(
            f"not reached: {str(error) or type(error).__name__}", url=_shown(url)
        ) from error
    if not 200 <= status < 300:
        raise ServiceError(f"answered with status {status}", url=_shown(url), status=status)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is not None:
            return inner.is_global
        if found in _NAT64:
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF).is_global
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _address(host: str, port: int, *, allow_private: bool, url: str) -> str:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not allow_private:
        private = [address for address in addresses if not is_public(address)]
        if private:
            raise ServiceError(
                f"{host} is {private[0]}, which is not in the public internet", url=_shown(url)
            )
    return addresses[0]


def _connection(
    scheme: str, host: str, port: int, address: str, timeout_seconds: float
) -> http.client.HTTPConnection:
    if scheme == "https":
        secure = http.client.HTTPSConnection(host, port, timeout=timeout_seconds)
        plain = socket.create_connection((address, port), timeout_seconds)
        secure.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        return secure
    connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    connection.sock = socket.create_connection((address, port), timeout_seconds)
    return connection


def _shut(connection: http.client.HTTPConnection) -> None:
    try:
        connection.sock.shutdown(socket.SHUT_RDWR)
    except (OSError, AttributeError):  # it has ended meanwhile
        return


def _shown(url: str) -> str:
    return url.partition("?")[0]
