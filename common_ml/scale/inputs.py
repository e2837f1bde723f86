"""Resolve command line inputs: films as files, folders, globs and URLs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from common_ml.errors import MissingMediaError, ServiceError
from common_ml.runtime.media_files import find_media
from common_ml.scale.node_cache import is_url, store_of
from common_ml.scale.probing import films_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common_ml.scale.plan import Film


def find_films(arguments: Iterable[str], within_seconds: float | None = None) -> list[Film]:
    """Return the films that arguments name, each once, in order.

    Args:
        arguments: As `find_media` takes them, and URLs; one that ends in `/` stands for the media
            below it.
        within_seconds: Time for probing; see `films_of`.

    Raises:
        MissingMediaError: no such file or folder, or no media in it.
        ServiceError: objects cannot be listed.
    """
    names: list[str] = []
    for argument in arguments:
        if not is_url(argument):
            names += find_media([argument])
        elif argument.endswith("/"):
            names += _objects_below(argument)
        else:
            names.append(argument)
    return films_of(names, within_seconds=within_seconds)


def _objects_below(url: str) -> list[str]:
    from obstore.exceptions import BaseError

    from common_ml.media.kinds import kind_by_name

    store, prefix = store_of(url)
    base = url[: url.index("/", url.index("://") + 3) + 1]
    try:
        paths = sorted(found["path"] for page in store.list(prefix or None) for found in page)
    except BaseError as error:
        first = str(error).partition("\n")[0]
        raise ServiceError(f"{url} cannot be listed: {first}", url=url) from error
    urls = [base + _escaped(path) for path in paths if kind_by_name(path) != "unknown"]
    if not urls:
        raise MissingMediaError(f"no media below {url}", path=url)
    return urls


def _escaped(path: str) -> str:
    """Return an object's path for a URL; what can stand there stays readable."""
    return re.sub("[%?#]", lambda found: f"%{ord(found[0]):02X}", path)
