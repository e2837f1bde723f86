"""Settings of the service: locations of its data, and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30


@dataclass(frozen=True)
class ServiceLimits:
    """Quotas of clients, and time limits."""

    max_tus_bytes: int = 50 * GIB
    """Maximum bytes of a file that is uploaded by tus."""
    max_multipart_bytes: int = 2 * GIB
    """Maximum bytes of a file in a form."""
    max_files_per_post: int = 1000
    max_field_bytes: int = 64 << 10
    """Maximum bytes of a form field that is not a file."""
    max_queued_per_user: int = 100_000
    """Maximum number of a user's predictions that are queued or running."""
    upload_seconds: float = 24 * 3600
    """Idle time after which an upload expires."""
    lease_seconds: float = 60
    """Duration of a lease; a prediction whose lease has expired is queued again."""
    renew_seconds: float = 20
    """Interval between renewals of a lease."""
    max_attempts: int = 3
    """Attempts of a prediction whose worker is lost or whose tagger does not start."""
    retry_seconds: float = 5
    """Delay before the second attempt; doubled with each further one."""
    worker_seconds: float = 60
    """Time without a heartbeat after which a worker counts as dead."""
    event_days: float = 7
    """Retention of events."""

    def __post_init__(self) -> None:
        if not 0 < self.renew_seconds < self.lease_seconds:
            raise ValueError(
                f"renew_seconds must be > 0 and < lease_seconds, got {self.renew_seconds} and "
                f"{self.lease_seconds}"
            )


@dataclass(frozen=True)
class Settings:
    """Locations of the service's data, and its limits."""

    data: Path
    """The data folder: the database and the contents, unless they are elsewhere; uploads."""
    database: str = ""
    """`sqlite:///path` or `postgresql://...`; "" for `service.db` in the data folder."""
    store: str = ""
    """A folder, or `s3://bucket/prefix`; "" for `store` in the data folder."""
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    allow_private_webhooks: bool = False
    """Whether webhooks may reach loopback and private networks."""
    database_wait_seconds: float = 30
    """How long a lost connection or a busy database is retried."""

    @property
    def database_url(self) -> str:
        """The URL for SQLAlchemy."""
        url = self.database or f"sqlite:///{(self.data / 'service.db').absolute()}"
        for scheme in ("postgres://", "postgresql://"):
            if url.startswith(scheme):
                return "postgresql+psycopg://" + url.removeprefix(scheme)
        return url

    @property
    def store_address(self) -> str:
        """Folder or URL of contents and parts."""
        return (self.store or str((self.data / "store").absolute())).rstrip("/")

    @property
    def uploads(self) -> Path:
        """Folder of partial uploads."""
        return self.data / "uploads"

    @property
    def work(self) -> Path:
        """Folder of contents that workers have fetched."""
        return self.data / "work"
