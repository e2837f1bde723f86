"""Search, tags, and the roles that files are opened to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from common_ml.errors import ForbiddenError, InvalidRequestError, NotFoundError
from common_ml.service.operations import files, predictions, search, stats, tags
from common_ml.service.operations.search import Query
from common_ml.service.worker.labels import LabelCounts
from common_ml.tagging.messages import Tag
from tests.service.cores import add_file, ask, claim, finish, make_user, offer

if TYPE_CHECKING:
    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor


def tagged(core: Core, actor: Actor, name: str, *labels: str, model: str = "ocr") -> str:
    """A file on which a model has found labels, the first of them surest."""
    digest = add_file(core, actor, f"{actor.name} {name}".encode(), name).sha256
    ask(core, actor, digest, model=model)
    [one] = claim(core, model=model)
    counts = LabelCounts()
    for place, text in enumerate(labels):
        counts.add(Tag(0, 0, text, "x", additional_info={"confidence": 1 / (place + 1)}))
    finish(core, one)
    core.database.write(
        lambda connection: counts.save(
            connection, prediction=one.id, file_id=one.file_id, model=model
        )
    )
    return digest


WAYS: dict[str, dict[str, Any]] = {
    "rare words first": {"_FEW": 1_000, "_CHUNKS": ()},
    "the newest names": {"_FEW": -1, "_CHUNKS": (1, 2, 100)},
    "sorted as a whole": {"_FEW": -1, "_CHUNKS": ()},
}
"""Of finding a page; each has the same answer."""


def found(core: Core, actor: Actor, **query: Any) -> list[str]:
    everything = [one[0] for one in search.digests(core, actor, Query(**query))]
    names: list[str] = []
    for way, values in WAYS.items():
        with patch.multiple(search, **values):
            pages = search.find(core, actor, Query(**query))
            assert [file.sha256 for file in pages] == everything, way
            assert search.count(core, actor, Query(**query)) == len(pages), way
            names = [file.name for file in pages]
    return names


@pytest.mark.parametrize("way", WAYS)
def test_pages_follow_each_other_whatever_way_they_are_found(any_core: Core, way: str) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    everybody = make_user(any_core, "root", "admin")
    rita = make_user(any_core, "rita", "researcher")
    offer(any_core)
    for number in range(9):
        owner = ann if number % 3 else bob
        digest = tagged(any_core, owner, f"{number}.png", *["cat", f"n{number}"][number % 2 :])
        if number in (4, 6):
            tags.change_roles(any_core, owner, [digest], add=["researcher"])
        if number in (1, 2):  # an older file with a new name
            add_file(any_core, ann, f"ann {number}.png".encode(), f"again{number}.png")
            add_file(any_core, bob, f"ann {number}.png".encode(), f"cats{number}.png")

    values = {**WAYS[way], **({"_FEW": 3} if way == "the newest names" else {})}
    with patch.multiple(search, **values):
        for actor in (ann, everybody, rita):
            for query in (
                Query(text="n"),
                Query(labels={"ocr": ["cat"]}),
                Query(text="png", labels={"ocr": ["cat", "n3"]}),
                Query(min_confidence=0.9),
            ):
                whole = [one[0] for one in search.digests(any_core, actor, query)]
                assert len(whole) >= 1, (actor, query)
                pages = [search.page(any_core, actor, query, number=n, size=4) for n in range(3)]
                assert [file.sha256 for page in pages for file in page] == whole
                before, followed = None, []
                while some := search.find(any_core, actor, query, limit=4, before=before):
                    followed += [file.sha256 for file in some]
                    before = some[-1].position
                assert followed == whole


def test_words_are_found_in_labels_names_and_tags(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    tagged(any_core, ann, "beach.png", "WELCOME home", "50% off")
    tagged(any_core, ann, "Wellen.png", "Größe_1")
    digest = tagged(any_core, ann, "c.png", "under score", 'say "hi"')
    tags.change(any_core, ann, [digest], add=["welcome back"])

    for text, names in {
        "welcome": ["c.png", "beach.png"],
        "WEL": ["c.png", "Wellen.png", "beach.png"],
        "home welcome": ["beach.png"],
        "0%": ["beach.png"],
        "größe_": ["Wellen.png"],
        "r_s": [],
        '"hi"': ["c.png"],
        "%": ["beach.png"],
        "back PNG": ["c.png"],
        "we": ["c.png", "Wellen.png", "beach.png"],
        "no such": [],
    }.items():
        assert found(any_core, ann, text=text) == names, text
    with pytest.raises(InvalidRequestError, match="at most 20 words"):
        search.find(any_core, ann, Query(text="a " * 21))


def test_labels_kinds_states_and_tags_all_must_fit(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    offer(any_core, "shots")
    first = tagged(any_core, ann, "a.png", "cat", "dog")
    tagged(any_core, ann, "b.png", "dog")
    tagged(any_core, ann, "c.png", "cat", model="shots")
    tags.change(any_core, ann, [first], add=["checked", "mine"])

    assert found(any_core, ann, labels={"ocr": ["cat", "dog"]}) == ["b.png", "a.png"]
    assert found(any_core, ann, labels={"ocr": ["dog"], "shots": ["cat"]}) == []
    assert found(any_core, ann, labels={"ocr": ["dog"]}, min_confidence=0.9) == ["b.png"]
    assert found(any_core, ann, labels={"ocr": ["Dog"]}) == []
    assert found(any_core, ann, labels={"ocr": []}, text="a.p") == ["a.png"]
    assert found(any_core, ann, models=["shots"], states=["done"]) == ["c.png"]
    assert found(any_core, ann, states=["queued"]) == []
    assert found(any_core, ann, tags=["mine", "checked"], kinds=["image"]) == ["a.png"]
    assert found(any_core, ann, tags=["mine", "other"]) == []
    assert [len(search.page(any_core, ann, Query(), number=n, size=2)) for n in range(3)] == [
        2,
        1,
        0,
    ]
    assert search.labels_of(any_core, ann) == [("cat", 2), ("dog", 2)]
    assert search.labels_of(any_core, ann, model="ocr", prefix="c") == [("cat", 1)]


def test_nothing_of_others_is_found(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    admin = make_user(any_core, "root", "admin")
    offer(any_core)
    digest = tagged(any_core, ann, "secret.png", "welcome")
    tags.change(any_core, ann, [digest], add=["hidden"])
    add_file(any_core, bob, b"ann secret.png", "holiday.png")  # the same content

    for query in (
        {"text": "welcome"},
        {"text": "secret"},
        {"text": "hidden"},
        {"tags": ["hidden"]},
        {"labels": {"ocr": ["welcome"]}},
        {"states": ["done"]},
        {"models": ["ocr"]},
    ):
        assert found(any_core, bob, **query) == [], query
        assert found(any_core, admin, **query) == ["holiday.png"], query
        assert found(any_core, ann, **query) == ["secret.png"], query
    assert found(any_core, bob, text="holiday") == ["holiday.png"]
    assert search.labels_of(any_core, bob) == []
    assert files.get(any_core, bob, digest).tags == ()


def test_a_role_sees_what_is_opened_to_it(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob", "researcher")
    eve = make_user(any_core, "eve", "researcher")
    other = make_user(any_core, "carl")  # an investigator with the same content
    offer(any_core)
    digest = tagged(any_core, ann, "a.png", "welcome")
    add_file(any_core, other, b"ann a.png", "his.png")

    with pytest.raises(NotFoundError):
        tags.change_roles(any_core, bob, [digest], add=["researcher"])
    with pytest.raises(InvalidRequestError, match="unknown role 'king'"):
        tags.change_roles(any_core, ann, [digest], add=["king"])
    tags.change_roles(any_core, ann, [digest], add=["researcher"])
    seen = files.get(any_core, bob, digest)
    assert (seen.names, seen.users, seen.tag_roles) == (("a.png",), ("ann",), ("researcher",))
    assert [file.sha256 for file in files.find(any_core, bob)] == [digest]
    assert found(any_core, bob, text="welcome") == ["a.png"]
    assert [one.state for one in predictions.find(any_core, bob)] == ["done"]
    assert predictions.counts(any_core, bob) == {"done": 1}
    with pytest.raises(ForbiddenError, match="only who has uploaded"):
        tags.change_roles(any_core, bob, [digest], remove=["researcher"])

    tags.change(any_core, bob, [digest], add=["good"])
    tags.change(any_core, eve, [digest], remove=["good"])  # not hers
    circle = [files.get(any_core, who, digest).tags for who in (ann, bob, eve, other)]
    assert circle == [("good",), ("good",), ("good",), ()]
    tags.change(any_core, ann, [digest], remove=["good"])
    assert files.get(any_core, bob, digest).tags == ()
    tags.change_roles(any_core, ann, [digest], remove=["researcher"])
    with pytest.raises(NotFoundError):
        files.get(any_core, bob, digest)


def test_one_opened_file_does_not_open_another(any_core: Core) -> None:
    """What one file shows to a role says nothing about other files of the same user."""
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob", "researcher")
    carl = make_user(any_core, "carl")
    offer(any_core)
    opened = tagged(any_core, ann, "open.png", "welcome")
    closed = tagged(any_core, ann, "closed.png", "secret")
    tags.change_roles(any_core, ann, [opened], add=["researcher"])
    tags.change(any_core, ann, [opened, closed], add=["mine"])
    add_file(any_core, bob, b"ann closed.png", "his.png")  # the same content as the closed one
    add_file(any_core, carl, b"ann closed.png", "carls.png")
    tags.change(any_core, carl, [closed], add=["of carl"])

    assert found(any_core, bob, text="welcome") == ["open.png"]
    hiding: list[dict[str, Any]] = [{"text": "secret"}, {"text": "closed"}]
    for query in [*hiding, {"labels": {"ocr": ["secret"]}}]:
        assert found(any_core, bob, **query) == [], query
    showing: list[dict[str, Any]] = [{"states": ["done"]}, {"models": ["ocr"]}, {"tags": ["mine"]}]
    for query in showing:
        assert found(any_core, bob, **query) == ["open.png"], query
    seen = files.get(any_core, bob, closed)
    assert (seen.names, seen.states, seen.tags) == (("his.png",), {}, ())
    assert files.get(any_core, bob, opened).states == {"done": 1}
    assert predictions.counts(any_core, bob) == {"done": 1}
    assert [one.name for one in predictions.find(any_core, bob)] == ["open.png"]
    assert search.labels_of(any_core, bob) == [("welcome", 1)]
    hidden = [one.id for one in predictions.find(any_core, ann) if one.sha256 == closed]
    assert predictions.get_many(any_core, bob, hidden) == []


def test_an_administrator_acts_for_others(core: Core) -> None:
    ann, admin = make_user(core, "ann"), make_user(core, "root", "admin")
    digest = add_file(core, ann, b"x", "a.png").md5

    tags.change(core, admin, [digest], add=["t"], for_user="ann")
    tags.change_roles(core, admin, [digest], add=["researcher"])
    assert (files.get(core, ann, digest).tags, files.get(core, ann, digest).tag_roles) == (
        ("t",),
        ("researcher",),
    )
    with pytest.raises(ForbiddenError, match="only administrators act for other users"):
        tags.change(core, ann, [digest], add=["x"], for_user="root")
    for tag in ("", "x" * 201):
        with pytest.raises(InvalidRequestError, match="1 to 200 characters"):
            tags.change(core, ann, [digest], add=[tag])


def test_numbers_of_the_service(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    tagged(any_core, ann, "a.png", "x")
    ask(any_core, ann, add_file(any_core, ann, b"12345", "b.png").sha256)

    now = stats.overview(any_core)
    assert now.predictions == {("ocr", "done"): 1, ("ocr", "queued"): 1}
    assert (now.files, now.file_bytes, now.users, now.workers) == (2, len("ann a.png") + 5, 1, 0)
    assert (now.oldest_queued_seconds, now.webhooks_waiting) == (0.0, 0)
