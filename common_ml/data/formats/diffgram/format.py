"""Diffgram: the files of an export, or of a live project; read only.

Read: an export as JSON (a list of files, or an object of them by id beside `label_map` and the
like), or `diffgram://<project>` over its HTTP interface, all of its default dataset or one by name,
or what a query of its language finds.

Kept: boxes and polygons, turned into 0..1 with the picture's size, which exports have; labels that
are tags of the whole picture; lines, points, ellipses and cuboids in `attributes["geometry"]`, in
pixels; `score` as confidence; `number`, `machine_made` and `attribute_groups` (under their ids or
names) as attributes; what else is known of the file as metadata, with global attributes under
`global_attributes`. The record's id is the file's. Files inside a compound file come one by one,
with `parent_id`.
Lost: history of instances, colours, links to tasks. Deleted instances (`soft_delete`) are left out.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.diffgram import files, project
from common_ml.data.formats.shared.json_file import load_json
from common_ml.data.formats.shared.media import MediaFiles
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.unique import UniqueIds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.formats.shared.items import Item
    from common_ml.data.formats.shared.policy import OnError
    from common_ml.data.record import Record
    from common_ml.data.report import Report
    from common_ml.types import StrPath

NAME = "diffgram"

LIVE = "diffgram://"


def read(
    source: StrPath,
    *,
    dataset: str = "",
    query: str = "",
    host: str = project.HOST,
    client_id: str | None = None,
    client_secret: str | None = None,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
    **connection: Any,
) -> Iterator[Record]:
    """Yield the files of an export or a project, in order.

    Args:
        source: The JSON file, or `diffgram://<project>`.
        dataset: Of a live project: the name of the dataset; by default the project's own.
        query: Of a live project: only files for which this holds, such as `labels.car > 3`.
        host: Of a live project: where the service is.
        client_id: Of a live project; by default DIFFGRAM_CLIENT_ID.
        client_secret: Of a live project; by default DIFFGRAM_CLIENT_SECRET.
        on_error: Whether an instance that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Folder of the media, also under their original names.
        download: Fetch media from addresses that are not found there.
        connection: HTTP client (`web`).

    Raises:
        FormatError: a wrong value, with item and field.
        ServiceError: the live project cannot be read.
        OSError: the file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    name = os.fspath(source)
    if name.startswith(LIVE):
        live = project.Project(
            name.removeprefix(LIVE),
            host=host,
            client_id=client_id,
            client_secret=client_secret,
            **connection,
        )
        found = live.files(dataset, query)
    else:
        found = files.files_of(load_json(source), name, policy)
    return _records(found, policy, media)


def _records(found: Iterable[Item], policy: ErrorPolicy, media: MediaFiles) -> Iterator[Record]:
    ids = UniqueIds()
    for file in found:
        records: list[Record] = []
        with policy:
            for record in files.records_of(file, policy):
                with policy:
                    ids.add(record.id, file)
                    records.append(media.finished(record))
        yield from records
