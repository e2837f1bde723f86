"""Worker on each machine: tags films with a kept tagger, and commits a part for each."""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common_ml.errors import CommonMLError
from common_ml.parts import PartKey, open_parts, params_digest
from common_ml.runtime import ContainerTagger, ProcessTagger
from common_ml.runtime.file_events import NextFiles
from common_ml.runtime.keeper import Retry, TaggerDiedError, TaggerKeeper, is_outcome
from common_ml.scale.node_cache import NodeCache, is_url
from common_ml.scale.pool import BatchResult, FilmResult
from common_ml.tagging.messages import Error, Message, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from common_ml.parts import PartWriter
    from common_ml.runtime import Tagger
    from common_ml.runtime.keeper import Event
    from common_ml.runtime.targets import Target
    from common_ml.scale.plan import Film
    from common_ml.scale.pool import Outcome

_NUM_AHEAD = 2
_MAX_LOG_BYTES = 1 << 20
"""Maximum bytes of a batch's log that are sent to the driver."""
DEFAULT_CACHE_BYTES = 50 << 30


@dataclass(frozen=True)
class WorkSpec:
    """Configuration of a worker; picklable."""

    target: Target
    parts: str
    """Address of the parts, reachable from every machine."""
    revision: str = ""
    """Revision of the tagger, in the keys of parts."""
    params: Mapping[str, Any] | None = None
    idle_timeout_seconds: float | None = 600
    engine: str | None = None
    engine_options: tuple[str, ...] = ()
    cache_folder: str | None = None
    """Cache folder of films with a URL; None for one in the temporary directory."""
    cache_bytes: int = DEFAULT_CACHE_BYTES

    def key_of(self, film: Film) -> PartKey:
        """Return the key of a film's part."""
        return PartKey(film.name, revision=self.revision, params=params_digest(self.params))

    def make_tagger(self, log: Path | None = None) -> Tagger:
        """Return a tagger that has not started; its stderr is appended to the log, if given."""
        if self.target.kind == "image":
            return ContainerTagger(
                self.target.image,
                params=self.params,
                idle_timeout_seconds=self.idle_timeout_seconds,
                engine=self.engine,
                engine_options=self.engine_options,
                log=log,
            )
        return ProcessTagger(
            self.target.command,
            params=self.params,
            cwd=self.target.cwd,
            idle_timeout_seconds=self.idle_timeout_seconds,
            log=log,
        )


class FilmWorker:
    """One tagger, and the parts of its films. One thread calls `tag`; the rest is thread-safe."""

    def __init__(self, spec: WorkSpec, *, log: Path | None = None) -> None:
        """Initialise; nothing is started yet.

        Args:
            spec: The tagger and the parts.
            log: File for the tagger's stderr; None to return it in the results.
        """
        self._spec = spec
        self._log = log
        self._unread: list[tuple[Tagger, int]] = []  # taggers, and what was read of their stderr
        self._parts = open_parts(spec.parts)
        self._cache: NodeCache | None = None
        # the driver decides which film caused a tagger's failure: it knows all attempts
        self._keeper = TaggerKeeper(self._make_tagger, max_tries=1)
        self._lock = threading.Lock()
        self._begun: set[int] = set()
        self._recalled: set[int] = set()
        self._position: tuple[str, float] | None = None
        self._num_warnings = 0

    def tag(self, number: int, films: Sequence[Film]) -> BatchResult:
        """Tag a batch; films that have a part are skipped.

        Errors of a film or of the tagger are returned in the result, not raised.
        """
        with self._lock:
            if number in self._recalled:
                return BatchResult((), 0.0)
            self._begun = {number}
            # batches come in the order of their numbers; a later one may be recalled already
            self._recalled = {later for later in self._recalled if later > number}
        started = time.monotonic()
        batch = _BatchInHand(self, films)
        broken = ""
        try:
            with batch:
                for event in self._keeper.tag_from(batch.take):
                    batch.note(event)
        except (CommonMLError, OSError) as error:
            broken = str(error) or type(error).__name__
        self._position = None
        warnings = tuple(self._keeper.warnings)
        new, self._num_warnings = warnings[self._num_warnings :], len(warnings)
        elapsed = time.monotonic() - started
        return BatchResult(
            tuple(batch.results), elapsed, broken=broken, warnings=new, log=self._take_log()
        )

    def prefetch(self, films: Sequence[Film]) -> None:
        """Fetch the first film of the next batch in the background."""
        urls = [film.path for film in films[:1] if is_url(film.path)]
        if urls:
            threading.Thread(target=self._fetch, args=urls, daemon=True).start()

    def recall(self, number: int) -> bool:
        """Drop a batch that has not begun; return whether it was dropped."""
        with self._lock:
            if number in self._begun:
                return False
            self._recalled.add(number)
            return True

    def position(self) -> tuple[str, float] | None:
        """The current film, and the position of its last tag in seconds."""
        return self._position

    def stop(self, grace_seconds: float) -> None:
        """Abandon the current films, and return at once. Thread-safe."""
        self._keeper.stop(grace_seconds=grace_seconds)

    def close(self) -> None:
        """End the tagger and remove its files."""
        self._keeper.close()

    def _make_tagger(self) -> Tagger:
        tagger = self._spec.make_tagger(self._log)
        if self._log is None:
            self._unread.append((tagger, 0))
        return tagger

    def _take_log(self) -> str:
        """Return the stderr of the taggers since the last call, truncated to a limit."""
        found = b""
        left = []
        for tagger, offset in self._unread:
            if not tagger.has_started:
                continue
            new = tagger.stderr_since(offset)
            found += new
            if tagger.exit_status is None:
                left.append((tagger, offset + len(new)))
        self._unread = left
        if len(found) > _MAX_LOG_BYTES:
            found = (
                b"... %d bytes left out\n" % (len(found) - _MAX_LOG_BYTES) + found[-_MAX_LOG_BYTES:]
            )
        return found.decode(errors="replace")

    def _fetch(self, url: str) -> None:
        with suppress(CommonMLError, OSError):  # reported when the film is tagged
            self._cache_of_node().fetch(url)

    def _cache_of_node(self) -> NodeCache:
        if self._cache is None:
            self._cache = NodeCache(self._spec.cache_folder, max_bytes=self._spec.cache_bytes)
        return self._cache


