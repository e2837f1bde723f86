"""Contents in a folder and in an S3 server: the same behaviour."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import OutputError, StoreError, StoreFullError
from common_ml.parts import ObjectParts, PartKey
from common_ml.service.store import ContentStore, open_contents
from common_ml.service.store.local import LocalStore
from common_ml.service.store.objects import ObjectStore
from tests.service.s3 import S3_SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

DATA = bytes(range(256)) * 10_000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ContentStore:
    """An empty store of either kind."""
    if request.param == "folder":
        return open_contents(str(tmp_path / "store"))
    url = request.getfixturevalue("s3_url")
    return open_contents(f"{url}/{tmp_path.name}")


def put(store: ContentStore, folder: Path, data: bytes = DATA) -> str:
    place = folder / "staged"
    place.write_bytes(data)
    key = store.put_file(place, hashlib.sha256(data).hexdigest())
    assert place.read_bytes() == data
    place.unlink()
    return key


def test_a_content_is_stored_once_and_read_in_ranges(store: ContentStore, tmp_path: Path) -> None:
    key = put(store, tmp_path)

    assert put(store, tmp_path) == key == f"contents/{SHA256[:2]}/{SHA256}"
    assert (store.has(key), store.size(key)) == (True, len(DATA))
    assert b"".join(store.read(key)) == DATA
    for start, stop in ((0, 1), (1000, 70_000), (len(DATA) - 1, None), (5, 5), (7, len(DATA) + 9)):
        assert b"".join(store.read(key, start, stop)) == DATA[start:stop], (start, stop)
    assert [one for one, _ in store.entries()] == [key]


def test_a_content_is_fetched_to_a_path(store: ContentStore, tmp_path: Path) -> None:
    key = put(store, tmp_path)
    (tmp_path / "work").mkdir()
    target = tmp_path / "work" / "clip.mp4"

    fetched = store.fetch(key, target)

    assert target.read_bytes() == DATA
    assert fetched.is_copy == (store.local_path(key) is None)
    store.fetch(key, target)  # once more over the old one
    assert os.listdir(target.parent) == ["clip.mp4"]
    target.unlink()
    assert store.has(key)


def test_what_is_not_there_is_an_error(store: ContentStore, tmp_path: Path) -> None:
    key = put(store, tmp_path)
    store.delete(key)
    store.delete(key)

    assert not store.has(key)
    for act in (
        store.size,
        lambda key: list(store.read(key)),
        lambda key: store.fetch(key, tmp_path / "x"),
    ):
        with pytest.raises(StoreError, match="cannot") as caught:
            act(key)
        assert caught.value.errno == errno.ENOENT
    assert not (tmp_path / "x").exists()
    with pytest.raises(ValueError, match="expected a SHA-256"):
        store.put_file(tmp_path / "x", "../../etc/passwd")
    store.check()


def test_a_large_content_goes_up_in_pieces(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common_ml.service.store.objects._MAX_SINGLE_PUT_BYTES", 1000)
    monkeypatch.setattr("common_ml.service.store.objects._PIECE_BYTES", 5 << 20)
    store = ObjectStore(f"{s3_url}/large")
    data = os.urandom(11 << 20)

    key = put(store, tmp_path, data)

    assert hashlib.sha256(b"".join(store.read(key))).digest() == hashlib.sha256(data).digest()


def test_a_store_that_is_down_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    for name, value in S3_SETTINGS.items():
        monkeypatch.setenv(name, value)
    options: dict[str, Any] = {"endpoint": "http://127.0.0.1:1", "retry_config": {"max_retries": 0}}
    store = ObjectStore("s3://tests/down", **options)
    file = tmp_path / "file"
    file.write_bytes(b"x")

    for act in (
        store.check,
        lambda: store.put_file(file, "0" * 64),
        lambda: store.has("contents/x"),
    ):
        with pytest.raises(StoreError, match="cannot"):
            act()
    assert file.exists()


def test_a_full_disk_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path / "store")
    file = tmp_path / "file"
    file.write_bytes(b"x")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.hardlink_to", full)
    with pytest.raises(StoreFullError, match="No space left on device"):
        store.put_file(file, "0" * 64)
    assert file.read_bytes() == b"x"
    assert not store.has("contents/00/" + "0" * 64)


def test_a_content_from_another_file_system_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path / "store")

    def elsewhere(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr("pathlib.Path.hardlink_to", elsewhere)
    key = put(store, tmp_path)
    assert b"".join(store.read(key)) == DATA


@pytest.mark.parametrize("address", ["ftp://x", "S3://b", "s3//b", "s3:/b", "file:///x"])
def test_an_address_that_is_no_folder_is_refused(address: str) -> None:
    with pytest.raises(StoreError, match=r"is no store; hint: give a folder, or a URL .* s3://"):
        open_contents(address)


def test_an_s3_server_that_does_not_answer_is_an_error_of_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("obstore")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for name, value in S3_SETTINGS.items():
            monkeypatch.setenv(name, value)
        options = {"retry_config": {"max_retries": 0}}
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        parts = ObjectParts("s3://tests/parts", endpoint=endpoint, **options)
        key = PartKey("a.mp4", revision="r1", params="{}")
        for call in (
            lambda: parts.has(key),
            lambda: parts.states([key]),
            lambda: parts.delete(key),
            lambda: list(parts.read(key)),
        ):
            with pytest.raises(OutputError, match="s3://tests/parts"):
                call()
