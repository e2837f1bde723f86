"""Assignment of films to workers, call by call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.scale.schedule import MAX_BATCH, MAX_LOSSES, MAX_TRIES, Batch, Schedule
from tests.scale.made_films import films_of

if TYPE_CHECKING:
    from common_ml.scale.plan import Film
    from common_ml.scale.schedule import LossCause


def test_long_films_go_first() -> None:
    films = films_of([1.0, 50.0, 3.0, 50.0])
    schedule = Schedule(films)
    schedule.join("a")
    schedule.join("b")
    first = [batch.films[0].name for _, batch in schedule.assign(0.0)]

    assert first == ["1.mp4", "3.mp4"]


def test_exceptionally_long_films_are_left_to_workers_that_are_not_slow() -> None:
    schedule = Schedule(films_of([1.0] * 30 + [100.0]))
    schedule.join("slow")
    schedule.join("fast")
    for name, batch in schedule.assign(0.0):
        assert [film.cost for film in batch.films] == [1.0]
        seconds = {"slow": 2.0, "fast": 1.0}[name]
        schedule.finish(name, batch.number, elapsed_seconds=seconds, now=2.0)

    costs = {name: [film.cost for film in batch.films] for name, batch in schedule.assign(2.0)}

    assert costs["fast"] == [100.0]
    assert 100.0 not in costs["slow"]


def test_exceptionally_long_films_are_for_anybody_if_there_is_nothing_else() -> None:
    schedule = Schedule(films_of([1.0] * 60 + [100.0] * 12))
    for number in range(60):
        schedule.join(str(number))  # none is measured before it leaves
        ((_, batch),) = schedule.assign(0.0)
        assert [film.cost for film in batch.films] == [1.0]
        schedule.leave(str(number))

    schedule.join("last")
    ((_, batch),) = schedule.assign(0.0)

    assert [film.cost for film in batch.films] == [100.0]


def test_short_films_are_sent_together_once_their_time_is_known() -> None:
    schedule = Schedule(films_of([0.01] * 1000))
    schedule.join("a")
    ((_, first), *_) = schedule.assign(0.0)
    assert len(first.films) == 1
    schedule.finish("a", first.number, elapsed_seconds=0.01, now=0.01)
    batches = [batch for _, batch in schedule.assign(0.01)]
    assert [len(batch.films) for batch in batches] == [64]


def test_what_was_not_begun_is_taken_back_for_an_idle_worker() -> None:
    schedule = Schedule(films_of([100.0, 90.0, 80.0]))
    schedule.join("a")
    for _ in range(2):  # one that it tags, one ahead
        assert [name for name, _ in schedule.assign(0.0)] == ["a"]
    schedule.join("b")
    schedule.join("c")
    ((name, last),) = schedule.assign(0.0)
    assert name == "b"
    assert last.films[0].cost == 80.0
    assert schedule.surplus == []

    ((holder, number),) = schedule.recall()
    assert holder == "a"
    assert schedule.recall() == []
    schedule.returned("a", number, success=True)

    ((name, taken),) = schedule.assign(0.0)
    assert name == "c"
    assert taken.films[0].cost == 90.0


def test_the_last_film_waits_for_a_fast_worker() -> None:
    schedule = Schedule(films_of([10.0, 9.0, 8.0, 5.0]))
    schedule.join("slow")
    schedule.join("fast")
    given = dict(schedule.assign(0.0))
    schedule.finish("fast", given["fast"].number, elapsed_seconds=0.9, now=0.9)
    assert [name for name, _ in schedule.assign(0.9)] == ["fast"]
    schedule.finish("slow", given["slow"].number, elapsed_seconds=100.0, now=2.0)

    assert schedule.assign(2.0) == []
    assert schedule.num_waiting == 1


def test_the_last_film_does_not_wait_for_a_worker_that_is_late() -> None:
    """Expected after ten seconds, and not there after a hundred: an idle one takes the film."""
    schedule = Schedule(films_of([10.0, 9.0, 8.0]))
    schedule.join("late")
    schedule.join("idle")
    given = dict(schedule.assign(0.0))
    schedule.finish("idle", given["idle"].number, elapsed_seconds=18.0, now=18.0)

    ((name, _),) = schedule.assign(100.0)
    assert name == "idle"


def assigned_to(schedule: Schedule, now: float = 0.0) -> dict[str, list[str]]:
    """Assign; return the names of the films by worker."""
    return {name: [film.name for film in batch.films] for name, batch in schedule.assign(now)}


def test_without_films_or_workers_nothing_is_assigned() -> None:
    nothing = Schedule([])
    nothing.join("a")
    assert (nothing.num_open, nothing.num_waiting, nothing.assign(0.0)) == (0, 0, [])
    assert nothing.surplus == ["a"]
    assert nothing.recall() == []

    nobody = Schedule(films_of([1.0, 2.0]))
    assert nobody.assign(0.0) == []
    assert (nobody.num_open, nobody.num_waiting, nobody.surplus) == (2, 2, [])


def test_films_of_equal_cost_are_assigned_in_the_order_of_the_input() -> None:
    schedule = Schedule(films_of([1.0] * 6))
    for name in ("a", "b"):
        schedule.join(name)
    assert assigned_to(schedule) == {"a": ["0.mp4"], "b": ["1.mp4"]}
    assert assigned_to(schedule) == {"a": ["2.mp4"], "b": ["3.mp4"]}  # ahead
    assert assigned_to(schedule) == {}
    assert schedule.num_waiting == 2


def test_a_batch_is_a_quarter_of_a_workers_share_of_the_queue_at_most() -> None:
    """Films of no time at all: only the queue and the maximum bound a batch."""
    sizes = []
    for num_films in (9, 33, 65, 2000):
        schedule = Schedule(films_of([0.001] * num_films))
        for name in ("a", "b"):
            schedule.join(name)
        ((_, first), _) = schedule.assign(0.0)
        schedule.finish("a", first.number, elapsed_seconds=0.0, now=0.0)
        sizes.append(len(assigned_to(schedule)["a"]))
    assert sizes == [1, 31 // 8, 63 // 8, MAX_BATCH]


def test_a_batch_ends_once_it_takes_a_second() -> None:
    """Films of a quarter of a second on a worker that is twice as fast as time."""
    schedule = Schedule(films_of([0.25] * 200))
    schedule.join("a")
    ((_, first),) = schedule.assign(0.0)
    schedule.finish("a", first.number, elapsed_seconds=0.125, now=1.0)
    ((_, batch),) = schedule.assign(1.0)
    assert len(batch.films) == 8
    assert batch.cost == 2.0


def test_the_rate_of_a_worker_follows_its_last_batches() -> None:
    """Seconds a second of film: 2, then a batch at 4, of which 0.3 counts."""
    schedule = Schedule(films_of([10.0] * 6))
    schedule.join("a")
    for elapsed_seconds, rate in ((20.0, 2.0), (40.0, 2.6), (26.0, 2.6)):
        ((_, batch),) = schedule.assign(0.0)
        schedule.finish("a", batch.number, elapsed_seconds=elapsed_seconds, now=0.0)
        assert schedule._workers["a"].rate == pytest.approx(rate)


def test_the_end_of_a_batch_that_is_not_held_is_ignored() -> None:
    schedule = Schedule(films_of([1.0, 1.0, 1.0]))
    schedule.join("a")
    ((_, batch),) = schedule.assign(0.0)
    assert schedule.finish("b", batch.number, elapsed_seconds=1.0, now=1.0) is None
    assert schedule.finish("a", batch.number + 1, elapsed_seconds=1.0, now=1.0) is None
    assert schedule.finish("a", batch.number, elapsed_seconds=1.0, now=1.0) == batch
    assert schedule.finish("a", batch.number, elapsed_seconds=1.0, now=1.0) is None


def test_a_worker_that_leaves_returns_its_films() -> None:
    schedule = Schedule(films_of([3.0, 2.0, 1.0]))
    schedule.join("a")
    schedule.assign(0.0)
    assert {name: film.name for name, film in schedule.running().items()} == {"a": "0.mp4"}
    schedule.assign(0.0)

    batches = schedule.leave("a")

    assert [film.name for batch in batches for film in batch.films] == ["0.mp4", "1.mp4"]
    assert (schedule.workers, schedule.running(), schedule.leave("a")) == ([], {}, [])
    assert (schedule.num_waiting, schedule.num_open) == (1, 3)
    for batch in batches:
        schedule.requeue(batch.films)
    schedule.join("b")
    assert assigned_to(schedule) == {"b": ["0.mp4"]}  # the longest first again


def test_a_suspect_is_retried_alone_and_elsewhere() -> None:
    """A batch of it and others would end another tagger with them."""
    schedule = Schedule(films_of([0.02, *[0.01] * 400]))
    for name in ("a", "b"):
        schedule.join(name)
    for name, batch in schedule.assign(0.0):
        schedule.finish(name, batch.number, elapsed_seconds=0.01, now=1.0)
    (suspect,) = films_of([0.02])
    assert schedule.requeue_suspect(suspect, "a", cause="tagger")

    again = assigned_to(schedule, 1.0)

    assert again["b"] == ["0.mp4"]
    assert len(again["a"]) > 1
    assert "0.mp4" not in again["a"]


def test_a_suspect_never_joins_a_batch_of_others() -> None:
    """Also where it is not the longest of what is left."""
    suspect, *films = films_of([0.02, *[0.03] * 3, *[0.01] * 97])
    schedule = Schedule(films)
    schedule.join("a")
    schedule.requeue_suspect(suspect, "b", cause="tagger")
    sizes = []
    while schedule.num_waiting:
        ((_, batch),) = schedule.assign(1.0)
        schedule.finish("a", batch.number, elapsed_seconds=0.01, now=1.0)
        assert suspect not in batch.films or batch.films == (suspect,)
        sizes.append(len(batch.films))
    assert sizes[:3] == [1, 25, 1]  # the second holds longer films and shorter ones
    assert sum(sizes) == 101


@pytest.mark.parametrize("num_films", [1, 5])
def test_an_only_worker_gets_a_suspect_again(num_films: int) -> None:
    schedule = Schedule(films_of([2.0, *[1.0] * (num_films - 1)]))
    schedule.join("a")
    ((_, batch),) = schedule.assign(0.0)
    assert [film.name for film in batch.films] == ["0.mp4"]
    schedule.finish("a", batch.number, elapsed_seconds=2.0, now=9.0)
    assert schedule.requeue_suspect(batch.films[0], "a", cause="tagger")
    assert assigned_to(schedule, 9.0) == {"a": ["0.mp4"]}


@pytest.mark.parametrize(
    ("cause", "attempts", "tries"),
    [("tagger", MAX_TRIES, MAX_TRIES), ("none", MAX_TRIES, MAX_TRIES), ("machine", MAX_LOSSES, 0)],
)
def test_a_film_has_so_many_attempts(cause: LossCause, attempts: int, tries: int) -> None:
    """More where machines are lost, which are seldom lost by a film."""
    (film,) = films_of([1.0])
    schedule = Schedule([])
    answers = [schedule.requeue_suspect(film, "a", cause=cause) for _ in range(attempts)]
    assert answers == [True] * (attempts - 1) + [False]
    assert schedule.num_waiting == attempts - 1
    assert schedule.tries_of(film) == tries


def test_a_film_with_an_outcome_has_no_earlier_attempts() -> None:
    (film,) = films_of([1.0])
    schedule = Schedule([film])
    schedule.requeue_suspect(film, "a", cause="tagger")
    assert (schedule.tries_of(film), schedule.num_open) == (1, 1)
    schedule.close(film)
    assert (schedule.tries_of(film), schedule.num_open) == (0, 0)


def test_the_worker_that_is_busy_for_longest_is_asked_back() -> None:
    schedule = Schedule(films_of([50.0, 80.0, 2.0, 1.0]))
    for name in ("a", "b"):
        schedule.join(name)
    assert assigned_to(schedule) == {"a": ["1.mp4"], "b": ["0.mp4"]}
    schedule._workers["b"].batches += [Batch(9, ())]
    schedule._workers["a"].batches += [Batch(8, ())]
    schedule._queue.clear()
    assert schedule.recall() == []  # nobody is idle
    schedule.join("c")
    assert schedule.recall() == [("a", 8)]
    schedule.join("d")
    assert schedule.recall() == [("b", 9)]


def test_a_batch_that_has_begun_is_not_taken_back() -> None:
    schedule = Schedule(films_of([3.0, 2.0, 1.0]))
    schedule.join("a")
    schedule.assign(0.0)
    schedule.assign(0.0)
    schedule.join("b")
    schedule.join("c")
    schedule.assign(0.0)
    ((holder, number),) = schedule.recall()

    schedule.returned(holder, number, success=False)
    assert schedule.num_waiting == 0
    assert schedule.recall() == [(holder, number)]  # it may be asked again
    schedule.leave(holder)
    schedule.returned(holder, number, success=True)  # the answer of one that has left
    assert schedule.num_waiting == 0


@given(
    st.lists(st.floats(0.01, 100), max_size=30),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=60),
)
def test_every_film_is_in_one_place(costs: list[float], calls: list[tuple[int, int]]) -> None:
    """Whatever happens in whatever order: waiting, with one worker, or with an outcome."""
    films = films_of(costs)
    schedule = Schedule(films)
    closed: list[Film] = []
    recalled: dict[str, int] = {}
    for now, (call, number) in enumerate(calls):
        name = f"worker {number}"
        held = schedule._workers[name].batches if name in schedule.workers else []
        if call == 0 and name not in schedule.workers:
            schedule.join(name)
        elif call == 1:
            for batch in schedule.leave(name):
                schedule.requeue(batch.films)
        elif call in (2, 3):
            schedule.assign(float(now))
        elif call == 4 and held:
            done = schedule.finish(name, held[0].number, elapsed_seconds=1.0, now=float(now))
            assert done is not None
            for film in done.films:
                schedule.close(film)
            closed += done.films
        elif call == 5 and held:
            done = schedule.finish(name, held[0].number, elapsed_seconds=1.0, now=float(now))
            assert done is not None
            schedule.requeue(done.films[1:])
            if not schedule.requeue_suspect(done.films[0], name, cause="tagger"):
                schedule.close(done.films[0])
                closed.append(done.films[0])
        elif call == 6:
            recalled.update(schedule.recall())
            if name in recalled:
                schedule.returned(name, recalled.pop(name), success=True)
        waiting = [film for _, _, film in schedule._queue]
        batches = [batch for worker in schedule._workers.values() for batch in worker.batches]
        with_workers = [film for batch in batches for film in batch.films]
        everywhere = sorted(film.name for film in [*waiting, *with_workers, *closed])
        assert everywhere == sorted(film.name for film in films)
        assert schedule.num_open == len(films) - len(closed)
        assert all(len(worker.batches) <= 2 for worker in schedule._workers.values())
        assert all(len(batch.films) <= MAX_BATCH for batch in batches)
