"""A server whose database is full, or whose S3 server is down, answers and goes on afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from common_ml.parts import PartKey
from common_ml.service.api.server_state import Server
from common_ml.service.operations import users
from common_ml.service.server import serving
from common_ml.tagging.messages import Progress
from tests.s3_server import S3Server
from tests.service.api.conftest import Served
from tests.service.api.test_uploads import TUS, begin, patch, post_files
from tests.service.cores import add_file, ask, claim, finish, make_core, offer, state
from tests.service.s3 import S3_SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PICTURE = b"P1 1 1 0\n"


def test_a_full_database_is_507_and_an_upload_is_finished_later(served: Served) -> None:
    ann = served.client("ann")
    kept = post_files(ann, b"before")
    pages = {"most": 1}  # SQLite takes the present number where that is higher

    def limit(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages['most']}").close()

    event.listen(served.core.database.engine, "begin", limit)
    statuses: list[int] = []
    while 507 not in statuses:  # what is left of the last pages is filled first
        files = [("files", (f"{len(statuses)}-{n}-{'x' * 200}.txt", b"new")) for n in range(50)]
        posted = ann.post("/v1/files", files=files)
        statuses.append(posted.status_code)
    at_end = None
    while at_end is None or at_end.status_code == 204:
        statuses.append(0)
        content = f"resume {len(statuses):03}".encode()
        upload = begin(ann, len(content), filename=f"{len(statuses)}-{'x' * 200}.txt")
        at_end = patch(ann, upload, 0, content)
    listed = ann.get("/v1/files", params={"limit": 500})

    assert set(statuses) <= {201, 507, 0}
    for refused in (posted, at_end):
        assert (refused.status_code, refused.json()["code"]) == (507, "database_full")
        assert "hint: free space" in refused.json()["detail"]
    assert listed.status_code == 200
    assert kept[0]["sha256"] in {file["sha256"] for file in listed.json()["items"]}

    pages["most"] = 1 << 30
    found = ann.head(upload, headers=TUS)
    assert (found.status_code, found.headers["upload-offset"]) == (200, "10"), found.text
    assert ann.get(f"/v1/files/{found.headers['upload-file']}/content").content == content


def test_an_s3_server_that_is_down_is_503_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = S3Server()
    for name, value in {**S3_SETTINGS, "AWS_ENDPOINT": down.url}.items():
        monkeypatch.setenv(name, value)
    import boto3  # type: ignore[import-untyped] # it has no hints

    boto3.client("s3", endpoint_url=down.url).create_bucket(Bucket="failing")
    with ExitStack() as stack:
        core = stack.enter_context(make_core(tmp_path, store="s3://failing/x"))
        server = Server(core)
        served = Served(stack.enter_context(serving(server)), server, core, stack)
        ann = served.client("ann")
        offer(core)
        actor = users.get(core, "ann").actor
        file = add_file(core, actor, PICTURE, "a.pbm")
        (number,) = ask(core, actor, file.sha256)
        (one,) = claim(core)
        key = PartKey(one.sha256, one.revision, one.params_sha, fence=one.fence)
        core.parts.commit(key, [Progress("a.pbm")])
        finish(core, one)
        upload = begin(ann, 6, filename="late.txt")
        addresses = [
            f"/v1/files/{file.sha256}/content",
            f"/v1/files/{file.sha256}/thumbnail",
            f"/v1/predictions/{number}/tags",
            f"/v1/predictions/{number}/page",
        ]
        down.stop()
        # side by side: each is tried again for some seconds
        with ThreadPoolExecutor() as pool:
            gets = [pool.submit(ann.get, address) for address in addresses]
            posted = pool.submit(ann.post, "/v1/files", files=[("files", ("b.txt", b"b"))])
            sent = pool.submit(patch, ann, upload, 0, b"resume")
            answers = [one.result() for one in [*gets, posted, sent]]

        found = [(answer.status_code, answer.json().get("code")) for answer in answers]
        assert found == [(503, "store_unavailable")] * len(answers)
        assert {answer.headers["retry-after"] for answer in answers} == {"5"}
        assert [one["name"] for one in ann.get("/v1/files").json()["items"]] == ["a.pbm"]
        assert state(core, actor, number) == "done"

        stack.callback(S3Server(down.port).stop)
        assert [ann.get(address).status_code for address in addresses] == [200] * 4
        assert ann.head(upload, headers=TUS).headers["upload-file"]
