"""What the guard refused is in the audit log once, whatever is killed, lost or put back in between (O1)."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from prometheus_client import CollectorRegistry

from bridge.care.refusals import NoPageError, take_refusals
from bridge.care.telling_refusals import tell_of_refusals
from bridge.firm.audit import BY_GUARD, AuditEntry, Deed, Outcome
from bridge.firm.conversation import ADMINS_ID, bot_chat_id
from bridge.firm.model import Staff
from bridge.guard.protocol import REFUSALS_PATH, sign_page, sign_taken
from bridge.guard.refusals import OTHERS, WINDOW_MS, Attempt
from bridge.guard.spool import Spool
from bridge.matrix.errors import ForbiddenError
from bridge.metrics import Metrics
from bridge.settings import GuardSettings
from bridge.store import models
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.record import audit
from bridge.store.record.refusals import TALLY_MS, TOLD_AGAIN_MS, forget_tallies
from bridge.wording.audit import rule_in_words
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK, EVE, MERGER_TALK
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
from tests.fakes.faults import DROP_AFTER, DROP_BEFORE, DUPLICATE, Answer, Behaviour, refusal
from tests.fakes.guard import GUARD_KEY, FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied

MALLORY = "@mallory:localhost"
EVE_ID = "@eve:localhost"
"""She left before she ever had an account."""
REFUSED = refusal(403, "M_FORBIDDEN")
"""An answer after which the bridge does not ask again by itself."""


@pytest.fixture
async def on(fake: FakeHomeserver, store: Store, guard: FakeGuard) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store) as made:
        yield made


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


async def invite(on: FirmOnFake, who: Staff, whom: str, key: str = ESTATE_TALK) -> None:
    """Let somebody try to invite whom the guard keeps out."""
    with pytest.raises(Denied):
        on.fake.invite((await on.room(key)).room_id, on.user(who), whom)


async def entries(on: FirmOnFake) -> list[AuditEntry]:
    """What the log says of the guard's refusals, in order; the chain is whole."""
    found = await on.store.run(audit.audited, limit=10_000)
    await on.store.run(audit.verify)
    return [one.entry for one in found if one.entry.deed in BY_GUARD | {Deed.REFUSALS_MISSING}]


def said(found: list[AuditEntry]) -> list[tuple[str, str, str]]:
    return [(one.deed.value, one.actor, one.person) for one in found]


def restarted(on: FirmOnFake, tmp_path: Path) -> FakeGuard:
    """The guard as after kill -9 of Synapse."""
    on.fake.guard = FakeGuard(tmp_path / "firm-policy", on.fake.bot_id)
    on.fake.guard.keeper.load()
    return on.fake.guard


async def test_O1_a_refused_attempt_is_in_the_log_in_plain_words(on: FirmOnFake, metrics: Metrics) -> None:
    await invite(on, ANN, on.user(BEN), MERGER_TALK)
    assert on.fake.guard is not None
    on.fake.guard.keeper.note(Attempt(Deed.TRIED_TO_JOIN, on.user(BEN), MERGER_TALK, "", "M3"))
    assert await take_refusals(on.desk, metrics) == 2
    found = await entries(on)
    assert said(found) == [("tried_to_invite", "a", "b"), ("tried_to_join", "b", "")]
    assert {(one.subject, one.reason, one.outcome) for one in found} == {(MERGER_TALK, "M3", Outcome.REFUSED)}
    listed = await on.ask(ANN, "!audit 2026-0055 refused")
    talk = "General · 2026-0055 Sale of Tidewell Brewing"
    assert f"Ann Archer tried to invite Ben Booth to {talk}; refused by the guard: closed to them (M3)" in listed
    assert "Ben Booth tried to come into General · 2026-0055" in listed
    why = await on.ask(ANN, "!why @ben 2026-0055")
    assert "Refused lately" in why
    assert "Ann Archer tried to invite Ben Booth" in why
    assert "Refused lately" not in await on.ask(ANN, "!why @cleo 2026-0055")
    assert metrics.registry.get_sample_value("firm_bridge_refusals_taken_total", {"rule": "M3"}) == 2
    assert metrics.registry.get_sample_value("firm_bridge_refusals_oldest_seconds") == 0
    assert await take_refusals(on.desk, metrics) == 0


