"""Events: whoever reads on after the last id that was seen misses none."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from common_ml.service.db.notices import add_events
from common_ml.service.operations import events
from tests.service.cores import make_user

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from common_ml.service.core import Core


def test_ids_grow_in_the_order_of_commits(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    num_writers, num_events = 4, 25

    def write(writer: int) -> None:
        for number in range(num_events):
            rows = [("test", ann.user_id, "", {"writer": writer, "number": number})]

            def work(
                connection: Connection, rows: list[tuple[str, int, str, dict[str, int]]] = rows
            ) -> None:
                add_events(any_core, connection, rows)

            any_core.database.write(work)

    writers = [threading.Thread(target=write, args=[n]) for n in range(num_writers)]
    for writer in writers:
        writer.start()
    found: list[events.Event] = []
    last = 0
    while len(found) < num_writers * num_events:
        page = events.after(any_core, ann, last, limit=7)
        found += page
        last = page[-1].id if page else last
        if not page and not any(writer.is_alive() for writer in writers):
            found += events.after(any_core, ann, last)
            break
    for writer in writers:
        writer.join()

    assert [event.id for event in found] == sorted({event.id for event in found})
    for place in range(num_writers):
        numbers = [event.data["number"] for event in found if event.data["writer"] == place]
        assert numbers == list(range(num_events))


def test_a_reader_goes_on_where_it_was(core: Core) -> None:
    ann, bob = make_user(core, "ann"), make_user(core, "bob")
    admin = make_user(core, "root", "admin")
    for number in range(3):
        events.add(core, "note", user_id=(ann, bob, ann)[number].user_id, data={"n": number})

    assert [event.data["n"] for event in events.after(core, ann, 0)] == [0, 2]
    first = events.after(core, ann, 0)[0].id
    assert [event.data["n"] for event in events.after(core, ann, first)] == [2]
    everything = events.after(core, admin, 0, everybody=True)
    assert [event.data["n"] for event in everything] == [0, 1, 2]
    assert events.after(core, admin, 0) == events.after(core, ann, everything[-1].id) == []
    assert events.after(core, ann, 0, everybody=True) == events.after(core, ann, 0)
    assert (events.oldest(core), events.latest(core)) == (everything[0].id, everything[-1].id)
