"""Read a live Diffgram project over its HTTP API: ids first, then pages of files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.web import Web, basic
from common_ml.errors import FormatError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "https://diffgram.com"
PAGE_SIZE = 1000
"""Ids per request."""
ANNOTATION_PAGE_SIZE = 100
"""Files with their instances per request."""


class Project:
    """Client of a project."""

    def __init__(
        self,
        name: str,
        *,
        host: str = HOST,
        client_id: str | None = None,
        client_secret: str | None = None,
        web: Web | None = None,
    ) -> None:
        """Prepare; no request is sent yet.

        Args:
            name: The project's string id, as in its address.
            host: Where the service is.
            client_id: By default DIFFGRAM_CLIENT_ID.
            client_secret: By default DIFFGRAM_CLIENT_SECRET.
            web: HTTP client; by default with id and secret.
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
        """Return the id of a dataset by its name; "" is the project's default.

        Raises:
            ServiceError: there is no such dataset, or no response.
        """
        query = urlencode({"name": dataset})
        answer = self._json(f"{self._base}/user/legacy/working_dir/view?{query}")
        found = answer.child("working_dir")
        if "directory_id" not in found:
            shown = dataset or "the default one"
            raise ServiceError(f"{self._name} has no dataset {shown}", url=self._base)
        return found.whole("directory_id")

    def labels(self) -> dict[str, int]:
        """Return the names of all labels, and the ids of their files."""
        answer = self._json(self._labels_url).child("name_to_file_id")
        return {name: answer.whole(name) for name in answer.data}

    def file_ids(self, directory_id: int | None, query: str = "") -> Iterator[int]:
        """Yield the ids of all files of a dataset, page by page."""
        page: int | None = 1
        seen: set[int] = set()
        while page is not None and page not in seen:
            seen.add(page)
            answer = self._page(directory_id, query, page, limit=PAGE_SIZE, mode="ids_only")
            for number, value in enumerate(answer.listed("file_list")):
                found = value.get("id") if isinstance(value, Mapping) else value
                if not isinstance(found, int):
                    raise answer.error(
                        f"must be an id, got {value!r:.80}", field=f"file_list[{number}]"
                    )
                yield found
            page = answer.child("metadata").whole_or_none("next_page")

    def files(self, dataset: str = "", query: str = "") -> Iterator[Item]:
        """Yield the files of a dataset with their instances.

        The ids come first, so that files which are added meanwhile change nothing. Then a page of
        files with their instances is requested when its first file is wanted; what a page does
        not hold, such as the frames of a video, is requested by itself.
        """
        directory = self.dataset_id(dataset)
        ids = list(self.file_ids(directory, query))
        known: dict[int, Mapping[str, Any]] = {}
        for index, file_id in enumerate(ids):
            if index % ANNOTATION_PAGE_SIZE == 0:
                known = self._annotated(directory, query, index // ANNOTATION_PAGE_SIZE + 1)
            data = known.pop(file_id, None) or self._file(directory, file_id)
            yield Item({"id": file_id, **data}, f"diffgram://{self._name}", f"item {index + 1}")

    def _annotated(
        self, directory_id: int | None, query: str, page: int
    ) -> dict[int, Mapping[str, Any]]:
        """Return the files of a page that come with all of their instances, by id."""
        answer = self._page(
            directory_id, query, page, limit=ANNOTATION_PAGE_SIZE, mode="annotation"
        )
        return {
            value["id"]: value
            for value in answer.listed("file_list")
            if isinstance(value, Mapping)
            and isinstance(value.get("id"), int)
            and value.get("type") == "image"
            and isinstance(value.get("image"), Mapping)
            and isinstance(value.get("instance_list"), list)
        }

    def _file(self, directory_id: int | None, file_id: int) -> Mapping[str, Any]:
        answer = self._json(
            f"{self._base}/file/{file_id}/annotation/list", {"directory_id": directory_id}
        )
        if "file_serialized" not in answer:
            raise answer.error("is missing", field="file_serialized")
        return answer.mapping("file_serialized")

    def _page(
        self, directory_id: int | None, query: str, page: int, *, limit: int, mode: str
    ) -> Item:
        wanted: dict[str, Any] = {
            "directory_id": directory_id,
            "limit": limit,
            "page": page,
            "file_view_mode": mode,
        }
        if query:
            wanted["query"] = query
        return self._json(f"{self._base}/user/sdk/file/list", {"metadata": wanted})

    def _json(self, url: str, body: Mapping[str, Any] | None = None) -> Item:
        answer = self._web.json(url, body)
        place = url.partition("?")[0]
        if not isinstance(answer, Mapping):
            raise FormatError(f"{place}: must be an object, got {answer!r:.80}", path=place)
        log = answer.get("log")
        if isinstance(log, Mapping) and log.get("error"):
            raise ServiceError(f"{place}: {log['error']}", url=place)
        return Item(answer, place)
