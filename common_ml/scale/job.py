"""Tag films on one machine or a Ray cluster, with a part for each film."""

from __future__ import annotations

import math
import os
import re
from contextlib import ExitStack
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from common_ml.parts import open_parts, params_digest, problem_of_parts
from common_ml.runtime.revisions import revision_of
from common_ml.runtime.tagger import GRACE_SECONDS
from common_ml.runtime.targets import find_target
from common_ml.scale.driver import Driver
from common_ml.scale.film_worker import DEFAULT_CACHE_BYTES, WorkSpec
from common_ml.scale.local_pool import LocalPool
from common_ml.scale.probing import films_of
from common_ml.tagging.messages import Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.scale.plan import Film
    from common_ml.scale.pool import FilmResult, Pool
    from common_ml.tagging.messages import Message
    from common_ml.types import StrPath

MAX_WORKERS = 1000
"""Maximum taggers of a cluster whose size is not given, since it may grow."""
_PROBE_SECONDS = 20.0


class ScaleJob:
    """Tags films and commits a part for each; a context manager that leaves no worker behind.

    with ScaleJob(spec, films, on="ray://auto", num_gpus=1) as job:
        for result in job.results():
            print(result.film.name, result.outcome)
    """

    def __init__(  # noqa: PLR0913 - options, each given by its name
        self,
        spec: WorkSpec,
        films: Sequence[Film],
        *,
        on: str = "local",
        max_taggers: int | None = None,
        num_cpus: float = 1,
        num_gpus: float = 0,
        on_move: Callable[[str, float], None] | None = None,
        on_warning: Callable[[str], None] | None = None,
        on_log: Callable[[str], None] | None = None,
        log_of: Callable[[int], Path] | None = None,
    ) -> None:
        """Initialise; nothing is started yet.

        Args:
            spec: The tagger and the parts.
            films: What to tag; films that have a part are skipped.
            on: `local` for this process, or the address of a `RayCluster`.
            max_taggers: Taggers at a time; None for one of this machine, or as many as the cluster
                has room for.
            num_cpus: CPUs reserved for a tagger on a cluster.
            num_gpus: GPUs reserved for a tagger on a cluster; fractions are allowed.
            on_move: See `Driver`.
            on_warning: See `Driver`.
            on_log: See `Driver`; for a cluster.
            log_of: See `LocalPool`; for `local`.
        """
        self.parts = open_parts(spec.parts)
        self._spec = spec
        self._films = films
        self._on = on
        self._max_taggers = max_taggers
        self._log_of = log_of
        self._resources = {"num_cpus": num_cpus, "num_gpus": num_gpus}
        self._options: dict[str, Any] = {"on_move": on_move, "on_log": on_log}
        if on_warning is not None:
            self._options["on_warning"] = on_warning
        self._stack = ExitStack()
        self._pool: Pool | None = None
        self._driver: Driver | None = None
        self._grace_seconds = GRACE_SECONDS
        self._is_stopped = False

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._pool = self._make_pool(stack)
            self._stack = stack.pop_all()
        self.parts.clean_up()
        self._driver = Driver(self._films, self._pool, is_done=self._has_part, **self._options)
        if self._is_stopped:  # while the cluster started
            self._driver.stop()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        graceful = error is None or isinstance(error, Exception)
        with self._stack:
            if self._pool is not None:
                self._pool.close(grace_seconds=self._grace_seconds if graceful else 0.0)

    def results(self) -> Iterator[FilmResult]:
        """Yield the outcome of each film once, in the order of completion.

        Raises:
            TaggerError: no worker can tag anything.
        """
        if self._driver is None:
            raise RuntimeError("the job has not started: use it as a context manager")
        for result in self._driver.run():
            if result.outcome == "died":  # no worker has written a note
                note = Error(result.error, result.film.name)
                self.parts.commit(self._spec.key_of(result.film), [note])
            yield result

    def stop(self, *, grace_seconds: float = GRACE_SECONDS) -> None:
        """End `results` and abandon the films in progress. Safe in a signal handler."""
        self._grace_seconds = grace_seconds
        self._is_stopped = True
        if self._driver is not None:
            self._driver.stop()

    def _has_part(self, film: Film) -> bool:
        return self.parts.has(self._spec.key_of(film))

    def _make_pool(self, stack: ExitStack) -> Pool:
        if self._on == "local":
            most = self._max_taggers or 1
            return LocalPool(self._spec, max_workers=most, log_of=self._log_of)
        from common_ml.runtime.ray_cluster import RayCluster
        from common_ml.scale.ray_pool import RayPool

        cluster = stack.enter_context(RayCluster(self._on))
        most = self._max_taggers or (_num_local(**self._resources) if cluster.is_local else 0)
        options = {"room_seconds": 0.0} if cluster.is_local else {}  # nothing can join it
        return RayPool(
            cluster, self._spec, max_workers=most or MAX_WORKERS, **self._resources, **options
        )


