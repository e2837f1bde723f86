"""Parse the platform's address: TLS, or unencrypted on the local machine only."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from common_ml.errors import UploadError

DEFAULT_BASE = "api.clarifai.com"
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Address:
    """Host and port of a server."""

    host: str
    """Name or number, without brackets."""
    port: int
    encrypted: bool
    """Whether TLS is used."""

    @classmethod
    def parse(cls, base: str) -> Address:
        """Parse `host`, `host:port`, `https://host:port`, or `http://` of this machine alone.

        Raises:
            UploadError: anything else.
        """
        text = base.strip()
        expected = "expected host, host:port or https://host:port"
        try:
            parts = urlsplit(text if "://" in text else f"https://{text}")
            port = parts.port
        except ValueError as error:
            raise UploadError(f"the address {base!r} is wrong ({error}): {expected}") from error
        if parts.scheme not in _PORTS or not parts.hostname or port == 0:
            raise UploadError(f"the address {base!r} is wrong: {expected}")
        if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
            raise UploadError(f"the address {base!r} has more than host and port: {expected}")
        address = cls(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "https")
        if not address.encrypted and not address.is_loopback:
            raise UploadError(
                f"the address {base!r} would send the key unencrypted: use https://; "
                "http:// is for this machine alone (127.0.0.1, [::1], localhost)"
            )
        return address

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def target(self) -> str:
        """The address as gRPC target."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
