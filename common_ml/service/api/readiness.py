"""Readiness probe: check the dependencies of a server in bounded time."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from common_ml.errors import CommonMLError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WAIT_SECONDS = 1.5


class Readiness:
    """Runs checks concurrently; one that hangs is not started a second time."""

    def __init__(self, checks: Mapping[str, Callable[[], object]]) -> None:
        """Initialise; nothing is checked yet.

        Args:
            checks: Name -> check, which raises an exception on failure.
        """
        self._checks = dict(checks)
        self._running: dict[str, Future[str]] = {}
        self._lock = threading.Lock()

    def problems(self) -> dict[str, str]:
        """Return name -> problem; "" where the check passed."""
        with self._lock:
            for name, check in self._checks.items():
                running = self._running.get(name)
                if running is None or running.done():
                    self._running[name] = _started(name, check)
            running_now = dict(self._running)
        wait(running_now.values(), timeout=_WAIT_SECONDS)
        return {
            name: found.result() if found.done() else f"no answer in {_WAIT_SECONDS:g} s"
            for name, found in running_now.items()
        }


def _started(name: str, check: Callable[[], object]) -> Future[str]:
    found: Future[str] = Future()

    def run() -> None:
        try:
            found.set_result(_problem(check))
        except BaseException as error:  # the next request asks again
            found.set_result(type(error).__name__)
            raise

    # a daemon: a check that hangs must not hold up the end of the server
    threading.Thread(target=run, name=f"check of the {name}", daemon=True).start()
    return found


def _problem(check: Callable[[], object]) -> str:
    try:
        check()
    except (CommonMLError, OSError, SQLAlchemyError) as error:
        return str(error).partition("\n")[0] or type(error).__name__
    return ""
