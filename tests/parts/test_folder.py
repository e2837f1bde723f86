"""A folder of parts: what is in it, and what a file system may refuse."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import OutputError
from common_ml.parts import FolderParts, PartKey, open_parts
from common_ml.parts.folder import WRITING_FOLDER
from common_ml.tagging.messages import Error
from tests.parts.made_messages import messages_of

if TYPE_CHECKING:
    from pathlib import Path

KEY = PartKey("a.mp4")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != WRITING_FOLDER)


def test_a_part_is_one_file_and_so_is_a_note(tmp_path: Path) -> None:
    parts = FolderParts(tmp_path / "new" / "parts")
    assert parts.address == str(tmp_path / "new" / "parts")
    part, note = f"{KEY.name}.jsonl", f"{KEY.name}.failed.jsonl"
    assert parts.path(KEY).name == part

    parts.commit(KEY, [Error("too dark", "a.mp4")])
    assert names_in(parts.folder) == [note]
    assert parts.path(KEY).name == note

    parts.commit(KEY, messages_of("a.mp4", "cat"))
    assert names_in(parts.folder) == [part]  # the note is gone
    assert parts.path(KEY).name == part
    assert parts.path(KEY).stat().st_mode & 0o777 == 0o644  # for other users of the folder
    assert parts.path(KEY).stat().st_nlink == 1

    parts.delete(KEY)
    parts.delete(KEY)  # there is nothing left to delete
    assert names_in(parts.folder) == []
    assert list((parts.folder / WRITING_FOLDER).iterdir()) == []


def test_a_note_that_comes_too_late_does_not_hide_a_part(tmp_path: Path) -> None:
    parts = FolderParts(tmp_path)
    parts.commit(KEY, messages_of("a.mp4", "cat"))
    parts.commit(KEY, [Error("too dark", "a.mp4")])
    assert parts.states([KEY]) == {KEY: "done"}
    assert list(parts.read(KEY)) == messages_of("a.mp4", "cat")


def test_what_else_is_in_the_folder_is_no_part(tmp_path: Path) -> None:
    """Attempts have names of their own, and unfinished parts have none."""
    parts = FolderParts(tmp_path)
    for name in (f"{KEY.name}.jsonl.tmp", f"{KEY.name}", f"x{KEY.name}.jsonl", ".nfs0001"):
        (tmp_path / name).touch()
    parts.commit(PartKey("a.mp4", fence=1), messages_of("a.mp4"))
    assert parts.states([KEY]) == {KEY: "missing"}
    assert parts.states([]) == {}
    assert not parts.has(KEY)


def test_a_link_whose_answer_was_lost_is_a_part_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As over NFS: the request is repeated, and the name is taken by the first one."""
    link = os.link

    def link_twice(path: str, place: str) -> None:
        link(path, place)
        link(path, place)

    monkeypatch.setattr(os, "link", link_twice)
    parts = FolderParts(tmp_path)
    assert parts.commit(KEY, messages_of("a.mp4", "cat"))
    assert list(parts.read(KEY)) == messages_of("a.mp4", "cat")

    monkeypatch.setattr(os, "link", link)
    assert not parts.commit(KEY, messages_of("a.mp4", "dog"))


def test_a_full_disk_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", is_full)
    with pytest.raises(OutputError) as caught:
        FolderParts(tmp_path).commit(KEY, messages_of("a.mp4", "cat"))
    assert str(caught.value) == f"a part cannot be written to {tmp_path}: No space left on device"
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.rglob("*")] == [WRITING_FOLDER]


def test_only_unfinished_parts_are_cleaned_up(tmp_path: Path) -> None:
    """Whatever their age, parts and files of others stay."""
    parts = FolderParts(tmp_path)
    parts.commit(KEY, messages_of("a.mp4"))
    other = tmp_path / WRITING_FOLDER / "notes.txt"
    other.touch()
    for path in (parts.path(KEY), other):
        os.utime(path, (0, 0))
    assert parts.clean_up() == 0
    assert other.exists()
    assert parts.has(KEY)


def test_what_a_killed_writer_left_is_removed_after_a_week(tmp_path: Path) -> None:
    parts = FolderParts(tmp_path)
    old, new = (tmp_path / WRITING_FOLDER / f".part-{name}.tmp" for name in ("old", "new"))
    old.touch()
    new.touch()
    os.utime(old, (0, 0))

    assert parts.clean_up() == 1
    assert not old.exists()
    assert new.exists()


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"the folder of parts .* cannot be created: Not a dir"):
        open_parts(tmp_path / "file" / "parts")


def test_a_file_system_without_links_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OutputError, match="no hard links; hint: choose another folder"):
        FolderParts(tmp_path).commit(PartKey("a.mp4"), messages_of("a.mp4"))