async def test_O1_repetitions_are_one_entry_with_how_many_and_when(on: FirmOnFake, metrics: Metrics) -> None:
    now = [1_700_000_000_000]
    assert on.fake.guard is not None
    spool = on.fake.guard.keeper.spool
    with patch.object(spool, "now_ms", lambda: now[0]):
        for _ in range(14):
            await invite(on, ANN, on.user(EVE))
            now[0] += 4_000
        now[0] += WINDOW_MS
        spool.tick()
        await invite(on, ANN, on.user(EVE))
        now[0] += 2 * WINDOW_MS
        spool.tick()
        await take_refusals(on.desk, metrics)
    found = await entries(on)
    assert [one.reason for one in found] == [
        "F1",
        "F1, 13 more times between 22:13 and 22:14",
        "F1, once more at 22:15",
    ]
    # Taken over late, it is told when it was.
    assert found[0].at_ms == 1_700_000_000_000
    listed = await on.ask(ANN, "!audit @ann refused")
    assert re.search(
        r"2023-11-14 22:14 Ann Archer tried to invite @eve:localhost .*refused by the guard: only .* \(F1\), 13 more",
        listed,
    )
    assert "Ann Archer" in await on.ask(ANN, "!audit since:2023-11-14 until:2023-11-14")


async def test_a_stranger_a_room_that_is_none_and_the_bot_are_told_as_what_they_are(
    on: FirmOnFake, metrics: Metrics
) -> None:
    assert on.fake.guard is not None
    note = on.fake.guard.keeper.note
    elsewhere = "!elsewhere:localhost"
    chat = (await on.room(bot_chat_id("a"))).room_id
    note(Attempt(Deed.TRIED_TO_INVITE, on.user(ANN), elsewhere, MALLORY, "F1"))
    note(Attempt(Deed.TRIED_TO_INVITE, on.fake.bot_id, chat, "@ann:elsewhere.example", "F1"))
    note(Attempt(Deed.TRIED_TO_CHANGE_ROOM, on.user(BEN), ESTATE_TALK, "", "O3", "m.room.join_rules"))
    note(Attempt(Deed.TRIED_TO_DEACTIVATE, "", "", on.user(CLEO), "F2"))
    note(Attempt(Deed.TRIED_TO_TELL_GUARD, rule="O1"))
    note(Attempt(Deed.TRIED_TO_CREATE, on.user(DAN), "", "", "F1", OTHERS))
    await take_refusals(on.desk, metrics)
    found = await entries(on)
    assert [(one.actor, one.subject, one.person) for one in found] == [
        ("a", elsewhere, MALLORY),
        ("", bot_chat_id("a"), "@ann:elsewhere.example"),
        ("b", ESTATE_TALK, ""),
        ("", "", "c"),
        ("", "", ""),
        ("d", "", ""),
    ]
    listed, outside = await on.ask(ANN, "!audit deed:tried"), rule_in_words("F1")
    for line in (
        f"The bridge tried to invite @ann:elsewhere.example to a chat with me; refused by the guard: {outside}",
        "General · 2026-0042 Estate of Orla Quill; refused by the guard: only the bridge sets up rooms (O3), about who"
        " may come in",
        f"A server admin tried to close the account of Cleo Crane; refused by the guard: {rule_in_words('F2')}",
        "Somebody without the guard's key tried to tell",
        f"the firm does not have; refused by the guard: {outside}, with others that are not listed one by one",
    ):
        assert line in listed


async def test_killed_between_the_commit_and_the_acknowledgement_nothing_is_doubled(
    on: FirmOnFake, metrics: Metrics, tmp_path: Path
) -> None:
    await invite(on, ANN, on.user(EVE))
    on.fake.script("POST", REFUSALS_PATH, DUPLICATE, REFUSED)
    with pytest.raises(ForbiddenError):
        await take_refusals(on.desk, metrics)
    assert len(await entries(on)) == 1
    # Synapse is killed, too, and has it still; another attempt comes.
    guard = restarted(on, tmp_path)
    assert guard.keeper.spool.waiting()["waiting"] == 1
    await invite(on, BEN, on.user(EVE))
    assert await take_refusals(on.desk, metrics) == 1
    assert said(await entries(on)) == [("tried_to_invite", "a", EVE_ID), ("tried_to_invite", "b", EVE_ID)]
    assert restarted(on, tmp_path).keeper.spool.waiting()["waiting"] == 0


