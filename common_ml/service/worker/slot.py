"""Slot of a worker: a thread with one tagger, which claims and processes files of its model."""

from __future__ import annotations

import errno
import logging
import shutil
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from common_ml.backoff import Backoff
from common_ml.errors import (
    DatabaseUnavailableError,
    OutputError,
    StoreError,
    TaggerError,
    describe_error,
)
from common_ml.parts import open_parts
from common_ml.runtime.keeper import Cancelled, Retry, TaggerKeeper
from common_ml.service.db.grouping import GroupedWrites
from common_ml.service.store.store import as_store_error
from common_ml.service.worker.open_file import OpenFile
from common_ml.service.worker.taggers import make_tagger
from common_ml.tagging.messages import Error, Progress, ProgressRatio, Tag

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.runtime.keeper import Event
    from common_ml.service.core import Core
    from common_ml.service.db.queue import Claim
    from common_ml.service.models.model import ModelSpec
    from common_ml.service.worker.leases import Leases

_POLL_SECONDS = 0.5
"""Poll interval of an empty queue in seconds: the end of a retry delay sends no notification."""
_NUM_AHEAD = 2
"""Claims per tagger: enough to keep it busy, few enough to leave work for other workers."""
_NUM_PICTURES_AHEAD = 16
_MAX_SAME_PARAMS_SECONDS = 60
"""Seconds for which claims with the running tagger's params are preferred: others restart it."""
_NUM_FINISHERS = 4
_MAX_FINISHING = 16
"""Maximum number of files that are committed while the tagger works on the next ones."""
_PAUSE = Backoff(first_seconds=2, longest_seconds=60)
"""Delay after a tagger that cannot be started, or a store that does not respond."""
logger = logging.getLogger(__name__)


