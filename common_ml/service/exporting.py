"""Export results of predictions as one tags file, or in any format that `data.formats` writes."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.data import formats as known_formats
from common_ml.errors import InvalidRequestError, NotFoundError
from common_ml.service.operations import predictions, results
from common_ml.tagging.wire import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor

TAGS = "tags"
_SUFFIXES = {"coco": ".json", "csv": ".csv", "cvat": ".xml", "huggingface": ".parquet",
             "labelstudio": ".json", "webvtt": ".vtt"}  # fmt: skip
"""Format -> extension, of formats that are one file; the others are folders."""
_OPTIONS: dict[str, dict[str, Any]] = {"masterful": {"task": "object_detection"}}


@dataclass(frozen=True)
class Exported:
    """An exported file."""

    path: Path
    name: str
    """File name for the user."""
    media_type: str
    folder: Path
    """Temporary folder that `discard` removes."""

    def discard(self) -> None:
        """Remove the file."""
        shutil.rmtree(self.folder, ignore_errors=True)


def formats() -> tuple[str, ...]:
    """Return the names of the formats that can be written, sorted."""
    return tuple(filter(known_formats.can_write, known_formats.names()))


def export(
    core: Core, actor: Actor, numbers: Sequence[int], *, format_name: str, folder: Path
) -> Exported:
    """Write the results of predictions into one file.

    Args:
        core: The service.
        actor: Who asks; files are named as they named them.
        numbers: The predictions, in the order of the file.
        format_name: `tags` or a format that can be written.
        folder: Where the file is made.

    Raises:
        InvalidRequestError: no such format, or a prediction without results.
        NotFoundError: a prediction that the actor may not see.
    """
    if format_name != TAGS and format_name not in formats():
        expected = ", ".join((TAGS, *formats()))
        raise InvalidRequestError([f"format must be one of {expected}, got {format_name!r:.80}"])
    found = {one.id: one for one in predictions.get_many(core, actor, numbers)}
    missing = [number for number in numbers if number not in found]
    if missing:
        raise NotFoundError(f"there is no prediction {missing[0]}")
    without = [number for number in numbers if not found[number].has_results]
    if without:
        raise InvalidRequestError([f"prediction {number} has no results" for number in without])
    place = Path(tempfile.mkdtemp(prefix="export-", dir=folder))
    try:
        tags = place / "tags.jsonl"
        with Writer(tags) as writer:
            for number in numbers:
                for message in results.messages_of(core, found[number]):
                    writer.write(message)
        if format_name == TAGS:
            return Exported(tags, tags.name, "application/jsonl", place)
        return _converted(tags, format_name, place)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _converted(tags: Path, format_name: str, place: Path) -> Exported:
    from common_ml.data import Dataset

    writer: Any = known_formats.get(format_name)
    suffix = _SUFFIXES.get(format_name, "")
    target = place / f"{format_name}{suffix}"
    with Dataset.open(tags) as dataset:
        writer.write(dataset.records(), target, **_OPTIONS.get(format_name, {}))
    if not suffix or not target.is_file():
        archive = shutil.make_archive(str(place / f"{format_name}-zip"), "zip", target)
        return Exported(Path(archive), f"{format_name}.zip", "application/zip", place)
    return Exported(target, target.name, "application/octet-stream", place)
