"""Refuse breakpoints where standard input carries paths: the debugger would read them."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from common_ml.errors import CommonMLError
from common_ml.tagging.calls.author_hints import BREAKPOINT_HINT

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def refusing_breakpoints() -> Iterator[None]:
    """Let `breakpoint()` raise inside the block, unless its user has chosen another debugger.

    At a terminal it stays as it is.
    """
    is_ours = (
        sys.breakpointhook is sys.__breakpointhook__
        and "PYTHONBREAKPOINT" not in os.environ
        and not _is_terminal()
    )
    if is_ours:
        sys.breakpointhook = _refuse
    try:
        yield
    finally:
        if is_ours and sys.breakpointhook is _refuse:
            sys.breakpointhook = sys.__breakpointhook__


def _refuse(*args: object, **kwargs: object) -> NoReturn:
    del args, kwargs
    raise CommonMLError(f"breakpoint(): {BREAKPOINT_HINT}")


def _is_terminal() -> bool:
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except (AttributeError, ValueError):  # replaced by a list of lines, or closed
        return False
