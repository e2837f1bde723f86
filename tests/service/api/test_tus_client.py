"""tus, spoken by a client that is not ours: tuspy."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusUploadFailed

if TYPE_CHECKING:
    from tests.service.api.conftest import Served

CONTENT = b"".join(hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(10_000))
CHUNK_BYTES = 50_000
HALF = 3 * CHUNK_BYTES


class WrongSum:
    """A hash that is another one's: what a connection that changes bytes looks like."""

    def __init__(self, content: bytes) -> None:
        self._digest = hashlib.sha1(content + b"!").digest()  # noqa: S324 - the client's choice

    def digest(self) -> bytes:
        """Of more than the content."""
        return self._digest


def uploader(served: Served, token: str, **options: Any) -> Any:
    """An uploader of the content, in chunks with checksums."""
    client = TusClient(f"{served.url}/v1/uploads", {"Authorization": f"Bearer {token}"})
    return client.uploader(
        file_stream=io.BytesIO(CONTENT),
        chunk_size=CHUNK_BYTES,
        upload_checksum=True,
        metadata={"filename": "noise.bin", "sha256": hashlib.sha256(CONTENT).hexdigest()},
        **options,
    )


def stored(served: Served) -> bytes:
    """The content, as the service gives it back."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    answer = served.client("ann").get(f"/v1/files/{digest}/content")
    return answer.raise_for_status().content


def test_it_uploads_and_the_same_bytes_are_kept(served: Served) -> None:
    sent = uploader(served, served.token("ann"))
    sent.upload()

    assert sent.offset == len(CONTENT)
    assert stored(served) == CONTENT
    (file,) = served.client("ann").get("/v1/files").json()["items"]
    assert (file["name"], file["size"]) == ("noise.bin", len(CONTENT))


def test_another_client_goes_on_where_one_stopped(served: Served) -> None:
    token = served.token("ann")
    first = uploader(served, token)
    first.upload(stop_at=HALF)

    second = uploader(served, token, url=first.url)
    assert second.offset == HALF
    second.upload()
    assert stored(served) == CONTENT


def test_a_chunk_with_a_wrong_checksum_is_refused_and_sent_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = uploader(served, served.token("ann"))
    sent.upload(stop_at=HALF)
    with monkeypatch.context() as patched:
        patched.setattr(type(sent), "checksum_algorithm", WrongSum)
        with pytest.raises(TusUploadFailed) as refused:
            sent.upload_chunk()

    assert refused.value.status_code == 460
    assert sent.get_offset() == HALF
    sent.upload()
    assert stored(served) == CONTENT


def test_an_upload_is_its_owners_alone(served: Served) -> None:
    sent = uploader(served, served.token("ann"))
    sent.upload(stop_at=HALF)
    with pytest.raises(Exception, match="404"):
        uploader(served, served.token("bob"), url=sent.url)
