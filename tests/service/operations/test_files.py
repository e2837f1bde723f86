"""Contents, names, and who sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.errors import NotFoundError
from common_ml.service.operations import files
from tests.service.cores import add_file, clock_of, make_user

if TYPE_CHECKING:
    from common_ml.service.core import Core


def test_a_content_is_stored_once_and_has_the_names_of_its_users(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    add_file(any_core, ann, b"same", "a.PNG")
    clock_of(any_core).advance(10)
    seen = add_file(any_core, bob, b"same", "b.png")
    both = add_file(any_core, ann, b"same", "c.png")

    assert (seen.names, seen.users, seen.created_at) == (("b.png",), ("bob",), 1_000_010.0)
    assert (both.names, both.users, both.suffix) == (("c.png", "a.PNG"), ("ann",), ".png")
    assert (both.id, both.key) == (seen.id, seen.key)
    assert b"".join(any_core.contents.read(seen.key)) == b"same"
    admin = make_user(any_core, "root", "admin")
    assert files.get(any_core, admin, seen.md5).users == ("ann", "bob")


def test_a_file_of_others_does_not_exist(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    hers = add_file(any_core, ann, b"hers", "a.png")
    his = add_file(any_core, bob, b"his", "b.png")

    for digest in (hers.sha256, hers.md5, "0" * 64, "nonsense"):
        with pytest.raises(NotFoundError, match=f"there is no file {digest}"):
            files.get(any_core, bob, digest)
        with pytest.raises(NotFoundError):
            files.remove(any_core, bob, digest)
    assert files.get_many(any_core, bob, [hers.md5, his.md5]) == {his.md5: his}
    assert [file.sha256 for file in files.find(any_core, bob)] == [his.sha256]
    assert files.count(any_core, bob) == 1
    assert files.get(any_core, ann, hers.md5) == hers


def test_pages_go_through_all_files_once_newest_first(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    made = [add_file(any_core, ann, bytes([n]), f"{n}.png") for n in range(7)]
    add_file(any_core, bob, b"other", "other.png")
    add_file(any_core, ann, bytes([2]), "again.png")  # is the newest now
    add_file(any_core, ann, b"text", "t.txt", kind="text")

    order = [2, 6, 5, 4, 3, 1, 0]
    page = files.find(any_core, ann, kind="image", limit=3)
    found = list(page)
    while page:
        page = files.find(any_core, ann, kind="image", limit=3, before=page[-1].position)
        found += page
    assert [file.sha256 for file in found] == [made[n].sha256 for n in order]
    assert files.count(any_core, ann) == 8
    assert files.count(any_core, make_user(any_core, "root", "admin")) == 9


def test_removing_leaves_the_names_of_others(core: Core) -> None:
    ann, bob = make_user(core, "ann"), make_user(core, "bob")
    file = add_file(core, ann, b"same", "a.png")
    add_file(core, bob, b"same", "b.png")

    files.remove(core, ann, file.sha256)

    assert files.find(core, ann) == []
    assert files.get(core, bob, file.sha256).names == ("b.png",)
