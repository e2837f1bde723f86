"""The type of text columns: texts as both databases can hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class UnicodeText(TypeDecorator[str]):
    """Text without NUL, which PostgreSQL refuses, and without lone surrogates, which both do.

    It holds for what is looked up as well: nothing has such a name.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it is sent."""
        del dialect
        return None if value is None else unicode_only(value)


def unicode_only(text: str) -> str:
    """Replace what no database can hold: NUL by U+FFFD, lone surrogates by "?"."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
