"""The service killed as a crash does it, and a homeserver that is away."""

from __future__ import annotations

from collections.abc import Callable

from appservice_conformance.case import ROBUST, SHOULD, case
from appservice_conformance.service import Service
from appservice_conformance.world import ROOMS, ask, event, transaction_id, word

SECTION = "Pushing events"


@case(ROBUST, SECTION)
def test_the_same_again_after_a_kill(killable: Service) -> None:
    """A transaction that was handled, and comes again after a crash because its answer was lost, is handled once."""
    txn, question = transaction_id(), ask(said := word())
    assert killable.push(question, txn=txn).status_code == 200
    assert killable.handles(said)
    killable.kill()
    killable.start()
    assert killable.push(question, txn=txn).status_code == 200
    assert killable.times(said) == 1


@case(ROBUST, SECTION)
def test_the_numbering_begins_anew_after_a_kill(killable: Service) -> None:
    """After a crash, other events under an id from before are handled."""
    txn = transaction_id()
    assert killable.push(event(), txn=txn).status_code == 200
    killable.kill()
    killable.start()
    assert killable.push(ask(said := word()), txn=txn).status_code == 200
    assert killable.handles(said)


@case(ROBUST, SECTION)
def test_what_was_answered_is_not_lost(killable: Service, record_property: Callable[[str, object], None]) -> None:
    """What was answered with 200 is handled although the service is killed at once: it does not come again."""
    said = [word() for _ in range(100)]
    questions = [ask(one, ROOMS[at % len(ROOMS)]) for at, one in enumerate(said)]
    assert killable.push(*questions).status_code == 200
    killable.kill()
    killable.start()
    killable.goes_on()
    handled = killable.handles(*said)
    record_property("note", f"lost {len(set(said) - set(killable.homeserver.pongs()))} of 100")
    assert handled


@case(ROBUST, SECTION)
def test_killed_in_the_middle(killable: Service, record_property: Callable[[str, object], None]) -> None:
    """Killed while it handles a transaction, which then comes again, it handles each event once, as people see it."""
    said = [word() for _ in range(100)]
    txn, questions = transaction_id(), [ask(one, ROOMS[at % len(ROOMS)]) for at, one in enumerate(said)]
    killable.push(*questions, txn=txn)
    assert killable.handles(said[0])
    killable.kill()
    killable.start()
    assert killable.push(*questions, txn=txn).status_code == 200
    handled = killable.handles(*said)
    for room in ROOMS:
        killable.goes_on(room)
    pongs = killable.homeserver.pongs()
    lost, doubled = sum(one not in pongs for one in said), sum(pongs.count(one) > 1 for one in said)
    record_property("note", f"lost {lost}, doubled {doubled} of 100")
    assert handled
    assert (lost, doubled) == (0, 0)


@case(SHOULD, "Pinging")
def test_started_before_the_homeserver(killable: Service) -> None:
    """It starts although the homeserver is not there yet, and works when it is."""
    killable.kill()
    killable.homeserver.stop()
    try:
        killable.start()
    finally:
        killable.homeserver.start()
    assert killable.push(ask(said := word())).status_code == 200
    assert killable.handles(said, within=killable.adapter.pong_seconds * 3)


@case(ROBUST, SECTION)
def test_the_homeserver_fails_for_a_moment(killable: Service) -> None:
    """An answer that the homeserver did not take at first (503) reaches the room all the same, once."""
    killable.homeserver.fail(2)
    said = word()
    assert killable.push(ask(said, ROOMS[2])).status_code == 200
    handled = killable.handles(said, within=killable.adapter.pong_seconds * 3)
    killable.homeserver.fail(0)
    assert handled
    assert killable.times(said, ROOMS[2]) == 1
