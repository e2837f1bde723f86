"""State shared by the requests of one server process."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from common_ml.errors import StoreFullError
from common_ml.service.api.readiness import Readiness
from common_ml.service.api.recent_counts import RecentCounts
from common_ml.service.api.watching import Watcher
from common_ml.service.auth.rate_limit import FailureLimit
from common_ml.service.metrics import Metrics
from common_ml.service.operations import events, files, models, stats
from common_ml.service.problems import Problem
from common_ml.service.thumbnails import Thumbnails
from common_ml.service.upload.multipart import FormLimits, receive_form
from common_ml.service.upload.partial import PartialUploads
from common_ml.service.upload.tus import ExclusiveWriter

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
    from pathlib import Path

    from starlette.requests import Request

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor
    from common_ml.service.operations.files import File
    from common_ml.service.upload.multipart import Form
    from common_ml.service.upload.staging import StagedFile

MIN_FREE_BYTES = 64 << 20
"""Free bytes below which the server is not ready."""


@dataclass
class Server:
    """The state of one server process."""

    core: Core
    cors_origins: Sequence[str] = ("*",)
    """Origins whose pages may send requests with a token; never with the cookie."""
    secure_cookies: bool = False
    """Whether the page is only served over HTTPS."""
    starting: set[str] = field(default_factory=set)
    """Models that workers of this server will offer, and have not yet."""
    metrics: Metrics = field(default_factory=Metrics)
    logins: FailureLimit = field(default_factory=FailureLimit)
    writers: ExclusiveWriter = field(default_factory=ExclusiveWriter)
    uploads: PartialUploads = field(init=False)
    watcher: Watcher = field(init=False)
    thumbnails: Thumbnails = field(init=False)
    _readiness: Readiness = field(init=False)

    def __post_init__(self) -> None:
        self.upload_folder.mkdir(parents=True, exist_ok=True)
        lifetime = self.core.limits.upload_seconds
        self.uploads = PartialUploads(self.upload_folder, lifetime_seconds=lifetime)
        self.thumbnails = Thumbnails(self.core.contents)
        self.search_counts = RecentCounts(large=1_000)
        self.watcher = Watcher(lambda: events.latest(self.core))
        self._readiness = Readiness(
            {
                "database": lambda: events.latest(self.core),
                "store": lambda: self.core.contents.check(),  # noqa: PLW0108 - asked anew each time
                "disk": self._check_disk,
            }
        )

    @property
    def upload_folder(self) -> Path:
        """Folder of staged uploads."""
        return self.core.settings.uploads

    def keep(self, actor: Actor, staged: StagedFile) -> File:
        """Move a staged file into the store and register it under the user's name.

        The staged file is removed last: where the database fails, an upload can be finished later.

        Raises:
            PredictionServiceError: the store or the database fails, or the user may not.
        """
        contents = self.core.contents
        key = contents.put_file(staged.path, staged.sha256)
        file = files.add(
            self.core,
            actor,
            sha256=staged.sha256,
            md5=staged.md5,
            size=staged.size,
            kind=staged.kind,
            name=staged.name,
            key=key,
        )
        if not contents.has(key):  # it had no name, and was garbage-collected meanwhile
            contents.put_file(staged.path, staged.sha256)
        staged.path.unlink(missing_ok=True)
        return file

    def check_started(self, wanted: Iterable[str]) -> None:
        """Raise while a model is being described for the first time: the client must retry.

        Raises:
            Problem: 503.
        """
        names = self.starting.intersection(wanted)
        if not names:
            return
        known = {model.name for model in models.find_all(self.core)}
        self.starting -= known
        if names := names - known:
            shown = ", ".join(sorted(names))
            raise Problem(
                503,
                f"{shown} is being started; hint: try again in a moment",
                code="model_starting",
                headers={"retry-after": "1"},
            )

    async def form(self, request: Request) -> Form:
        """Receive the form of a request.

        Raises:
            FormError: it is invalid or beyond a limit.
        """
        limits = self.core.limits
        return await receive_form(
            self.counted(request.stream()),
            headers=request.headers,
            folder=self.upload_folder,
            limits=FormLimits(
                total_bytes=limits.max_multipart_bytes,
                files=limits.max_files_per_post,
                field_bytes=limits.max_field_bytes,
            ),
        )

    async def counted(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Yield the chunks of a body, and count their bytes."""
        async for chunk in chunks:
            self.metrics.received_bytes.inc(len(chunk))
            yield chunk

    async def readiness(self) -> dict[str, str]:
        """Return dependency -> problem; "" where it works."""
        # not among the threads of requests, all of which may wait for the database
        return await asyncio.to_thread(self._readiness.problems)

    def counts(self) -> tuple[dict[tuple[str, str], int], int]:
        """Return the number of predictions for each model and state, and of workers alive."""
        found = stats.overview(self.core)
        return found.predictions, found.workers

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.upload_folder).free
        if free < MIN_FREE_BYTES:
            raise StoreFullError(f"only {free:,} bytes are free for uploads")
