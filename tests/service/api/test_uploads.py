"""Files over HTTP: forms, tus, contents."""

from __future__ import annotations

import base64
import hashlib
import random
from typing import TYPE_CHECKING, Any

import pytest
from tusclient.client import TusClient

from common_ml.service.client import Client
from common_ml.service.maintenance.collecting import collect
from common_ml.service.operations import files

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.service.api.conftest import Served

TUS = {"tus-resumable": "1.0.0"}
BYTES = {"content-type": "application/offset+octet-stream"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def post_files(client: httpx.Client, *contents: bytes) -> list[dict[str, Any]]:
    files = [("files", (f"{n}.txt", content)) for n, content in enumerate(contents)]
    answer = client.post("/v1/files", files=files)
    assert answer.status_code == 201, answer.text
    return list(answer.json()["items"])


def begin(client: httpx.Client, length: int, **metadata: str) -> str:
    pairs = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in metadata.items())
    headers = {**TUS, "upload-length": str(length), "upload-metadata": pairs}
    answer = client.post("/v1/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def patch(
    client: httpx.Client, upload: str, offset: int, content: bytes, **headers: str
) -> httpx.Response:
    given = {**TUS, **BYTES, "upload-offset": str(offset), **headers}
    return client.patch(upload, content=content, headers=given)


def test_a_content_is_stored_once_and_has_all_its_names(served: Served) -> None:
    ann = served.client("ann")
    first = post_files(ann, b"hello", b"other")
    again = ann.post("/v1/files", files=[("files", ("greeting.md", b"hello"))]).json()["items"]

    assert [f["sha256"] for f in first] == [sha256(b"hello"), sha256(b"other")]
    assert first[0]["kind"] == "text"
    assert again[0]["names"] == ["greeting.md", "0.txt"]
    listed = ann.get("/v1/files").json()["items"]
    assert [f["name"] for f in listed] == ["greeting.md", "1.txt"]
    assert [*served.core.settings.uploads.iterdir()] == []


