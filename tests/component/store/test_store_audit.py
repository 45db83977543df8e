"""The audit log in the database: appended in the unit of the change, never changed, and tampering shows (O1)."""

from __future__ import annotations

import pytest

from bridge.firm.audit import Deed, Outcome
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.record.audit import TamperedError, audited, head, newest, record, verify
from bridge.store.rooms.channels import archive, rename, restore, set_topic
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.store.rooms.made import record_room, write_intent
from bridge.store.rooms.participants import add_participants, drop, pick, remove_from_all, remove_participant
from tests.component.conftest import tamper

CLUB = Conversation("club", ConversationKind.CHANNEL, title="Club", participants=frozenset({"a", "b"}))


async def deeds(store: Store) -> list[tuple[str, str, str, str, str]]:
    """Everything that was recorded: deed, actor, subject, person and cause."""
    found = await store.run(audited)
    return [(one.entry.deed, one.entry.actor, one.entry.subject, one.entry.person, one.entry.cause) for one in found]


async def start(store: Store) -> None:
    await store.run(add_conversations, [NewConversation(CLUB, "club", created_by="a", caused_by="$1")])


async def test_O1_every_change_of_membership_is_recorded_once(store: Store) -> None:
    await start(store)
    await start(store)
    begun = [
        ("conversation_started", "a", "club", "", "$1"),
        ("participant_joined", "a", "club", "a", "$1"),
        ("participant_added", "a", "club", "b", "$1"),
    ]
    assert await deeds(store) == begun
    await store.run(pick, "club", ["b", "c"], "b", "$2")
    await store.run(drop, "club", ["b", "c"], "c", "$3")
    await store.run(remove_participant, "club", "a", 2**53, by="a", cause="$4")
    await store.run(add_participants, "club", ["d"], "b", cause="$5")
    await store.run(remove_from_all, ["d"])
    assert (await deeds(store))[3:] == [
        ("participant_added", "b", "club", "c", "$2"),
        ("participant_removed", "c", "club", "b", "$3"),
        ("participant_left", "c", "club", "c", "$3"),
        ("participant_left", "a", "club", "a", "$4"),
        ("participant_added", "b", "club", "d", "$5"),
        ("participant_removed", "", "club", "d", ""),
    ]
    # The same again changes nothing and leaves no entry.
    before = await deeds(store)
    await store.run(drop, "club", ["b", "c"], "c", "$3")
    await store.run(remove_participant, "club", "a", 2**53, by="a", cause="$4")
    await store.run(remove_from_all, ["d"])
    assert await deeds(store) == before


async def test_O1_names_topics_archive_and_rooms_are_recorded_where_they_change(store: Store) -> None:
    await start(store)
    skipped = len(await deeds(store))

    def work(unit: Unit) -> None:
        for _ in range(2):
            rename(unit, "club", "Book Club", "book-club", "book-club", by="a", cause="$2")
            set_topic(unit, "club", "Novels", by="a", cause="$3")
            archive(unit, "club", "a", "$4")
        for _ in range(2):
            restore(unit, "club", "b", "$5")
        write_intent(unit, "club", "alias")
        record_room(unit, "club", "!room:localhost")

    await store.run(work)
    assert (await deeds(store))[skipped:] == [
        ("renamed", "a", "club", "", "$2"),
        ("topic_set", "a", "club", "", "$3"),
        ("archived", "a", "club", "", "$4"),
        ("restored", "b", "club", "", "$5"),
        ("room_made", "", "club", "", ""),
    ]
    # What a topic says is nobody's business here.
    assert "Novels" not in str(await store.run(audited))


async def test_O1_what_is_undone_leaves_no_entry_and_a_whole_chain(store: Store) -> None:
    await start(store)

    def fails(unit: Unit) -> None:
        pick(unit, "club", ["c"], "a", "$2")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        await store.run(fails)
    assert len(await deeds(store)) == 3
    assert (await store.run(verify)).entries == 3


async def test_O1_the_database_refuses_to_change_or_delete_an_entry(store: Store) -> None:
    await start(store)
    for statement in ("UPDATE audit_row SET actor = 'z'", "DELETE FROM audit_row"):
        with pytest.raises(Exception, match="append-only"):
            await store.run(lambda unit, statement=statement: unit.execute(statement))  # type: ignore[misc]
    assert (await store.run(verify)).entries == 3


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_row SET actor = 'z' WHERE position = 2",
        "UPDATE audit_row SET at_ms = at_ms + 1 WHERE position = 3",
        "UPDATE audit_row SET deed = 'nothing' WHERE position = 2",
        "DELETE FROM audit_row WHERE position = 2",
        "DELETE FROM audit_row WHERE position = 3",
        "DELETE FROM audit_row",
    ],
)
async def test_O1_tampering_past_the_database_shows(store: Store, database_url: str, tampering: str) -> None:
    await start(store)
    noted = await store.run(head)
    await store.close()
    tamper(database_url, tampering)
    await store.open()
    with pytest.raises(TamperedError):
        await store.run(verify, noted)


async def test_O1_two_writers_behind_the_same_entry_do_not_fork_the_log(store: Store) -> None:
    await start(store)
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.run(
            lambda unit: unit.execute(
                "INSERT INTO audit_row (at_ms, deed, actor, subject, person, reason, cause, outcome, previous, digest)"
                " SELECT at_ms, deed, actor, subject, person, reason, cause, outcome, previous, 'other' FROM audit_row"
                " WHERE position = 2"
            )
        )


async def test_entries_are_found_by_person_subject_and_outcome(store: Store) -> None:
    await start(store)
    await store.run(record, Deed.PUT_BACK, actor="@x:localhost", subject="club", person="b", outcome=Outcome.REFUSED)
    found = await store.run(newest, 10, person="b")
    assert [one.entry.deed for one in found] == [Deed.PUT_BACK, Deed.PARTICIPANT_ADDED]
    assert len(await store.run(newest, 2, subject="club")) == 2
    (refused,) = await store.run(newest, 10, outcome=Outcome.REFUSED)
    assert refused.entry.actor == "@x:localhost"
    assert len(await store.run(newest, 10, deed=Deed.PARTICIPANT_ADDED)) == 1


async def test_ids_that_clients_make_up_cannot_break_the_log(store: Store) -> None:
    await store.run(record, Deed.PUT_BACK, actor="@\0\ud800:x", cause='","', reason="\n")
    assert (await store.run(verify)).entries == 1
