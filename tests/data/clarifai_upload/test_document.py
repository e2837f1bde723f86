"""Run the code of docs/clarifai.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.data.clarifai_upload.platform import KEY
from tests.docs.blocks import sections_of
from tests.docs.reader import REPOSITORY, commands_of, read

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.data.clarifai_upload.platform import Server


def test_the_document_does_what_it_shows(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.platform.refused = {"https://samples.exmaple/food.jpg": 30106}
    monkeypatch.setenv("CLARIFAI_PAT", KEY)
    monkeypatch.setenv("CLARIFAI_USER_ID", "me")
    monkeypatch.setenv("CLARIFAI_APP_ID", "animals")
    monkeypatch.setenv("CLARIFAI_GRPC_BASE", server.base)
    monkeypatch.setenv("COLUMNS", "100")
    _, uploading = sections_of(REPOSITORY / "docs" / "clarifai.md")
    shown = commands_of(uploading.of("console")[0])[0].shown
    work = tmp_path / "my-tagger"
    work.mkdir()
    (work / "train.csv").write_text(shown)
    (work / "local.jpg").write_bytes(b"\xff\xd8\xff")

    read(uploading, tmp_path)

    assert len(server.platform.inputs) == 3
    assert len(server.platform.annotations) == 2
