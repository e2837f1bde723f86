"""Partial uploads on disk."""

from __future__ import annotations

import hashlib
import resource
import time
from typing import TYPE_CHECKING

import pytest

from common_ml.service.upload.partial import PartialUploads
from common_ml.service.upload.staging import Hashes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of day, as its only element."""
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def uploads_in(folder: Path) -> PartialUploads:
    return PartialUploads(folder, lifetime_seconds=60)


def test_an_upload_is_resumed_after_a_restart(tmp_path: Path) -> None:
    """Its offset is the size of its file, and its hashes are computed from that."""
    before = uploads_in(tmp_path)
    upload = before.create(owner=1, name="films/clip.mp4", length=6)
    before.append(upload, b"abc", before.hashes(upload))

    uploads = uploads_in(tmp_path)
    found = uploads.get(upload.id)

    assert found == upload
    assert found.name == "clip.mp4"
    assert uploads.offset(found) == 3
    hashes = uploads.hashes(found)
    uploads.append(found, b"def", hashes)
    staged = uploads.staged(found, hashes)
    assert staged.path.read_bytes() == b"abcdef"
    assert staged.sha256 == hashlib.sha256(b"abcdef").hexdigest()


def test_cached_hashes_count_only_at_the_same_offset(tmp_path: Path) -> None:
    uploads = uploads_in(tmp_path)
    upload = uploads.create(owner=1, name="clip.mp4", length=6)
    hashes = Hashes()
    uploads.append(upload, b"abc", hashes)
    uploads.keep_hashes(upload, hashes)
    uploads.truncate(upload, 1)

    assert uploads.hashes(upload).sha256 == hashlib.sha256(b"a").hexdigest()


def test_a_failed_append_leaves_file_and_hashes_as_they_were(tmp_path: Path) -> None:
    """Where the disk takes only a part of the bytes."""
    uploads = uploads_in(tmp_path)
    upload = uploads.create(owner=1, name="clip.mp4", length=6)
    hashes = Hashes()
    uploads.append(upload, b"abc", hashes)

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            uploads.append(upload, b"def", hashes)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert uploads.offset(upload) == 3
    assert (hashes.size, hashes.sha256) == (3, hashlib.sha256(b"abc").hexdigest())


def test_a_finished_upload_keeps_its_outcome_and_not_its_bytes(tmp_path: Path) -> None:
    uploads = uploads_in(tmp_path)
    upload = uploads.create(owner=1, name="clip.mp4", length=3)

    done = uploads.finish(upload, {"sha256": "ab"})

    assert uploads.get(upload.id) == done
    assert (done.file, uploads.offset(done)) == ({"sha256": "ab"}, 3)
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]


def test_an_idle_upload_expires(tmp_path: Path, clock: list[float]) -> None:
    uploads = uploads_in(tmp_path)
    idle = uploads.create(owner=1, name="a", length=1)
    used = uploads.create(owner=1, name="b", length=1)
    clock[0] += 40
    used = uploads.extend(used)
    clock[0] += 40

    assert uploads.get(idle.id) is None
    assert list(uploads.of_owner(1)) == [used]
    assert list(uploads.of_owner(2)) == []
    assert uploads.remove_expired() == 1
    assert uploads.remove_expired() == 0
    assert {path.stem for path in tmp_path.iterdir()} == {used.id}


@pytest.mark.parametrize("identifier", ["../secret", "", "a" * 31, "A" * 32])
def test_another_text_is_the_id_of_no_upload(tmp_path: Path, identifier: str) -> None:
    assert uploads_in(tmp_path).get(identifier) is None
