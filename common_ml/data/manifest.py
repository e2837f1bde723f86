"""Freeze a slice to a manifest, and open the same samples again."""

from __future__ import annotations

import hashlib
import os
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from common_ml.data.store.catalogue import Catalogue
from common_ml.data.store.sources import Source, bytes_of, files_in
from common_ml.errors import DatasetError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from common_ml.types import StrPath

VERSION = 1
_DAY = "date or time"
IDS_AT_ONCE = 50_000
CHUNK_BYTES = 1 << 22
_FIELDS = ("queries", "per", "format", "options", "media_root", "sources", "labels", "ids")


def write(
    path: StrPath,
    catalogue: Catalogue,
    numbers: npt.NDArray[np.int64],
    queries: tuple[str, ...],
    media_root: str | None,
) -> None:
    """Write a manifest of these records.

    Raises:
        DatasetError: they are in no file.
    """
    if not catalogue.files:
        raise DatasetError(
            "records that come from no file cannot be frozen; hint: use to_parquet first"
        )
    sources = []
    for file in catalogue.files:
        if not Path(file.path).exists():
            raise DatasetError(
                f"{file.path} is not a file that can be frozen; hint: use to_parquet first"
            )
        size = catalogue.size_of(file)
        digest = _digest(file.path, size)
        sources.append({"path": file.path, "tag": file.tag, "bytes": size, "sha256": digest})
    document = {
        "common_ml_manifest": VERSION,
        "queries": queries,
        "per": catalogue.per,
        "format": catalogue.format,
        "options": catalogue.options,
        "media_root": media_root,
        "sources": sources,
        "labels": catalogue.label_ids,
        "ids": _ids(catalogue, numbers),
    }
    try:
        made = orjson.dumps(
            document, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATETIME
        )
    except orjson.JSONEncodeError as error:
        raise DatasetError(f"cannot freeze a dataset with these options: {error}") from error
    Path(path).write_bytes(made)


def read(path: StrPath) -> dict[str, Any]:
    """Read a manifest.

    Raises:
        DatasetError: the file is not a manifest.
    """
    try:
        document = orjson.loads(Path(path).read_bytes())
    except orjson.JSONDecodeError as error:
        raise DatasetError(f"{os.fspath(path)} is not a manifest: {error}") from error
    if not isinstance(document, dict) or document.get("common_ml_manifest") != VERSION:
        raise DatasetError(
            f"{os.fspath(path)} is not a manifest of version {VERSION}: expected what freeze writes"
        )
    missing = [name for name in _FIELDS if name not in document]
    if missing:
        raise DatasetError(f"{os.fspath(path)} is not a complete manifest: {missing[0]} is missing")
    return document


def catalogue_of(frozen: dict[str, Any], media_root: str | None) -> Catalogue:
    """Open the frozen dataset as it was: data appended to its files since is ignored.

    Raises:
        DatasetError: a source has changed, or does not exist any more.
    """
    changes = [change for source in frozen["sources"] if (change := _change(source))]
    if changes:
        raise DatasetError(f"the dataset has changed: {'; '.join(changes)}")
    catalogue = Catalogue(
        [Source(one["path"], one["tag"]) for one in frozen["sources"]],
        per=frozen["per"],
        format=frozen["format"],
        options={name: _thawed(value) for name, value in frozen["options"].items()},
        media_root=media_root,
        ends={one["path"]: one["bytes"] for one in frozen["sources"]},
    )
    catalogue.number_labels(frozen["labels"])
    return catalogue


def numbers_of(frozen: dict[str, Any], catalogue: Catalogue) -> npt.NDArray[np.int64]:
    """Return the indices of the frozen records.

    Raises:
        DatasetError: some do not exist any more.
    """
    store, ids = catalogue.store, frozen["ids"]
    with store.engine() as connection:
        connection.execute("CREATE TEMP TABLE wanted (key VARCHAR, slot BIGINT)")
        connection.execute(
            "INSERT INTO wanted SELECT unnest($keys), unnest($slots)",
            {"keys": [one[0] for one in ids], "slots": [one[1] for one in ids]},
        )
        found = connection.execute(
            f"SELECT number FROM {store.records_sql} SEMI JOIN wanted USING (key, slot) "
            "ORDER BY number"
        ).fetchnumpy()["number"]
    if len(found) != len(ids):
        raise DatasetError(
            f"the dataset has changed: {len(ids) - len(found)} of {len(ids)} records are gone"
        )
    numbers: npt.NDArray[np.int64] = found.astype("int64")
    return numbers


def _plain(value: Any) -> Any:
    """Encode options that JSON cannot represent; `_thawed` decodes them."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, date):
        return {_DAY: value.isoformat()}
    raise TypeError(f"{value!r:.80} cannot be written down")


def _thawed(value: Any) -> Any:
    if not isinstance(value, dict) or value.keys() != {_DAY}:
        return value
    text = value[_DAY]
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _ids(catalogue: Catalogue, numbers: npt.NDArray[np.int64]) -> list[tuple[str, int]]:
    heads = (
        head
        for start in range(0, len(numbers), IDS_AT_ONCE)
        for head in catalogue.store.heads(numbers[start : start + IDS_AT_ONCE].tolist())
    )
    return [(head.key, head.slot) for head in heads]


def _change(source: dict[str, Any]) -> str:
    path, size = source["path"], source["bytes"]
    if not Path(path).exists():
        return f"{path} does not exist any more"
    now = bytes_of(path)
    if now < size:
        return f"{path} had {size} bytes, and has {now}"
    is_tags = Path(path).suffix.lower() in {".jsonl", ".ndjson"}
    if not is_tags and now != size:
        return f"{path} had {size} bytes, and has {now}"
    if _digest(path, size) != source["sha256"]:
        return f"the content of {path} has changed"
    return ""


def _digest(path: str, size: int) -> str:
    """Hash the first bytes of a file, or the names and contents of a folder."""
    digest = hashlib.sha256()
    if Path(path).is_dir():
        for one in files_in(path):
            name = one.relative_to(path).as_posix()
            digest.update(f"{name}\0{_digest(os.fspath(one), one.stat().st_size)}\n".encode())
        return digest.hexdigest()
    with Path(path).open("rb") as file:
        while size > 0 and (chunk := file.read(min(size, CHUNK_BYTES))):
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()
