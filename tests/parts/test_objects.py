"""Parts as objects, in a store in memory: their names, copies of them, errors of the library."""

from __future__ import annotations

import errno
import tempfile
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import pytest

from common_ml.errors import OutputError
from common_ml.parts import PartKey
from common_ml.parts.objects import ObjectParts
from common_ml.tagging.messages import Error
from tests.parts.made_messages import messages_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from common_ml.tagging.messages import Message

obstore: Any = pytest.importorskip("obstore")

KEY = PartKey("a.mp4")


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectParts:
    """Parts in memory; temporary files are those in a folder of their own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return ObjectParts("memory:///run-7")


def names_in(parts: ObjectParts) -> list[str]:
    return sorted(found["path"] for page in obstore.list(parts._store) for found in page)


def test_a_part_is_an_object_and_so_is_a_note(parts: ObjectParts) -> None:
    parts.commit(KEY, [Error("too dark", "a.mp4")])
    assert names_in(parts) == [f"{KEY.name}.failed.jsonl"]
    assert parts.commit(KEY, messages_of("a.mp4", "cat"))
    assert not parts.commit(KEY, messages_of("a.mp4", "dog"))
    assert parts.states([KEY, PartKey("b.mp4")]) == {KEY: "done", PartKey("b.mp4"): "missing"}
    assert list(parts.read(KEY)) == messages_of("a.mp4", "cat")  # and not the note
    parts.delete(KEY)
    assert names_in(parts) == []


def test_no_copy_is_left_on_this_machine(parts: ObjectParts, tmp_path: Path) -> None:
    parts.commit(KEY, messages_of("a.mp4", *["x" * 1000] * 100))
    with closing(cast("Generator[Message, None, None]", parts.read(KEY))) as messages:
        assert next(messages) == messages_of("a.mp4", "x" * 1000)[0]
        assert len(list((tmp_path / "temporary").iterdir())) == 1
    assert list((tmp_path / "temporary").iterdir()) == []
    with pytest.raises(FileNotFoundError):
        list(parts.read(PartKey("b.mp4")))
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "call", "expected"),
    [
        ("head", lambda parts: parts.has(KEY), "a part cannot be looked up in"),
        ("put", lambda parts: parts.commit(KEY, []), "a part cannot be written to"),
        (
            "put",
            lambda parts: parts.commit(KEY, [Error("dark", "a.mp4")]),
            "a part cannot be written to",
        ),
        ("list", lambda parts: parts.states([KEY]), "parts cannot be listed in"),
        ("get", lambda parts: list(parts.read(KEY)), "a part cannot be read from"),
        ("delete", lambda parts: parts.delete(KEY), "a part cannot be removed from"),
    ],
)
def test_an_error_of_the_store_is_an_output_error_of_one_line(
    parts: ObjectParts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    call: Any,
    expected: str,
) -> None:
    """The library tells its whole story in several lines."""

    def fails(*_: object, **__: object) -> None:
        raise obstore.exceptions.GenericError("no route to host\n\nCaused by: ...")

    monkeypatch.setattr(obstore, name, fails)
    with pytest.raises(OutputError) as caught:
        call(parts)
    assert str(caught.value) == f"{expected} memory:///run-7: no route to host"
    assert caught.value.errno == errno.EIO
    assert list((tmp_path / "temporary").iterdir()) == []