class Slot(threading.Thread):
    """A thread with a tagger of one model; ends after `stop`."""

    def __init__(
        self,
        core: Core,
        spec: ModelSpec,
        leases: Leases,
        *,
        folder: Path,
        keep_idle_seconds: float | None,
    ) -> None:
        """Initialise; nothing is started yet.

        Args:
            core: The service.
            spec: The model.
            leases: The leases of the worker.
            folder: A folder of its own, for contents.
            keep_idle_seconds: Time without work after which the tagger is stopped; None to keep it.
        """
        super().__init__(name=f"slot {folder.name} of {spec.name}", daemon=True)
        self._core = core
        self._spec = spec
        self._leases = leases
        self._writes = GroupedWrites(core.database)
        self._folder = folder
        self._keep_idle_seconds = keep_idle_seconds
        self._open: dict[str, OpenFile] = {}  # by the hash of the file
        self._lock = threading.Lock()  # of `_open` and `_keeper`
        self._keeper: TaggerKeeper | None = None
        self._params = ""
        self._params_sha = ""
        self._params_since = 0.0
        self._drains = threading.Event()
        self._wakes = threading.Event()
        self._failures = 0
        self._store_fails = threading.Event()
        self._store_failures = 0
        self._finishers = ThreadPoolExecutor(_NUM_FINISHERS, thread_name_prefix=self.name)
        self._room = threading.Semaphore(_MAX_FINISHING)
        self.num_finished = 0

    def run(self) -> None:
        """Work until it is stopped."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            while not self._drains.is_set():
                self._work()
        finally:
            self._release_all(None)
            self._close_keeper()
            self._finishers.shutdown()

    def drain(self) -> None:
        """Finish the open files, then end."""
        self._drains.set()
        self._wakes.set()

    def stop(self) -> None:
        """End now, and release the open claims."""
        self.drain()
        with self._lock:
            if self._keeper is not None:
                self._keeper.stop()

    def wake(self) -> None:
        """Wake the thread to poll the queue."""
        self._wakes.set()

    def _work(self) -> None:
        """Claim and tag files, or wait for work."""
        try:
            self._wait_for_store()
            if not self._fill():
                self._wakes.wait(_POLL_SECONDS)
                self._wakes.clear()
            elif self._read_events():
                self._failures = 0
        except TaggerError as error:
            logger.error("the tagger of %s failed: %s", self._spec.name, error)  # noqa: TRY400 - its stderr is in the message
            self._release_all(str(error))
        except (StoreError, OutputError) as error:
            logger.error("releasing the claims of %s: %s", self._spec.name, error)  # noqa: TRY400 - the message suffices
            self._release_all(None)  # the attempt does not count: any file would have failed
            self._store_fails.set()
        except DatabaseUnavailableError as error:
            logger.error("%s; its leases will expire", error)  # noqa: TRY400 - the message suffices
            self._drop_all()
        except Exception:  # the slot goes on with other files
            logger.exception("releasing the claims of %s", self._spec.name)
            self._release_all("the worker failed, see its log")
        else:
            return
        self._close_keeper()
        self._failures += 1
        self._drains.wait(_PAUSE.delay_seconds(self._failures))

    def _wait_for_store(self) -> None:
        """Back off while the store fails; return when it may work again, or at a stop."""
        if not self._store_fails.is_set():
            return
        self._release_all(None)
        while not self._drains.is_set():
            self._store_failures += 1
            self._drains.wait(_PAUSE.delay_seconds(self._store_failures))
            try:
                self._core.contents.check()
                open_parts(self._core.contents.parts_address)  # a folder that was removed
                self._folder.mkdir(parents=True, exist_ok=True)
            except (StoreError, OSError) as error:
                logger.warning("%s is paused: %s", self._spec.name, error)
            else:
                self._store_fails.clear()
                return

    def _read_events(self) -> bool:
        """Process events until no file is open; return whether one was finished."""
        assert self._keeper is not None  # noqa: S101 - `_fill` has made it
        before = self.num_finished
        for event in self._keeper.events():
            self._take_event(event)
        return self.num_finished > before

    def _take_event(self, event: Event) -> None:
        if isinstance(event, ProgressRatio):
            if len(self._open) == 1:  # of all files that the tagger has
                next(iter(self._open.values())).note_ratio(event.progress)
            return
        source = getattr(event, "source_media", None)
        file = self._open.get(source) if source is not None else None
        if file is None:
            return  # not about an open file
        if isinstance(event, Tag):
            file.add(event)
            return
        if isinstance(event, Retry):
            logger.warning("retrying %s: %s", file.claim.sha256[:12], event.reason)
            file.restart()
            return
        if isinstance(event, Cancelled):
            self._end_cancelled(file)
        elif isinstance(event, (Progress, Error)):
            file.add(event)
            self._end(file, error=event.message if isinstance(event, Error) else None)
        if not self._drains.is_set() and not self._store_fails.is_set():
            self._fill()

    def _end(self, file: OpenFile, *, error: str | None) -> None:
        """Commit in another thread, so that the tagger continues during disk writes."""
        with self._lock:
            self._open.pop(file.claim.sha256, None)
        self.num_finished += 1
        self._room.acquire()
        self._finishers.submit(self._finish, file, error)

    def _finish(self, file: OpenFile, error: str | None) -> None:
        try:
            if not file.finish("done" if error is None else "failed", error=error):
                logger.warning("the lease of %s was lost: its result is discarded", file.claim.id)
            self._store_failures = 0
        except DatabaseUnavailableError as failure:
            logger.error("%s; the lease will expire", failure)  # noqa: TRY400 - the message suffices
        except (StoreError, OutputError) as failure:
            logger.error("the result of %s cannot be stored: %s", file.claim.id, failure)  # noqa: TRY400 - the message suffices
            self._store_fails.set()
            self._wakes.set()
            self._release(file.claim, None)
        except Exception as failure:  # release at once, rather than when the lease expires
            logger.exception("the result of %s cannot be stored", file.claim.id)
            self._release(file.claim, describe_error(failure))
        finally:
            self._leases.forget(file.claim)
            file.close()
            self._room.release()

    def _end_cancelled(self, file: OpenFile) -> None:
        try:
            if file.given_up == "cancelled":
                file.finish("cancelled")
        finally:
            self._remove(file)

    def _fill(self) -> bool:
        """Claim up to the tagger's capacity; return whether any file is open."""
        if self._drains.is_set():
            return bool(self._open)
        for _ in range(2):  # the first claim says which params
            ahead = _NUM_PICTURES_AHEAD if self._open_pictures_only() else _NUM_AHEAD
            if len(self._open) <= ahead // 2:  # many at once: a claim is a transaction
                self._begin_all(self._claim(ahead - len(self._open)))
        return bool(self._open)

    def _claim(self, limit: int) -> list[Claim]:
        """Claim with the running tagger's params for a while, then with any."""
        if limit < 1:
            return []
        is_running = self._keeper is not None
        is_fresh = time.monotonic() - self._params_since < _MAX_SAME_PARAMS_SECONDS
        found: list[Claim] = []
        if is_running and (self._open or is_fresh):
            found = self._claim_with(limit, self._params_sha)
        if not found and not self._open:
            found = self._claim_with(1, None)
            if found and (not is_running or found[0].params_sha != self._params_sha):
                self._change_params(found[0])
            elif found:
                self._params_since = time.monotonic()
        return found

    def _claim_with(self, limit: int, params_sha: str | None) -> list[Claim]:
        return self._leases.claim(
            self._spec.name, self._spec.revision, limit, self._revoke, params_sha=params_sha
        )

    def _change_params(self, claimed: Claim) -> None:
        self._close_keeper()
        params = claimed.params
        with self._lock:
            self._params, self._params_sha = params, claimed.params_sha
            self._params_since = time.monotonic()
            self._keeper = TaggerKeeper(
                lambda: make_tagger(self._spec, params), idle_seconds=self._keep_idle_seconds
            )

    def _begin_all(self, claims: list[Claim]) -> None:
        """Send files to the tagger; if one fails, release those after it."""
        waiting = deque(claims)
        try:
            while waiting:
                self._begin(waiting.popleft())
        finally:
            for claimed in waiting:
                with suppress(DatabaseUnavailableError):  # released with the next renewal
                    self._release(claimed, None)

    def _begin(self, claimed: Claim) -> None:
        """Send a file to the tagger."""
        try:
            file = self._opened(claimed)
        except (StoreError, OutputError) as error:
            if error.errno == errno.ENOENT and self._is_gone(claimed.key):
                self._release(claimed, str(error))  # concerns this file alone
                return
            self._release(claimed, None)
            raise
        except Exception as error:
            self._release(claimed, describe_error(error))
            raise
        assert self._keeper is not None  # noqa: S101 - `_claim` has made it
        with self._lock:
            self._open[claimed.sha256] = file
        self._keeper.submit(file.path, name=claimed.sha256)

    def _opened(self, claimed: Claim) -> OpenFile:
        """Fetch the content to this machine.

        Into a folder of its own: the same content may be claimed with other params while this one
        is still being committed.
        """
        folder = self._folder / f"{claimed.id}.{claimed.fence}"
        try:
            with as_store_error(f"cannot write {folder}"):
                folder.mkdir(exist_ok=True)
            target = folder / f"{claimed.sha256}{claimed.suffix}"
            content = self._core.contents.fetch(claimed.key, target)
            return OpenFile(self._core, claimed, content, self._writes)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _is_gone(self, key: str) -> bool:
        """Whether the store works but lacks the content, as opposed to a missing local folder."""
        try:
            self._core.contents.check()
            return not self._core.contents.has(key)
        except StoreError:
            return False

    def _revoke(self, claimed: Claim, reason: str) -> None:
        """Abandon a claim; called by the thread that renews leases."""
        with self._lock:
            file = self._open.get(claimed.sha256)
            keeper = self._keeper
            if file is None or file.claim != claimed or keeper is None:
                return
            if file.given_up:
                return
            file.given_up = reason
        keeper.cancel(claimed.sha256)

    def _remove(self, file: OpenFile) -> None:
        with self._lock:
            self._open.pop(file.claim.sha256, None)
        self._leases.forget(file.claim)
        file.close()

    def _release(self, claimed: Claim, error: str | None) -> None:
        from common_ml.service.db import queue

        try:
            self._core.database.write(
                lambda connection: queue.release(
                    self._core, connection, claimed.id, fence=claimed.fence, error=error
                )
            )
        finally:
            self._leases.forget(claimed)

    def _release_all(self, error: str | None) -> None:
        for file in list(self._open.values()):
            try:
                if file.given_up == "cancelled":
                    file.finish("cancelled")
                elif not file.given_up:
                    file.release(error)
            except DatabaseUnavailableError:
                logger.warning("%s is requeued when its lease expires", file.claim.id)
            self._remove(file)

    def _drop_all(self) -> None:
        for file in list(self._open.values()):
            self._remove(file)

    def _close_keeper(self) -> None:
        with self._lock:
            keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.close()

    def _open_pictures_only(self) -> bool:
        """Whether to claim many: all open files are pictures, which take little time."""
        files = self._open.values()
        return bool(files) and all(file.is_picture for file in files)
