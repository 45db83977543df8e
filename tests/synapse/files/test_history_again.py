"""Where a room's history is read again from, on the real Synapse (V3)."""

from __future__ import annotations

from bridge.matrix.client import MatrixClient
from tests.fakes.anybody import Anybody
from tests.synapse.asked.test_unread import room_of
from tests.synapse.files.test_transcript import sent, text
from tests.synapse.harness import RealSynapse


async def test_V3_a_history_read_from_a_time_on_has_all_of_then_and_later(synapse: RealSynapse) -> None:
    ann, ben = await synapse.make_account("again.ann"), await synapse.make_account("again.ben")
    room = await room_of(synapse, ann, ben)
    ids = [await sent(ann, room, text(f"Message {number}")) for number in range(6)]
    (await synapse.bot.request("POST", f"rooms/{room}/leave")).ok()
    client = MatrixClient(synapse.settings.homeserver, synapse.settings.appservice, Anybody())

    async def read_from(position: str | None) -> list[str]:
        found: list[str] = []
        while position is not None:
            events, position = await client.admin_messages(room, position)
            found += [event["event_id"] for event in events]
        return found

    try:
        events, _ = await client.admin_messages(room, "")
        times = {event["event_id"]: event["origin_server_ts"] for event in events}
        for number, event_id in enumerate(ids):
            at_ms = times[event_id]
            first = next(one for one in ids if times[one] >= at_ms)
            found = await read_from(await client.admin_place_of(room, at_ms))
            assert found == ids[ids.index(first) :], number
        assert await client.admin_place_of(room, times[ids[-1]] + 3_600_000) is None
        assert await client.admin_place_of("!nowhere:localhost", 0) is None
    finally:
        await client.close()
