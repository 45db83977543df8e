"""The audit log in words for people: names then and now, and why something was refused (O1)."""

from __future__ import annotations

from typing import get_args

import pytest

from bridge.firm.audit import Deed
from bridge.firm.model import Wall
from bridge.firm.rules import CitedRule
from bridge.mapping.pins import PINNED
from bridge.reconcile.planning.steps import DriftKind
from bridge.store.engine.unit import Unit
from bridge.store.record.audit import record
from bridge.wording.audit import IN_SHORT, put_back, put_back_reason, rule_in_words
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel


async def _lines(on: FirmOnFake, typed: str = "!audit") -> list[str]:
    """What the log says, oldest first, without the moments."""
    said = await on.ask(ANN, typed)
    return [line[19:] for line in reversed(said.splitlines()) if line.startswith("- ")]


async def test_a_renamed_channel_is_told_by_its_name_then_and_now(on: FirmOnFake) -> None:
    await on.say(ANN, "!channel create Filings @ben")
    await on.say(ANN, "!channel rename Filings to Court Filings")
    await on.say(ANN, "!channel add Court Filings @cleo")
    await on.say(ANN, "!channel rename Court Filings to Lunch")
    lines = await _lines(on, "!audit Lunch")
    assert lines[0] == "Ann Archer started the channel Filings (now Lunch)"
    assert "Ann Archer renamed the channel Filings to Court Filings (now Lunch)" in lines
    assert "Ann Archer added Cleo Crane to the channel Court Filings (now Lunch)" in lines
    assert lines[-1] == "Ann Archer renamed the channel Court Filings to Lunch"


async def test_so_is_a_conversation_of_a_matter(on: FirmOnFake) -> None:
    await on.say(ANN, '!matter start 2026-0042 "Experts {x}" @ben')
    await on.say(ANN, '!matter rename 2026-0042 "Experts {x}" to Expert witnesses')
    lines = await _lines(on, "!audit 2026-0042 deed:renamed")
    assert lines == ["Ann Archer renamed Experts {x} · 2026-0042 Estate of Orla Quill to Expert witnesses"]
    started = (await _lines(on, "!audit 2026-0042 deed:started"))[-1]
    assert started.endswith("started Experts {x} · 2026-0042 Estate of Orla Quill (now Expert witnesses)")


async def test_M3_a_former_name_that_names_a_hidden_matter_is_not_told(on: FirmOnFake) -> None:
    await on.say(ANN, "!channel create About 2026-0055 @ben")
    await on.say(ANN, "!channel rename About 2026-0055 to Lunch")
    await on.say(ANN, "!channel add Lunch @cleo")
    on.firm = make_firm(walls=[Wall("w8", matter_id="m2", people=("d",))])
    assert "2026-0055" in await on.ask(ANN, "!audit Lunch")
    said = await on.ask(DAN, "!audit Lunch")
    assert "added Cleo Crane to the channel Lunch" in said
    assert "2026-0055" not in said


async def test_a_name_that_is_taken_is_said_to_be(on: FirmOnFake) -> None:
    """V1: tried in a client, it is put back."""
    await on.say(ANN, "!channel create Filings @ben")
    room = await on.room(channel("Filings"))
    on.fake.put_state(room.room_id, on.user(BEN), "m.room.name", "", {"name": "Litigation"})
    await on.hear()
    await on.said()
    assert (await _lines(on, "!audit Filings"))[-1] == (
        "Ben Booth changed the name of the channel Filings, which was put back; refused: There is a channel called"
        " Litigation already"
    )


async def test_entries_of_before_say_what_was_put_back_too(on: FirmOnFake) -> None:
    def work(unit: Unit) -> None:
        for reason, person in (("m.room.name", ""), ("invite", "c"), ("leave", "b"), ("somebody_banned", "c")):
            record(unit, Deed.PUT_BACK, actor="b", subject=ESTATE_TALK, person=person, reason=reason, outcome="refused")  # type: ignore[arg-type]

    await on.store.run(work)
    talk = "General · 2026-0042 Estate of Orla Quill"
    assert (await _lines(on, "!audit @ben"))[-4:] == [
        f"Ben Booth changed the name of {talk}, which was put back; refused",
        f"Ben Booth invited Cleo Crane to {talk}, which was undone; refused",
        f"Ben Booth left {talk}, and was brought back; refused",
        f"Ben Booth banned Cleo Crane from {talk}, which was undone; refused",
    ]


@pytest.mark.parametrize("kind", DriftKind)
def test_every_kind_of_drift_has_words(kind: DriftKind) -> None:
    form, why = put_back(f"{kind.value}: m.room.join_rules", by_themselves=False)
    assert form.format(subject="the channel Lunch", person="Ben Booth")
    assert not why


def test_of_a_refusal_the_log_keeps_the_reason_and_no_advice() -> None:
    told = "There is a channel called A\\*b already; join it: `!channel join A*b`. Or choose another name."
    assert put_back_reason("m.room.name", told) == "m.room.name: There is a channel called A*b already"
    assert put_back_reason(PINNED, "") == PINNED
    assert put_back(PINNED, by_themselves=True)[0] == "changed the pinned messages of {subject}, which was put back"


def test_every_rule_that_may_be_named_has_words() -> None:
    assert set(IN_SHORT) == {rule for kind in get_args(CitedRule) for rule in get_args(kind)}
    assert rule_in_words("M3, once more at 10:00") == "closed to them (M3), once more at 10:00"
    assert rule_in_words("Nobody has been in it") == "Nobody has been in it"


async def test_a_command_that_is_not_for_them_says_so(on: FirmOnFake) -> None:
    await on.say(CLEO, "!audit")
    assert (await _lines(on, "!audit @cleo refused"))[-1] == (
        "Cleo Crane typed !audit; refused: only for firm admins (F1)"
    )
