"""What is asked of a few rooms or one person is found by an index, however many others there are (SQLite)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from peewee import chunked

from bridge.firm.conversation import ADMINS_ID, ConversationKind
from bridge.firm.room_keys import STAFF_SPACE, matter_space_key
from bridge.store import models
from bridge.store.engine.backends import backend_for
from bridge.store.engine.migrating import migrate
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.people.digests import channel_rooms_of, matter_rooms_of
from bridge.store.people.welcomes import channels_with
from bridge.store.record.audit import Filter, newest_by
from bridge.store.rooms.channels import all_channels, channel_aliases, channel_named, recent
from bridge.store.rooms.conversations import (
    conversation_by_id,
    conversations_of_people,
    conversations_of_person,
    direct_rooms_of,
)
from bridge.store.rooms.made import earlier_rooms
from bridge.store.rooms.matters import conversations_of_matter, rooms_of_person_in
from bridge.store.rooms.questions import picks_of, titles_of, who_ended
from bridge.store.rooms.world import Extent, extent_of, load_conversations, load_part

MANY = 3000
LARGE = {"conversation", "participant", "room", "audit_row"}
FEW = ("INDEX conversation_everyone", "INDEX participant_absent", "INDEX room_earlier_of")
KEY, WHO, MATTER = "matter-9", "s9", "m9"
READS: dict[str, Callable[[ReadUnit], object]] = {
    "a room's part": lambda unit: load_part(unit, KEY),
    "a matter space's part": lambda unit: load_part(unit, matter_space_key(MATTER)),
    "the staff space's part": lambda unit: load_part(unit, STAFF_SPACE),
    "an extent": lambda unit: extent_of(unit, {KEY, STAFF_SPACE}),
    "what is in an extent": lambda unit: load_conversations(
        unit, Extent(frozenset({MATTER}), frozenset({WHO}), channels=True, keys=frozenset({ADMINS_ID}))
    ),
    "what is in one of people": lambda unit: load_conversations(unit, Extent(people=frozenset({WHO}))),
    "a conversation": lambda unit: conversation_by_id(unit, KEY),
    "a matter's": lambda unit: conversations_of_matter(unit, MATTER),
    "somebody's in a matter": lambda unit: rooms_of_person_in(unit, [MATTER], WHO),
    "somebody's": lambda unit: conversations_of_person(unit, WHO),
    "some people's": lambda unit: conversations_of_people(unit, [WHO, "s8"]),
    "somebody's direct ones": lambda unit: direct_rooms_of(unit, WHO),
    "somebody's in matters": lambda unit: matter_rooms_of(unit, WHO),
    "somebody's channels": lambda unit: channel_rooms_of(unit, WHO),
    "somebody's channels by name": lambda unit: channels_with(unit, WHO),
    "earlier rooms": lambda unit: earlier_rooms(unit, [KEY, "matter-8"]),
    "channels": all_channels,
    "a channel": lambda unit: channel_named(unit, "tide"),
    "recent channels": lambda unit: recent(unit, 10),
    "addresses": channel_aliases,
    "picks": lambda unit: picks_of(unit, WHO),
    "who ended": lambda unit: who_ended(unit, WHO, [KEY]),
    "titles": lambda unit: titles_of(unit, [KEY]),
    "the log of somebody": lambda unit: newest_by(unit, Filter(WHO), 50),
    "the log of a room": lambda unit: newest_by(unit, Filter(subjects=frozenset({KEY})), 50),
}


@pytest.fixture(scope="module")
def unit() -> Iterator[Unit]:
    """A firm of which SQLite knows how much there is of each, as after ANALYZE."""
    backend = backend_for("sqlite:///:memory:")
    backend.connect()
    migrate(backend)
    whole = Unit(backend.database)
    kinds = (ConversationKind.MATTER, ConversationKind.DIRECT, ConversationKind.BOT)
    conversations = [
        {"id": f"matter-{n}", "kind": kinds[n % 3], "matter_id": f"m{n}" if n % 3 == 0 else "", "created_at": n}
        for n in range(MANY)
    ]
    channels = [
        {
            "id": f"channel-{n}",
            "kind": ConversationKind.CHANNEL,
            "everyone": not n,
            "created_at": n,
            "name_key": f"tide {n}",
        }
        for n in range(20)
    ]
    people = [{"conversation": f"matter-{n}", "staff_id": f"s{n % 500}", "since": n} for n in range(MANY)]
    rooms = [{"key": f"matter-{n}", "alias_localpart": f"a{n}", "room_id": f"!{n}:hs"} for n in range(MANY)]
    for model, rows in (
        (models.Conversation, conversations),
        (models.Conversation, channels),
        (models.Participant, people),
        (models.Room, rooms),
    ):
        for some in chunked(rows, 500):
            whole.run(model.insert_many(some))
    whole.execute("ANALYZE")
    yield whole
    backend.close()


@pytest.mark.parametrize("name", READS)
def test_nothing_large_is_looked_through(unit: Unit, name: str) -> None:
    connection: Any = unit.database.connection()  # type: ignore[no-untyped-call]
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    READS[name](unit)
    connection.set_trace_callback(None)
    assert asked
    steps = [row[3] for sql in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    # A scan by an index of a few rows is none.
    scanned = {found[1] for step in steps if (found := re.match(r"SCAN (\w+)", step)) and not step.endswith(FEW)}
    named = {alias: table for sql in asked for table, alias in re.findall(r'"(\w+)" AS "(\w+)"', sql)}
    assert {named.get(one, one) for one in scanned}.isdisjoint(LARGE), "\n".join([*asked, *steps])
