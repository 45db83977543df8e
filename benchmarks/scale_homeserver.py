"""A homeserver for `scale.py` on which a whole firm is in place: the tests' fake, its rooms made when asked for.

    python -m benchmarks.scale_homeserver FOLDER BRIDGE_PORT

writes its address to standard output, and runs until its standard input ends. A room that nothing was done in is made
anew from its shape each time, since all of a large firm's would take more memory than the machine may have.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.scale_firm import MADE_MS, set_up_quiet_logging, settings_of
from bridge.mapping.rooms.shapes import RoomShape
from bridge.mapping.rooms.state import child_state, desired_state
from bridge.reconcile.planning.desired import Desired
from bridge.service import open_firm
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Room
from tests.fakes.world import Account

_KEPT = 300
"""Rooms that nothing was done in and that are kept a while."""


class Rooms(dict[str, Room]):
    """Rooms by id, each made from its shape when it is asked for."""

    def __init__(self, wanted: Desired, bot_id: str, version: str) -> None:
        super().__init__()
        self._shapes = {room_id: wanted.shapes[key] for key, room_id in wanted.world.rooms.items()}
        self._room_ids = wanted.world.rooms
        self._bot_id = bot_id
        self._version = version
        self._of_people: dict[str, list[str]] = {}
        """The ids of the rooms that people are in by the rooms' shapes, by user id."""
        for room_id, shape in self._shapes.items():
            for user_id in shape.members:
                self._of_people.setdefault(user_id, []).append(room_id)
        self._untouched: dict[str, int] = {}
        """How many events each room had when it was made, of those made lately."""

    def __missing__(self, room_id: str) -> Room:
        made = self._made(room_id, self._shapes[room_id])
        if len(self._untouched) > _KEPT:
            for other, events in self._untouched.items():
                if len(self[other].timeline) == events:
                    del self[other]
            self._untouched.clear()
        self._untouched[room_id] = len(made.timeline)
        self[room_id] = made
        return made

    def __contains__(self, room_id: object) -> bool:
        return super().__contains__(room_id) or room_id in self._shapes

    def get(self, room_id: str, default: Any = None) -> Any:
        try:
            return self[room_id]
        except KeyError:
            return default

    def values(self) -> Any:
        return self._all()

    def memberships(self, user_id: str) -> dict[str, str]:
        """What somebody other than the bot is in every room that they were ever in, by room id."""
        there = {room_id: room.members[user_id] for room_id, room in super().items() if user_id in room.members}
        return {**dict.fromkeys(self._of_people.get(user_id, ()), "join"), **there}

    def _all(self) -> Iterator[Room]:
        for room_id in {*self, *self._shapes}:
            yield super().get(room_id) or self._made(room_id, self._shapes[room_id])

    def _made(self, room_id: str, shape: RoomShape) -> Room:
        room = Room(room_id, self._version, self._bot_id, published=shape.published)

        def add(sender: str, event_type: str, state_key: str, content: dict[str, Any]) -> None:
            room.append(
                {
                    "type": event_type,
                    "room_id": room_id,
                    "sender": sender,
                    "content": content,
                    "event_id": f"${room_id[1:19]}{len(room.timeline)}",
                    "origin_server_ts": MADE_MS,
                    "state_key": state_key,
                }
            )

        creation = {"type": "m.space"} if shape.is_space else {}
        add(self._bot_id, "m.room.create", "", {"room_version": self._version, "m.federate": False, **creation})
        add(self._bot_id, "m.room.member", self._bot_id, {"membership": "join"})
        for (event_type, state_key), content in desired_state(
            shape, self._bot_id, self._version, self._room_ids
        ).items():
            add(self._bot_id, event_type, state_key, content)
        server_name = self._bot_id.partition(":")[2]
        if shape.alias_localpart:
            alias = f"#{shape.alias_localpart}:{server_name}"
            add(self._bot_id, "m.room.canonical_alias", "", {"alias": alias})
        for child, order in shape.children.items():
            if child in self._room_ids:
                add(self._bot_id, "m.space.child", self._room_ids[child], child_state(server_name, order))
        for user_id in sorted(shape.members):
            add(user_id, "m.room.member", user_id, {"membership": "join"})
        if not shape.bot_stays:
            add(self._bot_id, "m.room.member", self._bot_id, {"membership": "leave"})
        return room


class WholeFirm(FakeHomeserver):
    """Finds the rooms that somebody is in without making all there are: a homeserver keeps them by people."""

    rooms: Rooms

    def memberships(self, user_id: str) -> dict[str, str]:
        return super().memberships(user_id) if user_id == self.bot_id else self.rooms.memberships(user_id)


async def run(folder: Path, port: int) -> None:
    """Answer until standard input ends."""
    set_up_quiet_logging()
    async with open_firm(settings_of(folder)) as firm:
        wanted = await firm.reconciler.planner.desired()
        settings = firm.settings
    async with WholeFirm(bridge_url=f"http://127.0.0.1:{port}") as fake:
        fake.guard = FakeGuard(folder / "guard.json", fake.bot_id)
        fake.block_invites = False
        fake.rooms = Rooms(wanted, fake.bot_id, settings.homeserver.room_version)
        for staff_id, user_id in wanted.user_ids.items():
            person = wanted.firm.staff[staff_id]
            shown = {"displayname": person.name, "threepids": [{"medium": "email", "address": person.email}]}
            fake.accounts[user_id] = Account(user_id, profile=shown)
        fake.accounts[fake.bot_id].profile = {"displayname": settings.appservice.bot_name}
        for shape in wanted.shapes.values():
            for user_id in shape.members if shape.is_direct else ():
                other = next(iter(shape.members - {user_id}), fake.bot_id)
                direct = fake.account_data.setdefault((user_id, "m.direct"), {})
                direct.setdefault(other, []).append(wanted.world.rooms[shape.key])
        del firm, wanted
        sys.stdout.write(f"{fake.url}\n")
        sys.stdout.flush()
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        while not ended.done():
            fake.requests.clear()
            await asyncio.wait({ended}, timeout=5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    asyncio.run(run(given.folder, given.port))
