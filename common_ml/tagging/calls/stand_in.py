"""A stand-in for an exception of the author's whose attributes cannot be read or set."""

from __future__ import annotations

from common_ml.errors import describe_error


def settable(error: BaseException) -> BaseException:
    """Return the error, or a stand-in of the same name, message and traceback.

    `contextlib` sets the `__traceback__` of what leaves a block; where that raises, as in an
    exception that is a frozen dataclass, the user would read of that instead of the error. The
    same where `isinstance` raises, which reads its `__class__`.
    """
    try:
        error.__traceback__ = error.__traceback__
        isinstance(error, int)
    except BaseException:  # noqa: BLE001 - an author's __setattr__ may raise anything
        name, _, message = describe_error(error).partition(": ")
        stand_in: BaseException = type(name, (Exception,), {})(message)
        stand_in.__suppress_context__ = True
        return stand_in.with_traceback(object.__getattribute__(error, "__traceback__"))
    return error
