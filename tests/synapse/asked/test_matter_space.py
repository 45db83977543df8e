"""A matter's space on the real Synapse lists its conversations to those who are there, and to nobody else (M2, M3)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from bridge.firm.room_keys import matter_space_key
from bridge.mapping.names import place_in_list
from bridge.reconcile.rooms.space_order import SPACE_ORDER
from tests.synapse.guard.test_creation import create, for_members
from tests.synapse.guard.test_guard import guarded_firm
from tests.synapse.harness import Json, Person
from tests.synapse.running.test_provisioning import membership_of, now


async def listed(person: Person, space: str) -> set[str]:
    """The rooms that a client shows in a space, the space itself among them."""
    answer = await person.request("GET", f"/_matrix/client/v1/rooms/{quote(space)}/hierarchy")
    return {room["room_id"] for room in answer.body["rooms"]} if answer.status == 200 else set()


async def placed(person: Person, since: str, space: str) -> Json:
    """Wait until somebody's client is told where a space stands among theirs."""
    while True:
        answer = await person.sync(since)
        since = answer["next_batch"]
        room = answer.get("rooms", {}).get("join", {}).get(space, {})
        for event in room.get("account_data", {}).get("events", ()):
            if event["type"] == SPACE_ORDER:
                return dict(event["content"])


async def test_M2_M3_what_one_left_or_may_join_is_found_in_the_matters_space(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path) as guarded:
        ann, ben, cleo, dan = guarded.ann, guarded.ben, guarded.cleo, guarded.dan
        space, general = guarded.room(matter_space_key("m")), guarded.matter
        # A room with this rule is shown to nobody who is not in the space, whatever they know of it.
        for person in (ben, cleo, dan):
            assert await listed(person, space) == set()
            assert (await person.request("POST", f"join/{quote(general)}")).status == 403
        since = await now(cleo)
        costs = (await create(ann, for_members(space, "Costs", invite=[cleo.user_id]))).ok()["room_id"]
        assert await placed(cleo, since, space) == {"order": place_in_list("2026-0042 Estate of Orla Quill")}
        assert await listed(cleo, space) == {space, general, costs}
        since = await now(ann)
        (await cleo.request("POST", f"join/{quote(general)}")).ok()
        await ann.wait_for_event(since, membership_of(cleo.user_id, "join"))
        assert general in await cleo.joined_rooms()
        (await cleo.request("POST", f"rooms/{quote(general)}/leave")).ok()
        assert await listed(cleo, space) == {space, general, costs}
        (await cleo.request("POST", f"join/{quote(general)}")).ok()
        for person in (ben, dan):
            assert await listed(person, space) == set()
            assert (await person.request("POST", f"join/{quote(general)}")).status == 403
