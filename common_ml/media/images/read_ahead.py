"""Read many still images ahead on threads, in order."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from contextvars import copy_context
from itertools import islice
from typing import TYPE_CHECKING

from common_ml import stages
from common_ml.errors import MediaError
from common_ml.media.budget import OrderedBudget
from common_ml.media.headers.image_header import read_header
from common_ml.media.images.decoder import decode
from common_ml.media.images.file_bytes import read_bytes
from common_ml.media.images.kept_threads import KeptThreads

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from concurrent.futures import Future
    from typing import TypeAlias

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self

    from common_ml.types import StrPath

    ImagePath: TypeAlias = StrPath
    Result: TypeAlias = tuple[ImagePath, npt.NDArray[np.uint8] | MediaError]

DEFAULT_MEMORY_BUDGET_BYTES = 128 * 1024 * 1024
"""Room for 48 pictures of 1280x720."""


def read_images(
    paths: Iterable[ImagePath],
    *,
    workers: int | None = None,
    memory_budget_bytes: int = DEFAULT_MEMORY_BUDGET_BYTES,
    threads: KeptThreads | None = None,
) -> ImageReader:
    """Read many still images ahead on threads, in order.

    Args:
        paths: The files; read lazily, so this may be infinite.
        workers: Threads that decode; by default the CPUs that this process may use.
        memory_budget_bytes: Limit for decoded pictures that wait for the consumer, including
            those being decoded. A single picture may be larger than that.
        threads: Threads that stay for the next call, instead of `workers` that end with this one.

    Returns:
        An iterator of pairs: the path, and the picture as of `read_image` or the MediaError that
        reading it raised. It is a context manager, too; closing it, leaving its block, or
        dropping it stops the work, and joins the threads unless they were given.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be >= 1, got {workers}")
    if threads is not None:
        return ImageReader(_read_ahead(iter(paths), threads, memory_budget_bytes))
    return ImageReader(_read_on_own_threads(iter(paths), workers, memory_budget_bytes))


class ImageReader:
    """Iterator over pairs of a path and its picture, in order; see `read_images`."""

    def __init__(self, results: Generator[Result, None, None]) -> None:
        self._results = results

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Result:
        with stages.within("decode"):
            result = next(self._results)
        stages.tally("frames")
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading ahead and join the threads."""
        self._results.close()


_FILES_AHEAD = 64
"""Limit of pictures ahead: more small pictures would only cost memory."""


def _read_on_own_threads(
    paths: Iterator[ImagePath], workers: int | None, memory_budget_bytes: int
) -> Generator[Result, None, None]:
    threads = KeptThreads(workers)
    try:
        yield from _read_ahead(paths, threads, memory_budget_bytes)
    finally:
        threads.close()


def _read_ahead(
    paths: Iterator[ImagePath], threads: KeptThreads, memory_budget_bytes: int
) -> Generator[Result, None, None]:
    budget = OrderedBudget(memory_budget_bytes)
    pending: deque[Future[Result]] = deque()
    numbered = enumerate(paths)
    with threads.lent() as tasks, closing(budget):  # closed first: a task may wait for room
        while True:
            for number, path in islice(numbered, _FILES_AHEAD - len(pending)):
                run = copy_context().run
                pending.append(tasks.submit(run, _read_within, budget, number, path))
            if not pending:
                return
            pending[0].exception()  # wait: its memory counts until it is finished
            budget.release_next()
            yield pending.popleft().result()  # keep no reference: the consumer owns it


def _read_within(budget: OrderedBudget, number: int, path: ImagePath) -> Result:
    try:
        data = read_bytes(path)
        size = read_header(data).size
        budget.reserve(number, size and 3 * size[0] * size[1])
        rgb = decode(data, path)
    except MediaError as error:
        budget.settle(number, 0)
        return path, error
    budget.settle(number, rgb.nbytes)
    return path, rgb