async def test_killed_before_the_commit_everything_is_asked_for_again(on: FirmOnFake, metrics: Metrics) -> None:
    await invite(on, ANN, on.user(EVE))
    on.fake.script("POST", REFUSALS_PATH, DROP_AFTER)
    with patch("bridge.care.refusals.mark_taken", side_effect=RuntimeError("killed")), pytest.raises(RuntimeError):
        await take_refusals(on.desk, metrics)
    assert await entries(on) == []
    await take_refusals(on.desk, metrics)
    assert len(await entries(on)) == 1


async def test_two_bridges_at_once_write_each_entry_once(on: FirmOnFake, metrics: Metrics) -> None:
    for number in range(3):
        await invite(on, ANN, f"@p{number}:localhost")
    await asyncio.gather(*[take_refusals(on.desk, metrics) for _ in range(4)])
    assert len(await entries(on)) == 3


@pytest.mark.parametrize("seed", range(6))
async def test_each_refusal_is_there_once_whatever_fails_in_between(
    on: FirmOnFake, metrics: Metrics, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    lost: list[Behaviour] = [DROP_AFTER, DUPLICATE]
    before: list[Behaviour] = [DROP_BEFORE, REFUSED]
    tried = 0
    for _ in range(25):
        match chance.choice(["refuse", "refuse", "take", "lost", "before", "unit", "restart"]):
            case "refuse":
                tried += 1
                await invite(on, ANN, f"@p{tried}:localhost")
            case "lost":
                on.fake.script("POST", REFUSALS_PATH, chance.choice(lost))
            case "before":
                on.fake.script("POST", REFUSALS_PATH, chance.choice(before))
            case "take":
                with suppress(ForbiddenError):
                    await take_refusals(on.desk, metrics)
            case "unit":
                with (
                    patch("bridge.care.refusals.mark_taken", side_effect=RuntimeError("killed")),
                    suppress(RuntimeError, ForbiddenError),
                ):
                    await take_refusals(on.desk, metrics)
            case "restart":
                restarted(on, tmp_path)
    on.fake.keep_to_no_script()
    await take_refusals(on.desk, metrics)
    assert [one.person for one in await entries(on)] == [f"@p{number}:localhost" for number in range(1, tried + 1)]


# What was lost, put back or forged.


async def test_O1_a_list_that_the_guard_lost_is_an_entry_of_its_own(
    on: FirmOnFake, metrics: Metrics, tmp_path: Path
) -> None:
    await invite(on, ANN, on.user(EVE))
    await take_refusals(on.desk, metrics)
    (tmp_path / "firm-policy.refusals").unlink()
    restarted(on, tmp_path)
    # Nothing was refused since, so there is nothing to say yet, at however many restarts.
    assert await take_refusals(on.desk, metrics) == 0
    await invite(on, BEN, MALLORY)
    await take_refusals(on.desk, metrics)
    found = await entries(on)
    assert [one.person for one in found] == [EVE_ID, "", MALLORY]
    assert found[1].deed is Deed.REFUSALS_MISSING
    assert "another list" in found[1].reason
    assert "The bridge found that refusals of the guard may be missing" in await on.ask(ANN, "!audit deed:missing")
    await invite(on, BEN, "@third:localhost")
    await take_refusals(on.desk, metrics)
    assert len(await entries(on)) == 4


async def test_a_list_put_back_from_a_backup_doubles_nothing(on: FirmOnFake, metrics: Metrics, tmp_path: Path) -> None:
    file = tmp_path / "firm-policy.refusals"
    await invite(on, ANN, on.user(EVE))
    backup = file.read_bytes()
    await invite(on, BEN, MALLORY)
    await take_refusals(on.desk, metrics)
    file.write_bytes(backup)
    restarted(on, tmp_path)
    await invite(on, BEN, "@third:localhost")
    await take_refusals(on.desk, metrics)
    found = await entries(on)
    assert [one.person for one in found] == [EVE_ID, MALLORY, "", "@third:localhost"]
    assert "does not go on" in found[2].reason
    # The same once more, met while nothing new is there.
    file.write_bytes(backup)
    restarted(on, tmp_path)
    assert await take_refusals(on.desk, metrics) == 0
    await invite(on, BEN, "@fourth:localhost")
    await take_refusals(on.desk, metrics)
    assert [one.person for one in (await entries(on))[4:]] == ["@fourth:localhost"]


async def test_a_database_put_back_from_a_backup_says_what_it_lacks(on: FirmOnFake, metrics: Metrics) -> None:
    await invite(on, ANN, on.user(EVE))
    await take_refusals(on.desk, metrics)
    before = await on.store.run(lambda unit: unit.all(models.RefusalsTaken.select().dicts()))
    await invite(on, BEN, MALLORY)
    await take_refusals(on.desk, metrics)

    def put_back(unit: Unit) -> None:
        unit.run(models.RefusalsTaken.delete())
        unit.run(models.RefusalsTaken.insert_many(before))

    await on.store.run(put_back)
    for _ in range(2):
        assert await take_refusals(on.desk, metrics) == 0
    assert [one.deed.value for one in await entries(on)][2:] == ["refusals_missing"]
    await invite(on, BEN, "@third:localhost")
    await take_refusals(on.desk, metrics)
    assert [one.deed.value for one in await entries(on)][2:] == ["refusals_missing", "tried_to_invite"]
    # A database made anew finds the same, and no more than once.
    await on.store.run(lambda unit: unit.run(models.RefusalsTaken.delete()))
    for _ in range(2):
        assert await take_refusals(on.desk, metrics) == 0
    assert [one.deed.value for one in await entries(on)][4:] == ["refusals_missing"]


async def test_what_the_guard_had_no_room_for_is_counted(on: FirmOnFake, metrics: Metrics, tmp_path: Path) -> None:
    guard = restarted(on, tmp_path)
    guard.keeper.spool = Spool(tmp_path / "small.refusals", max_bytes=1_000)
    for number in range(20):
        await invite(on, ANN, f"@p{number}:localhost")
    await take_refusals(on.desk, metrics)
    found = await entries(on)
    assert found[-1].deed is Deed.REFUSALS_MISSING
    assert found[-1].reason == f"O1, the guard had no room for {21 - len(found)} more"


async def test_a_damaged_line_is_counted_and_the_others_are_there(
    on: FirmOnFake, metrics: Metrics, tmp_path: Path
) -> None:
    for number in range(3):
        await invite(on, ANN, f"@p{number}:localhost")
    file = tmp_path / "firm-policy.refusals"
    file.write_bytes(file.read_bytes().replace(b"@p1", b"@p7"))
    restarted(on, tmp_path)
    await take_refusals(on.desk, metrics)
    found = await entries(on)
    assert [one.person or one.reason for one in found] == [
        "@p0:localhost",
        "O1, the guard's list does not go on where this log left off",
        "@p2:localhost",
        "O1, the guard's list was damaged, by 1 line",
    ]
    restarted(on, tmp_path)
    assert await take_refusals(on.desk, metrics) == 0
    assert len(await entries(on)) == 4


async def test_a_forged_page_is_not_written(on: FirmOnFake, metrics: Metrics) -> None:
    await invite(on, ANN, on.user(EVE))
    page = orjson.dumps({"spool": "s", "last": 0, "oldest_ms": 0, "refusals": []}).decode()
    forged: tuple[Any, ...] = (
        {"page": page, "signature": sign_page("another-key-than-the-guards", page)},
        {"page": page, "signature": ""},
        {"page": 5, "signature": ""},
        {},
        [],
    )
    for answer in forged:
        on.fake.script("POST", REFUSALS_PATH, Answer(200, orjson.dumps(answer)))
        with pytest.raises(NoPageError):
            await take_refusals(on.desk, metrics)
    for nonsense in (
        {},
        {"spool": 5, "last": 0, "oldest_ms": 0, "refusals": []},
        {"spool": "s", "oldest_ms": 0, "refusals": [{}]},
    ):
        page = orjson.dumps(nonsense).decode()
        body = orjson.dumps({"page": page, "signature": sign_page(GUARD_KEY, page)})
        on.fake.script("POST", REFUSALS_PATH, Answer(200, body))
        with pytest.raises(NoPageError, match="same version"):
            await take_refusals(on.desk, metrics)
    on.fake.script("POST", REFUSALS_PATH, refusal(404, "M_UNRECOGNIZED"))
    with pytest.raises(NoPageError, match="older than the bridge"):
        await take_refusals(on.desk, metrics)
    assert await entries(on) == []
    await take_refusals(on.desk, metrics)
    assert len(await entries(on)) == 1


async def test_a_forged_question_gets_nothing_and_takes_nothing_away(on: FirmOnFake, guard: FakeGuard) -> None:
    await invite(on, ANN, on.user(EVE))
    spool = guard.keeper.spool.page("", 0)["spool"]
    body = orjson.dumps({"spool": spool, "after": 2**60})
    for signature in ("", sign_taken("another-key-than-the-guards", body), sign_page(GUARD_KEY, body.decode())):
        with pytest.raises(ForbiddenError):
            await on.client.guard_refusals(body, signature)
    for nonsense in (b"[]", b'{"spool": 5, "after": 0}', b'{"spool": "s", "after": -1}'):
        with pytest.raises(Exception, match="400"):
            await on.client.guard_refusals(nonsense, sign_taken(GUARD_KEY, nonsense))
    assert guard.keeper.spool.waiting()["waiting"] == 1


async def test_a_guard_that_hands_over_the_same_again_is_not_asked_for_ever(
    on: FirmOnFake, metrics: Metrics, guard: FakeGuard
) -> None:
    await invite(on, ANN, on.user(EVE))
    same: dict[str, Any] = guard.keeper.spool.page("", 0)
    with (
        patch.object(guard.keeper.spool, "page", lambda *_: same),
        pytest.raises(NoPageError, match="does not move on"),
    ):
        await take_refusals(on.desk, metrics)
    assert len(await entries(on)) == 1


# Telling the admins.


async def told(on: FirmOnFake) -> list[str]:
    await tell_of_refusals(on.desk)
    room = (await on.room(ADMINS_ID)).room_id
    return [one.body for one in await on.said() if one.room_id == room]


async def tries(on: FirmOnFake, who: Staff, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        await invite(on, who, f"@p{number}:localhost", MERGER_TALK)


async def test_O1_the_admins_are_told_once_of_somebody_who_is_refused_again_and_again(
    on: FirmOnFake, metrics: Metrics
) -> None:
    await tries(on, ANN, 19)
    await take_refusals(on.desk, metrics)
    assert await told(on) == []
    await tries(on, ANN, 1, 19)
    await take_refusals(on.desk, metrics)
    (message,) = await told(on)
    assert message.startswith("Ann Archer was refused 20 times within 10 minutes, the last time at ")
    assert "!audit Ann Archer refused" in message
    assert "2026" not in re.sub(r"on \d{4}-\d\d-\d\d\.", "", message)
    assert "Ann Archer tried" in await on.ask(DAN, "!audit Ann Archer refused")
    await tries(on, ANN, 25, 20)
    await take_refusals(on.desk, metrics)
    assert await told(on) == []


async def test_the_admins_are_told_again_the_next_day_and_never_of_what_is_spread_out(
    on: FirmOnFake, metrics: Metrics
) -> None:
    start = 1_700_000_000_000
    clock = [start]
    assert on.fake.guard is not None
    with (
        patch.object(on.fake.guard.keeper.spool, "now_ms", lambda: clock[0]),
        patch("bridge.store.record.refusals.now_ms", lambda: clock[0]),
    ):
        for day in range(2):
            clock[0] = start + day * TOLD_AGAIN_MS
            await tries(on, ANN, 20, 50 * day)
            await take_refusals(on.desk, metrics)
            assert len(await told(on)) == 1, day
        clock[0] += TOLD_AGAIN_MS
        for number in range(100, 130):
            clock[0] += TALLY_MS // 10
            on.fake.guard.keeper.spool.tick()
            await tries(on, ANN, 1, number)
            await take_refusals(on.desk, metrics)
        assert await told(on) == []
        assert await on.store.run(forget_tallies, clock[0] + 1) == 1


async def test_the_admins_are_not_told_where_the_firm_does_not_want_it(on: FirmOnFake, metrics: Metrics) -> None:
    settings = on.settings.model_copy(update={"guard": GuardSettings(key=GUARD_KEY, tell_refusals=0)})
    on.desk = replace(on.desk, settings=settings)
    await tries(on, ANN, 30)
    await take_refusals(on.desk, metrics)
    assert await told(on) == []


async def test_what_a_stranger_and_nobody_tried_is_told_too(on: FirmOnFake, metrics: Metrics) -> None:
    assert on.fake.guard is not None
    for number in range(25):
        on.fake.guard.keeper.note(Attempt(Deed.TRIED_TO_JOIN, MALLORY, f"room{number}", "", "F1"))
        on.fake.guard.keeper.note(Attempt(Deed.TRIED_TO_TELL_GUARD, rule="O1", on=str(number)))
        on.fake.guard.keeper.note(Attempt(Deed.TRIED_TO_JOIN, on.fake.bot_id, str(number), "", "F1"))
    await take_refusals(on.desk, metrics)
    (message,) = await told(on)
    assert MALLORY in message
    assert "Somebody without the guard's key was refused 25 times" in message
    assert "bot" not in message