def test_a_content_that_is_collected_while_it_is_sent_again_is_kept(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = served.client("ann")
    (file,) = post_files(ann, b"again")
    ann.delete(f"/v1/files/{file['sha256']}")
    add = files.add

    def add_late(*args: Any, **values: Any) -> files.File:
        assert collect(served.core, grace_seconds=-3600).files == 1
        return add(*args, **values)

    monkeypatch.setattr(files, "add", add_late)
    post_files(ann, b"again")

    assert ann.get(f"/v1/files/{file['sha256']}/content").content == b"again"
    assert [*served.core.settings.uploads.iterdir()] == []


def test_pages_of_files_hold_each_once(served: Served) -> None:
    ann = served.client("ann")
    post_files(ann, *(f"text {n}".encode() for n in range(7)))
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = ann.get("/v1/files", params={"limit": 3, "cursor": cursor}).json()
        found += [f["name"] for f in page["items"]]
        cursor = page["next"]

    assert found == [f"{n}.txt" for n in reversed(range(7))]


def test_another_users_file_does_not_exist(served: Served) -> None:
    ann, bob = served.client("ann"), served.client("bob")
    (file,) = post_files(ann, b"secret")

    for path in ("", "/content", "/thumbnail"):
        theirs = bob.get(f"/v1/files/{file['sha256']}{path}")
        unknown = bob.get(f"/v1/files/{sha256(b'never stored')}{path}")
        assert theirs.status_code == unknown.status_code == 404
        assert theirs.json()["code"] == unknown.json()["code"]
    assert bob.get(f"/v1/files/{file['md5']}").status_code == 404
    assert bob.get("/v1/files").json()["items"] == []
    assert bob.delete(f"/v1/files/{file['sha256']}").status_code == 404
    assert served.client("admin").get(f"/v1/files/{file['sha256']}").status_code == 200
    # sending the same content tells nothing of the other's name
    assert post_files(bob, b"secret")[0]["names"] == ["0.txt"]


def test_content_has_ranges_and_a_validator(served: Served) -> None:
    ann = served.client("ann")
    content = random.Random(1).randbytes(3 << 20)
    (file,) = post_files(ann, content)
    url = f"/v1/files/{file['sha256']}/content"

    whole = ann.get(url)
    assert whole.content == content
    assert whole.headers["etag"] == f'"{file["sha256"]}"'
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-type"] == "application/octet-stream"
    part = ann.get(url, headers={"range": "bytes=1000000-2999999"})
    assert (part.status_code, part.content) == (206, content[1_000_000:3_000_000])
    assert part.headers["content-range"] == f"bytes 1000000-2999999/{len(content)}"
    assert ann.get(url, headers={"range": "bytes=-5"}).content == content[-5:]
    assert ann.get(url, headers={"range": "bytes=9999999-"}).status_code == 416
    assert ann.get(url, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    stale = ann.get(url, headers={"range": "bytes=0-1", "if-range": '"other"'})
    assert (stale.status_code, stale.content) == (200, content)
    head = ann.head(url)
    assert (head.headers["content-length"], head.content) == (str(len(content)), b"")


def test_no_content_is_run_by_a_browser(served: Served) -> None:
    ann = served.client("ann")
    page = b"<html><script>alert(1)</script></html>"
    answer = ann.post("/v1/files", files=[("files", ("a.html", page))]).json()["items"][0]
    got = ann.get(f"/v1/files/{answer['sha256']}/content")

    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    assert "sandbox" in got.headers["content-security-policy"]
    assert got.headers["content-disposition"] == "inline; filename*=UTF-8''a.html"


def test_a_picture_has_a_thumbnail(served: Served, repository: Path) -> None:
    ann = served.client("ann")
    clip = (repository / "examples/media/clip.mp4").read_bytes()
    (video, text) = post_files(ann, clip, b"words")

    small = ann.get(f"/v1/files/{video['sha256']}/thumbnail")
    assert small.content.startswith(b"\xff\xd8")
    assert small.headers["content-type"] == "image/jpeg"
    assert ann.get(f"/v1/files/{text['sha256']}/thumbnail").status_code == 404


def test_an_upload_is_resumed_where_it_broke(served: Served) -> None:
    ann = served.client("ann")
    content = random.Random(2).randbytes(500_000)
    upload = begin(ann, len(content), filename="clip.bin", sha256=sha256(content))

    assert patch(ann, upload, 0, content[:200_000]).headers["upload-offset"] == "200000"
    assert patch(ann, upload, 0, content).status_code == 409
    served.server.uploads._hashes.clear()  # as after a restart: the prefix is read again
    head = ann.head(upload, headers=TUS)
    assert (head.headers["upload-offset"], head.headers["cache-control"]) == ("200000", "no-store")
    done = patch(ann, upload, 200_000, content[200_000:])

    assert (done.status_code, done.headers["upload-file"]) == (204, sha256(content))
    assert ann.get(upload).json()["file"]["name"] == "clip.bin"
    assert ann.get(f"/v1/files/{sha256(content)}/content").content == content


def test_a_broken_connection_keeps_what_has_arrived(served: Served) -> None:
    ann = served.client("ann")
    content = random.Random(3).randbytes(3 << 20)
    upload = begin(ann, len(content))

    def broken() -> Any:
        yield content[: 2 << 20]
        raise ConnectionError("unplugged")

    headers = {**TUS, **BYTES, "upload-offset": "0", "content-length": str(len(content))}
    with pytest.raises(ConnectionError):
        ann.patch(upload, content=broken(), headers=headers)
    while ann.get(upload).json()["offset"] < 1 << 20:  # what the socket still holds comes in
        pass
    offset = int(ann.head(upload, headers=TUS).headers["upload-offset"])

    assert 1 << 20 <= offset <= 2 << 20
    assert patch(ann, upload, offset, content[offset:]).headers["upload-file"] == sha256(content)


def test_a_body_of_another_checksum_is_dropped(served: Served) -> None:
    ann = served.client("ann")
    upload = begin(ann, 6)
    right = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()

    wrong = patch(ann, upload, 0, b"abd", **{"upload-checksum": f"sha256 {right}"})
    assert wrong.status_code == 460
    assert ann.head(upload, headers=TUS).headers["upload-offset"] == "0"
    assert (
        patch(ann, upload, 0, b"abc", **{"upload-checksum": f"sha256 {right}"}).status_code == 204
    )
    unknown = patch(ann, upload, 3, b"def", **{"upload-checksum": "crc32 AAAA"})
    assert unknown.status_code == 400
    assert patch(ann, upload, 3, b"defg").status_code == 413
    assert patch(ann, upload, 3, b"def").headers["upload-file"] == sha256(b"abcdef")


def test_a_file_that_changed_while_it_was_sent_is_refused(served: Served) -> None:
    ann = served.client("ann")
    upload = begin(ann, 3, sha256=sha256(b"abc"))

    assert patch(ann, upload, 0, b"xyz").status_code == 460
    assert ann.get(upload).status_code == 404


def test_uploads_are_their_owners(served: Served) -> None:
    ann, bob = served.client("ann"), served.client("bob")
    upload = begin(ann, 10)

    assert bob.head(upload, headers=TUS).status_code == 404
    assert patch(bob, upload, 0, b"x").status_code == 404
    assert bob.delete(upload, headers=TUS).status_code == 404
    assert bob.get("/v1/uploads").json()["items"] == []
    assert [u["offset"] for u in ann.get("/v1/uploads").json()["items"]] == [0]
    assert ann.delete(upload, headers=TUS).status_code == 204
    assert ann.head(upload, headers=TUS).status_code == 404


def test_limits_answer_at_once(served: Served) -> None:
    ann = served.client("ann")

    def create(**headers: str) -> int:
        return ann.post("/v1/uploads", headers=headers).status_code

    assert create(**TUS, **{"upload-length": str(51 << 30)}) == 413
    assert create(**TUS, **{"upload-length": "many"}) == 400
    assert create(**TUS) == 400
    assert create(**{"tus-resumable": "0.2.2", "upload-length": "1"}) == 412
    options = served.anonymous().options("/v1/uploads")
    assert options.headers["tus-max-size"] == str(50 << 30)
    assert "checksum" in options.headers["tus-extension"]


def test_an_independent_client_uploads_in_pieces(served: Served, tmp_path: Path) -> None:
    content = random.Random(4).randbytes(2_500_000)
    path = tmp_path / "film.bin"
    path.write_bytes(content)
    client = TusClient(
        f"{served.url}/v1/uploads", headers={"Authorization": f"Bearer {served.token('ann')}"}
    )
    options: dict[str, Any] = {"chunk_size": 1_000_000, "upload_checksum": True}
    with path.open("rb") as stream:
        uploader = client.uploader(file_stream=stream, metadata={"filename": "film.bin"}, **options)
        uploader.upload_chunk()  # type: ignore[no-untyped-call] # tuspy has no types there
        resumed = client.uploader(file_stream=stream, url=uploader.url, **options)
        assert resumed.offset == 1_000_000
        resumed.upload()

    got = served.client("ann").get(f"/v1/files/{sha256(content)}/content")
    assert got.content == content


def test_our_client_sends_what_is_not_there_and_resumes(served: Served, tmp_path: Path) -> None:
    content = random.Random(5).randbytes(9 << 20)
    path = tmp_path / "film.bin"
    path.write_bytes(content)
    ann = served.client("ann")
    upload = begin(ann, len(content), filename="film.bin", sha256=sha256(content))
    patch(ann, upload, 0, content[: 4 << 20])
    reports: list[int] = []

    with Client(served.url, token=served.token("ann")) as client:
        sent = client.upload(path, on_progress=lambda done, _: reports.append(done))
        again = client.upload(path)

    assert sent == again
    assert (sent.sha256, sent.name, sent.size) == (sha256(content), "film.bin", 9 << 20)
    assert reports[0] == 4 << 20
    assert reports[-1] == 9 << 20
    assert served.server.metrics.received_bytes._value.get() == 9 << 20


def test_health_needs_no_login_and_the_api_does(served: Served) -> None:
    client = served.anonymous()

    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200
    answer = client.get("/v1/files", headers={"x-request-id": "abc-1"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "abc-1"
    assert client.get("/v1/nothing").status_code == 404
