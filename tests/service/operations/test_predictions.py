"""Asking for predictions, and what each user sees of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    QuotaError,
)
from common_ml.service.operations import events, files, predictions
from common_ml.service.settings import ServiceLimits
from tests.service.cores import (
    add_file,
    ask,
    claim,
    clock_of,
    finish,
    make_core,
    make_user,
    offer,
    state,
)

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.service.core import Core

SCHEMA = {
    "type": "object",
    "properties": {"fps": {"type": "number", "minimum": 0}, "mode": {"enum": ["a", "b"]}},
    "additionalProperties": False,
}


def test_every_file_with_every_model_in_order(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core, "ocr")
    offer(any_core, "shots")
    hashes = [add_file(any_core, ann, bytes([n]), f"{n}.png").sha256 for n in range(3)]
    choices = [predictions.Choice("shots"), predictions.Choice("ocr", {"fps": 2})]

    ids = predictions.submit(any_core, ann, files=hashes, choices=choices)

    found = predictions.get_many(any_core, ann, ids)
    assert [(one.sha256, one.model, one.params, one.state) for one in found] == [
        (digest, model, params, "queued")
        for digest in hashes
        for model, params in (("shots", {}), ("ocr", {"fps": 2}))
    ]
    assert predictions.counts(any_core, ann) == {"queued": 6}
    assert [one.id for one in predictions.find(any_core, ann, limit=4)] == sorted(ids)[::-1][:4]
    rest = predictions.find(any_core, ann, before=sorted(ids)[2], model="ocr")
    assert {one.id for one in rest} == set(sorted(ids)[:2]) & set(ids[1::2])


def test_the_same_content_revision_and_params_are_predicted_once(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    offer(any_core)
    digest = add_file(any_core, ann, b"x", "a.png").sha256
    add_file(any_core, bob, b"x", "b.png")

    first = ask(any_core, ann, digest, params={"fps": 2.0, "mode": "a"})
    assert ask(any_core, ann, digest, params={"mode": "a", "fps": 2}) == first
    assert ask(any_core, ann, digest, params={"fps": 3}) != first
    [one] = claim(any_core)
    assert finish(any_core, one, num_tags=0)
    clock_of(any_core).advance(5)
    assert ask(any_core, bob, digest, params={"fps": 2, "mode": "a"}) == first

    seen = predictions.get(any_core, bob, first[0])
    assert (seen.state, seen.num_tags, seen.name, seen.part) == ("done", 0, "b.png", 1)
    assert seen.created_at == seen.started_at == seen.finished_at == clock_of(any_core).seconds()
    offer(any_core, revision="r2")
    assert predictions.get(any_core, bob, first[0]).stale
    assert ask(any_core, bob, digest, params={"fps": 2, "mode": "a"}) != first


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_queued(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core, types=("image",), params_schema=SCHEMA)
    text = add_file(any_core, ann, b"x", "a.txt", kind="text").sha256
    choices = [predictions.Choice("ocr", {"fps": -1, "mode": "c", "x": 1}), predictions.Choice("y")]

    with pytest.raises(InvalidRequestError) as caught:
        predictions.submit(any_core, ann, files=[text], choices=choices)

    assert caught.value.problems == (
        f"ocr takes image: {text} is text",
        "params of ocr: must be >= 0, got -1 @ $.fps",
        'params of ocr: expected one of ["a", "b"], got "c" @ $.mode',
        "params of ocr: unknown key, expected one of ['fps', 'mode'] @ $.x",
        "there is no model 'y'",
    )
    assert predictions.check(any_core, [("a.txt", "text")], choices[1:]) == [
        "there is no model 'y'"
    ]
    with pytest.raises(NotFoundError, match="there is no file 0000"):
        ask(any_core, ann, text, "0" * 64)
    assert predictions.counts(any_core, ann) == {}


def test_an_idempotency_key_gives_the_same_answer(core: Core) -> None:
    ann, bob = make_user(core, "ann"), make_user(core, "bob")
    offer(core)
    digest = add_file(core, ann, b"x", "a.png").sha256
    add_file(core, bob, b"y", "a.png")
    ids = ask(core, ann, digest, idempotency_key="k")
    [one] = claim(core)
    finish(core, one, "failed", error="no")

    assert ask(core, ann, digest, idempotency_key="k") == ids
    assert state(core, ann, ids[0]) == "failed"
    with pytest.raises(ConflictError, match="the key 'k' was used for another request"):
        ask(core, ann, digest, idempotency_key="k", force=True)
    assert ask(core, bob, files.find(core, bob)[0].md5, idempotency_key="k") != ids


def test_limits_of_a_user(tmp_path: Path) -> None:
    with make_core(tmp_path, limits=ServiceLimits(max_queued_per_user=2)) as core:
        ann = make_user(core, "ann")
        offer(core)
        hashes = [add_file(core, ann, bytes([n]), f"{n}.png").sha256 for n in range(3)]

        with pytest.raises(QuotaError, match="you would have 3 predictions queued, the limit is 2"):
            ask(core, ann, *hashes)
        assert predictions.counts(core, ann) == {}
        ask(core, ann, *hashes[:2])
        with pytest.raises(ForbiddenError, match="only administrators"):
            ask(core, ann, hashes[0], priority=1)


def test_a_prediction_of_others_does_not_exist(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    offer(any_core)
    digest = add_file(any_core, ann, b"x", "a.png").sha256
    add_file(any_core, bob, b"x", "b.png")  # the same content, but not asked for
    ids = ask(any_core, ann, digest)

    for act in (predictions.cancel, predictions.retry):
        with pytest.raises(NotFoundError, match=f"there is no prediction {ids[0]}"):
            act(any_core, bob, ids)
    with pytest.raises(NotFoundError):
        predictions.get(any_core, bob, ids[0])
    assert predictions.find(any_core, bob) == []
    assert predictions.counts(any_core, bob) == {}
    assert files.get(any_core, bob, digest).states == {}
    assert files.get(any_core, ann, digest).states == {"queued": 1}
    assert events.after(any_core, bob, 0) == []


def test_one_user_cancels_and_the_other_gets_the_result(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    offer(any_core)
    digest = add_file(any_core, ann, b"x", "a.png").sha256
    add_file(any_core, bob, b"x", "b.png")
    ids = ask(any_core, ann, digest)
    assert ask(any_core, bob, digest) == ids

    assert predictions.cancel(any_core, ann, ids) == ids
    assert predictions.cancel(any_core, ann, ids) == []
    assert [state(any_core, who, ids[0]) for who in (ann, bob)] == ["cancelled", "queued"]
    [one] = claim(any_core)
    finish(any_core, one)
    assert [state(any_core, who, ids[0]) for who in (ann, bob)] == ["cancelled", "done"]
    assert [event.kind for event in events.after(any_core, ann, 0)] == [
        "prediction.queued",
        "prediction.cancelled",
    ]
    assert ask(any_core, ann, digest) == ids
    assert state(any_core, ann, ids[0]) == "done"


def test_a_queued_prediction_is_cancelled_at_once_and_a_running_one_by_its_worker(
    any_core: Core,
) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    hashes = [add_file(any_core, ann, bytes([n]), f"{n}.png").sha256 for n in range(2)]
    ids = ask(any_core, ann, *hashes)
    [one] = claim(any_core)

    assert predictions.cancel(any_core, ann, ids) == ids
    assert [state(any_core, ann, number) for number in ids] == ["cancelled", "cancelled"]
    assert claim(any_core) == []
    assert finish(any_core, one, "cancelled")
    admin = make_user(any_core, "root", "admin")
    assert [state(any_core, admin, number) for number in ids] == ["cancelled", "cancelled"]
    assert predictions.retry(any_core, ann, ids) == ids
    assert predictions.counts(any_core, ann) == {"queued": 2}


def test_what_is_asked_for_again_while_it_is_being_cancelled_is_done(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    ids = ask(any_core, ann, digest := add_file(any_core, ann, b"x", "a.png").sha256)
    [one] = claim(any_core)
    predictions.cancel(any_core, ann, ids)
    ask(any_core, ann, digest)

    assert finish(any_core, one, "cancelled")  # the worker had begun to stop
    assert state(any_core, ann, ids[0]) == "queued"
    assert [again.attempt for again in claim(any_core)] == [1]


def test_an_administrator_cancels_for_all(core: Core) -> None:
    ann, admin = make_user(core, "ann"), make_user(core, "root", "admin")
    offer(core)
    ids = ask(core, ann, add_file(core, ann, b"x", "a.png").sha256)

    assert predictions.cancel(core, admin, ids) == ids
    assert state(core, ann, ids[0]) == "cancelled"


def test_retry_and_force(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    digest = add_file(any_core, ann, b"x", "a.png").sha256
    ids = ask(any_core, ann, digest)
    finish(any_core, claim(any_core)[0], "failed", error=f"cannot read /w/{digest}.png")
    assert predictions.get(any_core, ann, ids[0]).error == "cannot read /w/a.png"

    assert predictions.retry(any_core, ann, ids) == ids
    finish(any_core, claim(any_core)[0], num_tags=3)
    assert predictions.retry(any_core, ann, ids) == []
    assert predictions.retry(any_core, ann, ids, force=True) == ids
    again = predictions.get(any_core, ann, ids[0])
    assert (again.state, again.part, again.has_results) == ("queued", 2, True)
    finish(any_core, claim(any_core)[0], num_tags=4)
    assert predictions.get(any_core, ann, ids[0]).part == 3
    offer(any_core, revision="r2")
    with pytest.raises(ConflictError, match="ocr is no longer what prediction"):
        predictions.retry(any_core, ann, ids, force=True)


def test_removing_a_file_withdraws_its_requests(core: Core) -> None:
    ann = make_user(core, "ann")
    offer(core)
    digest = add_file(core, ann, b"x", "a.png").sha256
    ids = ask(core, ann, digest)

    files.remove(core, ann, digest)

    admin = make_user(core, "root", "admin")
    assert state(core, admin, ids[0]) == "cancelled"
    with pytest.raises(NotFoundError):
        predictions.get(core, ann, ids[0])
