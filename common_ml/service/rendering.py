"""Render results: tags as JSON lines, and the timeline page of a prediction."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.tagging.tags_file.codec import encode, padded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from common_ml.service.operations.predictions import Prediction
    from common_ml.service.store import ContentStore
    from common_ml.tagging.messages import Message

_CHUNK_BYTES = 1 << 18
_MAX_NAME_BYTES = 120


def tag_lines(messages: Iterable[Message]) -> Iterator[bytes]:
    """Yield the bytes that `Writer` writes for messages into a new file, in large chunks."""
    end, pending, gathered = 0, [], 0
    for message in messages:
        line = padded(encode(message), end)
        end += len(line)
        pending.append(line)
        gathered += len(line)
        if gathered >= _CHUNK_BYTES:
            yield b"".join(pending)
            pending, gathered = [], 0
    yield b"".join(pending)


def prediction_page(
    prediction: Prediction,
    messages: Iterable[Message],
    *,
    contents: ContentStore,
    key: str,
    params: Mapping[str, object],
) -> bytes:
    """Return the page of `report` for a prediction; it links the content in the service.

    The page is rendered in folders like those of its address, so that its relative links fit:
    `v1/predictions/ID/page` and `v1/files/SHA256/content/NAME`.

    Args:
        prediction: The prediction.
        messages: Its tags.
        contents: The store.
        key: Of the file in the store.
        params: Shown on the page.

    Raises:
        StoreError: the file cannot be read.
    """
    from common_ml.report.page import write_page

    name = file_name(prediction.name)
    with tempfile.TemporaryDirectory(prefix="common-ml-page-") as temporary:
        root = Path(temporary) / "v1"
        media = root / "files" / prediction.sha256 / "content"
        media.mkdir(parents=True)
        tags = root / file_name(f"{prediction.name} {prediction.model}.jsonl")
        _write(tags, messages, name)
        contents.fetch(key, media / name)
        page = root / "predictions" / str(prediction.id) / "page"
        page.parent.mkdir(parents=True)
        write_page(tags, page, media=[media], params=params)
        return page.read_bytes()


def file_name(name: str) -> str:
    """Return a name that is valid on every file system, with the same extension."""
    plain = "".join("_" if c in '/\\:\0*?"<>|' else c for c in name).lstrip(".") or "file"
    stem, dot, extension = plain.rpartition(".")
    if not dot or len(extension) > 10:
        stem, extension = plain, ""
    while len(stem.encode("utf-8", "replace")) > _MAX_NAME_BYTES:
        stem = stem[: -max(1, len(stem) // 10)]
    return stem + (f".{extension}" if extension else "")


def _write(path: Path, messages: Iterable[Message], name: str) -> None:
    from dataclasses import replace

    from common_ml.tagging.messages import Error, Progress, Tag

    with path.open("wb") as file:
        for message in messages:
            if isinstance(message, (Tag, Progress, Error)):
                message = replace(message, source_media=name)  # noqa: PLW2901 - the same one
            file.write(encode(message))