def tag(  # noqa: PLR0913 - options, each given by its name
    paths: Iterable[StrPath],
    tagger: str,
    *,
    on: str = "local",
    params: Mapping[str, Any] | None = None,
    parts: StrPath | None = None,
    max_taggers: int | None = None,
    num_cpus: float = 1,
    num_gpus: float = 0,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
) -> Iterator[Message]:
    """Tag films on one machine or many; yield the messages of each film together, as it ends.

    for message in tag(paths, "localhost/my-tagger", on="ray://auto", parts="/shared/run-7"):
        print(message)

    The last message of a film is its `Progress` or `Error`. Called again with the same `parts`,
    films that have one are not tagged again.

    Args:
        paths: Files that every machine can read, and URLs: `s3://`, `gs://`, `http(s)://`.
        tagger: `main.py`, its folder, a command, or an image.
        on: `local`, `ray` for a Ray cluster on this machine, `ray://auto` for the one that this
            machine belongs to, or `ray://HOST:10001`.
        params: The value of `--params`.
        parts: Folder or URL that every machine can write to; None for a temporary folder, which
            is enough for `local` and `ray`.
        max_taggers: Taggers at a time; None for one of this machine, or as many as the cluster has
            room for.
        num_cpus: CPUs reserved for a tagger on a cluster.
        num_gpus: GPUs reserved for a tagger on a cluster.
        cache_bytes: Maximum cache size per machine, for films with a URL.

    Raises:
        TaggerError: there is no such tagger or cluster, or no worker can tag anything.
        TypeError: `paths` is a single path, or `params` cannot be written as JSON.
        ValueError: a cluster of several machines needs `parts`, or an option is invalid.
    """
    if isinstance(paths, (str, bytes, os.PathLike)):
        raise TypeError(f"paths must be several, got {paths!r}; hint: [{paths!r}]")
    if problem := problem_of_engine(on):
        raise ValueError(problem)
    if max_taggers is not None and max_taggers < 1:
        raise ValueError(f"max_taggers must be >= 1, got {max_taggers}")
    for name, number in {
        "num_cpus": num_cpus, "num_gpus": num_gpus, "cache_bytes": cache_bytes
    }.items():  # fmt: skip
        if not 0 <= number < math.inf:
            raise ValueError(f"{name} must be a finite number >= 0, got {number!r}")
    if parts is not None and (problem := problem_of_parts(os.fspath(parts))):
        raise ValueError(problem)
    if parts is None and on not in ("local", "ray"):
        raise ValueError(f"parts is None: {on} needs a folder or URL that its machines share")
    params_digest(params)  # a TypeError here, rather than in each worker
    target = find_target(tagger)
    spec = WorkSpec(
        target,
        parts="" if parts is None else os.fspath(parts),
        revision=revision_of(target),
        params=params,
        cache_bytes=cache_bytes,
    )
    films = films_of([os.fsdecode(path) for path in paths], within_seconds=_PROBE_SECONDS)
    if spec.parts:
        open_parts(spec.parts)  # an error here, rather than at the first message
    options = {"max_taggers": max_taggers, "num_cpus": num_cpus, "num_gpus": num_gpus}
    return _messages(spec, films, on=on, **options)


def problem_of_engine(on: str) -> str | None:
    """Return the problem of what names an engine; None if it is valid."""
    if re.fullmatch(r"local|ray|ray:(//)?[^/].*", on):
        return None
    return f"on is local, ray, ray://auto or ray://HOST:PORT, got {on!r}"


def _messages(spec: WorkSpec, films: Sequence[Film], **options: Any) -> Iterator[Message]:
    with ExitStack() as stack:
        if not spec.parts:  # made here, as an iterator that is never started removes nothing
            folder = TemporaryDirectory(prefix="common-ml-parts-", ignore_cleanup_errors=True)
            spec = replace(spec, parts=stack.enter_context(folder))
        job = stack.enter_context(ScaleJob(spec, films, **options))
        for result in job.results():
            yield from job.parts.read(spec.key_of(result.film))


def _num_local(num_cpus: float, num_gpus: float) -> int:
    """Return the number of taggers that this machine can run, at least one."""
    from common_ml.runtime.ray_cluster import import_ray

    total = import_ray().cluster_resources()
    rooms = [total.get("CPU", 1) / num_cpus] if num_cpus else []
    rooms += [total.get("GPU", 0) / num_gpus] if num_gpus else []
    return max(1, int(min(rooms, default=1)))
