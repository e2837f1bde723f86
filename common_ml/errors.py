"""The exceptions that common-ml raises.

CommonMLError                       the base class; `.reported` once the output has its `error` line
├── MediaError      (ValueError)    a file cannot be used; `.path`
│   ├── MissingMediaError (FileNotFoundError)   the file does not exist
│   ├── UnknownMediaError           neither picture, video nor sound
│   ├── NoStreamError               media without a stream of the requested kind
│   ├── LimitError                  larger, longer or slower than the limits allow
│   └── DecodeError                 damaged, truncated or not supported
├── MessageError    (ValueError)    a message cannot be constructed or written; `.field`
├── WireError       (ValueError)    a line of a tags file is not a message; `.path`, `.line_number`
├── OutputError     (OSError)       the output file cannot be opened or written; `.path`
├── ParamsError     (ValueError)    --params are invalid; `.problems`
├── ModelOutputError (TypeError)    a model returned something other than a list of tags
├── DataError                       an operation on a dataset failed
│   ├── RecordError     (ValueError)    a record cannot be constructed; `.field`
│   ├── FormatError     (ValueError)    a file of another format is invalid; `.place`, `.field`
│   ├── ServiceError    (OSError)       a request to a service failed; `.url`
│   ├── QueryError      (ValueError)    a query is invalid; `.query`
│   ├── DatasetError    (ValueError)    a dataset cannot be opened, or lacks what was requested
│   ├── UploadError     (ValueError)    an upload cannot start, or was aborted
│   └── MissingExtraError (ImportError) an optional library is not installed; `.extra`
├── UnfinishedFileError             a producer ended without progress or error for a file
├── NewRepoError    (ValueError)    a model repo cannot be created
├── WeightsError    (OSError)       weights can neither be found nor downloaded; `.url`
├── PredictionServiceError          the prediction service refuses a request; `.code`
│   ├── NotFoundError   (LookupError)   there is no such thing, or it is not yours to see
│   ├── ConflictError               it contradicts what is there
│   ├── InvalidRequestError (ValueError)    values are invalid; `.problems`
│   ├── ForbiddenError              the user may see it, but not do this
│   ├── QuotaError                  a user has too many of them
│   ├── StoreError      (OSError)   contents cannot be stored or read
│   │   └── StoreFullError          there is no space left
│   └── DatabaseUnavailableError    the database does not answer
├── TaggerError                     a tagger crashed, hung, violated the protocol or never started
└── AbortTaggingException           a file failed, and the tagger stops
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.types import StrPath


class CommonMLError(Exception):
    """Base class of all errors that common-ml raises."""

    reported: bool = False
    """True once the output file has an `error` line about it."""


class MediaError(CommonMLError, ValueError):
    """A media file cannot be used."""

    def __init__(self, message: str, *, path: StrPath) -> None:
        super().__init__(message)
        self.path = path
        """The path, as it was passed."""


class MissingMediaError(MediaError, FileNotFoundError):
    """The file does not exist."""


class UnknownMediaError(MediaError):
    """The file is neither picture, video nor sound."""


class NoStreamError(MediaError):
    """The file is media, but has no stream of the requested kind."""


class LimitError(MediaError):
    """The file is larger or longer than allowed, or takes longer to tag."""


class DecodeError(MediaError):
    """The file is damaged, truncated or in a codec that is not supported."""


class MessageError(CommonMLError, ValueError):
    """A message cannot be constructed or written."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field
        """Path of the invalid value, such as `additional_info.scores[3]`."""


class WireError(CommonMLError, ValueError):
    """A line of a tags file is not a message."""

    def __init__(self, message: str, *, path: StrPath, line_number: int) -> None:
        super().__init__(message)
        self.path = path
        self.line_number = line_number
        """Counted from 1."""


class OutputError(CommonMLError, OSError):
    """The output file cannot be opened or written."""

    def __init__(self, message: str, *, path: StrPath) -> None:
        super().__init__(message)
        self.path = path


class ParamsError(CommonMLError, ValueError):
    """The value of --params is invalid."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
        """One sentence per problem; ends in `@ $.path` where a key is invalid."""


class ModelOutputError(CommonMLError, TypeError):
    """A model returned something other than a list of tags."""


class DataError(CommonMLError):
    """Base class of the errors of `common_ml.data`."""


class RecordError(DataError, ValueError):
    """A record or annotation cannot be constructed."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field
        """Path of the invalid value, such as `annotations[3].box.x1`."""


