"""Import results of an earlier run into parts, for `--resume`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.text import Text

from common_ml.cli.console import print_line
from common_ml.cli.texts import plural, printable
from common_ml.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from common_ml.parts import PartKey, PartWriter
    from common_ml.scale.film_worker import WorkSpec
    from common_ml.scale.plan import Film


def take_over(
    output: Path, spec: WorkSpec, films: list[Film], keep_previous: Callable[[], None]
) -> None:
    """Import the files that an earlier run without parts has finished as parts.

    If there are parts, the output was merged from parts: a file that is finished in it and has no
    part of this tagger with these params was tagged by another one, and is tagged again. Then a
    note is printed, and `keep_previous` is called to move the output out of the way.
    """
    num_again = _take_over(output, spec, films)
    if num_again:
        text = (
            f"nothing is resumed for {plural(num_again, 'film')}: the parts in {spec.parts} are of "
            "another tagger, of other params or of other films"
        )
        print_line(Text.assemble(("warning:", "yellow"), f" {printable(text)}"))
        keep_previous()


def _take_over(output: Path, spec: WorkSpec, films: list[Film]) -> int:
    """Import what can be reused; return the number of films that are tagged again."""
    from common_ml.parts import open_parts
    from common_ml.tagging.tags_file.resume import ResumeState

    keys = {film.name: spec.key_of(film) for film in films}
    states = open_parts(spec.parts).states(keys.values())
    missing = {key.file for key, state in states.items() if state == "missing"}
    in_output = ResumeState.of(output).finished if output.is_file() else ()
    finished = {name for name in missing if name in in_output}
    if (finished or len(missing) == len(keys)) and _has_other_parts(spec.parts, keys.values()):
        return len(missing)
    if finished:
        _import(output, spec, {name: keys[name] for name in finished})
    return 0


def _import(output: Path, spec: WorkSpec, keys: dict[str, PartKey]) -> None:
    from common_ml.parts import open_parts
    from common_ml.tagging.messages import Progress
    from common_ml.tagging.tags_file.resume import whole_messages

    parts = open_parts(spec.parts)
    missing = set(keys)
    writers: dict[str, PartWriter] = {}
    with ExitStack() as stack:
        for message in whole_messages(output):
            name = getattr(message, "source_media", None)
            if name not in missing:
                continue
            if name not in writers:
                writers[name] = stack.enter_context(parts.writer(keys[name]))
            writers[name].write(message)
            if isinstance(message, Progress):
                missing.discard(name)
                writers.pop(name).commit()


def _has_other_parts(address: str, keys: Iterable[PartKey]) -> bool:
    """Whether there is a part, or the note of a failure, with none of these keys."""
    ours = {key.name for key in keys}
    return any(
        name.endswith(".jsonl") and name.partition(".")[0] not in ours
        for name in _names_in(address)
    )


def _names_in(address: str) -> Iterator[str]:
    if "://" not in address:
        yield from (entry.name for entry in os.scandir(address))
        return
    from obstore.exceptions import BaseError

    from common_ml.scale.node_cache import store_of

    store, prefix = store_of(f"{address.rstrip('/')}/")
    try:
        for page in store.list(prefix or None):
            for found in page:
                yield found["path"].rpartition("/")[2]
    except BaseError as error:
        first = str(error).partition("\n")[0]
        raise OutputError(f"parts cannot be listed in {address}: {first}", path=address) from error
