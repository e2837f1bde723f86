"""Log to stderr by standard logging, each record with the current file."""

from __future__ import annotations

import logging
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.tagging.job.context import JobContext

_FORMAT = "%(asctime)s %(levelname)s %(name)s [%(source_media)s] %(message)s"
_NO_FILE = "-"
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters except tab and newline, bidirectional overrides, and lone surrogates:
in a terminal they alter the display, or cannot be written."""


def escaped(text: str) -> str:
    r"""Escape the control characters of `text`, such as `\x1b`."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def escaped_name(text: str) -> str:
    r"""Escape all control characters of a name, including `\t` and `\n`."""
    return escaped(text).replace("\t", "\\t").replace("\n", "\\n")


if TYPE_CHECKING:
    _LoggerAdapter = logging.LoggerAdapter[logging.Logger]
else:
    _LoggerAdapter = logging.LoggerAdapter  # before Python 3.11 it takes no parameters


class SafeLogger(_LoggerAdapter):
    """A logger whose calls never raise, regardless of the program's handlers and filters.

    String arguments are escaped like names: they are untrusted.
    """

    def __init__(self, name: str) -> None:
        super().__init__(logging.getLogger(name), {})

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a message; report a failure of the logging itself on stderr."""
        try:
            if self.isEnabledFor(level):
                shown = [escaped_name(arg) if isinstance(arg, str) else arg for arg in args]
                kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
                self.logger.log(level, msg, *shown, **kwargs)
        except BaseException as error:  # noqa: BLE001 - a handler may raise anything; the job goes on
            write_to_stderr(f"a logging handler failed ({type(error).__name__}): {msg!s}")


def write_to_stderr(line: str) -> None:
    """Write a line to stderr, bypassing Python's buffers and handlers; never raise."""
    try:
        os.write(2, f"{escaped(line)}\n".encode(errors="backslashreplace"))
    except OSError:
        return  # stderr is closed


class EscapingFormatter(logging.Formatter):
    """Format records, including tracebacks, with control characters escaped."""

    def __init__(self) -> None:
        super().__init__(_FORMAT, defaults={"source_media": _NO_FILE})

    def format(self, record: logging.LogRecord) -> str:
        """Return the escaped text of a record."""
        return escaped(super().format(record))


@contextmanager
def logging_of_files(job: JobContext) -> Iterator[None]:
    """Add the current file of `job` to every log record of the process, as `source_media`.

    If the program has not configured logging itself, records from INFO on go to stderr.
    """
    make_record = logging.getLogRecordFactory()

    def with_source(*args: object, **kwargs: object) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        record.source_media = escaped_name(_named(job.files))
        return record

    logging.setLogRecordFactory(with_source)
    if not logging.root.handlers:
        handler = logging.StreamHandler()  # stderr
        handler.setFormatter(EscapingFormatter())
        logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        yield
    finally:
        logging.setLogRecordFactory(make_record)


def _named(files: tuple[str, ...]) -> str:
    if len(files) > 3:
        return f"{files[0]} and {len(files) - 1} more"
    return ", ".join(files) or _NO_FILE