class FormatError(DataError, ValueError):
    """A file of another format cannot be read or written."""

    def __init__(self, message: str, *, path: StrPath, place: str = "", field: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.place = place
        """Place in the file: `line 3` or `item 5`, counted from 1; "" for the whole file."""
        self.field = field
        """Column or key; "" if the error concerns neither."""


class ServiceError(DataError, OSError):
    """A request to a network service or address failed."""

    def __init__(self, message: str, *, url: str, status: int | None = None) -> None:
        super().__init__(message)
        self.url = url
        """URL without its query, which may contain a signature."""
        self.status = status
        """HTTP status; None if there was no response."""


class QueryError(DataError, ValueError):
    """A query is not a boolean expression over the known names."""

    def __init__(self, message: str, *, query: str) -> None:
        super().__init__(message)
        self.query = query


class DatasetError(DataError, ValueError):
    """A dataset cannot be opened, or lacks what was requested."""


class UploadError(DataError, ValueError):
    """An upload cannot start, or was aborted."""


class MissingExtraError(DataError, ImportError):
    """An optional library is not installed."""

    def __init__(self, library: str, *, extra: str) -> None:
        super().__init__(
            f"{library} is not installed; hint: in a clone of common-ml, or with its wheel:"
            f" pip install '.[{extra}]'"
        )
        self.extra = extra
        """The extra of common-ml that installs it."""


class UnfinishedFileError(CommonMLError):
    """A producer ended without `Progress` or `Error` for one of its files."""


class NewRepoError(CommonMLError, ValueError):
    """A model repo cannot be created."""


class WeightsError(CommonMLError, OSError):
    """The weights of a model can neither be found in the cache nor downloaded."""

    def __init__(self, message: str, *, url: str) -> None:
        super().__init__(message)
        self.url = url
        """Where they come from."""


class TaggerError(CommonMLError):
    """A tagger crashed, hung, violated the protocol or never started."""

    def __init__(
        self, message: str, *, stderr_tail: str = "", exit_status: int | None = None
    ) -> None:
        full = f"{message}\nThe end of its stderr:\n{stderr_tail}" if stderr_tail else message
        super().__init__(full)
        self.stderr_tail = stderr_tail
        """The last lines of its stderr."""
        self.exit_status = exit_status
        """As in `Tagger.exit_status`; None while it runs."""


class PredictionServiceError(CommonMLError):
    """The prediction service refuses a request, or cannot serve it."""

    code = "refused"
    """A stable name of the error, for programs."""


class NotFoundError(PredictionServiceError, LookupError):
    """There is no such thing, or it is not the user's to see."""

    code = "not_found"


class ConflictError(PredictionServiceError):
    """The request contradicts what is there."""

    code = "conflict"


class InvalidRequestError(PredictionServiceError, ValueError):
    """Values of the request are invalid."""

    code = "invalid"

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        """One sentence per problem."""
        super().__init__("; ".join(self.problems))


class ForbiddenError(PredictionServiceError):
    """The user may see it, but not do this."""

    code = "forbidden"


class QuotaError(PredictionServiceError):
    """The user has too many of them."""

    code = "quota_exceeded"


class StoreError(PredictionServiceError, OSError):
    """Contents cannot be stored or read."""

    code = "store_unavailable"


class StoreFullError(StoreError):
    """There is no space left in the store."""

    code = "store_full"


class DatabaseUnavailableError(PredictionServiceError):
    """The database does not answer."""

    code = "database_unavailable"


class DatabaseFullError(DatabaseUnavailableError):
    """There is no space left for the database."""

    code = "database_full"


class AbortTaggingException(CommonMLError):  # noqa: N818 - the name that existing repos import
    """A file failed and `continue_on_error` is off; a model raises it to stop the tagger."""


def describe_error(error: BaseException) -> str:
    """Return `ExceptionType: message`, the text of an `error` line, without traceback.

    Never raises, even if the methods of the error do.
    """
    name = type(error).__name__
    try:
        message = str(error)
    except BaseException as failure:  # noqa: BLE001 - an author's __str__ may raise anything
        message = f"its message cannot be shown ({type(failure).__name__} in __str__)"
    return f"{name}: {message}" if message else name


def is_reported(error: BaseException) -> bool:
    """Return whether the output has an `error` line about this error."""
    try:
        return getattr(error, "reported", False) is True
    except BaseException:  # noqa: BLE001 - an author's __getattribute__ may raise anything
        return False


def call_place(error: BaseException) -> str:
    """Return the call of the model in which an error was raised; "" if unknown.

    Such as `Model.tag_frame, frame 36 at 1.500 s`.
    """
    try:
        place = getattr(error, "call_place", "")
    except BaseException:  # noqa: BLE001 - an author's __getattribute__ may raise anything
        return ""
    return place if isinstance(place, str) else ""


def mark_reported(error: BaseException) -> None:
    """Mark this error as reported by an `error` line of the output."""
    with suppress(Exception):  # one with __slots__ or a __setattr__ of its own
        error.reported = True  # type: ignore[attr-defined] # any other takes an attribute
