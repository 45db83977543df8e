"""Random things that people do, in any order and on bad days, beside the model of the rules (rules_model.py).

`make machine` runs it for long, on other sequences every time; here it goes through the same ones.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bridge.firm.conversation import direct_id
from bridge.firm.model import Matter, MatterStatus, Staff, Wall
from bridge.firm.room_keys import MARKER, matter_space_key
from bridge.handlers.router import Router
from bridge.mapping.names import conversation_name
from bridge.store.engine.store import Store
from bridge.store.rooms.made import room_of
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, EVE, LITIGATION, MERGER, make_firm
from tests.component.conftest import own_database
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
from tests.component.people.rules_model import EVERYONE, FIRST, Rules, Talk, name_key
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied, Room

LONG = os.environ.get("FIRM_BRIDGE_MACHINE") == "long"
PEOPLE = {person.id: person for person in (ANN, BEN, CLEO, DAN)}
MATTERS = {matter.id: matter for matter in (ESTATE, MERGER)}
NAMES = ("Tides", "tides", " Lunch  Club ", "Everyone", "Litigation", "Ärger & Co")
TITLES = ("Costs", "costs", "General", "Evidence")

anybody = st.sampled_from(sorted(PEOPLE))
some = st.frozensets(anybody, max_size=3)
names = st.sampled_from(NAMES)
titles = st.sampled_from(TITLES)
matters = st.sampled_from(sorted(MATTERS))
twice = st.booleans()


class Firm(RuleBasedStateMachine):
    """People at work."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.directory: dict[str, Matter] = dict(MATTERS)
        self.gone: dict[str, frozenset[frozenset[str]]] = {}
        """The direct conversations that somebody was in when they left the firm, by staff id."""

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @initialize()
    def open(self) -> None:
        async def opened() -> FirmOnFake:
            folder = self.stack.enter_context(tempfile.TemporaryDirectory())
            fake = await self.stack.enter_async_context(FakeHomeserver())
            store = Store(self.stack.enter_context(own_database(Path(folder))))
            await store.open()
            self.stack.push_async_callback(store.close)
            on = await self.stack.enter_async_context(firm_on_fake(fake, store))
            await on.said()
            return on

        self.on: FirmOnFake = self.wait(opened())
        self.model = Rules(
            active=set(PEOPLE),
            walls={"m1": set(), "m2": {"b"}},
            channels={name_key("Litigation"): Talk("Litigation", {"a", "b"}, topic="Disputes")},
            matters={
                ("m1", name_key(FIRST)): Talk(FIRST, {"a", "b"}, matter="m1"),
                ("m2", name_key(FIRST)): Talk(FIRST, {"a"}, matter="m2"),
            },
        )

    def teardown(self) -> None:
        async def closed() -> None:
            try:
                if hasattr(self, "on"):
                    await self.on.hear()
                    await self.on.said()
                    await self.on.settled()
            finally:
                await self.stack.aclose()

        try:
            self.wait(closed())
        finally:
            self.runner.close()

    # How things are done
    def types(self, who: str, text: str, again: bool, room_id: str = "") -> None:
        """Somebody types a command; `again` handles the same event twice, as after a crash."""

        async def typed() -> None:
            event = self.on.fake.message(room_id or await self.on.chat(PEOPLE[who]), self.on.user(PEOPLE[who]), text)
            await self.on.hear()
            if again:
                await self.on.handle(event)
                await self.on.hear()
            await self.on.said()

        assume(who in self.model.active)
        self.wait(typed())

    def does(self, act: Callable[[], object], later: bool = False) -> bool:
        """Somebody does something in their client; whether the homeserver let them. `later`: the bridge hears of it
        with whatever comes next."""

        async def done() -> bool:
            try:
                act()
            except Denied:
                return False
            if not later:
                await self.on.hear()
                await self.on.said()
            return True

        return bool(self.wait(done()))

    def rooms(self) -> dict[str, Room]:
        """The rooms that the bot or anybody is in, by name, but for spaces and those that were left for another one."""
        named: dict[str, Room] = {}
        for room in self.on.fake.rooms.values():
            name = room.state.get(("m.room.name", ""), {}).get("name", "")
            left = room.state.get(("m.room.tombstone", ""), {}).get("replacement_room")
            space = room.state["m.room.create", ""].get("type") == "m.space"
            if name and room.joined and not left and not space:
                assert name not in named, name
                named[name] = room
        return named

    def room(self, talk: Talk) -> Room:
        return self.rooms()[self.shown(talk)]

    def shown(self, talk: Talk) -> str:
        matter = self.directory.get(talk.matter)
        return talk.title if matter is None else conversation_name(matter, talk.title, "General")

    def user(self, who: str) -> str:
        return self.on.user(PEOPLE[who])

    def channel(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.model.channels)), label="channel")

    def talk(self, data: st.DataObject) -> Talk:
        talks = [*self.model.channels.values(), *self.model.matters.values()]
        return data.draw(st.sampled_from(sorted(talks, key=self.shown)), label="conversation")

    # Direct conversations
    @rule(who=anybody, others=some, again=twice)
    def dm(self, who: str, others: frozenset[str], again: bool) -> None:
        assume(others)
        self.types(who, f"!dm {_mentions(others)}", again)
        self.model.dm(who, others)

    @rule(who=anybody, other=anybody, data=st.data(), again=twice)
    def add_in_direct(self, who: str, other: str, data: st.DataObject, again: bool) -> None:
        assume(self.model.directs)
        here = data.draw(st.sampled_from(sorted(self.model.directs, key=sorted)), label="conversation")
        assume(who in self.model.directs[here] & self.model.active)
        room_id = self.direct_room(here)
        self.types(who, f"!add {_mentions({other})}", again, room_id)
        self.model.add_in_direct(who, here, other)

    @rule(who=anybody, data=st.data(), later=st.booleans())
    def leaves_direct(self, who: str, data: st.DataObject, later: bool) -> None:
        assume(self.model.directs)
        here = data.draw(st.sampled_from(sorted(self.model.directs, key=sorted)), label="conversation")
        assume(who in self.model.directs[here] & self.model.active)
        room_id = self.direct_room(here)
        # With nobody left, the bot could not come back: the conversation begins anew.
        assume(len(self.model.directs[here]) > 1)
        assert self.does(lambda: self.on.fake.leave(room_id, self.user(who)), later)
        self.model.leave_direct(who, here)

    # Channels
    @rule(who=anybody, name=names, others=some, again=twice)
    def create(self, who: str, name: str, others: frozenset[str], again: bool) -> None:
        self.types(who, f"!channel create {name} {_mentions(others)}", again)
        self.model.create(who, name, others)

    @rule(who=anybody, name=names, data=st.data(), again=twice)
    def rename(self, who: str, name: str, data: st.DataObject, again: bool) -> None:
        key = self.channel(data)
        self.types(who, f'!channel rename "{self.model.channels[key].title}" to {name}', again)
        self.model.rename(who, key, name)

    @rule(who=anybody, topic=st.sampled_from(["Soup", "-"]), data=st.data(), again=twice)
    def topic(self, who: str, topic: str, data: st.DataObject, again: bool) -> None:
        key = self.channel(data)
        self.types(who, f'!channel topic "{self.model.channels[key].title}" {topic}', again)
        self.model.set_topic(who, key, topic.removeprefix("-"))

    @rule(who=anybody, verb=st.sampled_from(["archive", "restore"]), data=st.data(), again=twice)
    def archive(self, who: str, verb: str, data: st.DataObject, again: bool) -> None:
        key = self.channel(data)
        self.types(who, f"!channel {verb} {self.model.channels[key].title}", again)
        self.model.set_archived(who, key, verb == "archive")

    @rule(who=anybody, verb=st.sampled_from(["join", "leave"]), data=st.data(), again=twice)
    def come_or_go(self, who: str, verb: str, data: st.DataObject, again: bool) -> None:
        talk = self.talk(data)
        if talk.matter:
            self.types(who, f"!matter {verb} {self.directory[talk.matter].number} {talk.title}", again)
        else:
            self.types(who, f"!channel {verb} {talk.title}", again)
        (self.model.join if verb == "join" else self.model.leave)(who, talk)

    @rule(who=anybody, other=anybody, verb=st.sampled_from(["add", "remove"]), data=st.data(), again=twice)
    def add_or_remove(self, who: str, other: str, verb: str, data: st.DataObject, again: bool) -> None:
        talk = self.talk(data)
        # Nobody can type in a room that is read-only.
        assume(who in self.model.inside(talk) and not self.model.read_only(talk))
        self.types(who, f"!{verb} {_mentions({other})}", again, self.room(talk).room_id)
        (self.model.add if verb == "add" else self.model.remove)(who, talk, other)

    # In their own clients
    @rule(who=anybody, act=st.sampled_from(["join", "leave"]), data=st.data(), later=st.booleans())
    def by_hand(self, who: str, act: str, data: st.DataObject, later: bool) -> None:
        assume(who in self.model.active)
        talk = self.talk(data)
        room_id, user = self.room(talk).room_id, self.user(who)
        if act == "leave":
            self.does(lambda: self.on.fake.leave(room_id, user), later)
            self.model.leave(who, talk)
        else:
            let = self.does(lambda: self.on.fake.join(room_id, user), later)
            assert let is (not talk.matter or who in self.model.inside(talk))
            if let:
                self.model.join(who, talk)

    @rule(who=anybody, name=names, topic=st.sampled_from(["", "News"]), data=st.data())
    def name_by_hand(self, who: str, name: str, topic: str, data: st.DataObject) -> None:
        assume(who in self.model.active)
        talk = self.talk(data)
        room, user = self.room(talk), self.user(who)
        let = self.does(lambda: self.on.fake.put_state(room.room_id, user, "m.room.topic", "", {"topic": topic}))
        assert let is (not talk.matter and who in self.model.inside(talk) and not talk.archived)
        if let:
            self.model.set_topic(who, name_key(talk.title), topic)
            self.does(lambda: self.on.fake.put_state(room.room_id, user, "m.room.name", "", {"name": name}))
            self.model.rename(who, name_key(talk.title), name)

    @rule(who=anybody, act=st.sampled_from(["invite", "kick"]), other=anybody, data=st.data())
    def refused_by_hand(self, who: str, act: str, other: str, data: st.DataObject) -> None:
        assume(who != other)
        room_id, user = self.room(self.talk(data)).room_id, self.user(who)
        whom = self.user(other)
        attempt = self.on.fake.invite if act == "invite" else self.on.fake.kick
        assert not self.does(lambda: attempt(room_id, user, whom))

    @rule(who=anybody)
    def leaves_the_firm_wide_channel(self, who: str) -> None:
        assume(who in self.model.active)
        room_id = self.rooms()[EVERYONE].room_id
        assert self.does(lambda: self.on.fake.leave(room_id, self.user(who)))

    # Matters
    @rule(who=anybody, matter=matters, title=titles, others=some, again=twice)
    def start(self, who: str, matter: str, title: str, others: frozenset[str], again: bool) -> None:
        self.types(who, f'!matter start {self.directory[matter].number} "{title}" {_mentions(others)}', again)
        self.model.start(who, matter, title, others)

    @rule(who=anybody, title=titles, data=st.data(), again=twice)
    def retitle(self, who: str, title: str, data: st.DataObject, again: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.matters)), label="conversation")
        talk = self.model.matters[key]
        self.types(who, f'!matter rename {self.directory[talk.matter].number} "{talk.title}" to {title}', again)
        if self.model.has_access(who, talk.matter):
            self.model.retitle(who, key, title)

    # The directory
    def follow(self) -> None:
        async def followed() -> None:
            before = self.on.firm
            staff: tuple[Staff, ...] = tuple(
                replace(person, former=key not in self.model.active) for key, person in PEOPLE.items()
            )
            walls = [Wall(f"w{key}", matter_id=key, people=tuple(sorted(who))) for key, who in self.model.walls.items()]
            self.on.firm = make_firm(
                (*staff, EVE), self.directory.values(), [wall for wall in walls if wall.people], (LITIGATION,)
            )
            assert (await self.on.reconciler.passes.follow(before)).failed == ()
            await self.on.hear()
            await self.on.said()

        self.wait(followed())

    @rule(who=st.sampled_from(["b", "c", "d"]))
    def leaver_or_return(self, who: str) -> None:
        if who in self.model.active:
            self.gone[who] = frozenset(everybody for everybody in self.model.directs if who in everybody)
            self.model.leaver(who)
        else:
            self.model.active.add(who)
        self.follow()

    @rule(who=st.sampled_from(["b", "c", "d"]), matter=matters)
    def wall(self, who: str, matter: str) -> None:
        self.model.walls[matter] ^= {who}
        self.follow()

    @rule(matter=matters)
    def close_or_open(self, matter: str) -> None:
        self.model.closed ^= {matter}
        status = MatterStatus.CLOSED if matter in self.model.closed else MatterStatus.OPEN
        self.directory[matter] = replace(self.directory[matter], status=status)
        self.follow()

    @rule(matter=matters, title=st.sampled_from(["Sale", "Estate of Orla Quill"]))
    def retitle_matter(self, matter: str, title: str) -> None:
        self.directory[matter] = replace(self.directory[matter], title=title)
        self.follow()

    # Bad days
    @rule()
    def restart(self) -> None:
        self.on.reconciler = self.on.new_reconciler()
        self.on.desk = replace(self.on.desk, reconciler=self.on.reconciler, planned={})
        self.wait(self.on.places.refresh())
        self.on.router = Router(self.on.desk, self.on.places, self.on.at_work)

    @rule()
    def whole_pass(self) -> None:
        async def passed() -> None:
            await self.on.sync()
            await self.on.hear()
            await self.on.said()

        self.wait(passed())

    # What must be
    @invariant()
    def everything_is_as_the_rules_say(self) -> None:
        # What the bridge has not heard of yet it cannot have put right.
        if not hasattr(self, "model") or self.on.events:
            return
        talks = [*self.model.channels.values(), *self.model.matters.values()]
        named = self.rooms()
        kinds = {name: room.state[MARKER, ""]["kind"] for name, room in named.items()}
        shown = {name for name, kind in kinds.items() if kind in {"channel", "matter"}}
        assert shown == {self.shown(talk) for talk in talks} | {EVERYONE}
        for talk in talks:
            room = named[self.shown(talk)]
            assert self.present(room) == self.model.inside(talk), self.shown(talk)
            level = room.state["m.room.power_levels", ""]["events_default"]
            assert (level > 0) is self.model.read_only(talk), self.shown(talk)
            if not talk.matter:
                assert room.state["m.room.topic", ""]["topic"] == talk.topic
        assert self.present(named[EVERYONE]) == self.model.active
        for key in self.directory:
            # F4, M3: the matter's space is for those who talk in it.
            inside = set().union(*(self.model.inside(t) for t in self.model.matters.values() if t.matter == key))
            assert self.present(self.wait(self.on.room(matter_space_key(key)))) == inside
        marked: dict[str, set[str]] = {who: set() for who in PEOPLE}
        perhaps: dict[str, set[str]] = {who: set() for who in PEOPLE}
        for everybody, people in self.model.directs.items():
            # D1, D3: exactly these people, and the bot is not one of them.
            room_id = self.direct_room(everybody)
            room = self.on.fake.rooms[room_id]
            assert self.present(room) == people & self.model.active
            assert self.on.fake.bot_id not in room.joined
            for who in everybody:
                # F2: with the account of a leaver went their client's lists; what they came back into is in them.
                left = everybody in self.gone.get(who, ()) and who not in people
                (perhaps if left else marked)[who].add(room_id)
        for who, rooms in marked.items():
            if who not in self.model.active:
                continue
            # D3: what was a direct conversation stays one in the client of somebody who left it.
            direct = dict(self.on.fake.account_data[self.user(who), "m.direct"])
            chats = direct.pop(self.on.fake.bot_id)
            assert chats == [self.wait(self.on.chat(PEOPLE[who]))], who
            assert rooms <= {one for listed in direct.values() for one in listed} <= rooms | perhaps[who], who

    def direct_room(self, everybody: frozenset[str]) -> str:
        return str(self.wait(self.on.store.run(room_of, direct_id(everybody))))

    def present(self, room: Room) -> set[str]:
        """The staff ids of those who are in or invited; anybody else is an error."""
        ids = {self.user(who): who for who in PEOPLE}
        there = {user for user, membership in room.members.items() if membership in {"join", "invite"}}
        return {ids[user] for user in there - {self.on.fake.bot_id}}


def _mentions(people: frozenset[str] | set[str]) -> str:
    return " ".join(f"@{PEOPLE[who].first_name.lower()}" for who in sorted(people))


@pytest.mark.timeout(3600 if LONG else 300)
def test_people_at_work_end_where_the_rules_say() -> None:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    how = (
        settings(max_examples=300, stateful_step_count=40)
        if LONG
        else settings(max_examples=4, stateful_step_count=20, derandomize=True, database=None)
    )
    run_state_machine_as_test(Firm, settings=settings(how, deadline=None, suppress_health_check=slow))
