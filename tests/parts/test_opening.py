"""Addresses of parts: a URL that is known is an object store, and anything else a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from common_ml.errors import MissingExtraError
from common_ml.parts import FolderParts, open_parts, problem_of_parts
from common_ml.parts.objects import SCHEMES, ObjectParts


def test_urls_are_object_stores() -> None:
    """Nothing is requested before a part is."""
    pytest.importorskip("obstore")
    for url in ("s3://bucket/run-7", "gs://bucket/run-7"):
        parts = open_parts(url)
        assert isinstance(parts, ObjectParts)
        assert parts.address == url
    assert {scheme.removesuffix("://") for scheme in SCHEMES} == {
        "s3", "gs", "az", "azure", "abfs", "abfss"
    }  # fmt: skip


@pytest.mark.parametrize("place", ["parts", "a/s3:/parts", "S3", "./s3://b", Path("s3-parts")])
def test_anything_else_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str | Path
) -> None:
    monkeypatch.chdir(tmp_path)
    parts = open_parts(place)
    assert isinstance(parts, FolderParts)
    assert parts.address == str(Path(place))
    assert Path(place).is_dir()


def test_a_url_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingExtraError, match=r"obstore is not installed; hint: .*\[s3\]"):
        open_parts("s3://bucket/run-7")


@pytest.mark.parametrize(
    "place", ["parts", "/shared/run-7", "./s3", "a:b", "C:parts", *(f"{s}b/p" for s in SCHEMES)]
)
def test_places_for_parts(place: str) -> None:
    assert problem_of_parts(place) is None


@pytest.mark.parametrize("place", ["", "ftp://a/b", "s3:/bucket/run", "https://a/b", "S3://b/p"])
def test_places_that_would_become_folders_of_that_name(place: str) -> None:
    assert problem_of_parts(place) == (
        "parts is a folder or a URL that begins with one of s3://, gs://, az://, azure://, "
        f"abfs://, abfss://, got {place!r}"
    )
