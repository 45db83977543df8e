"""A channel is listed in the staff space, in which everybody is, without all of that being read (F4, C1)."""

from __future__ import annotations

import pytest

from bridge.firm.conversation import Channel, channel_key
from bridge.firm.room_keys import CHILD, STAFF_SPACE
from bridge.operations.channels.changing import archive_channel, make_channel, rename_channel, restore_channel
from bridge.store.record.drift import untold
from bridge.store.rooms.channels import channel_named
from tests.cast import ANN, BEN
from tests.component.firm_on_fake import FirmOnFake

ROOT = "@root:localhost"


async def named(on: FirmOnFake, title: str) -> Channel:
    found = await on.store.read(channel_named, channel_key(title))
    assert found is not None
    return found


async def listed(on: FirmOnFake, channel: Channel) -> str:
    """Where the space lists the channel; empty for nowhere."""
    assert channel.room_id is not None
    return str((await on.room(STAFF_SPACE)).state.get((CHILD, channel.room_id), {}).get("order", ""))


async def test_C1_a_channel_is_made_and_changed_without_the_space_being_read(on: FirmOnFake) -> None:
    await on.sync()
    space = (await on.room(STAFF_SPACE)).room_id
    on.fake.requests.clear()
    await make_channel(on.desk, ANN, "Tides", "", [BEN], "$1")
    made = await named(on, "Tides")
    first = await listed(on, made)
    assert first
    await rename_channel(on.desk, ANN, made, "High waters", "$2")
    renamed = await named(on, "High waters")
    second = await listed(on, renamed)
    assert second not in {"", first}
    await archive_channel(on.desk, ANN, renamed, "$3")
    assert await listed(on, renamed) not in {"", second}
    await restore_channel(on.desk, ANN, await named(on, "High waters"), "$4")
    assert await listed(on, renamed) == second
    assert not [one for one in on.fake.asked("GET", "/state$") if space in one.path]
    await on.settled()


async def test_O3_what_somebody_else_did_to_the_entry_is_noted_when_it_is_put_right(on: FirmOnFake) -> None:
    await on.sync()
    await make_channel(on.desk, ANN, "Tides", "", [], "$1")
    made = await named(on, "Tides")
    assert made.room_id is not None
    on.fake.force((await on.room(STAFF_SPACE)).room_id, ROOT, CHILD, made.room_id, {})
    await on.reconciler.rooms.converge(made.id)
    assert await listed(on, made)
    (noted,) = await on.store.read(untold, 10)
    assert (noted.kind, noted.actor) == ("list_changed", ROOT)


@pytest.mark.parametrize("membership", ["leave", "ban"])
async def test_O3_a_bot_that_was_put_out_of_the_space_comes_back_and_lists_it(on: FirmOnFake, membership: str) -> None:
    await on.sync()
    space = await on.room(STAFF_SPACE)
    on.fake.force(space.room_id, ROOT, "m.room.member", on.fake.bot_id, {"membership": membership})
    await make_channel(on.desk, ANN, "Tides", "", [], "$1")
    assert await listed(on, await named(on, "Tides"))
    assert on.fake.bot_id in (await on.room(STAFF_SPACE)).joined
