"""What a system asks for again happens once, and what it only tries not at all (A2)."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import groupby
from typing import Any
from unittest.mock import patch

import pytest

from bridge.clock import DAY_MS, now_ms
from bridge.firm.conversation import first_matter_conversation_id
from bridge.operations.matters.changing import start_conversation
from bridge.operations.rehearsal import REPEATED_MOST, rehearsal
from bridge.refusal import Kind, Refusal
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.models import ApiRequest, Conversation
from tests.component.api.harness import Api, filings, under

FIRST = first_matter_conversation_id("m1")
IN_MATTER = "/matters/m1/conversations"


async def test_A2_a_crash_before_the_answer_does_not_tell_that_nothing_was_done(api: Api) -> None:
    ruth, walt = await api.system("ruth"), await api.system("walt")
    where = f"/conversations/{await filings(api, ruth)}"
    for system, method, path, sent in (
        (walt, "POST", f"{where}/join", {}),
        (ruth, "PATCH", where, {"title": "Gamma"}),
        (walt, "POST", f"{where}/leave", {}),
    ):
        first = await under(system, "k1", path, sent, method)
        await api.firm.service.store.run(lambda unit: unit.run(ApiRequest.update(status=None, answer="")))
        again = await under(system, "k1", path, sent, method)
        assert (first.json, again.json) == ({"done": True}, {"done": True}), path
        await api.firm.service.store.run(lambda unit: unit.run(ApiRequest.delete()))


async def test_A2_M3_a_dry_run_of_a_wall_only_reads_and_says_what_the_deed_does(api: Api) -> None:
    ruth = await api.system("ruth")
    await ruth.ask("PATCH", f"/conversations/{FIRST}/participants", {"add": ["tom", "ines"]})
    await ruth.post("/matters/m1/conversations", {"title": "Disclosure", "people": ["tom"]})
    wanted = {"kind": "only", "matter_id": "m1", "people": ["ruth"], "memo": "Sealed."}
    with patch.object(Store, "rehearse", side_effect=AssertionError):
        dry = (await ruth.post("/walls", wanted, dry_run="true")).json
    assert dry["taken_out"] == {"tom": 2, "ines": 1}
    assert (await ruth.post("/walls", wanted)).json["taken_out"] == dry["taken_out"]


async def test_A2_a_rehearsal_that_would_hold_the_database_for_long_is_refused(api: Api) -> None:
    desk, done = rehearsal(api.firm.desk), list[int]()

    def work(_: Unit) -> None:
        done.append(1)

    with pytest.raises(Refusal) as caught:
        for _ in range(1000):
            await desk.store.run(work)
    assert caught.value.kind is Kind.TOO_LARGE_TO_REHEARSE
    assert len(done) <= 2 * REPEATED_MOST


async def test_A2_there_is_one_dry_run_at_a_time(api: Api) -> None:
    systems = [await api.system(one) for one in ("ruth", "tom", "ines")]
    made = (await systems[0].post("/walls", {"matter_id": "m1", "people": ["walt"], "memo": "Why"})).json["id"]
    rehearsed, whose = Store.rehearse, list[object]()

    async def noted(store: Store, *given: Any) -> Any:
        whose.append(asyncio.current_task())
        return await rehearsed(store, *given)

    with patch.object(Store, "rehearse", noted):
        asked = (one.ask("DELETE", f"/walls/{made}", params={"dry_run": "true"}) for one in systems)
        assert {reply.status for reply in await asyncio.gather(*asked)} == {200}
    assert len(whose) > len(set(whose)) == len(list(groupby(whose))) == 3


async def test_A2_what_comes_again_under_a_key_happens_once(api: Api) -> None:
    ruth, tom = await api.system("ruth"), await api.system("tom")
    body = {"name": "Deadlines", "people": ["tom"]}
    first = await under(ruth, "k1", "/channels", body)
    rooms = len(api.firm.fake.rooms)
    again = await under(ruth, "k1", "/channels", body)
    assert (again.status, again.raw) == (first.status, first.raw)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(api.firm.fake.rooms) == rooms
    assert (await under(ruth, "k1", "/channels", {"name": "Other"})).json["type"] == "urn:firm-bridge:key_reused"
    assert (await under(tom, "k1", "/channels", {"name": "Other"})).status == 200


async def test_A2_a_request_that_a_crash_cut_short_is_finished_by_the_next(api: Api) -> None:
    ruth, body = await api.system("ruth"), {"title": "Disclosure", "people": ["tom"]}
    first = await under(ruth, "k1", "/matters/m1/conversations", body)
    # As it stands where the bridge ended between the operation and its answer.
    await api.firm.service.store.run(lambda unit: unit.run(ApiRequest.update(status=None, answer="")))
    again = await under(ruth, "k1", "/matters/m1/conversations", body)
    assert (again.status, again.raw) == (first.status, first.raw)
    assert "Idempotency-Replayed" not in again.headers
    assert len((await ruth.get(IN_MATTER)).json["items"]) == 2


async def test_A2_the_same_request_twice_at_once_happens_once(api: Api) -> None:
    ruth = await api.system("ruth")
    replies = await asyncio.gather(*(under(ruth, "k1", "/channels", {"name": "Deadlines"}) for _ in range(4)))
    assert {reply.status for reply in replies} <= {200, 409}
    assert [reply.status for reply in replies].count(200) >= 1
    assert len((await ruth.get("/channels", q="Deadlines")).json["items"]) == 1


async def test_A2_M3_an_answer_is_not_given_again_to_whoever_may_not_see_it_any_more(api: Api) -> None:
    ruth, tom = await api.system("ruth"), await api.system("tom")
    assert (await under(tom, "k1", "/matters/m1/conversations", {"title": "Mine"})).status == 200
    await ruth.post("/walls", {"matter_id": "m1", "people": ["tom"], "memo": "Why"})
    assert (await under(tom, "k1", "/matters/m1/conversations", {"title": "Mine"})).status == 404


async def test_A2_M3_a_wall_that_was_set_is_told_again_only_to_who_may_know_of_it(api: Api) -> None:
    tom, ruth, body = await api.system("tom"), await api.system("ruth"), {"matter_id": "m1", "memo": "Why"}
    first = await under(tom, "k1", "/walls", {**body, "people": ["ines"]})
    assert (await under(tom, "k1", "/walls", {**body, "people": ["ines"]})).json == first.json
    assert len((await ruth.get("/walls")).json["items"]) == 2
    await ruth.post("/walls", {**body, "people": ["tom"]})
    assert (await under(tom, "k1", "/walls", {**body, "people": ["ines"]})).status == 422


async def test_A2_a_key_may_be_used_again_after_a_refusal_and_after_a_day(api: Api) -> None:
    ruth = await api.system("ruth")
    assert (await under(ruth, "k1", "/channels", {"name": "Everyone"})).status == 409
    assert (await under(ruth, "k1", "/walls", {"memo": "Why"})).status == 422
    assert (await under(ruth, "k1", "/matters/m9/conversations", {"title": "Mine"})).status == 404
    assert (await under(ruth, "k1", "/channels", {"name": "Deadlines"})).status == 200
    long_ago = partial(ApiRequest.update, at_ms=now_ms() - 2 * 86_400_000)
    await api.firm.service.store.run(lambda unit: unit.run(long_ago()))
    assert (await under(ruth, "k1", "/channels", {"name": "Hearings"})).status == 200


async def test_A2_a_key_that_is_used_every_day_does_a_new_thing_every_day(api: Api) -> None:
    ruth, wall = await api.system("ruth"), {"matter_id": "m1", "people": ["tom"], "memo": "His cousin."}

    async def day_after() -> None:
        await api.firm.service.store.run(lambda unit: unit.run(ApiRequest.update(at_ms=ApiRequest.at_ms - 2 * DAY_MS)))

    first = (await under(ruth, "daily", "/walls", wall)).json["id"]
    assert (await ruth.ask("DELETE", f"/walls/{first}")).status == 200
    await day_after()
    again = (await under(ruth, "daily", "/walls", wall)).json["id"]
    assert again != first
    assert (await ruth.get(f"/walls/{again}")).status == 200
    await day_after()
    monday, tuesday = {"title": "Monday", "people": ["ines"]}, {"title": "Tuesday"}
    before = (await under(ruth, "daily", "/matters/m1/conversations", monday)).json
    await day_after()
    after = (await under(ruth, "daily", "/matters/m1/conversations", tuesday)).json
    assert (api.firm.members(before["room_id"]), api.firm.members(after["room_id"])) == ({"ruth", "ines"}, {"ruth"})
    await day_after()
    assert (await under(ruth, "daily", "/channels", {"name": "Deadlines"})).status == 200
    await day_after()
    assert (await under(ruth, "daily", "/channels", {"name": "Deadlines"})).status == 409
    assert (await under(ruth, "daily", "/channels", {"name": "Hearings"})).status == 200


async def test_A2_M3_what_was_started_for_one_matter_is_never_given_to_another(api: Api) -> None:
    desk, people = api.firm.desk, api.firm.desk.firm().staff
    matter = desk.firm().matters["m1"]
    started = await start_conversation(desk, people["ruth"], matter, "Mine", [], "the cause")
    of_another = Conversation.update(matter_id="m2").where(Conversation.title == "Mine")
    await api.firm.service.store.run(lambda unit: unit.run(of_another))
    with pytest.raises(Refusal) as refused:
        await start_conversation(desk, people["tom"], matter, "Other", [], "the cause")
    assert refused.value.kind is Kind.NO_SUCH_MATTER
    assert api.firm.members(started.room_id) == {"ruth"}
