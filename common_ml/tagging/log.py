"""Standard logging on stderr, each record with the file that is being tagged."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORMAT = "%(asctime)s %(levelname)s %(name)s [%(source_media)s] %(message)s"
_NOTHING = "-"


class _Work:
    """What the one daemon of this process works on; a model's own threads log it, too."""

    files: str = _NOTHING


@contextmanager
def working_on(*files: str) -> Iterator[None]:
    """While it is open, log records have these files as their `source_media`."""
    before = _Work.files
    _Work.files = ", ".join(files) if len(files) <= 3 else f"{files[0]} and {len(files) - 1} more"
    try:
        yield
    finally:
        _Work.files = before


@contextmanager
def logging_of_files() -> Iterator[None]:
    """While it is open, every log record of the process carries `source_media`.

    Where the program has not set up logging itself, records from INFO on go to stderr.
    """
    make_record = logging.getLogRecordFactory()

    def with_source(*args: object, **kwargs: object) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        record.source_media = _Work.files
        return record

    logging.setLogRecordFactory(with_source)
    if not logging.root.handlers:
        handler = logging.StreamHandler()  # stderr
        handler.setFormatter(logging.Formatter(_FORMAT, defaults={"source_media": _NOTHING}))
        logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        yield
    finally:
        logging.setLogRecordFactory(make_record)
