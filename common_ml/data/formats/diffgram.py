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

from common_ml.data.formats import diffgram_files, diffgram_project
from common_ml.data.formats.items import load_json
from common_ml.data.formats.pixels import in_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.data.record import Record

NAME = "diffgram"

LIVE = "diffgram://"


def read(
    source: str | os.PathLike[str],
    *,
    dataset: str = "",
    query: str = "",
    host: str = diffgram_project.HOST,
    client_id: str | None = None,
    client_secret: str | None = None,
    media_root: str | os.PathLike[str] | None = None,
    **connection: Any,
) -> Iterator[Record]:
    """The files of an export or a project, in order.

    Args:
        source: The JSON file, or `diffgram://<project>`.
        dataset: Of a live project: the name of the dataset; by default the project's own.
        query: Of a live project: only files for which this holds, such as `labels.car > 3`.
        host: Of a live project: where the service is.
        client_id: Of a live project; by default DIFFGRAM_CLIENT_ID.
        client_secret: Of a live project; by default DIFFGRAM_CLIENT_SECRET.
        media_root: Folder of the pictures under their original names.
        connection: `web`, how addresses are asked.

    Raises:
        FormatError: a wrong value, with item and field.
        ServiceError: the live project cannot be read.
        OSError: the file cannot be read.
    """
    name = os.fspath(source)
    if name.startswith(LIVE):
        project = diffgram_project.Project(
            name.removeprefix(LIVE),
            host=host,
            client_id=client_id,
            client_secret=client_secret,
            **connection,
        )
        files = project.files(dataset, query)
    else:
        files = diffgram_files.files_of(load_json(source), name)
    for file in files:
        for record in diffgram_files.records_of(file):
            yield in_ratio(record, media_root=media_root)