class _BatchInHand:
    """The open films of a batch, with their unfinished parts."""

    def __init__(self, worker: FilmWorker, films: Sequence[Film]) -> None:
        self._worker = worker
        self._waiting = list(reversed(films))
        self._open: dict[str, _OpenFilm] = {}
        self.results: list[FilmResult] = []

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        for film in self._open.values():
            film.stack.close()

    def take(self, num_open: int) -> NextFiles:
        """Open the next films without a part."""
        paths: list[str] = []
        while self._waiting and num_open + len(paths) < _NUM_AHEAD:
            film = self._waiting.pop()
            path = self._opened(film)
            if path is not None:
                self._worker._keeper.submit(path, name=film.name)
                num_open += 1
        return NextFiles(paths, is_over=not self._waiting)

    def note(self, event: Event) -> None:
        """Write a message to its part; commit the part with the last one."""
        name = getattr(event, "source_media", None)
        if name is None:
            name = next(iter(self._open), "")
        film = self._open.get(name)
        if film is None:
            return  # a message after the last one of its film
        if isinstance(event, Retry):
            film.writer.restart()
            film.num_tags = 0
            return
        if isinstance(event, Tag):
            film.num_tags += 1
            self._worker._position = (name, event.end_time / 1000)
        if isinstance(event, TaggerDiedError):
            self._close(film, "died", error=event.message)
        elif isinstance(event, Message):
            film.writer.write(event)
            if is_outcome(event):
                created = film.writer.commit()
                error = event.message if isinstance(event, Error) else ""
                outcome: Outcome = "failed" if error else "done" if created else "there"
                self._close(film, outcome, error=error)

    def _opened(self, film: Film) -> str | None:
        """Fetch a film and open its part; None if it has one, or on failure."""
        worker = self._worker
        key = worker._spec.key_of(film)
        if worker._parts.has(key):
            self.results.append(FilmResult(film, "there"))
            return None
        stack = ExitStack()
        writer = stack.enter_context(worker._parts.writer(key))
        path, text = film.path, ""
        try:
            film.name.encode()  # otherwise no message can name it
            if is_url(path):
                path = stack.enter_context(worker._cache_of_node().file(path))
            else:
                os.stat(path)  # noqa: PTH116 - a text, not a path
        except UnicodeEncodeError:
            text = f"the path is not UTF-8: {film.name!r}; hint: rename the file"
        except OSError as error:  # as unplugged disks and films that were moved after planning
            text = f"{type(error).__name__}: {error}"
        if text:
            writer.write(Error(text, film.name))
            writer.commit()
            stack.close()
            self.results.append(FilmResult(film, "failed", error=text))
            return None
        self._open[film.name] = _OpenFilm(film, writer, stack)
        return path

    def _close(self, film: _OpenFilm, outcome: Outcome, *, error: str) -> None:
        del self._open[film.film.name]
        film.stack.close()
        self.results.append(FilmResult(film.film, outcome, error=error, num_tags=film.num_tags))


@dataclass
class _OpenFilm:
    film: Film
    writer: PartWriter
    stack: ExitStack
    num_tags: int = 0
