"""Transactions as a homeserver pushes them (application service API: Pushing events)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from appservice_conformance.case import MUST, ROBUST, SHOULD, case
from appservice_conformance.service import Service
from appservice_conformance.world import PERSON, ROOMS, SERVER, Json, ask, event, transaction_id, word

SECTION = "Pushing events"


@case(MUST, SECTION)
def test_answered_with_an_empty_object(service: Service) -> None:
    """A transaction is answered with 200 and an object."""
    answer = service.push(event())
    assert answer.status_code == 200
    assert isinstance(answer.json(), dict)


@case(MUST, SECTION)
def test_no_events(service: Service) -> None:
    """A transaction without events is taken."""
    assert service.push().status_code == 200


@case(SHOULD, SECTION)
def test_the_same_again_is_handled_once(service: Service) -> None:
    """The same transaction again, because the answer was lost, is answered with 200 and handled once."""
    txn, question = transaction_id(), ask(said := word())
    assert service.push(question, txn=txn).status_code == 200
    assert service.handles(said)
    assert service.push(question, txn=txn).status_code == 200
    assert service.times(said) == 1


@case(SHOULD, SECTION)
def test_the_same_while_it_is_being_handled(service: Service) -> None:
    """The same transaction twice at the same time is answered with 200 and handled once."""
    txn, question = transaction_id(), ask(said := word())
    with ThreadPoolExecutor(4) as several:
        answers = list(several.map(lambda _: service.push(question, txn=txn).status_code, range(4)))
    assert answers == [200] * 4
    assert service.handles(said)
    assert service.times(said) == 1


@case(ROBUST, SECTION)
def test_the_same_events_under_another_id(service: Service) -> None:
    """Events that come again in another transaction, as after a restart of the homeserver, are handled once."""
    question = ask(said := word())
    assert service.push(question).status_code == 200
    assert service.handles(said)
    assert service.push(question, ask(other := word())).status_code == 200
    assert service.handles(other)
    assert service.times(said) == 1


@case(ROBUST, SECTION)
def test_an_event_twice_in_one_transaction(service: Service) -> None:
    """An event that is twice in one transaction is handled once."""
    question = ask(said := word())
    assert service.push(question, question).status_code == 200
    assert service.handles(said)
    assert service.times(said) == 1


@case(ROBUST, SECTION)
def test_the_numbering_begins_anew(service: Service) -> None:
    """Other events under an id that was used are handled: a homeserver may begin to count anew."""
    txn = transaction_id()
    assert service.push(ask(first := word()), txn=txn).status_code == 200
    assert service.handles(first)
    assert service.push(ask(second := word()), txn=txn).status_code == 200
    assert service.handles(second)


@case(SHOULD, SECTION)
def test_answers_keep_the_order_of_a_room(service: Service) -> None:
    """Events come in the order of the event stream, and what one room is answered keeps it, across transactions too."""
    said = [word() for _ in range(30)]
    for start in range(0, 30, 10):
        assert service.push(*(ask(one, ROOMS[1]) for one in said[start : start + 10])).status_code == 200
    assert service.handles(*said)
    assert service.in_order(said, ROOMS[1]) == said


@case(ROBUST, SECTION)
def test_a_late_transaction(service: Service) -> None:
    """Transactions that overtake each other are all handled."""
    first, second = word(), word()
    assert service.push(ask(second), txn="2" + transaction_id()).status_code == 200
    assert service.push(ask(first), txn="1" + transaction_id()).status_code == 200
    assert service.handles(first, second)


@case(ROBUST, SECTION)
def test_many_at_once(service: Service) -> None:
    """Eight transactions at the same time, on connections of their own, are all handled."""
    said = [word() for _ in ROOMS]
    with ThreadPoolExecutor(len(ROOMS)) as several:
        answers = list(several.map(lambda pair: service.push(ask(*pair)).status_code, zip(said, ROOMS, strict=True)))
    assert answers == [200] * len(ROOMS)
    assert service.handles(*said)


@case(MUST, SECTION)
def test_a_hundred_events(service: Service) -> None:
    """A full transaction, a hundred events of several rooms, is handled whole."""
    said = [word() for _ in range(100)]
    assert service.push(*(ask(one, ROOMS[at % len(ROOMS)]) for at, one in enumerate(said))).status_code == 200
    assert service.handles(*said)


@case(MUST, f"{SECTION}; unknown properties are ignored")
@pytest.mark.parametrize(
    "more",
    [
        {"to_device": [{"type": "m.room_key_request", "sender": PERSON, "content": {}}]},
        {"de.sorunome.msc2409.to_device": [], "org.matrix.msc3202.device_lists": {"changed": [], "left": []}},
        {"org.matrix.msc3202.device_one_time_keys_count": {}, "example.unknown": None},
    ],
    ids=["to_device", "device lists", "unknown"],
)
def test_unknown_keys_are_ignored(service: Service, more: Json) -> None:
    """Properties that the service does not know change nothing, those for encryption among them."""
    assert service.put({"events": [ask(said := word())], **more}).status_code == 200
    assert service.handles(said)


@case(MUST, f"{SECTION}; unknown properties are ignored")
def test_unknown_parts_of_an_event(service: Service) -> None:
    """Unknown properties of an event, its content and its unsigned change nothing."""
    question = ask(said := word(), unsigned={"age": 1, "example.unknown": [1]})
    question["example.unknown"] = {"deep": [None]}
    question["content"]["example.unknown"] = 1.5
    assert service.push(question).status_code == 200
    assert service.handles(said)


@case(MUST, SECTION)
@pytest.mark.parametrize(
    "unknown",
    [
        {"type": "example.unknown"},
        {"content": {}},
        {"content": {"msgtype": "example.unknown", "body": "A future message."}},
        {"room_id": f"!elsewhere:{SERVER}"},
    ],
    ids=["type", "redacted", "msgtype", "room"],
)
def test_what_it_does_not_know_holds_up_nothing(service: Service, unknown: Json) -> None:
    """An event of an unknown type, kind of message or room, or a redacted one, holds up nothing behind it."""
    assert service.push(event(**unknown), ask(said := word())).status_code == 200
    assert service.handles(said)


@case(SHOULD, SECTION)
def test_a_state_event_is_no_message(service: Service) -> None:
    """State is told from messages by the state key, not by the type."""
    assert service.push(ask(said := word(), state_key="")).status_code == 200
    assert service.times(said) == 0


@case(ROBUST, SECTION)
@pytest.mark.parametrize("txn", ["a%2Fb", "%C3%A9", "1" * 500, "a:b,c;d", "%20"])
def test_any_transaction_id(service: Service, txn: str) -> None:
    """A transaction id is any text: with a slash, letters of other scripts, or long."""
    assert service.push(ask(said := word()), txn=txn + transaction_id()).status_code == 200
    assert service.handles(said)


EPHEMERAL = [
    {"type": "m.typing", "room_id": ROOMS[0], "content": {"user_ids": [PERSON]}},
    {"type": "m.receipt", "room_id": ROOMS[0], "content": {"$e": {"m.read": {PERSON: {"ts": 1, "thread_id": "main"}}}}},
    {"type": "m.presence", "sender": PERSON, "content": {"presence": "online", "currently_active": True}},
]


@case(MUST, "Pushing EDUs")
@pytest.mark.parametrize("name", ["ephemeral", "de.sorunome.msc2409.ephemeral"])
def test_ephemeral_events(service: Service, name: str) -> None:
    """Typing, receipts and presence are taken, and the events beside them are handled."""
    assert service.put({"events": [ask(said := word())], name: EPHEMERAL}).status_code == 200
    assert service.handles(said)


@case(MUST, "Pushing EDUs")
def test_ephemeral_events_alone(service: Service) -> None:
    """A transaction with ephemeral events alone is taken."""
    assert service.put({"events": [], "ephemeral": EPHEMERAL}).status_code == 200
    assert service.goes_on()


@case(ROBUST, "Pushing EDUs")
def test_unknown_ephemeral_events(service: Service) -> None:
    """An ephemeral event of an unknown type holds up nothing."""
    body = {"events": [ask(said := word())], "ephemeral": [{"type": "example.unknown", "content": {}}]}
    assert service.put(body).status_code == 200
    assert service.handles(said)
