"""Every error that common-ml raises on purpose.

CommonMLError                       everything below; `.reported` once it stands in the output
├── MediaError      (ValueError)    a file cannot be used; `.path`
│   ├── MissingMediaError (FileNotFoundError)   there is no such file
│   ├── UnknownMediaError           neither picture, video nor sound
│   ├── NoStreamError               media, but without the kind of stream that is asked for
│   ├── LimitError                  larger, longer or slower than the limits allow
│   └── DecodeError                 damaged, truncated or not supported
├── MessageError    (ValueError)    a message cannot be built or written; `.field`
├── WireError       (ValueError)    a line of a tags file is no message; `.path`, `.line_number`
├── OutputError     (OSError)       the output file cannot be opened or written; `.path`
├── ParamsError     (ValueError)    --params are wrong; `.problems`
├── ModelOutputError (TypeError)    a model returned something that is no list of tags
├── DataError                       tags as data
│   ├── RecordError     (ValueError)    a record cannot be built; `.field`
│   ├── FormatError     (ValueError)    a file of an outside format is wrong; `.place`, `.field`
│   ├── ServiceError    (OSError)       a service or address does not give what is asked for; `.url`
│   ├── QueryError      (ValueError)    a query is wrong; `.query`
│   ├── DatasetError    (ValueError)    a dataset cannot be opened, or has not what is asked for
│   ├── UploadError     (ValueError)    an upload cannot begin, or had to stop
│   └── MissingExtraError (ImportError) an optional library is not installed; `.extra`
├── UnfinishedFileError             a producer ended without a word about a file
├── NewRepoError    (ValueError)    a model repo cannot be made
├── TaggerError                     a tagger died, hung, wrote rubbish or never started
└── AbortTaggingException           a file failed, and the tagger stops
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence


class CommonMLError(Exception):
    """Base of all errors that common-ml raises on purpose."""

    reported: bool = False
    """True once an `error` line of the output file tells the user about it."""


class MediaError(CommonMLError, ValueError):
    """A media file cannot be used."""

    def __init__(self, message: str, *, path: str | os.PathLike[str]) -> None:
        super().__init__(message)
        self.path = path
        """The file, as it was given."""


class MissingMediaError(MediaError, FileNotFoundError):
    """There is no such file."""


class UnknownMediaError(MediaError):
    """The file is neither picture, video nor sound."""


class NoStreamError(MediaError):
    """The file is media, but has no stream of the kind that is asked for."""


class LimitError(MediaError):
    """The file is larger or longer than allowed, or takes longer to tag."""


class DecodeError(MediaError):
    """The file is damaged, truncated or in a codec that is not supported."""


class MessageError(CommonMLError, ValueError):
    """A message cannot be built or written."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field
        """Where the offending value stands, such as `additional_info.scores[3]`."""


class WireError(CommonMLError, ValueError):
    """A line of a tags file is no message."""

    def __init__(self, message: str, *, path: str | os.PathLike[str], line_number: int) -> None:
        super().__init__(message)
        self.path = path
        self.line_number = line_number
        """Counted from 1."""


class OutputError(CommonMLError, OSError):
    """The output file cannot be opened or written."""

    def __init__(self, message: str, *, path: str | os.PathLike[str]) -> None:
        super().__init__(message)
        self.path = path


class ParamsError(CommonMLError, ValueError):
    """The value of --params is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
        """One sentence each, every one ending in `@ $.path` where a key is at fault."""


class ModelOutputError(CommonMLError, TypeError):
    """A model returned something that is no list of tags."""


class DataError(CommonMLError):
    """Base of what `common_ml.data` raises."""


class RecordError(DataError, ValueError):
    """A record or annotation cannot be built."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field
        """Where the offending value stands, such as `annotations[3].box.x1`."""


class FormatError(DataError, ValueError):
    """A file of an outside format holds something that cannot be read, or cannot be written."""

    def __init__(
        self, message: str, *, path: str | os.PathLike[str], place: str = "", field: str = ""
    ) -> None:
        super().__init__(message)
        self.path = path
        self.place = place
        """Where in it: `line 3` or `item 5`, counted from 1; "" for the file as a whole."""
        self.field = field
        """Column or key; "" where it is not one of them."""


class ServiceError(DataError, OSError):
    """A service or an address on the network does not give what is asked for."""

    def __init__(self, message: str, *, url: str, status: int | None = None) -> None:
        super().__init__(message)
        self.url = url
        """Without its query, which may hold a signature."""
        self.status = status
        """Of HTTP; None where there was no answer."""


class QueryError(DataError, ValueError):
    """A query is no boolean expression over the names that there are."""

    def __init__(self, message: str, *, query: str) -> None:
        super().__init__(message)
        self.query = query


class DatasetError(DataError, ValueError):
    """A dataset cannot be opened, or has not what is asked for."""


class UploadError(DataError, ValueError):
    """An upload cannot begin, or had to stop."""


class MissingExtraError(DataError, ImportError):
    """A library is not installed that only some users need."""

    def __init__(self, library: str, *, extra: str) -> None:
        super().__init__(f"{library} is not installed: pip install 'common-ml[{extra}]'")
        self.extra = extra
        """The extra of common-ml that brings it."""


class UnfinishedFileError(CommonMLError):
    """A producer ended without `Progress` or `Error` for a file that it was given."""


class NewRepoError(CommonMLError, ValueError):
    """A model repo cannot be made."""


class TaggerError(CommonMLError):
    """A tagger died, hung, wrote rubbish or never started."""

    def __init__(
        self, message: str, *, stderr_tail: str = "", exit_status: int | None = None
    ) -> None:
        told = f"{message}\nThe end of its stderr:\n{stderr_tail}" if stderr_tail else message
        super().__init__(told)
        self.stderr_tail = stderr_tail
        """The last lines that it wrote to stderr."""
        self.exit_status = exit_status
        """As in `Tagger.exit_status`; None while it runs."""


class AbortTaggingException(CommonMLError):  # noqa: N818 - the name that existing repos import
    """A file failed and `continue_on_error` is off; raised by a model, it stops the tagger."""


def describe(error: BaseException) -> str:
    """`ExceptionType: message`, as an `error` line tells it; never a traceback."""
    name, message = type(error).__name__, str(error)
    return f"{name}: {message}" if message else name
