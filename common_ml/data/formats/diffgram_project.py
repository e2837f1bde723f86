"""A live project of Diffgram over its HTTP interface: ids first, then file by file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from common_ml.data.formats.items import Item
from common_ml.data.formats.web import Web, basic
from common_ml.errors import FormatError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "https://diffgram.com"
PAGE_SIZE = 1000
"""Ids asked for at once."""


class Project:
    """What can be asked of a project."""

    def __init__(
        self,
        name: str,
        *,
        host: str = HOST,
        client_id: str | None = None,
        client_secret: str | None = None,
        web: Web | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            name: The project's string id, as in its address.
            host: Where the service is.
            client_id: By default DIFFGRAM_CLIENT_ID.
            client_secret: By default DIFFGRAM_CLIENT_SECRET.
            web: How addresses are asked; by default with id and secret.
        """
        user = client_id or os.environ.get("DIFFGRAM_CLIENT_ID", "")
        secret = client_secret or os.environ.get("DIFFGRAM_CLIENT_SECRET", "")
        if web is None and not (user and secret):
            raise ServiceError(
                "a live project needs a key: set DIFFGRAM_CLIENT_ID and DIFFGRAM_CLIENT_SECRET",
                url=host,
            )
        key = basic(user, secret) if user and secret else {}
        given = web or Web()
        self._web = Web({**key, **given.headers}, pause=given.pause, attempts=given.attempts)
        self._name = name
        self._base = f"{host.rstrip('/')}/api/project/{quote(name, safe='')}"
        self._labels_url = (
            f"{host.rstrip('/')}/api/v1/project/{quote(name, safe='')}/labels/view/name_to_file_id"
        )

    def dataset_id(self, dataset: str) -> int | None:
        """The id of a dataset by its name; "" is the project's own.

        Raises:
            ServiceError: there is no such dataset, or no answer.
        """
        query = urlencode({"name": dataset})
        answer = self._json(f"{self._base}/user/legacy/working_dir/view?{query}")
        found = answer.child("working_dir")
        if "directory_id" not in found:
            shown = dataset or "the default one"
            raise ServiceError(f"{self._name} has no dataset {shown}", url=self._base)
        return found.whole("directory_id")

    def labels(self) -> dict[str, int]:
        """Names of all labels, and the ids of their files."""
        answer = self._json(self._labels_url).child("name_to_file_id")
        return {name: answer.whole(name) for name in answer.data}

    def file_ids(self, directory_id: int | None, query: str = "") -> Iterator[int]:
        """The ids of all files of a dataset, page by page."""
        page: int | None = 1
        seen: set[int] = set()
        while page is not None and page not in seen:
            seen.add(page)
            wanted: dict[str, Any] = {
                "directory_id": directory_id,
                "limit": PAGE_SIZE,
                "page": page,
                "file_view_mode": "ids_only",
            }
            if query:
                wanted["query"] = query
            answer = self._json(f"{self._base}/user/sdk/file/list", {"metadata": wanted})
            for number, value in enumerate(answer.listed("file_list")):
                found = value.get("id") if isinstance(value, Mapping) else value
                if not isinstance(found, int):
                    raise answer.error(
                        f"must be an id, got {value!r:.80}", field=f"file_list[{number}]"
                    )
                yield found
            page = answer.child("metadata").whole_or_none("next_page")

    def files(self, dataset: str = "", query: str = "") -> Iterator[Item]:
        """The files of a dataset with their instances, each asked for when it is taken."""
        directory = self.dataset_id(dataset)
        for number, file_id in enumerate(list(self.file_ids(directory, query)), 1):
            answer = self._json(
                f"{self._base}/file/{file_id}/annotation/list", {"directory_id": directory}
            )
            if "file_serialized" not in answer:
                raise answer.error("is missing", field="file_serialized")
            data = {"id": file_id, **answer.mapping("file_serialized")}
            yield Item(data, f"diffgram://{self._name}", f"item {number}")

    def _json(self, url: str, body: Mapping[str, Any] | None = None) -> Item:
        answer = self._web.json(url, body)
        place = url.partition("?")[0]
        if not isinstance(answer, Mapping):
            raise FormatError(f"{place}: must be an object, got {answer!r:.80}", path=place)
        log = answer.get("log")
        if isinstance(log, Mapping) and log.get("error"):
            raise ServiceError(f"{place}: {log['error']}", url=place)
        return Item(answer, place)
