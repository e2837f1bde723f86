"""Leases, fences, attempts, fairness and revisions."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from common_ml.service.db import queue
from common_ml.service.operations import events, predictions
from tests.service.cores import (
    add_file,
    ask,
    claim,
    clock_of,
    finish,
    make_user,
    offer,
    state,
)

if TYPE_CHECKING:
    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor


def many_files(core: Core, actor: Actor, number: int, start: int = 0) -> list[str]:
    return [
        add_file(core, actor, f"{actor.name} {n}".encode(), f"{n}.png").sha256
        for n in range(start, start + number)
    ]


def requeue_lost(core: Core) -> list[int]:
    return core.database.write(lambda connection: queue.requeue_lost(core, connection))


def renew(core: Core, number: int, fence: int) -> set[int]:
    return core.database.write(lambda connection: queue.renew(core, connection, [(number, fence)]))


def test_a_worker_that_lost_its_lease_changes_nothing(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    ids = ask(any_core, ann, *many_files(any_core, ann, 1))
    [old] = claim(any_core)
    clock_of(any_core).advance(59)
    assert renew(any_core, old.id, old.fence) == {old.id}
    clock_of(any_core).advance(59)
    assert requeue_lost(any_core) == []
    clock_of(any_core).advance(2)
    assert requeue_lost(any_core) == ids
    assert renew(any_core, old.id, old.fence) == set()
    assert claim(any_core) == []  # it waits before the second attempt
    clock_of(any_core).advance(5)
    [new] = claim(any_core, owner="w2")

    assert not finish(any_core, old, num_tags=7)
    assert state(any_core, ann, ids[0]) == "running"
    assert finish(any_core, new, num_tags=3)
    assert finish(any_core, new, num_tags=3)  # repeated, not knowing whether it was committed
    found = predictions.get(any_core, ann, ids[0])
    assert (found.num_tags, found.part, found.attempts) == (3, 2, 2)
    assert [event.kind for event in events.after(any_core, ann, 0)] == [
        f"prediction.{state}" for state in ("queued", "running", "queued", "running", "done")
    ]


def test_a_prediction_whose_worker_is_lost_three_times_has_failed(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    ids = ask(any_core, ann, *many_files(any_core, ann, 1))
    for attempt in (1, 2, 3):
        assert [one.attempt for one in claim(any_core)] == [attempt]
        clock_of(any_core).advance(61)
        requeue_lost(any_core)
        clock_of(any_core).advance(60)

    found = predictions.get(any_core, ann, ids[0])
    assert (found.state, found.error, found.attempts) == ("failed", "the worker was lost", 3)
    assert claim(any_core) == []


def test_what_is_given_back_has_lost_no_attempt(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    ask(any_core, ann, *many_files(any_core, ann, 2))
    first, second = claim(any_core, limit=2)
    any_core.database.write(
        lambda connection: queue.release(any_core, connection, first.id, fence=first.fence)
    )
    given_back = any_core.database.write(
        lambda connection: queue.release_others(any_core, connection, owner="w1", known=())
    )

    assert given_back == 1
    assert [one.attempt for one in claim(any_core, limit=2)] == [1, 1]
    assert not finish(any_core, second)


def test_workers_at_the_same_time_claim_each_row_once(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    ids = ask(any_core, ann, *many_files(any_core, ann, 60))

    def work(owner: str) -> list[int]:
        found = []
        while claimed := claim(any_core, owner=owner, limit=2):
            found += [one.id for one in claimed if finish(any_core, one)]
        return found

    with ThreadPoolExecutor(4) as pool:
        done = [number for part in pool.map(work, "abcd") for number in part]
    assert Counter(done) == Counter(ids)


def test_a_second_user_does_not_wait_for_all_of_the_first(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    offer(any_core)
    hers = ask(any_core, ann, *many_files(any_core, ann, 8))
    for one in claim(any_core, limit=3):
        finish(any_core, one)
    his = ask(any_core, bob, *many_files(any_core, bob, 3))

    order = [one.id for _ in range(8) for one in claim(any_core)]
    assert order == [hers[3], his[0], hers[4], his[1], hers[5], his[2], hers[6], hers[7]]


def test_a_higher_priority_comes_first(any_core: Core) -> None:
    admin, ann = make_user(any_core, "root", "admin"), make_user(any_core, "ann")
    offer(any_core)
    low = ask(any_core, ann, *many_files(any_core, ann, 1), priority=-5)
    plain = ask(any_core, ann, *many_files(any_core, ann, 1, start=5))
    high = ask(any_core, admin, *many_files(any_core, admin, 1), priority=5)

    assert [one.id for one in claim(any_core, limit=3)] == [*high, *plain, *low]


def test_what_waits_for_an_old_revision_waits_for_the_new_one(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    offer(any_core)
    digest = add_file(any_core, ann, b"same", "a.png").sha256
    add_file(any_core, bob, b"same", "b.png")
    old = ask(any_core, ann, digest)
    done = ask(any_core, ann, *many_files(any_core, ann, 1))
    finish(any_core, claim(any_core, limit=2)[1])
    clock_of(any_core).advance(61)
    offer(any_core, revision="r2")
    new = ask(any_core, bob, digest)
    assert new != old
    requeue_lost(any_core)  # of the old revision; bob's is there already
    offer(any_core, revision="r2")

    assert state(any_core, ann, old[0]) == "cancelled"
    assert state(any_core, ann, new[0]) == "queued"
    assert predictions.get(any_core, ann, done[0]).stale
