"""Names of files in the errors of workers."""

from __future__ import annotations

from pathlib import Path

from common_ml.service.operations.naming import MAX_CHARACTERS, with_name, without_path

SHA256 = "ab" * 32


def test_the_hash_of_a_file_becomes_its_name() -> None:
    text = f"no video in {SHA256}.mp4, or in {SHA256}; {SHA256}.MP4"

    assert with_name(text, SHA256, r"clip\1.mov") == (
        r"no video in clip\1.mov, or in clip\1.mov; clip\1.mov.MP4"
    )
    assert with_name("no hash", SHA256, "clip.mov") == "no hash"


def test_the_folder_of_a_worker_is_removed() -> None:
    path = Path("/var/work/host-1") / f"{SHA256}.mp4"

    assert without_path(f"cannot open {path}: /var/work", path) == (
        f"cannot open {SHA256}.mp4: /var/work"
    )


def test_an_error_is_storable() -> None:
    """PostgreSQL stores no NUL."""
    path = Path("/var/work/clip.mp4")

    assert without_path("a\0b", path) == "a\ufffdb"
    assert len(without_path("x" * 5000, path)) == MAX_CHARACTERS == 4000
